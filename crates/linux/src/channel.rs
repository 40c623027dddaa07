//! Bytes together with open files, over a socket of the machine.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

/// The most files that one message carries; a limit of ours below the kernel's 253.
pub const MAX_FILES: usize = 8;

/// Sends all the bytes, and the files with the first of them. Waits for room.
pub fn send_with_files(socket: BorrowedFd<'_>, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
    let mut control = if raw.is_empty() { None } else { Some([ControlMessage::ScmRights(&raw)]) };
    let mut sent = 0;
    while sent < bytes.len() {
        let data = [IoSlice::new(&bytes[sent..])];
        let attached = control.as_ref().map_or(&[] as &[_], |control| control.as_slice());
        match sendmsg::<()>(socket.as_raw_fd(), &data, attached, MsgFlags::MSG_NOSIGNAL, None) {
            Ok(count) => {
                sent += count;
                control = None;
            }
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::EAGAIN) => {
                let mut wanted = [PollFd::new(socket, PollFlags::POLLOUT)];
                match poll(&mut wanted, PollTimeout::NONE) {
                    Ok(_) | Err(nix::Error::EINTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives what is there, without waiting, and the files that came with it. No bytes mean that the other end is gone.
pub fn receive_with_files(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = nix::cmsg_space!([RawFd; MAX_FILES]);
    let mut data = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_fd().as_raw_fd(), &mut data, Some(&mut control), flags)?;
    let count = message.bytes;
    let mut files = Vec::new();
    for received in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = received {
            for file in raw {
                // SAFETY: the kernel just gave us this descriptor, and nobody else owns it.
                files.push(unsafe { OwnedFd::from_raw_fd(file) });
            }
        }
    }
    Ok((count, files))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn files_arrive_with_their_bytes() {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        send_with_files(left.as_fd(), b"plain", &[]).unwrap();
        send_with_files(left.as_fd(), b"file", &[writer.as_fd()]).unwrap();
        drop((writer, left));
        let mut bytes = [0; 64];
        let (mut seen, mut files) = (Vec::new(), Vec::new());
        loop {
            let (count, mut received) = receive_with_files(right.as_fd(), &mut bytes).unwrap();
            if count == 0 {
                break;
            }
            seen.extend_from_slice(&bytes[..count]);
            files.append(&mut received);
        }
        assert_eq!(seen, b"plainfile");
        let mut file = std::fs::File::from(files.pop().unwrap());
        file.write_all(b"through").unwrap();
        drop(file);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }
}
