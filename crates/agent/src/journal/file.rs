//! The journal's file: frames, each with a length, a checksum and the place up to which all was known to be on disk.
//!
//! A frame that does not check out may be the torn end of a last write, which nothing was promised upon; or it is damage.
//! Every frame says how far the file was synced when it was written, so the two are told apart: what lies before that
//! place was whole once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use tepui_agent_core::Record;
use tracing::{error, warn};

use super::codec;
use super::{COMPACTION_FACTOR, MIN_COMPACTION_BYTES};

/// Begins every frame, so that the next one is found behind a damaged one.
const MAGIC: [u8; 4] = *b"TpJ1";

/// Magic, length, checksum, synced up to.
const HEADER_BYTES: usize = 4 + 4 + 4 + 8;

/// The longest record that is believed.
const MAX_RECORD_BYTES: usize = 256 * 1024 * 1024;

/// What a journal's file holds.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) records: Vec<Record>,
    /// How many bytes are whole; what follows is torn.
    pub(crate) whole_bytes: u64,
    /// What is damaged, in words.
    pub(crate) damage: Vec<String>,
    /// There was a file.
    pub(crate) exists: bool,
}

/// Reads a journal; what is damaged is named, and the rest read.
pub(crate) fn read(path: &Path) -> io::Result<Contents> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
        Err(error) => return Err(error),
    };
    // One without a byte was made and never written to.
    Ok(if bytes.is_empty() { Contents::default() } else { parse(&bytes, path) })
}

fn parse(bytes: &[u8], path: &Path) -> Contents {
    let mut contents = Contents { exists: true, ..Contents::default() };
    let (mut at, mut synced, mut gaps) = (0, 0, Vec::new());
    while at < bytes.len() {
        let Some(frame) = frame_at(bytes, at) else {
            let next = (at + 1..bytes.len()).find(|next| frame_at(bytes, *next).is_some());
            gaps.push((at, next.unwrap_or(bytes.len())));
            let Some(next) = next else { break };
            at = next;
            continue;
        };
        synced = synced.max(frame.synced);
        match codec::decode(frame.payload) {
            Ok(record) => contents.records.push(record),
            Err(error) => {
                contents.damage.push(format!("the record at byte {at} of `{}`: {error}", path.display()));
            }
        }
        at += HEADER_BYTES + frame.payload.len();
        contents.whole_bytes = at as u64;
    }
    for (from, to) in gaps {
        // Nothing was promised upon what was not known to be on disk.
        if (from as u64) < synced {
            contents.damage.push(format!("bytes {from} to {to} of `{}` are damaged", path.display()));
        } else {
            let bytes = to - from;
            warn!(path = %path.display(), at = from, bytes, "the journal's end is torn; nothing was promised upon it");
        }
    }
    for damage in &contents.damage {
        error!("journal: {damage}");
    }
    contents
}

struct Frame<'a> {
    payload: &'a [u8],
    synced: u64,
}

fn frame_at(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let header = bytes.get(at..at.checked_add(HEADER_BYTES)?)?;
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let synced = rest.first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if *magic != MAGIC || length > MAX_RECORD_BYTES {
        return None;
    }
    let payload = bytes.get(at + HEADER_BYTES..(at + HEADER_BYTES).checked_add(length)?)?;
    let expected = checksum_of(*synced, payload);
    (u32::from_le_bytes(*checksum) == expected)
        .then(|| Frame { payload, synced: u64::from_le_bytes(*synced) })
}

fn checksum_of(synced: [u8; 8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&synced);
    hasher.update(payload);
    hasher.finalize()
}

/// Appends frames.
#[derive(Debug)]
pub(super) struct Appender {
    file: File,
    /// What is not written yet.
    buffer: Vec<u8>,
    bytes: u64,
    synced: u64,
    /// The file's size when it was last replaced.
    needed: u64,
}

