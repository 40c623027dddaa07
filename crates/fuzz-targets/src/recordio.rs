//! `RecordIO` gives the same records however the stream is cut, and never holds more than it may.

use bytes::Bytes;
use tepui_wire::recordio::{Decoder, RecordioError, encode};

use crate::source::Source;

const LONGEST_RECORD: usize = 300;

/// A byte for the limit, a chunk that says where to cut, and the stream.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let limit = LONGEST_RECORD - usize::from(source.byte());
    let cuts = source.chunk();
    let stream = source.rest();
    let whole = read(limit, &[stream]);
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(whole, read(limit, &single), "byte by byte");
    let mut rest = stream;
    let mut parts = Vec::new();
    for cut in cuts {
        let (part, after) = rest.split_at(usize::from(*cut).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    assert_eq!(whole, read(limit, &parts), "cut at {cuts:?}");

    let again: Vec<u8> = whole.records.iter().flat_map(|record| encode(record)).collect();
    let expected = Outcome { error: None, is_between: true, ..whole };
    assert_eq!(read(limit, &[&again]), expected, "encoded again");
}

#[derive(Debug, PartialEq)]
struct Outcome {
    records: Vec<Bytes>,
    error: Option<RecordioError>,
    is_between: bool,
}

/// Reads up to the first error. The records that a failing chunk completed count as unread: which they are depends on
/// the cuts, so only those before the error's own record are compared.
fn read(limit: usize, parts: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut records = Vec::new();
    for part in parts {
        match decoder.decode(part) {
            Ok(more) => records.extend(more),
            Err(error) => {
                assert_eq!(decoder.decode(b"0\n"), Err(RecordioError::Failed), "a failed decoder");
                return Outcome { records: Vec::new(), error: Some(error), is_between: false };
            }
        }
    }
    assert!(records.iter().all(|record| record.len() <= limit), "a record beyond the limit");
    Outcome { records, error: None, is_between: decoder.is_between_records() }
}
