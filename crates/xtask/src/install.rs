//! What the tests need beyond the Rust toolchain.

use std::path::Path;

use crate::command::{eprint, run, succeeds};

/// Debian's packages for the tests with third-party clients.
const PACKAGES: &str = "golang-go golang-github-mesos-mesos-go-dev openssl";

/// Debian's packages of the stores that a cluster of masters shares. The tests start them by hand, on loopback.
const STORES: &str = "zookeeper etcd-server";

/// Debian's package that counts instructions.
const VALGRIND: &str = "valgrind";

/// Debian's packages for the virtual machine in which cgroups of version 2 are tested.
const MACHINE: &str = "qemu-system-x86 busybox-static cpio";

/// Gets that machine's kernel.
const KERNEL: &str = "crates/xtask/src/kernel.sh";

/// Installs a real Mesos and more clients, where the project's shared folder stands beside the checkout.
const ORACLE: &str = "../shared/oracle/setup.sh";

/// Installs the third-party clients. A machine without apt, or without the right to use it, runs the other tests; what
/// is left out is said here, once.
pub(crate) fn third_party_clients() {
    if !succeeds("go version") || !Path::new("/usr/share/gocode/src/github.com/mesos/mesos-go").exists() {
        let install = format!("apt-get install --yes --no-install-recommends {PACKAGES}");
        let done = run(&install).or_else(|_| run("apt-get update").and_then(|()| run(&install)));
        if let Err(error) = done {
            eprint(&format!("LEFT OUT: the tests with mesos-go: {error}"));
        }
    }
    stores();
    machine();
    oracle();
}

/// An emulator, and a kernel that is never installed.
fn machine() {
    let is_there =
        succeeds("qemu-system-x86_64 --version") && succeeds("busybox true") && succeeds("cpio --version");
    let install = format!("apt-get install --yes --no-install-recommends {MACHINE}");
    let done = if is_there { Ok(()) } else { run(&install) };
    let done = done.or_else(|_| run("apt-get update").and_then(|()| run(&install)));
    if let Err(error) = done.and_then(|()| run(&format!("sh {KERNEL}"))) {
        eprint(&format!("LEFT OUT: the tests with cgroups of version 2: {error}"));
    }
}

/// A real ZooKeeper and a real etcd. Their packages' own services are not wanted, and do not start where policy forbids.
fn stores() {
    if succeeds("etcd --version") && Path::new("/usr/share/java/zookeeper.jar").exists() {
        return;
    }
    let install = format!("apt-get install --yes --no-install-recommends {STORES}");
    let done = run(&install).or_else(|_| run("apt-get update").and_then(|()| run(&install)));
    if let Err(error) = done {
        eprint(&format!("LEFT OUT: the tests with ZooKeeper and etcd: {error}"));
    }
}

/// What counts instructions. Whoever needs it looks whether it is there.
pub(crate) fn valgrind() {
    let install = format!("apt-get install --yes --no-install-recommends {VALGRIND}");
    let done = run(&install).or_else(|_| run("apt-get update").and_then(|()| run(&install)));
    if let Err(error) = done {
        eprint(&format!("valgrind could not be installed: {error}"));
    }
}

/// A real Mesos 1.11.0, pymesos and the old driver: about a minute, once.
fn oracle() {
    if !Path::new(ORACLE).exists() {
        eprint(&format!("LEFT OUT: the tests beside a real Mesos: there is no `{ORACLE}`"));
        return;
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let folder = std::env::var("ORACLE").unwrap_or_else(|_| format!("{home}/.cache/tepui-oracle"));
    // The last thing that its script makes.
    if Path::new(&folder).join("bin/pymesos-python").exists() {
        return;
    }
    if let Err(error) = run(&format!("bash {ORACLE}")) {
        eprint(&format!("LEFT OUT: the tests beside a real Mesos: {error}"));
    }
}
