//! `cgroups/cpuset`: which processors and memory nodes containers may use; those of our own cgroup, which the operator may
//! narrow.

use std::io;
use std::path::Path;

use tepui_linux::{Cgroup, Version};

use super::Cgroups;
use crate::isolator::{Isolator, failed};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "cgroups/cpuset";

#[derive(Debug)]
pub(crate) struct Cpuset {
    pub(crate) cgroups: Cgroups,
}

impl Isolator for Cpuset {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let made = self.cgroups.prepare("cpuset", config, plan);
        let made = made.map_err(failed(NAME, "make a cgroup of `cpuset`"))?;
        match (made, self.cgroups.controller("cpuset")) {
            // In the tree of version 2 a cgroup that says nothing has what its parent has.
            (Some((cgroup, Version::One)), Some((hierarchy, _))) => {
                inherit(hierarchy, cgroup.path()).map_err(failed(NAME, "hand the processors down"))
            }
            _ => Ok(()),
        }
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean("cpuset", config)
    }
}

/// Gives a cgroup that has no processors or no memory its parent's, from the top down: nobody may enter it before.
fn inherit(hierarchy: &Path, path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|_| path != hierarchy) else { return Ok(()) };
    inherit(hierarchy, parent)?;
    let (own, parent) = (Cgroup::at(path), Cgroup::at(parent));
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if own.read(file)?.trim().is_empty() {
            own.write(file, parent.read(file)?.trim())?;
        }
    }
    Ok(())
}
