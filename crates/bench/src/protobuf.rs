//! Protobuf by hand: load must be cheap, so we write and read only the fields that matter, without making messages.

/// Appends a base-128 number.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a field that holds a number, a boolean or an enum.
pub(crate) fn number(out: &mut Vec<u8>, tag: u32, value: u64) {
    varint(out, u64::from(tag << 3));
    varint(out, value);
}

/// Appends a field that holds a double.
pub(crate) fn double(out: &mut Vec<u8>, tag: u32, value: f64) {
    varint(out, u64::from(tag << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field that holds text, bytes or a whole message.
pub(crate) fn bytes(out: &mut Vec<u8>, tag: u32, value: &[u8]) {
    varint(out, u64::from(tag << 3 | 2));
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a message field that `write` fills.
pub(crate) fn message(out: &mut Vec<u8>, tag: u32, write: impl FnOnce(&mut Vec<u8>)) {
    varint(out, u64::from(tag << 3 | 2));
    let length_at = out.len();
    // Almost all nested messages take two bytes for their length; a longer form of a short length is valid too.
    out.extend_from_slice(&[0x80, 0x80, 0]);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    assert!(length < 1 << 21, "a nested message of the load is small");
    out[length_at] = 0x80 | length.to_le_bytes()[0] & 0x7f;
    out[length_at + 1] = 0x80 | (length >> 7).to_le_bytes()[0] & 0x7f;
    out[length_at + 2] = (length >> 14).to_le_bytes()[0] & 0x7f;
}

/// Appends an id message: `{1: value}`.
pub(crate) fn id(out: &mut Vec<u8>, tag: u32, value: &[u8]) {
    message(out, tag, |out| bytes(out, 1, value));
}

/// A field's content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A number.
    Number(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
}

/// The fields of a message; stops at what makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.0 = &self.0[index + 1..];
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => {
                let (head, rest) = self.0.split_first_chunk::<8>()?;
                self.0 = rest;
                Value::Fixed64(u64::from_le_bytes(*head))
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (head, rest) = self.0.split_at_checked(length)?;
                self.0 = rest;
                Value::Bytes(head)
            }
            5 => {
                let (head, rest) = self.0.split_first_chunk::<4>()?;
                self.0 = rest;
                Value::Number(u64::from(u32::from_le_bytes(*head)))
            }
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

/// The first field of this number that holds bytes, at the end of a path of nested messages.
pub(crate) fn find<'a>(bytes: &'a [u8], path: &[u64]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, tag| {
        Fields(bytes).find_map(|(number, value)| match value {
            Value::Bytes(bytes) if number == *tag => Some(bytes),
            Value::Bytes(_) | Value::Number(_) | Value::Fixed64(_) => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found() {
        let mut out = Vec::new();
        number(&mut out, 1, 300);
        message(&mut out, 2, |out| {
            id(out, 3, b"task");
            double(out, 4, 1.5);
        });
        let fields: Vec<_> = Fields(&out).collect();
        assert_eq!(fields[0], (1, Value::Number(300)));
        assert_eq!(find(&out, &[2, 3, 1]), Some(&b"task"[..]));
        assert_eq!(find(&out, &[2, 5]), None);
    }
}
