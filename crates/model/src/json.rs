//! Writes JSON as Mesos' endpoints write it, straight into bytes: fields in the order of the calls, no white space.

use std::fmt::{self, Display, Write as _};

use tepui_proto::{write_json_string, write_json_whole};
use tepui_types::WallTime;

/// A value that can be written.
pub trait Value {
    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);
}

impl Value for str {
    fn write(&self, out: &mut Vec<u8>) {
        string(self, out);
    }
}

impl Value for String {
    fn write(&self, out: &mut Vec<u8>) {
        string(self, out);
    }
}

impl Value for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Value for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        number(*self, out);
    }
}

impl Value for usize {
    fn write(&self, out: &mut Vec<u8>) {
        text(self, out);
    }
}

impl Value for i32 {
    fn write(&self, out: &mut Vec<u8>) {
        text(self, out);
    }
}

impl Value for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        text(self, out);
    }
}

/// A point in time is a number of seconds since the epoch.
impl Value for WallTime {
    fn write(&self, out: &mut Vec<u8>) {
        number(self.as_secs_f64(), out);
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

/// Bytes that are shown as a JSON string as they are.
///
/// Compat: files need not be UTF-8, and readers count the bytes that they were given.
#[derive(Debug)]
pub struct Raw<'a>(pub &'a [u8]);

impl Value for Raw<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_json_string(out, self.0);
    }
}

/// Shows a value as a JSON string of its text.
#[derive(Debug)]
pub struct Text<T>(pub T);

impl<T: Display> Value for Text<T> {
    fn write(&self, out: &mut Vec<u8>) {
        string(&self.0.to_string(), out);
    }
}

/// A JSON object that is being written.
#[derive(Debug)]
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Writes a field with a plain value.
    pub fn field(&mut self, name: &str, value: impl Value) {
        self.name(name);
        value.write(self.out);
    }

    /// Writes a field whose value is an object.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        object(self.out, fill);
    }

    /// Writes a field whose value is an array.
    pub fn array(&mut self, name: &str, fill: impl FnOnce(&mut Array<'_>)) {
        self.name(name);
        array(self.out, fill);
    }

    /// Writes a field whose value `write` appends.
    pub fn raw(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        write(self.out);
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        string(name, self.out);
        self.out.push(b':');
    }
}

/// A JSON array that is being written.
#[derive(Debug)]
pub struct Array<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Array<'_> {
    /// Writes a plain element.
    pub fn element(&mut self, value: impl Value) {
        self.separate();
        value.write(self.out);
    }

    /// Writes an element that is an object.
    pub fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.separate();
        object(self.out, fill);
    }

    /// Hands over what has been written of the document, if that is enough to be worth it. To be called between elements.
    pub fn pass_on(&mut self, parts: &mut Parts<'_>) {
        parts.offer(self.out);
    }

    /// Writes an element that `write` appends.
    pub fn raw(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.separate();
        write(self.out);
    }

    fn separate(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }
}

/// How much makes a part: a connection takes as much at a time.
const PART_BYTES: usize = 64 * 1024;

/// Who gets the parts of a long document while it is being written.
pub struct Parts<'a>(Option<&'a mut dyn FnMut(Vec<u8>)>);

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Parts" } else { "whole" })
    }
}

impl<'a> Parts<'a> {
    /// Hands each part to `take`, in order; what is written last is not among them.
    pub fn new(take: &'a mut dyn FnMut(Vec<u8>)) -> Self {
        Self(Some(take))
    }

    /// Leaves the document whole.
    pub fn whole() -> Self {
        Self(None)
    }

    fn offer(&mut self, out: &mut Vec<u8>) {
        if let Some(take) = &mut self.0
            && out.len() >= PART_BYTES
        {
            take(std::mem::replace(out, Vec::with_capacity(PART_BYTES + PART_BYTES / 8)));
        }
    }
}

/// Appends an object.
pub fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out, empty: true });
    out.push(b'}');
}

/// Appends an array.
pub fn array(out: &mut Vec<u8>, fill: impl FnOnce(&mut Array<'_>)) {
    out.push(b'[');
    fill(&mut Array { out, empty: true });
    out.push(b']');
}

/// Formats a whole answer.
pub fn document(fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    document_in(Vec::with_capacity(4096), fill)
}

/// Formats a whole answer in memory that is there already.
pub fn document_in(mut out: Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    object(&mut out, fill);
    out
}

fn text(value: &impl Display, out: &mut Vec<u8>) {
    struct Bytes<'a>(&'a mut Vec<u8>);
    impl std::fmt::Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    write!(Bytes(out), "{value}").expect("writing to memory does not fail");
}

/// Appends a quoted string.
pub fn string(value: &str, out: &mut Vec<u8>) {
    write_json_string(out, value.as_bytes());
}

/// Appends a double: the shortest digits that read back the same, with a fraction always.
///
/// What JSON cannot say (infinities, no number) is zero.
pub fn number(value: f64, out: &mut Vec<u8>) {
    let value = if value.is_finite() { value } else { 0.0 };
    if write_json_whole(out, value) {
        return;
    }
    let mut buffer = ryu::Buffer::new();
    out.extend_from_slice(buffer.format_finite(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_written_as_mesos_writes_them() {
        let bytes = document(|object| {
            object.field("s", "a\"b\\c\n\u{1}/é");
            object.field("f", 4.0);
            object.field("t", WallTime::from_nanos(1_795_349_467_500_000_000));
            object.field("i", 7usize);
            object.array("a", |array| {
                array.element(true);
                array.object(|_| {});
            });
            object.object("o", |object| object.field("x", 0.01));
        });
        let expected =
            r#"{"s":"a\"b\\c\n\u0001/é","f":4.0,"t":1795349467.5,"i":7,"a":[true,{}],"o":{"x":0.01}}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
