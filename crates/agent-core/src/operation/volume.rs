//! Where persistent volumes are. Operators and tools know these paths.

use tepui_proto::v1;
use tepui_proto::v1::resource::disk_info::source::Type as SourceType;
use tepui_types::{Resource, validate_id, validate_role};

/// The folder of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumePath {
    /// An absolute path.
    pub(crate) path: String,
    /// It is the root of a file system of its own, so that only what is in it can be removed.
    pub(crate) is_mount: bool,
}

/// The folder of a persistent volume; `None` for what is not one, or whose names are no names of folders.
pub(crate) fn volume_path(work_dir: &str, volume: &Resource) -> Option<VolumePath> {
    let (role, id) = (volume.reservation_role()?, volume.persistence_id()?);
    validate_role(role).ok()?;
    validate_id(id).ok()?;
    let source = volume.disk().and_then(|disk| disk.source.as_ref());
    let root = match source {
        None => work_dir.to_owned(),
        Some(source) if source.id.is_some() => return None,
        Some(source) => match source.r#type() {
            SourceType::Path => absolute(work_dir, path_root(source)?),
            SourceType::Mount => {
                let root = source.mount.as_ref()?.root.as_deref()?;
                return Some(VolumePath { path: absolute(work_dir, root), is_mount: true });
            }
            SourceType::Block | SourceType::Raw | SourceType::Unknown => return None,
        },
    };
    // A role has no spaces, so that the name of the folder stands for one role.
    let role = role.replace('/', " ");
    Some(VolumePath {
        path: format!("{}/volumes/roles/{role}/{id}", root.trim_end_matches('/')),
        is_mount: false,
    })
}

fn path_root(source: &v1::resource::disk_info::Source) -> Option<&str> {
    source.path.as_ref()?.root.as_deref()
}

fn absolute(work_dir: &str, root: &str) -> String {
    if root.starts_with('/') { root.to_owned() } else { format!("{}/{root}", work_dir.trim_end_matches('/')) }
}

#[cfg(test)]
mod tests {
    use tepui_proto::v1::resource::disk_info::source::{Mount, Path};
    use tepui_proto::v1::resource::disk_info::{Persistence, Source};
    use tepui_proto::v1::resource::{DiskInfo, ReservationInfo};

    use super::*;

    fn volume(id: &str, role: &str, source: Option<Source>) -> Option<VolumePath> {
        let persistence = Some(Persistence { id: id.to_owned(), principal: None });
        let reservation = ReservationInfo {
            r#type: Some(v1::resource::reservation_info::Type::Dynamic as i32),
            role: Some(role.to_owned()),
            ..ReservationInfo::default()
        };
        let proto = v1::Resource {
            name: "disk".to_owned(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar { value: 1.0 }),
            reservations: vec![reservation],
            disk: Some(Box::new(DiskInfo { persistence, source, volume: None })),
            ..v1::Resource::default()
        };
        volume_path("/work/", &Resource::from_proto(&proto).ok()?)
    }

    #[test]
    fn volumes_are_where_mesos_has_them() {
        let path = |volume: Option<VolumePath>| volume.unwrap().path;
        assert_eq!(path(volume("id", "a/b", None)), "/work/volumes/roles/a b/id");
        let on_path = |root: &str| Source {
            r#type: SourceType::Path as i32,
            path: Some(Path { root: Some(root.to_owned()) }),
            ..Source::default()
        };
        assert_eq!(path(volume("id", "a", Some(on_path("/mnt/x")))), "/mnt/x/volumes/roles/a/id");
        assert_eq!(path(volume("id", "a", Some(on_path("x")))), "/work/x/volumes/roles/a/id");
        let mount = Source {
            r#type: SourceType::Mount as i32,
            mount: Some(Mount { root: Some("/mnt/y".to_owned()) }),
            ..Source::default()
        };
        assert_eq!(
            volume("id", "a", Some(mount)),
            Some(VolumePath { path: "/mnt/y".to_owned(), is_mount: true })
        );
    }

    #[test]
    fn ids_that_lead_elsewhere_have_no_folder() {
        for id in ["..", ".", "a/b", ""] {
            assert_eq!(volume(id, "a", None), None, "{id}");
        }
    }
}
