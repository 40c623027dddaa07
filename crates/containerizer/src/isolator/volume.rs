//! Isolators that mount what `ContainerInfo.volumes` names.

pub(crate) mod host_path;
pub(crate) mod sandbox_path;
pub(crate) mod secret;

use tepui_proto::v1;
use tepui_proto::v1::volume::source;

/// What a volume is made of, as far as that is built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// A path of the machine.
    Host(&'a str),
    /// A path in the container's own sandbox.
    OwnSandbox(&'a str),
    /// A path in its parent's.
    ParentSandbox(&'a str),
    /// Something that only the container may know.
    Secret(&'a v1::Secret),
    /// Something that is not built, or nothing.
    Other(&'static str),
}

pub(crate) fn source(volume: &v1::Volume) -> Source<'_> {
    if let Some(source) = &volume.source {
        return match source.r#type() {
            source::Type::HostPath => {
                source.host_path.as_ref().map_or(Source::Other("HOST_PATH"), |host| Source::Host(&host.path))
            }
            source::Type::SandboxPath => match &source.sandbox_path {
                Some(sandbox) if sandbox.r#type() == source::sandbox_path::Type::Parent => {
                    Source::ParentSandbox(&sandbox.path)
                }
                Some(sandbox) if sandbox.r#type() == source::sandbox_path::Type::Self_ => {
                    Source::OwnSandbox(&sandbox.path)
                }
                Some(_) | None => Source::Other("SANDBOX_PATH"),
            },
            source::Type::DockerVolume => Source::Other("DOCKER_VOLUME"),
            source::Type::Secret => source.secret.as_ref().map_or(Source::Other("SECRET"), Source::Secret),
            source::Type::CsiVolume => Source::Other("CSI_VOLUME"),
            source::Type::Unknown => Source::Other("UNKNOWN"),
        };
    }
    match volume.host_path.as_deref() {
        Some(path) if path.starts_with('/') => Source::Host(path),
        // Compat: a relative path of the machine is one of the sandbox.
        Some(path) => Source::OwnSandbox(path),
        None => Source::Other("image"),
    }
}

/// Whether a volume may not be written to.
pub(crate) fn is_read_only(volume: &v1::Volume) -> bool {
    volume.mode() == v1::volume::Mode::Ro
}
