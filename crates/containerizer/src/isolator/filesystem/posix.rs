//! `filesystem/posix`: containers see the machine's files; persistent volumes are links in the sandbox.

use tracing::warn;

use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError, PersistentVolume, link_volume};

#[derive(Debug)]
pub(crate) struct Posix;

impl Isolator for Posix {
    fn name(&self) -> &'static str {
        "filesystem/posix"
    }

    fn prepare(&self, config: &ContainerConfig, _: &mut Plan) -> Result<(), LaunchError> {
        for PersistentVolume { path, container_path } in &config.volumes {
            if !link_volume(&config.sandbox, container_path, path)? {
                warn!(
                    path = %path.display(),
                    container_path, "skipping a persistent volume whose container path contains a slash"
                );
            }
        }
        Ok(())
    }
}
