//! Mounting in the mount namespace of this process.

use std::io;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Lets nothing that is mounted here be seen outside; what is mounted outside still appears here.
pub fn receive_mounts_only() -> io::Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>)?;
    Ok(())
}

/// Mounts a new file system.
pub fn mount_new(kind: &str, target: &Path, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let flags = if kind == "proc" || kind == "ramfs" { flags | MsFlags::MS_NOEXEC } else { flags };
    mount(Some(kind), target, Some(kind), flags, Some(options))?;
    Ok(())
}

/// Makes what is at `source` appear at `target` too, with all that is mounted below it.
pub fn bind(source: &Path, target: &Path, read_only: bool) -> io::Result<()> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(source), target, None::<&str>, flags, None::<&str>)?;
    if read_only {
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, target, None::<&str>, flags, None::<&str>)?;
    }
    Ok(())
}

/// Takes away what is mounted at `target`, at once or as soon as nobody uses it.
pub fn unmount(target: &Path) -> io::Result<()> {
    umount2(target, MntFlags::MNT_DETACH).map_err(Into::into)
}
