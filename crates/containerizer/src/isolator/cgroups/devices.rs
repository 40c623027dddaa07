//! `cgroups/devices`: containers may use no devices but those that every program needs. Cgroups of version 1 only.

use std::io;

use super::Cgroups;
use crate::isolator::{Isolator, failed};
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

const NAME: &str = "cgroups/devices";

/// All that there are, in the kernel's words.
const ALL: &str = "a *:* rwm";

/// What is allowed: Mesos' list.
const ALLOWED: &[&str] = &[
    // Making the files of devices is harmless, using them is not.
    "c *:* m",
    "b *:* m",
    // The console and the first two virtual terminals.
    "c 5:1 rwm",
    "c 4:0 rwm",
    "c 4:1 rwm",
    // Pseudo terminals: theirs and where they are made.
    "c 136:* rwm",
    "c 5:2 rwm",
    // Tunnels.
    "c 10:200 rwm",
    // null, zero, full, tty, urandom, random.
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 5:0 rwm",
    "c 1:9 rwm",
    "c 1:8 rwm",
];

#[derive(Debug)]
pub(crate) struct Devices {
    pub(crate) cgroups: Cgroups,
}

impl Isolator for Devices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let made = self.cgroups.prepare("devices", config, plan);
        let Some((cgroup, _)) = made.map_err(failed(NAME, "make a cgroup of `devices`"))? else {
            return Ok(());
        };
        cgroup.write("devices.deny", ALL).map_err(failed(NAME, "deny all devices"))?;
        for device in ALLOWED {
            cgroup.write("devices.allow", device).map_err(failed(NAME, format!("allow `{device}`")))?;
        }
        Ok(())
    }

    fn clean(&self, config: &ContainerConfig) -> io::Result<()> {
        self.cgroups.clean("devices", config)
    }
}
