//! One end of a pipe or a terminal, without a thread that waits for it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct End(AsyncFd<File>);

impl End {
    /// Needs a runtime around it.
    pub(super) fn new(file: File) -> io::Result<Self> {
        tepui_linux::set_nonblocking(file.as_fd())?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a `File` is one open descriptor for as long as it is borrowed"
        )]
        let watched = AsyncFd::with_interest(file, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self(watched))
    }

    /// Reads what is there, or waits for it. Nothing at all is the end.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|file| file.get_ref().read(buffer)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => return read,
                Err(_would_block) => {}
            }
        }
    }

    /// Writes all of it, as fast as it is taken.
    pub(super) async fn write(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|file| file.get_ref().write(data)) {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(Ok(count)) => data = &data[count..],
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
        Ok(())
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}
