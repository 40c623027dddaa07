//! RecordIO: each record is preceded by its length in decimal digits and a line feed.

use bytes::{BufMut as _, Bytes, BytesMut};

/// The most bytes that a length takes, with some leading zeros; what is longer is no length.
const LONGEST_HEADER: usize = 32;

/// A record with its length before it.
pub fn encode(record: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(record.len() + 8);
    encode_into(record, &mut out);
    out.into()
}

/// Appends a record with its length before it.
pub fn encode_into(record: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(record.len().to_string().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(record);
}

/// Bytes that are no RecordIO.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordioError {
    /// A length is no number. The text is that of Mesos.
    #[error("Failed to decode length '{header}': Failed to convert '{header}' to number")]
    BadLength {
        /// What stands where the length should be.
        header: String,
    },
    /// A record is longer than the reader takes.
    #[error("a record of {length} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// The length that its header tells.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// An earlier call failed, so where records begin is unknown.
    #[error("Decoder is in a FAILED state")]
    Failed,
}

/// Takes RecordIO in chunks of any size and gives back whole records.
#[derive(Debug)]
pub struct Decoder {
    longest_record: usize,
    state: State,
    /// The begun header or record.
    buffer: BytesMut,
}

#[derive(Debug)]
enum State {
    Header,
    Record { length: usize },
    Failed,
}

impl Decoder {
    /// A decoder that takes records of at most `longest_record` bytes.
    pub fn new(longest_record: usize) -> Self {
        Self { longest_record, state: State::Header, buffer: BytesMut::new() }
    }

    /// Takes the next chunk; gives the records that it completes.
    ///
    /// # Errors
    /// A length is malformed or too large, now or in an earlier call.
    pub fn decode(&mut self, chunk: &[u8]) -> Result<Vec<Bytes>, RecordioError> {
        let mut records = Vec::new();
        match self.take(chunk, &mut records) {
            Ok(()) => Ok(records),
            Err(error) => {
                self.state = State::Failed;
                self.buffer = BytesMut::new();
                Err(error)
            }
        }
    }

    /// True between records: at the end of the input, nothing is cut off.
    pub fn is_between_records(&self) -> bool {
        matches!(self.state, State::Header) && self.buffer.is_empty()
    }

    fn take(&mut self, mut chunk: &[u8], records: &mut Vec<Bytes>) -> Result<(), RecordioError> {
        while !chunk.is_empty() {
            match self.state {
                State::Failed => return Err(RecordioError::Failed),
                State::Header => {
                    let end = chunk.iter().position(|byte| *byte == b'\n');
                    let (header, rest) = chunk.split_at(end.unwrap_or(chunk.len()));
                    self.take_header(header)?;
                    chunk = rest;
                    if end.is_some() {
                        chunk = &chunk[1..];
                        self.end_header(records)?;
                    }
                }
                State::Record { length } => {
                    let wanted = length - self.buffer.len();
                    let (part, rest) = chunk.split_at(wanted.min(chunk.len()));
                    chunk = rest;
                    // The buffer grows with what arrives, not with what a header promises.
                    self.buffer.put_slice(part);
                    if self.buffer.len() == length {
                        records.push(self.buffer.split().freeze());
                        self.state = State::Header;
                    }
                }
            }
        }
        Ok(())
    }

    fn take_header(&mut self, part: &[u8]) -> Result<(), RecordioError> {
        let room = LONGEST_HEADER - self.buffer.len();
        self.buffer.put_slice(&part[..part.len().min(room)]);
        if part.len() > room { Err(self.bad_length()) } else { Ok(()) }
    }

    fn end_header(&mut self, records: &mut Vec<Bytes>) -> Result<(), RecordioError> {
        let length =
            std::str::from_utf8(&self.buffer).ok().and_then(length).ok_or_else(|| self.bad_length())?;
        if length > self.longest_record {
            return Err(RecordioError::TooLong { length, limit: self.longest_record });
        }
        self.buffer.clear();
        if length == 0 {
            records.push(Bytes::new());
        } else {
            self.state = State::Record { length };
        }
        Ok(())
    }

    fn bad_length(&self) -> RecordioError {
        RecordioError::BadLength { header: String::from_utf8_lossy(&self.buffer).into_owned() }
    }
}

/// Compat: Mesos also takes a plus sign and hexadecimal lengths.
fn length(header: &str) -> Option<usize> {
    match header.strip_prefix("0x").or_else(|| header.strip_prefix("0X")) {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => header.parse().ok(),
    }
}
