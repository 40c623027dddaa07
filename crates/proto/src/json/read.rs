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
            Node::Bool(value) => match field.kind {
                Kind::Bool => {
                    self.varint_field(field, u64::from(value));
                    Ok(())
                }
                _ => Err(self.unexpected("boolean", field)),
            },
            Node::Integer(_) | Node::Double(_) => self.number(field, self.document.node(at)),
            Node::String(text) => self.string(field, text),
            Node::Array { end } if field.label == Label::Repeated => {
                let document = self.document;
                document.children(at, end).try_for_each(|child| self.value(field, child))
            }
            Node::Array { .. } => Err(self.unexpected("array", field)),
            Node::Object { end } => match field.kind {
                Kind::Message(descriptor) => {
                    self.nested(field.number, |this| this.message(descriptor, at, end))
                }
                Kind::Map(entry) => self.map(field, entry, at, end),
                _ => Err(self.unexpected("object", field)),
            },
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

    fn number(&mut self, field: &FieldDescriptor, number: Node) -> Result<(), String> {
        // Compat: what does not fit is cut off, as a cast does; a fraction is dropped.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "Mesos casts")]
        #[expect(clippy::cast_precision_loss, reason = "Mesos casts")]
        let (double, signed, unsigned) = match number {
            Node::Integer(value) => (value as f64, value, value as u64),
            Node::Double(value) => (value, value as i64, value as u64),
            _ => return Err(self.unexpected("number", field)),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "Mesos casts")]
        match (field.kind, number) {
            (Kind::Double, _) => {
                self.key(field.number, 1);
                self.binary.extend_from_slice(&double.to_le_bytes());
            }
            (Kind::Int64, _) => self.varint_field(field, signed as u64),
            (Kind::Uint64, _) => self.varint_field(field, unsigned),
            (Kind::Int32, Node::Double(value)) => self.varint_field(field, i64::from(value as i32) as u64),
            (Kind::Int32, _) => self.varint_field(field, i64::from(signed as i32) as u64),
            (Kind::Uint32, Node::Double(value)) => self.varint_field(field, u64::from(value as u32)),
            (Kind::Uint32, _) => self.varint_field(field, u64::from(unsigned as u32)),
            _ => return Err(self.unexpected("number", field)),
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
            Kind::Double if bytes == b"Infinity" => self.number(field, Node::Double(f64::INFINITY))?,
            Kind::Double if bytes == b"-Infinity" => self.number(field, Node::Double(f64::NEG_INFINITY))?,
            Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => {
                let number = self.inner(field, text, "number", |node| {
                    matches!(node, Node::Integer(_) | Node::Double(_))
                })?;
                self.number(field, number)?;
            }
            Kind::Bool => {
                let inner = self.inner(field, text, "boolean", |node| matches!(node, Node::Bool(_)))?;
                self.varint_field(field, u64::from(inner == Node::Bool(true)));
            }
            Kind::Message(_) | Kind::Map(_) => return Err(self.unexpected("string", field)),
        }
        Ok(())
    }

    /// The scalar that a string spells.
    fn inner(
        &self,
        field: &FieldDescriptor,
        text: Text,
        wanted: &str,
        fits: fn(Node) -> bool,
    ) -> Result<Node, String> {
        let error = match parse::parse(self.document.bytes(text)) {
            Ok(inner) if fits(inner.node(0)) => return Ok(inner.node(0)),
            Ok(_) => "Unexpected JSON type parsed".to_owned(),
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
            #[expect(clippy::cast_sign_loss, reason = "negative enums are sign-extended on the wire")]
            Some(number) => self.varint_field(field, i64::from(number) as u64),
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

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