impl Appender {
    /// Opens a file behind its last whole frame.
    pub(super) fn open(path: &Path, contents: &Contents) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // What is torn must not be taken for damage next time. Damage stays where it is.
        file.set_len(contents.whole_bytes)?;
        file.sync_all()?;
        sync_folder(path)?;
        let bytes = contents.whole_bytes;
        Ok(Self { file, buffer: Vec::new(), bytes, synced: bytes, needed: bytes / COMPACTION_FACTOR })
    }

    pub(super) fn add(&mut self, payload: &[u8]) {
        put(&mut self.buffer, payload, self.synced);
    }

    /// Writes what was added, and waits until it is on disk if asked to.
    pub(super) fn write(&mut self, syncs: bool) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_all(&self.buffer)?;
            self.bytes += self.buffer.len() as u64;
            self.buffer.clear();
        }
        if syncs {
            self.file.sync_data()?;
            self.synced = self.bytes;
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_worth_replacing(&self) -> bool {
        self.bytes > MIN_COMPACTION_BYTES && self.bytes / COMPACTION_FACTOR > self.needed
    }

    /// Replaces the whole file by these records, in one step.
    pub(super) fn replace(&mut self, path: &Path, payloads: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
        self.buffer.clear();
        let mut frames = Vec::new();
        payloads.for_each(|payload| put(&mut frames, &payload, 0));
        let fresh = path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(&frames)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        sync_folder(path)?;
        self.file = OpenOptions::new().append(true).open(path)?;
        self.bytes = frames.len() as u64;
        (self.synced, self.needed) = (self.bytes, self.bytes);
        Ok(())
    }
}

fn put(buffer: &mut Vec<u8>, payload: &[u8], synced: u64) {
    let synced = synced.to_le_bytes();
    let length = u32::try_from(payload.len()).expect("a record is shorter than a message of the link may be");
    buffer.extend_from_slice(&MAGIC);
    buffer.extend_from_slice(&length.to_le_bytes());
    buffer.extend_from_slice(&checksum_of(synced, payload).to_le_bytes());
    buffer.extend_from_slice(&synced);
    buffer.extend_from_slice(payload);
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tepui_types::FrameworkId;

    use super::*;

    fn record(name: &str) -> Record {
        Record::FrameworkRemoved(FrameworkId::new(name))
    }

    fn written(names: &[&str]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = Appender::open(&path, &Contents::default()).unwrap();
        for name in names {
            file.add(&codec::encode(&record(name)));
            file.write(true).unwrap();
        }
        (folder, path)
    }

    fn check(path: &Path, expected: &[&str], damaged: usize) {
        let contents = read(path).unwrap();
        assert_eq!(contents.records, expected.iter().map(|name| record(name)).collect::<Vec<_>>());
        assert_eq!(contents.damage.len(), damaged, "{:?}", contents.damage);
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path) = written(&["a", "b"]);
        check(&path, &["a", "b"], 0);
        check(Path::new("/no/such/journal"), &[], 0);
    }

    #[test]
    fn a_torn_end_is_no_damage_and_is_cut_off() {
        let (_folder, path) = written(&["a", "b"]);
        let whole = std::fs::read(&path).unwrap();
        let second = whole.len() / 2;
        for length in second + 1..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            check(&path, &["a"], 0);
            let mut file = Appender::open(&path, &read(&path).unwrap()).unwrap();
            file.add(&codec::encode(&record("c")));
            file.write(true).unwrap();
            check(&path, &["a", "c"], 0);
        }
    }

    #[test]
    fn damage_is_named_and_the_rest_is_read() {
        let (_folder, path) = written(&["a", "b", "c"]);
        let whole = std::fs::read(&path).unwrap();
        let third = whole.len() / 3;
        for at in third..2 * third {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            check(&path, &["a", "c"], 1);
        }
    }

    #[test]
    fn a_hole_in_what_was_not_synced_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut file = Appender::open(&path, &Contents::default()).unwrap();
        for (name, syncs) in [("a", true), ("b", false), ("c", false)] {
            file.add(&codec::encode(&record(name)));
            file.write(syncs).unwrap();
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let third = bytes.len() / 3;
        bytes[third..2 * third].fill(0);
        std::fs::write(&path, &bytes).unwrap();
        check(&path, &["a", "c"], 0);
    }

    #[test]
    fn a_snapshot_takes_the_place_of_all() {
        let (_folder, path) = written(&["a", "b"]);
        let mut file = Appender::open(&path, &read(&path).unwrap()).unwrap();
        file.replace(&path, [codec::encode(&record("s"))].into_iter()).unwrap();
        file.add(&codec::encode(&record("d")));
        file.write(true).unwrap();
        check(&path, &["s", "d"], 0);
    }
}
