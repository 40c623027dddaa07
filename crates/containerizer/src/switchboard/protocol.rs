//! What an agent and a container's server say to each other. A server may be older than the agent, so none of this may change
//! its meaning.
//!
//! The agent connects once for each thing that it wants, and says which with one byte, which the server repeats when it is
//! ready. Then there are records: what kind in one byte, how many bytes in four, the highest first, the bytes.

use std::io::{self, Read, Write};

/// The agent wants to hear what the container says.
pub(super) const OUTPUT: u8 = b'o';
/// The agent has something for the container.
pub(super) const INPUT: u8 = b'i';
/// The agent wants to know when the server ends; there are no records.
pub(super) const END: u8 = b'e';
/// The server is to end now.
pub(super) const ABORT: u8 = b'a';

/// Kinds of records of output.
pub(super) const STDOUT: u8 = 1;
pub(super) const STDERR: u8 = 2;

/// Kinds of records of input: what is typed, and the rows and columns of the window in two bytes each.
pub(super) const TYPED: u8 = 1;
pub(super) const WINDOW: u8 = 2;

/// What stands before the bytes of a record.
pub(super) const HEAD_BYTES: usize = 5;

/// The longest record.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 20;

/// A record as it is sent.
pub(super) fn record(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[kind], length.as_slice(), data].concat()
}

/// The kind of a record, and its length.
pub(super) fn head(bytes: [u8; HEAD_BYTES]) -> io::Result<(u8, usize)> {
    let [kind, length @ ..] = bytes;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_RECORD_BYTES {
        return Err(io::Error::other(format!("a record of {length} bytes")));
    }
    Ok((kind, length))
}

/// Reads a record; none at the end.
pub(super) fn read_record(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut bytes = [0; HEAD_BYTES];
    match from.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (kind, length) = head(bytes)?;
    let mut data = vec![0; length];
    from.read_exact(&mut data)?;
    Ok(Some((kind, data)))
}

/// Sends what is wanted, and waits for the server.
pub(super) fn ask(mut server: impl Read + Write, what: u8) -> io::Result<()> {
    server.write_all(&[what])?;
    let mut answer = [0];
    server.read_exact(&mut answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_one_after_another() {
        let bytes = [record(STDOUT, b"said"), record(STDERR, b"")].concat();
        let mut from = bytes.as_slice();
        assert_eq!(read_record(&mut from).unwrap(), Some((STDOUT, b"said".to_vec())));
        assert_eq!(read_record(&mut from).unwrap(), Some((STDERR, Vec::new())));
        assert_eq!(read_record(&mut from).unwrap(), None);
    }

    #[test]
    fn a_length_without_reason_is_an_error() {
        assert!(read_record(&mut [STDOUT, 255, 255, 255, 255, 0].as_slice()).is_err());
    }
}
