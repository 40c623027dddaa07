//! Taking in the orphans: a process that ends hands its children to the nearest subreaper above it.

use std::{fs, io};

use nix::libc;

/// Makes this process the parent of all orphans among its descendants, so that none of them leaves its tree.
pub fn become_subreaper() -> io::Result<()> {
    // SAFETY: this option takes one integer and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The children of this process, ended or not. `Unsupported` by kernels without the list.
pub fn children() -> io::Result<Vec<u32>> {
    let mut children = Vec::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let list = match fs::read_to_string(thread?.path().join("children")) {
            Ok(list) => list,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            Err(error) => return Err(error),
        };
        children.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(children)
}

/// Reaps the children that have ended, save those in `owned`, whose status their owners want. Never blocks.
///
/// An ended one of `owned` may hide others behind it until its owner has reaped it.
pub fn reap_orphans(owned: &[u32]) -> io::Result<usize> {
    let mut reaped = 0;
    while let Some(ended) = peek()? {
        if owned.contains(&ended) {
            break;
        }
        let pid = libc::pid_t::try_from(ended).map_err(io::Error::other)?;
        let status = std::ptr::null_mut();
        // SAFETY: a null status is allowed; the child has ended, so this reaps it and does not block.
        let result = unsafe { libc::waitpid(pid, status, libc::WNOHANG) };
        if result <= 0 {
            break;
        }
        reaped += 1;
    }
    Ok(reaped)
}

/// The id of a child that has ended and is not reaped yet.
fn peek() -> io::Result<Option<u32>> {
    // SAFETY: `siginfo_t` is plain data, for which zeros are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the pointer is to a valid `siginfo_t`.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if result != 0 {
        return match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
            error => Err(error),
        };
    }
    // SAFETY: `waitid` filled in the fields of a child's end, or left the zeros.
    let pid = unsafe { info.si_pid() };
    Ok(u32::try_from(pid).ok().filter(|pid| *pid != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_listed_until_they_are_reaped() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        match children() {
            Ok(children) => assert!(children.contains(&child.id()), "{children:?}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::Unsupported),
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children().unwrap_or_default().contains(&child.id()));
    }
}
