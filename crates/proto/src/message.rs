//! What every Mesos message can do beyond prost's binary form.

use prost::Message;

use crate::decode::{self, MalformedMessage};
use crate::descriptor::MessageDescriptor;
use crate::json::{JsonDialect, JsonError, binary, read};

/// A message of Mesos, in both of its encodings.
///
/// Decode what came from outside with [`Self::decode_checked`], never with prost's `decode`: prost gives required
/// fields that are absent their default.
pub trait MesosMessage: Message + Default {
    /// The message's fields.
    const DESCRIPTOR: &'static MessageDescriptor;

    /// True for a [`Raw`](crate::Raw), which forgives while it decodes and must get the bytes as they came.
    const KEEPS_BYTES: bool = false;

    /// Appends the message's JSON, on one line.
    fn write_json(&self, dialect: JsonDialect, out: &mut Vec<u8>);

    /// The message's JSON, on one line.
    fn to_json(&self, dialect: JsonDialect) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len() * 2);
        self.write_json(dialect, &mut out);
        out
    }

    /// Appends the JSON of the message whose binary form this is, on one line, without decoding it.
    ///
    /// `binary` must be as [`Message::encode`] writes it. What is not is shown as if parts of it were missing.
    fn write_json_of(dialect: JsonDialect, binary: &[u8], out: &mut Vec<u8>) {
        binary::write(Self::DESCRIPTOR, dialect, binary, out);
    }

    /// Reads JSON as leniently as Mesos does.
    ///
    /// # Errors
    /// The text is no JSON, or says something that the message cannot hold, or lacks required fields.
    fn from_json(dialect: JsonDialect, text: &[u8]) -> Result<Self, JsonError> {
        let binary = read::to_binary(Self::DESCRIPTOR, dialect, text)?;
        Self::decode(binary.as_slice()).map_err(|error| JsonError::Schema(error.to_string()))
    }

    /// Decodes the binary form and refuses what lacks a required field.
    ///
    /// # Errors
    /// The bytes are malformed, or required fields are missing.
    fn decode_checked(bytes: &[u8]) -> Result<Self, MalformedMessage> {
        decode::decode_checked(bytes)
    }

    /// The full protobuf name, as in `mesos.v1.Offer`.
    fn full_name() -> &'static str {
        Self::DESCRIPTOR.name
    }
}

impl<T: MesosMessage> MesosMessage for Box<T> {
    const DESCRIPTOR: &'static MessageDescriptor = T::DESCRIPTOR;

    fn write_json(&self, dialect: JsonDialect, out: &mut Vec<u8>) {
        T::write_json(self, dialect, out);
    }
}

#[cfg(test)]
mod tests;
