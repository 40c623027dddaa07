//! What was written last, to be copied if the same comes again.

/// A value's JSON, by the bytes of the value. Neighbours in a list are often alike: the tasks of an application have the same
/// resources, labels and checks, and to compare and copy is a tenth of the work of writing.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    value: Vec<u8>,
    json: Vec<u8>,
}

impl Memo {
    /// Appends the JSON of a value, which `write` appends if the last value was another one.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, value: &[u8], write: impl FnOnce(&mut Vec<u8>)) {
        if self.value == value && !self.json.is_empty() {
            out.extend_from_slice(&self.json);
            return;
        }
        let start = out.len();
        write(out);
        self.keep(value, &out[start..]);
    }

    fn keep(&mut self, value: &[u8], json: &[u8]) {
        self.value.clear();
        self.value.extend_from_slice(value);
        self.json.clear();
        self.json.extend_from_slice(json);
    }
}
