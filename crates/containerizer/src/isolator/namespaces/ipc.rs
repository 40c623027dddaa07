//! `namespaces/ipc`: System V IPC, message queues and `/dev/shm` of a container's own, or its parent's.

use tepui_linux::Namespaces;
use tepui_proto::v1;
use tepui_proto::v1::linux_info::IpcMode;

use super::pid::linux_info;
use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError};

const NAME: &str = "namespaces/ipc";

const MEGABYTE: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Ipc {
    /// `--disallow_sharing_agent_ipc_namespace`.
    pub(crate) disallow_sharing: bool,
    /// `--default_container_shm_size`, in bytes.
    pub(crate) default_shm_bytes: Option<u64>,
}

impl Isolator for Ipc {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let linux = linux_info(config);
        let mode = linux.filter(|linux| linux.ipc_mode.is_some()).map(v1::LinuxInfo::ipc_mode);
        let given = linux.and_then(|linux| linux.shm_size).map(|megabytes| u64::from(megabytes) * MEGABYTE);
        let refuse = |why: &str| Err(LaunchError::Refused { isolator: NAME, why: why.to_owned() });
        if given.is_some() && mode != Some(IpcMode::Private) {
            return refuse("Only support specifying the size of /dev/shm when the IPC mode is `PRIVATE`");
        }
        let is_nested = config.container_id.parent().is_some();
        let is_debug = config.class == ContainerClass::Debug;
        match mode {
            Some(IpcMode::Unknown) => return refuse("Unknown IPC mode"),
            Some(IpcMode::Private) if is_debug => {
                return refuse("Private IPC mode is not supported for DEBUG containers");
            }
            Some(IpcMode::Private) => {
                plan.create(Namespaces::IPC);
                let size = given.or(self.default_shm_bytes);
                let size = size.map_or_else(String::new, |bytes| format!(",size={bytes}"));
                plan.mount_new("tmpfs", "/dev/shm", &format!("mode=1777{size}"));
            }
            None | Some(IpcMode::ShareParent) if is_nested => plan.enter(Namespaces::IPC),
            // Compat: a container that says nothing has a namespace of its own, but the machine's `/dev/shm`.
            None => plan.create(Namespaces::IPC),
            Some(IpcMode::ShareParent) if self.disallow_sharing => {
                return refuse("Sharing agent IPC namespace with top-level container is not allowed");
            }
            Some(IpcMode::ShareParent) => {}
        }
        Ok(())
    }
}
