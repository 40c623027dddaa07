//! The fuzzer's bytes as a sequence of choices.

/// Bytes that are taken from the front. When they are used up, every choice is the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    rest: &'a [u8],
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// A number below `count`, or 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let choice = if count > 256 { usize::from(self.byte()) << 8 } else { 0 } | usize::from(self.byte());
        choice.checked_rem(count).unwrap_or(0)
    }

    /// True once in `of` times, and never at the end.
    pub(crate) fn once_in(&mut self, of: u8) -> bool {
        !self.is_empty() && self.byte() % of == of - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }

    pub(crate) fn number(&mut self) -> u64 {
        let mut bytes = [0; 8];
        bytes.fill_with(|| self.byte());
        u64::from_le_bytes(bytes)
    }

    /// As many bytes as the next one says.
    pub(crate) fn chunk(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (chunk, rest) = self.rest.split_at(length);
        self.rest = rest;
        chunk
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
