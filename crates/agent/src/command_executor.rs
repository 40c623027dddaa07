//! How an agent starts the built-in executors and its launcher: as other runs of its own program, or of the small one that
//! lies beside it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tepui_containerizer::PROTOCOL_VERSION;
use tepui_proto::v1;
use tracing::warn;

/// The program that has nothing but what runs once for each container. It looks for `tepui` beside it.
const HELPER: &str = "tepui-helper";

/// What the small program answers to `version`: one of another release, or with other words for the launcher, is not used.
pub fn helper_version() -> String {
    format!("{HELPER} {} {PROTOCOL_VERSION}", env!("CARGO_PKG_VERSION"))
}

/// The program to start executors and the launcher from.
///
/// # Errors
/// The file of this program cannot be found.
pub(crate) fn helper() -> io::Result<PathBuf> {
    // What lies there later is not asked.
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(found.clone());
    }
    let program = std::env::current_exe()?;
    let beside = program.with_file_name(HELPER);
    let is_there = program.file_name().is_some_and(|name| name == "tepui") && beside.is_file();
    let found = if is_there && is_ours(&beside, &helper_version()) { beside } else { program };
    Ok(FOUND.get_or_init(|| found).clone())
}

/// Whether the small program is of this release. If not, that is said.
fn is_ours(helper: &Path, version: &str) -> bool {
    let asked = Command::new(helper).arg("version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let answer = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let found = match answer {
        Ok(answer) if answer == version => return true,
        Ok(answer) if answer.is_empty() => "an earlier one".to_owned(),
        Ok(answer) => answer,
        Err(error) => error.to_string(),
    };
    warn!(
        helper = %helper.display(), expected = version, found,
        "the program beside this one is not of this release, and is not used: executors take longer to start"
    );
    false
}

/// The command executor that belongs to the program that runs now, whatever its file is called.
///
/// # Errors
/// The program's file cannot be found, or its path is not text.
pub fn command_executor() -> io::Result<v1::CommandInfo> {
    let program = helper()?;
    let program =
        program.to_str().ok_or_else(|| io::Error::other("the program's path is not text"))?.to_owned();
    Ok(v1::CommandInfo {
        shell: Some(false),
        value: Some(program),
        arguments: ["tepui", "executor", "command"].map(str::to_owned).to_vec(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join(HELPER);
        std::fs::write(&helper, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&helper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(is_ours(&helper, "tepui-helper 1.2.3 4"), expected, "{script}");
    }

    #[test]
    fn a_helper_of_another_release_is_not_used() {
        check("test \"$1\" = version && echo tepui-helper 1.2.3 4", true);
        check("echo tepui-helper 1.2.3 3", false);
        check("echo 'error: agents start this program' >&2; exit 2", false);
        assert!(!is_ours(Path::new("/no/such/helper"), "tepui-helper 1.2.3 4"));
    }
}
