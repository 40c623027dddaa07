//! From JSON to the binary form, by the descriptors.
//!
//! Compat: Mesos parses the whole text first, then visits the members of each object in the order of their names, and
//! looks for missing required fields last. The first error it meets is the one it tells.

use super::document::{Document, Node, Text};
use super::{JsonDialect, JsonError, base64, parse};
use crate::descriptor::{EnumDescriptor, FieldDescriptor, Kind, Label, MessageDescriptor};
use crate::required;

/// More fields than any message has.
pub(crate) const MAX_FIELDS: usize = 64;

/// The binary form of a JSON text, complete in its required fields.
pub(crate) fn to_binary(
    descriptor: &MessageDescriptor,
    dialect: JsonDialect,
    text: &[u8],
) -> Result<Vec<u8>, JsonError> {
    let document = parse::parse(text).map_err(JsonError::Syntax)?;
    let Node::Object { end } = document.node(0) else {
        return Err(JsonError::Schema("Expecting a JSON object".to_owned()));
    };
    let mut transcoder =
        Transcoder { document: &document, dialect, by_name: false, binary: Vec::with_capacity(text.len()) };
    if transcoder.message(descriptor, 0, end).is_err() {
        // The order of the names decides which of several errors is told.
        transcoder.by_name = true;
        transcoder.binary.clear();
        transcoder.message(descriptor, 0, end).map_err(JsonError::Schema)?;
    }
    let missing = required::missing(descriptor, &transcoder.binary, dialect);
    if missing.is_empty() {
        return Ok(transcoder.binary);
    }
    Err(JsonError::Schema(format!("Missing required fields: {}", missing.join(", "))))
}

struct Transcoder<'a> {
    document: &'a Document<'a>,
    dialect: JsonDialect,
    /// Visit fields in the order of their names, and not of their numbers.
    by_name: bool,
    binary: Vec<u8>,
}

