//! Decoding the binary form as protobuf's C++ library would.

use std::borrow::Cow;

use crate::descriptor::{Kind, MessageDescriptor};
use crate::json::JsonDialect;
use crate::message::MesosMessage;
use crate::required::{self, DEPTH_LIMIT, Survey};
use crate::wire_format::{Malformed, WireFields, WireValue};

/// Bytes that are not the binary form of the wanted message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMessage {
    /// The bytes are not protobuf, or nest too deeply.
    #[error("malformed `{name}`")]
    NotProtobuf {
        /// The full name of the wanted message.
        name: &'static str,
    },
    /// Required fields are absent.
    #[error("`{name}` lacks required fields: {}", paths.join(", "))]
    MissingFields {
        /// The full name of the wanted message.
        name: &'static str,
        /// The dotted path of each.
        paths: Vec<String>,
    },
}

/// Decodes `bytes`, which need not be trusted.
pub(crate) fn decode_checked<T: MesosMessage>(bytes: &[u8]) -> Result<T, MalformedMessage> {
    let name = T::DESCRIPTOR.name;
    let not_protobuf = || MalformedMessage::NotProtobuf { name };
    let mut found = Survey::default();
    required::survey(T::DESCRIPTOR, bytes, DEPTH_LIMIT, &mut found).map_err(|_| not_protobuf())?;
    if found.is_incomplete {
        // The survey looks at each occurrence of a field alone; together they may be complete.
        let paths = required::missing(T::DESCRIPTOR, bytes, JsonDialect::V1);
        if !paths.is_empty() {
            return Err(MalformedMessage::MissingFields { name, paths });
        }
    }
    if T::KEEPS_BYTES || !found.needs_mending {
        return T::decode(bytes).map_err(|_| not_protobuf());
    }
    let mended = mend(T::DESCRIPTOR, bytes).map_err(|_| not_protobuf())?;
    T::decode(mended.as_slice()).map_err(|_| not_protobuf())
}

/// True if prost would refuse or misread what protobuf's C++ library takes.
pub(crate) fn needs_mending(descriptor: &MessageDescriptor, bytes: &[u8]) -> bool {
    let mut found = Survey::default();
    required::survey(descriptor, bytes, DEPTH_LIMIT, &mut found).is_ok() && found.needs_mending
}

/// Leaves out or replaces what prost refuses or misreads and protobuf's C++ library forgives: unnamed enum numbers and
/// values of another wire type count as unknown fields there, and strings may be any bytes.
///
/// What is to become a `Raw` stays as it is.
pub(crate) fn mend(descriptor: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut mended = Vec::with_capacity(bytes.len());
    for wire_field in WireFields::new(bytes) {
        let wire_field = wire_field?;
        let Some((_, field)) = descriptor.field(wire_field.number) else {
            mended.extend_from_slice(wire_field.bytes);
            continue;
        };
        if !required::is_known(field, &wire_field) {
            continue;
        }
        let replacement = match (field.kind, wire_field.value) {
            (Kind::Message(_), _) if field.is_raw => None,
            (Kind::Message(inner) | Kind::Map(inner), WireValue::Bytes(bytes)) => Some(mend(inner, bytes)?),
            (Kind::String, WireValue::Bytes(bytes)) => match String::from_utf8_lossy(bytes) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(text.into_bytes()),
            },
            _ => None,
        };
        match replacement {
            Some(value) => {
                prost::encoding::encode_key(
                    field.number,
                    prost::encoding::WireType::LengthDelimited,
                    &mut mended,
                );
                prost::encoding::encode_varint(value.len() as u64, &mut mended);
                mended.extend_from_slice(&value);
            }
            None => mended.extend_from_slice(wire_field.bytes),
        }
    }
    Ok(mended)
}
