//! `linux/seccomp`: containers make no system calls but those that a profile allows.
//!
//! A profile is a file of JSON as Docker has it ([`profile`]), and becomes a program for the kernel ([`program`]).

mod profile;
mod program;

use std::path::{Component, Path, PathBuf};

use tepui_linux::Capabilities;
use tepui_proto::v1;

use self::profile::Profile;
use crate::isolator::Isolator;
use crate::launcher::Plan;
use crate::{ContainerConfig, IsolationError, LaunchError};

const NAME: &str = "linux/seccomp";

/// The longest file that is read as a profile; real ones have some 15 KB.
const MAX_PROFILE_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) struct Seccomp {
    /// `--seccomp_config_dir`.
    folder: PathBuf,
    /// What `--seccomp_profile_name` names: for containers that say nothing.
    default: Option<Profile>,
    /// The capabilities that containers can gain if nothing takes them away.
    bounding: Capabilities,
}

impl Seccomp {
    /// Reads the default profile.
    pub(crate) fn new(folder: Option<&Path>, default: Option<&str>) -> Result<Self, IsolationError> {
        let failed = |why: String| IsolationError::Seccomp { why };
        if !tepui_linux::is_root() {
            return Err(failed("it needs root".to_owned()));
        }
        let folder = folder.ok_or_else(|| failed("flag `seccomp_config_dir` is missing".to_owned()))?;
        let default = default.map(|name| read(folder, name)).transpose().map_err(failed)?;
        let bounding = tepui_linux::permitted_capabilities().map_err(|error| failed(error.to_string()))?;
        Ok(Self { folder: folder.to_owned(), default, bounding })
    }

    /// The profile of a container, if it has one.
    fn chosen(&self, asked: Option<&v1::SeccompInfo>) -> Result<Option<Profile>, String> {
        let Some(asked) = asked else { return Ok(self.default.clone()) };
        match (&asked.profile_name, asked.unconfined()) {
            (Some(_), true) => {
                Err("Invalid Seccomp configuration: 'profile_name' given even though 'unconfined' \
                                    Seccomp setting is enabled"
                    .to_owned())
            }
            (Some(name), false) => read(&self.folder, name).map(Some),
            (None, true) => Ok(None),
            (None, false) => Err("Missing Seccomp profile name".to_owned()),
        }
    }
}

impl Isolator for Seccomp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&self, config: &ContainerConfig, plan: &mut Plan) -> Result<(), LaunchError> {
        let linux = config.container.as_ref().and_then(|container| container.linux_info.as_ref());
        let refused = |why| LaunchError::Refused { isolator: NAME, why };
        let profile = self.chosen(linux.and_then(|linux| linux.seccomp.as_ref())).map_err(refused)?;
        // Capabilities are prepared before.
        let bounding = plan.bounding.map_or(self.bounding, Capabilities::from_bits);
        let program = profile.map(|profile| program::compile(&profile, bounding)).transpose();
        plan.system_calls = program.map_err(refused)?;
        Ok(())
    }
}

/// Reads a profile of the folder; no name leads out of it.
fn read(folder: &Path, name: &str) -> Result<Profile, String> {
    let is_inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside || name.is_empty() {
        return Err(format!("the seccomp profile name `{name}` leads out of `seccomp_config_dir`"));
    }
    let path = folder.join(name);
    let failed =
        |error: std::io::Error| format!("Failed to read Seccomp profile file '{}': {error}", path.display());
    let length = path.metadata().map_err(failed)?.len();
    if length > MAX_PROFILE_BYTES {
        return Err(format!(
            "Seccomp profile file '{}' has more than {MAX_PROFILE_BYTES} bytes",
            path.display()
        ));
    }
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let profile = Profile::parse(&text);
    profile.map_err(|why| format!("Seccomp profile file '{}': {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(name: Option<&str>, unconfined: Option<bool>) -> Result<Option<Profile>, String> {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [], "syscalls": []}"#;
        std::fs::write(folder.path().join("open.json"), text).unwrap();
        let default = Profile::parse(text).ok();
        let bounding = Capabilities::default();
        let seccomp = Seccomp { folder: folder.path().to_owned(), default, bounding };
        seccomp.chosen(Some(&v1::SeccompInfo { profile_name: name.map(str::to_owned), unconfined }))
    }

    #[test]
    fn a_container_chooses_its_profile() {
        assert!(chosen(Some("open.json"), None).unwrap().is_some());
        assert!(chosen(None, Some(true)).unwrap().is_none());
        assert_eq!(chosen(None, None).unwrap_err(), "Missing Seccomp profile name");
        assert!(
            chosen(Some("open.json"), Some(true)).unwrap_err().starts_with("Invalid Seccomp configuration")
        );
        assert!(
            chosen(Some("other.json"), None).unwrap_err().starts_with("Failed to read Seccomp profile file")
        );
        for name in ["../open.json", "/etc/passwd", ""] {
            assert!(chosen(Some(name), None).unwrap_err().contains("leads out"), "{name}");
        }
    }
}
