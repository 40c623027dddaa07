//! `volume/secret`: secrets as files, which are never on a disk.
//!
//! The container's first process mounts a file system in memory, writes the secrets there and mounts each where the container
//! wants it; nobody else sees those mounts, and they end with the container.

use super::host_path::mount_point;
use super::{Source, is_read_only, source};
use crate::environment;
use crate::isolator::{Isolator, failed};
use crate::launch::text;
use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig, LaunchError};

const NAME: &str = "volume/secret";

#[derive(Debug)]
pub(crate) struct SecretVolumes;

impl Isolator for SecretVolumes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        // Compat: debug containers see the secrets of their parents.
        if config.class == ContainerClass::Debug {
            return Ok(());
        }
        let volumes = config.container.iter().flat_map(|container| &container.volumes);
        let folder = std::path::Path::new(&plan.runtime).join("secrets");
        let mut count = 0;
        for volume in volumes {
            let Source::Secret(secret) = source(volume) else { continue };
            let data = environment::resolve(secret).map_err(|why| LaunchError::Refused {
                isolator: NAME,
                why: format!("Invalid secret specified in volume: {why}"),
            })?;
            if count == 0 {
                std::fs::create_dir_all(&folder).map_err(failed(NAME, "make a folder for secrets"))?;
                plan.mount_new("ramfs", &text(&folder)?, "mode=0700");
            }
            let file = text(&folder.join(count.to_string()))?;
            plan.write(file.clone(), data);
            let target = mount_point(config, &volume.container_path, false)?;
            plan.bind(file, text(&target)?, is_read_only(volume));
            count += 1;
        }
        Ok(())
    }
}