impl Transcoder<'_> {
    /// Appends the fields of the object at `at`, which ends at `end`.
    fn message(&mut self, descriptor: &MessageDescriptor, at: u32, end: u32) -> Result<(), String> {
        // Where the value of each field is; the last of several wins. Node 0 is nobody's value.
        let mut values = [0_u32; MAX_FIELDS];
        let document = self.document;
        for (name, value) in document.members(at, end) {
            if let Some(position) = descriptor.position(self.dialect, name) {
                values[position] = value;
            }
        }
        // The last member of a oneof wins, so there the order of names counts even without an error.
        if self.by_name || descriptor.has_oneof {
            for position in descriptor.sorted[self.dialect as usize] {
                self.field(&descriptor.fields[*position], values[*position])?;
            }
        } else {
            for (field, value) in descriptor.fields.iter().zip(values) {
                self.field(field, value)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptor, value: u32) -> Result<(), String> {
        if value == 0 { Ok(()) } else { self.value(field, value) }
    }

    fn value(&mut self, field: &FieldDescriptor, at: u32) -> Result<(), String> {
        match self.document.node(at) {
            Node::Null => Ok(()),
            Node::Bool(value) if matches!(field.kind, Kind::Bool) => {
                self.varint_field(field, u64::from(value));
                Ok(())
            }
            Node::Bool(_) => Err(self.unexpected("boolean", field)),
            Node::Integer(value) => self.number(field, Number::Integer(value)),
            Node::Double(value) => self.number(field, Number::Double(value)),
            Node::String(text) => self.string(field, text),
            Node::Array { end } if field.label == Label::Repeated => {
                let document = self.document;
                document.children(at, end).try_for_each(|child| self.value(field, child))
            }
            Node::Array { .. } => Err(self.unexpected("array", field)),
            Node::Object { end } => {
                if let Kind::Message(descriptor) = field.kind {
                    self.nested(field.number, |this| this.message(descriptor, at, end))
                } else if let Kind::Map(entry) = field.kind {
                    self.map(field, entry, at, end)
                } else {
                    Err(self.unexpected("object", field))
                }
            }
        }
    }

    fn map(
        &mut self,
        field: &FieldDescriptor,
        entry: &MessageDescriptor,
        at: u32,
        end: u32,
    ) -> Result<(), String> {
        let document = self.document;
        let mut members: Vec<_> = document.members(at, end).collect();
        members.sort_by(|left, right| left.0.cmp(right.0));
        for (position, (name, value)) in members.iter().enumerate() {
            if members.get(position + 1).is_some_and(|next| next.0 == *name) {
                continue;
            }
            self.nested(field.number, |this| {
                this.bytes_field(&entry.fields[0], String::from_utf8_lossy(name).as_bytes());
                this.value(&entry.fields[1], *value)
            })?;
        }
        Ok(())
    }

    fn number(&mut self, field: &FieldDescriptor, number: Number) -> Result<(), String> {
        match field.kind {
            Kind::Double => {
                self.key(field.number, 1);
                self.binary.extend_from_slice(&number.to_f64().to_le_bytes());
            }
            Kind::Int32 => self.varint_field(field, sign_extended(number.to_i32())),
            Kind::Uint32 => self.varint_field(field, u64::from(number.to_u32())),
            Kind::Int64 => self.varint_field(field, number.to_i64().cast_unsigned()),
            Kind::Uint64 => self.varint_field(field, number.to_u64()),
            Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Message(_) | Kind::Map(_) => {
                return Err(self.unexpected("number", field));
            }
        }
        Ok(())
    }

    fn string(&mut self, field: &FieldDescriptor, text: Text) -> Result<(), String> {
        let document = self.document;
        let bytes = document.bytes(text);
        match field.kind {
            Kind::String => match std::str::from_utf8(bytes) {
                Ok(_) => self.bytes_field(field, bytes),
                // Compat: Mesos takes any bytes; a Rust string does not.
                Err(_) => self.bytes_field(field, document.lossy(text).as_bytes()),
            },
            Kind::Bytes => {
                let decode = |this: &mut Self| base64::decode(bytes, &mut this.binary);
                self.nested(field.number, decode).map_err(|invalid| {
                    let invalid = String::from_utf8_lossy(&[invalid]).into_owned();
                    let field = field.name(self.dialect);
                    format!("Failed to base64 decode bytes field '{field}': Invalid character '{invalid}'")
                })?;
            }
            Kind::Enum(table) => return self.enumeration(field, table, text),
            Kind::Double if bytes == b"Infinity" => self.number(field, Number::Double(f64::INFINITY))?,
            Kind::Double if bytes == b"-Infinity" => self.number(field, Number::Double(f64::NEG_INFINITY))?,
            Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                let number = self.spelled(field, text, "number", |node| match node {
                    Node::Integer(value) => Some(Number::Integer(value)),
                    Node::Double(value) => Some(Number::Double(value)),
                    Node::Null
                    | Node::Bool(_)
                    | Node::String(_)
                    | Node::Array { .. }
                    | Node::Object { .. } => None,
                })?;
                self.number(field, number)?;
            }
            Kind::Bool => {
                let value = self.spelled(field, text, "boolean", |node| match node {
                    Node::Bool(value) => Some(value),
                    Node::Null
                    | Node::Integer(_)
                    | Node::Double(_)
                    | Node::String(_)
                    | Node::Array { .. }
                    | Node::Object { .. } => None,
                })?;
                self.varint_field(field, u64::from(value));
            }
            Kind::Message(_) | Kind::Map(_) => return Err(self.unexpected("string", field)),
        }
        Ok(())
    }

    /// The scalar that a string spells.
    fn spelled<T>(
        &self,
        field: &FieldDescriptor,
        text: Text,
        wanted: &str,
        pick: fn(Node) -> Option<T>,
    ) -> Result<T, String> {
        let error = match parse::parse(self.document.bytes(text)) {
            Ok(inner) => match pick(inner.node(0)) {
                Some(value) => return Ok(value),
                None => "Unexpected JSON type parsed".to_owned(),
            },
            Err(error) => error,
        };
        let (text, field) = (self.document.lossy(text), field.name(self.dialect));
        Err(format!("Failed to parse '{text}' as a JSON {wanted} for field '{field}': {error}"))
    }

    fn enumeration(
        &mut self,
        field: &FieldDescriptor,
        table: &EnumDescriptor,
        text: Text,
    ) -> Result<(), String> {
        match table.number_of(self.dialect, self.document.bytes(text)) {
            Some(number) => self.varint_field(field, sign_extended(number)),
            None if field.label == Label::Required => {
                return Err(format!("Failed to find enum for '{}'", self.document.lossy(text)));
            }
            // Compat: a name of a newer Mesos leaves the field unset.
            None => {}
        }
        Ok(())
    }

    fn unexpected(&self, found: &str, field: &FieldDescriptor) -> String {
        format!("Not expecting a JSON {found} for field '{}'", field.name(self.dialect))
    }

    fn key(&mut self, number: u32, wire_type: u32) {
        varint(&mut self.binary, u64::from(number << 3 | wire_type));
    }

    fn varint_field(&mut self, field: &FieldDescriptor, value: u64) {
        self.key(field.number, 0);
        varint(&mut self.binary, value);
    }

    fn bytes_field(&mut self, field: &FieldDescriptor, bytes: &[u8]) {
        self.key(field.number, 2);
        varint(&mut self.binary, bytes.len() as u64);
        self.binary.extend_from_slice(bytes);
    }

    /// A field whose length is known only once its content is written.
    fn nested<E>(&mut self, number: u32, content: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.key(number, 2);
        let start = self.binary.len();
        self.binary.push(0);
        content(self)?;
        let len = self.binary.len() - start - 1;
        if let Ok(short @ 0..0x80) = u8::try_from(len) {
            self.binary[start] = short;
        } else {
            let mut prefix = Vec::with_capacity(10);
            varint(&mut prefix, len as u64);
            self.binary.splice(start..=start, prefix);
        }
        Ok(())
    }
}

/// A JSON number, to be cast as C++ casts.
///
/// Compat: what does not fit is cut off. From a double, that is undefined in C++; here the nearest that fits is taken.
#[derive(Clone, Copy)]
enum Number {
    Integer(i64),
    Double(f64),
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "Mesos casts"
)]
impl Number {
    fn to_f64(self) -> f64 {
        match self {
            Self::Integer(value) => value as f64,
            Self::Double(value) => value,
        }
    }

    fn to_i32(self) -> i32 {
        match self {
            Self::Integer(value) => value as i32,
            Self::Double(value) => value as i32,
        }
    }

    fn to_u32(self) -> u32 {
        match self {
            Self::Integer(value) => value as u32,
            Self::Double(value) => value as u32,
        }
    }

    fn to_i64(self) -> i64 {
        match self {
            Self::Integer(value) => value,
            Self::Double(value) => value as i64,
        }
    }

    fn to_u64(self) -> u64 {
        match self {
            Self::Integer(value) => value as u64,
            Self::Double(value) => value as u64,
        }
    }
}

/// How a negative 32-bit number stands in a varint.
fn sign_extended(number: i32) -> u64 {
    i64::from(number).cast_unsigned()
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
