//! What a writer leaves in the registry's head.
//!
//! Every batch compares the head's revision and writes a mark there. So of all batches that were sent against one
//! revision at most one takes effect, however late each arrives; and if the comparison fails, the mark says whose batch
//! it was that took: ours, whose answer was lost, or another master's.

use std::hash::{BuildHasher as _, RandomState};

/// A writer's marks.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Distinguishes this writer from every other.
    writer: u64,
    count: u64,
}

impl Marks {
    /// The marks of a new writer.
    pub(crate) fn new() -> Self {
        Self { writer: RandomState::new().hash_one(std::process::id()), count: 0 }
    }

    /// A new mark, for an attempt that compares this revision.
    pub(crate) fn next(&mut self, revision: i64) -> String {
        self.count += 1;
        format!("{}{}", self.prefix(revision), self.count)
    }

    /// True if one of our own attempts that compared this revision left this mark.
    pub(crate) fn is_ours(&self, revision: i64, mark: &[u8]) -> bool {
        mark.starts_with(self.prefix(revision).as_bytes())
    }

    fn prefix(&self, revision: i64) -> String {
        format!("{:016x}.{revision}.", self.writer)
    }
}
