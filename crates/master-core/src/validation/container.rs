//! Containers and their volumes.

use tepui_proto::v1;
use tepui_proto::v1::container_info;
use tepui_proto::v1::volume::source::Type;

/// Checks a container.
pub(crate) fn validate(container: &v1::ContainerInfo) -> Result<(), String> {
    for volume in &container.volumes {
        validate_volume(volume).map_err(|error| format!("Invalid volume: {error}"))?;
    }
    if container.r#type() != container_info::Type::Docker {
        return Ok(());
    }
    let Some(docker) = &container.docker else {
        return Err("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo".to_owned());
    };
    if docker.parameters.iter().any(|parameter| parameter.key == "name") {
        return Err("Parameter in DockerInfo must not be 'name'".to_owned());
    }
    Ok(())
}

fn validate_volume(volume: &v1::Volume) -> Result<(), String> {
    let given = [volume.host_path.is_some(), volume.image.is_some(), volume.source.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err("Only one of them should be set: 'host_path', 'image' and 'source'".to_owned());
    }
    let Some(source) = &volume.source else { return Ok(()) };
    let missing = |member: &str, kind: &str| Err(format!("'source.{member}' is not set for {kind} volume"));
    match source.r#type() {
        Type::DockerVolume if source.docker_volume.is_none() => missing("docker_volume", "DOCKER_VOLUME"),
        Type::HostPath if source.host_path.is_none() => missing("host_path", "HOST_PATH"),
        Type::SandboxPath if source.sandbox_path.is_none() => missing("sandbox_path", "SANDBOX_PATH"),
        Type::Secret if source.secret.is_none() => missing("secret", "SECRET"),
        Type::CsiVolume => match &source.csi_volume {
            None => missing("csi_volume", "CSI"),
            Some(volume) if volume.static_provisioning.is_none() => {
                missing("csi_volume.static_provisioning", "CSI")
            }
            Some(_) => Ok(()),
        },
        Type::Unknown => Err("'source.type' is unknown".to_owned()),
        Type::DockerVolume | Type::HostPath | Type::SandboxPath | Type::Secret => Ok(()),
    }
}

/// What a container says of sharing its parent's cgroups, if anything.
pub(crate) fn share_cgroups(container: Option<&v1::ContainerInfo>) -> Option<bool> {
    container?.linux_info.as_ref()?.share_cgroups
}
