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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Decoder, RecordioError, encode};

    const LIMIT: usize = 1000;

    fn check(input: &[u8], expected: &[&[u8]]) {
        // Whole, and byte by byte.
        for size in [input.len().max(1), 1] {
            let mut decoder = Decoder::new(LIMIT);
            let mut records = Vec::new();
            for chunk in input.chunks(size) {
                records.extend(decoder.decode(chunk).unwrap());
            }
            assert_eq!(records, expected);
        }
    }

    fn check_refused(input: &[u8], text: &str) {
        let mut decoder = Decoder::new(LIMIT);
        assert_eq!(decoder.decode(input).unwrap_err().to_string(), text);
        assert_eq!(decoder.decode(b"1\na"), Err(RecordioError::Failed));
    }

    #[test]
    fn records_follow_their_lengths() {
        assert_eq!(&encode(b"hello")[..], b"5\nhello");
        assert_eq!(&encode(b"")[..], b"0\n");
        check(b"", &[]);
        check(b"0\n", &[b""]);
        check(b"5\nhello0\n3\na\nb", &[b"hello", b"", b"a\nb"]);
        check(b"5\nhell", &[]);
        check(b"+2\nab0x3\nabc002\nab", &[b"ab", b"abc", b"ab"]);
    }

    #[test]
    fn garbage_is_refused_for_good() {
        check_refused(b"\n", "Failed to decode length '': Failed to convert '' to number");
        check_refused(b"5x\nhello", "Failed to decode length '5x': Failed to convert '5x' to number");
        check_refused(b"-1\n", "Failed to decode length '-1': Failed to convert '-1' to number");
        check_refused(b" 1\n", "Failed to decode length ' 1': Failed to convert ' 1' to number");
        check_refused(b"1001\n", "a record of 1001 bytes exceeds the limit of 1000 bytes");
        check_refused(
            b"99999999999999999999\n",
            "Failed to decode length '99999999999999999999': \
            Failed to convert '99999999999999999999' to number",
        );
    }

    #[test]
    fn a_header_without_end_is_refused_early() {
        let mut decoder = Decoder::new(LIMIT);
        assert_eq!(decoder.decode(&[b'0'; 32]), Ok(Vec::new()));
        assert!(decoder.decode(b"0").is_err());
    }

    #[test]
    fn a_cut_is_noticed() {
        let mut decoder = Decoder::new(LIMIT);
        for (chunk, is_between) in [("", true), ("2", false), ("\na", false), ("b", true)] {
            decoder.decode(chunk.as_bytes()).unwrap();
            assert_eq!(decoder.is_between_records(), is_between, "{chunk:?}");
        }
    }

    proptest! {
        #[test]
        fn records_survive_any_cuts(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let stream: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(stream.len());
            let mut decoder = Decoder::new(LIMIT);
            let mut found = Vec::new();
            let mut start = 0;
            for end in cuts {
                found.extend(decoder.decode(&stream[start..end]).unwrap());
                start = end;
            }
            prop_assert_eq!(found, records);
            prop_assert!(decoder.is_between_records());
        }

        #[test]
        fn any_bytes_get_an_answer(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10)) {
            let mut decoder = Decoder::new(LIMIT);
            for chunk in chunks {
                let _ = decoder.decode(&chunk);
            }
        }
    }
}
