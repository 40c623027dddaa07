//! Writing JSON: what the generated code calls for each field.
//!
//! Every function here appends a key and a value to an object that has been opened; `key` is quoted and ends in a
//! colon.

use std::collections::BTreeMap;

use super::{JsonDialect, base64};
use crate::descriptor::EnumDescriptor;
use crate::message::MesosMessage;

/// A value that can stand in an object or array.
pub(crate) trait JsonValue {
    fn write(&self, dialect: JsonDialect, out: &mut Vec<u8>);
}

impl<T: MesosMessage> JsonValue for T {
    fn write(&self, dialect: JsonDialect, out: &mut Vec<u8>) {
        self.write_json(dialect, out);
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {
        $(impl JsonValue for $integer {
            fn write(&self, _: JsonDialect, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })*
    };
}

integers!(i32, i64, u32, u64);

impl JsonValue for bool {
    fn write(&self, _: JsonDialect, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl JsonValue for String {
    fn write(&self, _: JsonDialect, out: &mut Vec<u8>) {
        string(out, self);
    }
}

impl JsonValue for Vec<u8> {
    fn write(&self, _: JsonDialect, out: &mut Vec<u8>) {
        out.push(b'"');
        base64::encode(self, out);
        out.push(b'"');
    }
}

impl JsonValue for f64 {
    fn write(&self, _: JsonDialect, out: &mut Vec<u8>) {
        double(out, *self);
    }
}

/// Begins a member.
pub(super) fn open(out: &mut Vec<u8>, key: &[u8]) {
    // Only an object's own brace can come before its first member.
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(key);
}

pub(crate) fn required(out: &mut Vec<u8>, dialect: JsonDialect, key: &[u8], value: &impl JsonValue) {
    open(out, key);
    value.write(dialect, out);
}

pub(crate) fn optional(out: &mut Vec<u8>, dialect: JsonDialect, key: &[u8], value: Option<&impl JsonValue>) {
    if let Some(value) = value {
        required(out, dialect, key, value);
    }
}

/// As [`optional`], but an unset field shows `default`, unless that is empty.
pub(crate) fn optional_or(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    value: Option<&impl JsonValue>,
    default: &[u8],
) {
    match value {
        Some(value) => required(out, dialect, key, value),
        None if default.is_empty() => {}
        None => {
            open(out, key);
            out.extend_from_slice(default);
        }
    }
}

/// A field of a proto3 message, which is unset when it is zero.
pub(crate) fn non_zero<T: JsonValue + Default + PartialEq>(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    value: &T,
) {
    if *value != T::default() {
        required(out, dialect, key, value);
    }
}

pub(crate) fn repeated(out: &mut Vec<u8>, dialect: JsonDialect, key: &[u8], values: &[impl JsonValue]) {
    if values.is_empty() {
        return;
    }
    open(out, key);
    out.push(b'[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        value.write(dialect, out);
    }
    out.push(b']');
}

pub(crate) fn map(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    entries: &BTreeMap<String, impl JsonValue>,
) {
    if entries.is_empty() {
        return;
    }
    open(out, key);
    out.push(b'{');
    for (at, (name, value)) in entries.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        value.write(dialect, out);
    }
    out.push(b'}');
}

/// An optional enum. A number without a name in `dialect` counts as unset, as it does in proto2.
pub(crate) fn enumeration(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    table: &EnumDescriptor,
    value: Option<i32>,
    default: Option<&[u8]>,
) {
    if let Some(name) = value.and_then(|number| table.name_of(dialect, number)) {
        open(out, key);
        quoted(out, name);
    } else if let Some(default) = default {
        open(out, key);
        out.extend_from_slice(default);
    }
}

pub(crate) fn required_enumeration(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    table: &EnumDescriptor,
    value: i32,
) {
    let first = || table.name_of(dialect, table.first).unwrap_or_default();
    open(out, key);
    quoted(out, table.name_of(dialect, value).unwrap_or_else(first));
}

pub(crate) fn repeated_enumeration(
    out: &mut Vec<u8>,
    dialect: JsonDialect,
    key: &[u8],
    table: &EnumDescriptor,
    values: &[i32],
) {
    let mut names = values.iter().filter_map(|number| table.name_of(dialect, *number)).peekable();
    if names.peek().is_none() {
        return;
    }
    open(out, key);
    for (at, name) in names.enumerate() {
        out.push(if at == 0 { b'[' } else { b',' });
        quoted(out, name);
    }
    out.push(b']');
}

/// A name that needs no escapes.
pub(super) fn quoted(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// Appends a JSON string of these bytes.
///
/// Compat: `/` and what is beyond ASCII stand for themselves.
pub fn write_json_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        escape(out, bytes);
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| is_escaped(*byte)) {
        let byte = rest[at];
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            _ => {
                let [high, low] = [byte >> 4, byte & 0xf].map(|digit| HEX[usize::from(digit)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', letter]);
    }
    out.extend_from_slice(rest);
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

/// Claims that no byte must be escaped: no quote, no backslash, no control character. Eight bytes are looked at together:
/// strings are most of what is written, and hardly any has such a byte.
fn is_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else { return !bytes.iter().any(|byte| is_escaped(*byte)) };
    let (words, _) = bytes.as_chunks::<8>();
    // The last word may overlap the one before it, which does no harm.
    let found = words.iter().fold(0, |found, word| found | escaped(*word));
    found | escaped(*last) == 0
}

/// Not zero if any of eight bytes must be escaped.
fn escaped(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    // Of a word of bytes below 128: subtracting borrows out of each byte that is smaller, and zero is smaller than one.
    let smaller = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word & HIGHS;
    let of = |byte: u8| word ^ (ONES * u64::from(byte));
    smaller(word, 0x20) | smaller(of(b'"'), 1) | smaller(of(b'\\'), 1)
}

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    write_json_string(out, text.as_bytes());
}

/// Appends a whole number as a double is written, if that is what `value` is: most amounts are, and then no digits need to
/// be found.
pub fn write_json_whole(out: &mut Vec<u8>, value: f64) -> bool {
    // Beyond, doubles are written with exponents. Negative zero keeps its sign.
    const LIMIT: f64 = 1e15;
    if value.abs() >= LIMIT || (value == 0.0 && value.is_sign_negative()) {
        return false;
    }
    #[expect(clippy::cast_possible_truncation, reason = "what was cut off is looked at")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, reason = "it is below the limit")]
    #[expect(clippy::float_cmp, reason = "they are the same or not")]
    let is_whole = whole as f64 == value;
    if is_whole {
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        out.extend_from_slice(b".0");
    }
    is_whole
}

/// The shortest digits that read back as the same number, laid out as rapidjson does, which Mesos uses.
///
/// Of several digits that would do in the last place (the 16th or 17th) rapidjson does not always take the nearest.
pub(super) fn double(out: &mut Vec<u8>, value: f64) {
    if write_json_whole(out, value) {
        return;
    }
    if !value.is_finite() {
        // Mesos would abort here. JSON has no infinity, but Mesos reads these names in a double's place.
        out.extend_from_slice(match (value.is_nan(), value > 0.0) {
            (true, _) => b"null",
            (false, true) => b"\"Infinity\"",
            (false, false) => b"\"-Infinity\"",
        });
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    // Both use exponents for very small and very large numbers, but draw the lines elsewhere.
    match text.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse().ok()?))) {
        None => out.extend_from_slice(text.as_bytes()),
        Some((digits, exponent)) => scientific(out, digits, exponent),
    }
}

/// Lays out `digits` (`d` or `d.ddd`, maybe with a sign) times ten to the power of `exponent`.
fn scientific(out: &mut Vec<u8>, digits: &str, exponent: i32) {
    const SMALLEST_PLAIN: i32 = -6;
    const LARGEST_PLAIN: i32 = 20;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    out.extend_from_slice(sign.as_bytes());
    let all: Vec<u8> = digits.bytes().filter(|byte| *byte != b'.').collect();
    match exponent {
        SMALLEST_PLAIN..0 => {
            out.extend_from_slice(b"0.");
            out.extend((exponent + 1..0).map(|_| b'0'));
            out.extend_from_slice(&all);
        }
        0..=LARGEST_PLAIN => {
            let whole = usize::try_from(exponent).unwrap_or_default() + 1;
            let (before, after) = all.split_at(whole.min(all.len()));
            out.extend_from_slice(before);
            out.extend((before.len()..whole).map(|_| b'0'));
            out.push(b'.');
            out.extend_from_slice(if after.is_empty() { b"0" } else { after });
        }
        _ => {
            out.extend_from_slice(digits.as_bytes());
            out.push(b'e');
            out.extend_from_slice(itoa::Buffer::new().format(exponent).as_bytes());
        }
    }
}
