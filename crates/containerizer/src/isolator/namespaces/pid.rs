//! `namespaces/pid`: containers see no processes but their own.

use tepui_linux::Namespaces;
use tepui_proto::v1;

use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError};

const NAME: &str = "namespaces/pid";

#[derive(Debug)]
pub(crate) struct Pid {
    /// `--disallow_sharing_agent_pid_namespace`.
    pub(crate) disallow_sharing: bool,
}

impl Isolator for Pid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let shares = linux_info(config).is_some_and(v1::LinuxInfo::share_pid_namespace);
        if config.container_id.parent().is_some() {
            plan.enter(Namespaces::PID);
            if config.class == ContainerClass::Debug {
                return Ok(());
            }
        } else if shares && self.disallow_sharing {
            let why = "Sharing agent pid namespace with top-level container is not allowed";
            return Err(LaunchError::Refused { isolator: NAME, why: why.to_owned() });
        }
        if !shares {
            plan.create(Namespaces::PID);
            plan.has_init = true;
            plan.mount_new("proc", "/proc", "");
        }
        Ok(())
    }
}

pub(super) fn linux_info(config: &ContainerConfig) -> Option<&v1::LinuxInfo> {
    config.container.as_ref()?.linux_info.as_ref()
}
