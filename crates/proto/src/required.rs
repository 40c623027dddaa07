//! The required fields that a binary message lacks.
//!
//! prost never tells: it gives absent required fields their default. So the bytes are checked before they are decoded:
//! [`survey`] finds out, fast, whether all is well, and [`missing`] lists what is not, as protobuf's C++ library does.

use crate::descriptor::{FieldDescriptor, Kind, Label, MessageDescriptor};
use crate::json::JsonDialect;
use crate::wire_format::{Malformed, WireField, WireFields, WireValue};

/// How deeply messages may nest: as deeply as prost and protobuf's C++ library allow.
pub(crate) const DEPTH_LIMIT: usize = 100;

/// How many missing fields are listed: enough for any honest mistake, and a bound for a hostile one.
const MOST_LISTED: usize = 1000;

/// What a look over a message's bytes found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Some message in it may lack a required field.
    pub(crate) is_incomplete: bool,
    /// Some field has a value that prost refuses or misreads: an unnamed enum number, another wire type, a string that
    /// is no UTF-8.
    pub(crate) needs_mending: bool,
}

/// Looks over a message's bytes.
///
/// # Errors
/// They are malformed, or nest too deeply.
pub(crate) fn survey(
    descriptor: &MessageDescriptor,
    bytes: &[u8],
    depth: usize,
    found: &mut Survey,
) -> Result<(), Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    let mut seen = 0_u64;
    for wire_field in WireFields::new(bytes) {
        let wire_field = wire_field?;
        let Some((position, field)) = descriptor.field(wire_field.number) else { continue };
        if !is_known(field, &wire_field) {
            found.needs_mending = true;
            continue;
        }
        seen |= 1 << position;
        match (field.kind, wire_field.value) {
            (Kind::Message(inner) | Kind::Map(inner), WireValue::Bytes(bytes)) => {
                survey(inner, bytes, depth, found)?;
            }
            (Kind::String, WireValue::Bytes(bytes)) => {
                found.needs_mending |= std::str::from_utf8(bytes).is_err();
            }
            _ => {}
        }
    }
    found.is_incomplete |= seen & descriptor.required != descriptor.required;
    Ok(())
}

/// True if a field's bytes hold a value of its type.
pub(crate) fn is_known(field: &FieldDescriptor, wire_field: &WireField<'_>) -> bool {
    let is_packed = |field: &FieldDescriptor| field.label == Label::Repeated;
    match (field.kind, wire_field.value) {
        #[expect(clippy::cast_possible_truncation, reason = "as protobuf reads an enum")]
        (Kind::Enum(table), WireValue::Varint(number)) => table.contains(number as i32),
        (Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Bool, WireValue::Varint(_))
        | (Kind::Double, WireValue::Fixed64(_))
        | (Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Map(_), WireValue::Bytes(_)) => true,
        (
            Kind::Enum(_)
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Bool
            | Kind::Double,
            WireValue::Bytes(_),
        ) => is_packed(field),
        (_, WireValue::Varint(_) | WireValue::Fixed64(_) | WireValue::Fixed32 | WireValue::Group) => false,
    }
}

/// The dotted paths of all required fields that are missing; empty if `bytes` are malformed.
///
/// In each message its own come first, in the order of declaration, then those inside its fields, in the order of
/// their numbers. Elements of repeated fields are numbered: `accept.operations[0].launch`.
pub(crate) fn missing(descriptor: &MessageDescriptor, bytes: &[u8], dialect: JsonDialect) -> Vec<String> {
    let mut found = Survey::default();
    let is_sound = survey(descriptor, bytes, DEPTH_LIMIT, &mut found).is_ok();
    let mut paths = Vec::new();
    if is_sound && found.is_incomplete {
        let mut path = String::new();
        Collector { dialect, path: &mut path, paths: &mut paths }.message(descriptor, &[bytes]);
    }
    paths
}

struct Collector<'a> {
    dialect: JsonDialect,
    /// Where we are, with a dot at its end.
    path: &'a mut String,
    paths: &'a mut Vec<String>,
}

impl Collector<'_> {
    /// Lists what is missing in the message that `parts` make up together: a field that stands several times in the
    /// bytes is merged.
    fn message(&mut self, descriptor: &MessageDescriptor, parts: &[&[u8]]) {
        let mut seen = 0_u64;
        let mut inner: Vec<Vec<&[u8]>> = vec![Vec::new(); descriptor.fields.len()];
        for wire_field in parts.iter().flat_map(|part| WireFields::new(part)).flatten() {
            let Some((position, field)) = descriptor.field(wire_field.number) else { continue };
            if !is_known(field, &wire_field) {
                continue;
            }
            seen |= 1 << position;
            if let WireValue::Bytes(bytes) = wire_field.value {
                inner[position].push(bytes);
            }
        }
        for position in descriptor.declared {
            let field = &descriptor.fields[*position];
            if field.label == Label::Required && seen & (1 << position) == 0 && self.paths.len() < MOST_LISTED
            {
                self.paths.push(format!("{}{}", self.path, field.name(self.dialect)));
            }
        }
        for (field, values) in descriptor.fields.iter().zip(&inner) {
            let (Kind::Message(of) | Kind::Map(of)) = field.kind else { continue };
            if field.label == Label::Repeated {
                for (at, value) in values.iter().enumerate() {
                    self.below(&format!("{}[{at}].", field.name(self.dialect)), of, &[value]);
                }
            } else if !values.is_empty() {
                self.below(&format!("{}.", field.name(self.dialect)), of, values);
            }
        }
    }

    fn below(&mut self, step: &str, descriptor: &MessageDescriptor, parts: &[&[u8]]) {
        if self.paths.len() >= MOST_LISTED {
            return;
        }
        let len = self.path.len();
        self.path.push_str(step);
        self.message(descriptor, parts);
        self.path.truncate(len);
    }
}
