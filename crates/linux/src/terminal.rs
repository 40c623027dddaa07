//! Pseudo terminals.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

/// A new pseudo terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end of whoever shows the terminal.
    pub ours: File,
    /// The end of the processes in it.
    pub theirs: File,
    /// Where their end is.
    pub path: PathBuf,
}

/// Makes a pseudo terminal. It becomes nobody's controlling terminal by that.
pub fn open_terminal() -> io::Result<Terminal> {
    let ours = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let path = PathBuf::from(ptsname_r(&ours)?);
    let theirs = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(&path)?;
    let ours = std::os::fd::OwnedFd::from(ours);
    Ok(Terminal { ours: ours.into(), theirs, path })
}

/// Tells those in a terminal how many characters it shows.
pub fn set_window_size(terminal: BorrowedFd<'_>, rows: u16, columns: u16) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure is what this request reads, and it outlives the call.
    let result = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes the terminal that is our standard input the one that controls our session. For the leader of a session without.
pub fn control_terminal() -> io::Result<()> {
    // SAFETY: the request takes an integer and touches no memory of ours.
    let result = unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets reads and writes of this file fail with [`io::ErrorKind::WouldBlock`] instead of waiting.
pub fn set_nonblocking(file: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_GETFL)?);
    nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn what_is_typed_arrives_and_what_is_said_is_shown() {
        let Terminal { mut ours, mut theirs, path } = open_terminal().unwrap();
        assert!(path.starts_with("/dev/pts"));
        set_window_size(ours.as_fd(), 24, 80).unwrap();
        ours.write_all(b"typed\n").unwrap();
        let mut bytes = [0; 64];
        let count = theirs.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..count], b"typed\n");
        theirs.write_all(b"said").unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"said") {
            let count = ours.read(&mut bytes).unwrap();
            seen.extend_from_slice(&bytes[..count]);
        }
        // It echoes what is typed.
        assert_eq!(seen, b"typed\r\nsaid");
        set_nonblocking(ours.as_fd()).unwrap();
        assert_eq!(ours.read(&mut bytes).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
