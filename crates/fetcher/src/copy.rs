//! Moving bytes, with a limit and a sign of life.

use std::io::{self, Read, Write};

use crate::stall::Progress;

/// Read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a copy may still take, shared by all files of one archive.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    left: u64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    fn spend(&mut self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        if bytes > self.left {
            let message = format!("more than the {} bytes that it may have", self.limit);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        self.left -= bytes;
        Ok(())
    }
}

/// Copies all of it, unless it is too much.
pub(crate) fn copy(
    from: &mut (impl Read + ?Sized),
    to: &mut impl Write,
    budget: &mut Budget,
    progress: &Progress,
) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut total = 0;
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return Ok(total),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        budget.spend(read)?;
        to.write_all(&chunk[..read])?;
        total += read as u64;
        progress.note();
    }
}
