//! Writing JSON from the binary form: what the generated code writes of a decoded message, without decoding it.
//!
//! One pass over a message's bytes finds its fields. They are written in the order of declaration, which is nearly that of
//! the numbers, in which prost writes them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::write::{JsonValue, double, open, quoted, string};
use super::{JsonDialect, base64};
use crate::descriptor::{FieldDescriptor, Kind, Label, MessageDescriptor};
use crate::required::{DEPTH_LIMIT, is_known};
use crate::wire_format::{WireFields, WireValue};

/// Appends the JSON of a message of which `binary` is the form that prost writes.
pub(crate) fn write(descriptor: &MessageDescriptor, dialect: JsonDialect, binary: &[u8], out: &mut Vec<u8>) {
    Writer { dialect, out, found: Vec::with_capacity(64) }.message(descriptor, binary, DEPTH_LIMIT);
}

/// A field that was found in a message.
#[derive(Clone, Copy)]
struct Found<'a> {
    /// Its place in the order of declaration.
    rank: u8,
    value: WireValue<'a>,
}

struct Writer<'a, 'o> {
    dialect: JsonDialect,
    out: &'o mut Vec<u8>,
    /// The fields of the message that is being written, above those of the messages around it.
    found: Vec<Found<'a>>,
}

impl<'a> Writer<'a, '_> {
    fn message(&mut self, descriptor: &MessageDescriptor, binary: &'a [u8], depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        self.out.push(b'{');
        let base = self.found.len();
        let seen = self.find(descriptor, binary);
        let end = self.found.len();
        let mut at = base;
        if seen & descriptor.required == descriptor.required && !descriptor.has_defaults {
            while at < end {
                let field = &descriptor.fields[descriptor.declared[usize::from(self.found[at].rank)]];
                at = self.field(field, at, end, depth);
            }
        } else {
            for (rank, position) in descriptor.declared.iter().enumerate() {
                let field = &descriptor.fields[*position];
                if at < end && usize::from(self.found[at].rank) == rank {
                    at = self.field(field, at, end, depth);
                } else {
                    self.unset(field, depth);
                }
            }
        }
        self.found.truncate(base);
        self.out.push(b'}');
    }

    /// Finds the fields of a message that we know, in the order of declaration, and tells which they are.
    fn find(&mut self, descriptor: &MessageDescriptor, binary: &'a [u8]) -> u64 {
        let base = self.found.len();
        let (mut seen, mut last, mut is_sorted) = (0_u64, 0, true);
        for wire_field in WireFields::new(binary).map_while(Result::ok) {
            let Some((position, field)) = descriptor.field(wire_field.number) else { continue };
            if is_known(field, &wire_field) {
                seen |= 1 << position;
                let rank = descriptor.ranks[position];
                is_sorted &= last <= rank;
                last = rank;
                self.found.push(Found { rank, value: wire_field.value });
            }
        }
        if !is_sorted {
            self.found[base..].sort_by_key(|found| found.rank);
        }
        seen
    }

    /// Writes the field that was found at `at`, and gives the place after its last occurrence.
    fn field(&mut self, field: &FieldDescriptor, at: usize, end: usize, depth: usize) -> usize {
        let rank = self.found[at].rank;
        let mut next = at + 1;
        while next < end && self.found[next].rank == rank {
            next += 1;
        }
        if field.names[self.dialect as usize].is_none() {
            return next;
        }
        match (field.label, field.kind) {
            (Label::Repeated, Kind::Map(entry)) => self.map(field, entry, at..next, depth),
            (Label::Repeated, _) => self.repeated(field, at..next, depth),
            (Label::Optional | Label::Required, kind) => {
                let value = self.found[next - 1].value;
                if self.is_named(field, value) {
                    self.key(field);
                    self.value(kind, value, depth);
                } else {
                    self.unset(field, depth);
                }
            }
        }
        next
    }

    fn unset(&mut self, field: &FieldDescriptor, depth: usize) {
        if field.names[self.dialect as usize].is_none() {
            return;
        }
        let default = field.defaults[self.dialect as usize];
        if field.label == Label::Required {
            self.key(field);
            self.absent(field.kind, depth);
        } else if !default.is_empty() {
            self.key(field);
            self.out.extend_from_slice(default.as_bytes());
        }
    }

    fn repeated(&mut self, field: &FieldDescriptor, places: Range<usize>, depth: usize) {
        let mut is_empty = true;
        for at in places {
            let value = self.found[at].value;
            if !self.is_named(field, value) {
                continue;
            }
            if is_empty {
                self.key(field);
            }
            self.out.push(if is_empty { b'[' } else { b',' });
            is_empty = false;
            self.value(field.kind, value, depth);
        }
        if !is_empty {
            self.out.push(b']');
        }
    }

    /// A map, by its keys: what is only passed along has entries in any order. Both parts are left out where they are zero.
    fn map(
        &mut self,
        field: &FieldDescriptor,
        entry: &MessageDescriptor,
        places: Range<usize>,
        depth: usize,
    ) {
        let [key, value] = entry.fields else { return };
        let mut entries: BTreeMap<&[u8], Option<WireValue<'a>>> = BTreeMap::new();
        for found in &self.found[places] {
            let WireValue::Bytes(bytes) = found.value else { continue };
            let (mut name, mut content): (&[u8], _) = (b"", None);
            for part in WireFields::new(bytes).map_while(Result::ok) {
                if part.number == value.number && is_known(value, &part) {
                    content = Some(part.value);
                } else if part.number == key.number
                    && let WireValue::Bytes(text) = part.value
                {
                    name = text;
                }
            }
            entries.insert(name, content);
        }
        self.key(field);
        for (at, (name, content)) in entries.into_iter().enumerate() {
            self.out.push(if at == 0 { b'{' } else { b',' });
            self.value(key.kind, WireValue::Bytes(name), depth);
            self.out.push(b':');
            match content {
                Some(content) => self.value(value.kind, content, depth),
                None => self.absent(value.kind, depth),
            }
        }
        self.out.push(b'}');
    }

    fn key(&mut self, field: &FieldDescriptor) {
        open(self.out, b"");
        quoted(self.out, field.name(self.dialect));
        self.out.push(b':');
    }

    /// An enum's number that has no name in the dialect counts as unset.
    fn is_named(&self, field: &FieldDescriptor, value: WireValue<'_>) -> bool {
        match (field.kind, value) {
            (Kind::Enum(table), WireValue::Varint(number)) => {
                table.name_of(self.dialect, low(number)).is_some()
            }
            _ => true,
        }
    }

    fn value(&mut self, kind: Kind, value: WireValue<'a>, depth: usize) {
        match (kind, value) {
            (Kind::Message(inner), WireValue::Bytes(bytes)) => self.message(inner, bytes, depth),
            (Kind::String, WireValue::Bytes(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => string(self.out, text),
                Err(_) => string(self.out, &String::from_utf8_lossy(bytes)),
            },
            (Kind::Bytes, WireValue::Bytes(bytes)) => {
                self.out.push(b'"');
                base64::encode(bytes, self.out);
                self.out.push(b'"');
            }
            (Kind::Double, WireValue::Fixed64(bits)) => double(self.out, f64::from_bits(bits)),
            (Kind::Int32, WireValue::Varint(number)) => low(number).write(self.dialect, self.out),
            (Kind::Int64, WireValue::Varint(number)) => {
                number.cast_signed().write(self.dialect, self.out);
            }
            (Kind::Uint32, WireValue::Varint(number)) => {
                low(number).cast_unsigned().write(self.dialect, self.out);
            }
            (Kind::Uint64, WireValue::Varint(number)) => number.write(self.dialect, self.out),
            (Kind::Bool, WireValue::Varint(number)) => (number != 0).write(self.dialect, self.out),
            (Kind::Enum(table), WireValue::Varint(number)) => {
                quoted(self.out, table.name_of(self.dialect, low(number)).unwrap_or_default());
            }
            (_, _) => self.absent(kind, depth),
        }
    }

    /// What stands for a value that must be there and is not.
    fn absent(&mut self, kind: Kind, depth: usize) {
        match kind {
            Kind::Message(inner) => self.message(inner, &[], depth),
            Kind::Map(_) => self.out.extend_from_slice(b"{}"),
            Kind::String | Kind::Bytes => self.out.extend_from_slice(b"\"\""),
            Kind::Double => self.out.extend_from_slice(b"0.0"),
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => self.out.push(b'0'),
            Kind::Bool => self.out.extend_from_slice(b"false"),
            Kind::Enum(table) => {
                quoted(self.out, table.name_of(self.dialect, table.first).unwrap_or_default());
            }
        }
    }
}

/// A number of 32 bits, as protobuf reads it.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf reads a number of 32 bits")]
fn low(number: u64) -> i32 {
    number as i32
}
