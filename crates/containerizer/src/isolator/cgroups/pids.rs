//! `cgroups/pids`: counts processes and threads. Mesos sets no limit; neither do we.

use std::io;

use tepui_proto::v1;

use super::Cgroups;
use crate::isolator::{Isolator, failed};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "cgroups/pids";

#[derive(Debug)]
pub(crate) struct Pids {
    pub(crate) cgroups: Cgroups,
}

impl Isolator for Pids {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let made = self.cgroups.prepare("pids", config, plan);
        made.map(drop).map_err(failed(NAME, "make a cgroup of `pids`"))
    }

    fn usage(&self, config: &ContainerConfig, _: Option<u32>, statistics: &mut v1::ResourceStatistics) {
        let Some((cgroup, _)) = self.cgroups.holding("pids", config) else { return };
        let threads = cgroup.read_number("pids.current").ok().flatten();
        statistics.threads = threads.and_then(|count| u32::try_from(count).ok());
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean("pids", config)
    }
}
