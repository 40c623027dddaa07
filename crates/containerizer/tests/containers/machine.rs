//! The tests of the Linux launcher once more, in a virtual machine whose controllers are of version 2: most machines have
//! those of one version only. The machine is emulated, which takes a minute. `cargo xtask test` installs what it needs.

use std::path::PathBuf;
use std::process::Command;

use crate::linux::left_out;

/// What a program of the machine's is called, to see whether it is there.
const PROGRAMS: [&str; 4] = ["qemu-system-x86_64", "busybox", "cpio", "ldd"];

/// The kernel that `cargo xtask test` unpacks, of a package that is not installed.
fn kernel() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("HOME")?).join(".cache/tepui-kernel/boot");
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/vmlinuz-"))
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).exists())
}

#[test]
fn version_two_of_cgroups_passes_the_same_tests() {
    if let Some(missing) = PROGRAMS.into_iter().find(|program| !is_there(program)) {
        return left_out(&format!("cgroups of version 2: there is no `{missing}`"));
    }
    let Some(kernel) = kernel() else {
        return left_out("cgroups of version 2: there is no kernel in ~/.cache/tepui-kernel");
    };
    let folder = tempfile::tempdir().unwrap();
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/containers");
    let output = Command::new("sh")
        .arg(format!("{sources}/machine.sh"))
        .arg(kernel)
        .arg(std::env::current_exe().unwrap())
        .arg(env!("CARGO_BIN_EXE_tepui-launcher"))
        .arg(format!("{sources}/machine-init.sh"))
        .arg(folder.path())
        .output()
        .unwrap();
    let console = String::from_utf8_lossy(&output.stdout);
    assert!(
        console.contains("THE TESTS ENDED WITH 0"),
        "{console}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // The machine has no systemd and no controllers of version 1; nothing else may be left out there.
    let left_out = console.lines().filter(|line| {
        line.contains("LEFT OUT")
            && !line.contains("a systemd slice")
            && !line.contains("controller of version 1")
    });
    assert_eq!(left_out.count(), 0, "{console}");
}
