//! Cgroups that containers are put into and no more: the kernel counts, or the operator sets what holds for all below ours.
//! `cgroups/blkio`, `cgroups/hugetlb`, `cgroups/net_cls`, `cgroups/net_prio` and `cgroups/perf_event`.

use std::io;

use super::Cgroups;
use crate::isolator::{Isolator, failed};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// What the kernel calls it.
    pub(crate) controller: &'static str,
    pub(crate) cgroups: Cgroups,
}

impl Isolator for Member {
    fn name(&self) -> &'static str {
        self.name
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let made = self.cgroups.prepare(self.controller, config, plan);
        made.map(drop).map_err(failed(self.name, format!("make a cgroup of `{}`", self.controller)))
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean(self.controller, config)
    }
}
