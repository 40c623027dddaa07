//! A scheduler and executors built on mesos-go, from Debian's package.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the scheduler in `clients/mesos-go` into `folder`.
///
/// # Errors
/// Go or the package is not installed (`cargo xtask test` installs both), or the build failed; the text says which.
pub fn mesos_go(folder: &Path) -> Result<PathBuf, String> {
    build("mesos-go", concat!(env!("CARGO_MANIFEST_DIR"), "/clients/mesos-go"), folder)
}

/// Builds the executor in `clients/mesos-go-executor` into `folder`.
///
/// # Errors
/// As for [`mesos_go`].
pub fn mesos_go_executor(folder: &Path) -> Result<PathBuf, String> {
    build("mesos-go-executor", concat!(env!("CARGO_MANIFEST_DIR"), "/clients/mesos-go-executor"), folder)
}

/// Builds the executor in `clients/mesos-go-old-executor` into `folder`: it has the driver that came before the executor API.
///
/// # Errors
/// As for [`mesos_go`].
pub fn mesos_go_old_executor(folder: &Path) -> Result<PathBuf, String> {
    build(
        "mesos-go-old-executor",
        concat!(env!("CARGO_MANIFEST_DIR"), "/clients/mesos-go-old-executor"),
        folder,
    )
}

fn build(name: &str, source: &str, folder: &Path) -> Result<PathBuf, String> {
    if !Path::new("/usr/share/gocode/src/github.com/mesos/mesos-go").exists() {
        return Err("mesos-go is not installed: apt-get install golang-go golang-github-mesos-mesos-go-dev"
            .to_owned());
    }
    let binary = folder.join(name);
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .env("GOPATH", "/usr/share/gocode")
        .env("GO111MODULE", "off")
        .env("GOCACHE", std::env::temp_dir().join("tepui-go-cache"))
        .output()
        .map_err(|error| format!("failed to start go: {error}"))?;
    if built.status.success() { Ok(binary) } else { Err(String::from_utf8_lossy(&built.stderr).into_owned()) }
}
