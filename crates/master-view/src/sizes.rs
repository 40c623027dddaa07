//! How large the big answers were last.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The sizes of the big answers, so that the next one gets its memory at once: to grow by doubling copies what is there,
/// and touches as much memory again.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) get_state_json: Size,
    pub(crate) get_state_protobuf: Size,
    /// The list of tasks within that.
    pub(crate) tasks_protobuf: Size,
}

/// The size of one answer.
#[derive(Debug, Default)]
pub(crate) struct Size(AtomicUsize);

impl Size {
    /// Calls `render` with room for an answer that is a little larger than the last one, and remembers how large it is.
    pub(crate) fn render(&self, render: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
        let answer = render(Vec::with_capacity(self.capacity()));
        self.note(answer.len());
        answer
    }

    /// Room for a little more than last.
    pub(crate) fn capacity(&self) -> usize {
        let last = self.0.load(Ordering::Relaxed);
        last + last / 16 + 4096
    }

    pub(crate) fn note(&self, length: usize) {
        self.0.store(length, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_answer_does_not_grow() {
        let size = Size::default();
        assert_eq!(size.render(|_| vec![b' '; 100_000]).len(), 100_000);
        size.render(|out| {
            assert!(out.capacity() >= 100_000);
            out
        });
    }
}
