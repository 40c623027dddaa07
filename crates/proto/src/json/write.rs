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
fn open(out: &mut Vec<u8>, key: &[u8]) {
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
fn quoted(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// For each byte the letter of its escape, `u` for the long form, 0 for none.
static ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 0x20 {
        table[at] = b'u';
        at += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

fn string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = text.as_bytes();
    let mut plain = 0;
    out.push(b'"');
    for (at, byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            out.extend_from_slice(b"00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]]);
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// The shortest digits that read back as the same number, laid out as rapidjson does, which Mesos uses.
///
/// Of several digits that would do in the last place (the 16th or 17th) rapidjson does not always take the nearest.
fn double(out: &mut Vec<u8>, value: f64) {
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
