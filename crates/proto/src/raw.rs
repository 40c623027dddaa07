//! A message that is passed along: its meaning for us, and its bytes for the next reader.

use std::ops::Deref;

use bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};

use crate::decode;
use crate::descriptor::MessageDescriptor;
use crate::json::JsonDialect;
use crate::message::MesosMessage;
use crate::wire_format::WireFields;

/// A decoded message that remembers the bytes it was decoded from, unknown fields included.
///
/// prost drops fields that it does not know, so a `TaskInfo` of a newer client would lose some on its way from
/// scheduler to executor. Read through `Deref`; encoding writes the remembered bytes.
#[derive(Clone, Debug)]
pub struct Raw<T> {
    value: T,
    /// `None` when the message was made here: then `value` is all there is.
    bytes: Option<Vec<u8>>,
}

impl<T: MesosMessage> Raw<T> {
    /// The decoded message, without what we do not know.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Replaces the whole top-level field `tag` by `encoded` (key included; empty removes the field), in value and
    /// bytes alike.
    ///
    /// # Errors
    /// `encoded` is not a well-formed field of `T`.
    pub fn replace_field(&mut self, tag: u32, encoded: &[u8]) -> Result<(), DecodeError> {
        let old = self.encode_to_vec();
        let mut kept = without_field(&old, tag, encoded.len())?;
        kept.extend_from_slice(encoded);
        *self = Self::decode(kept.as_slice())?;
        Ok(())
    }

    /// Changes the messages of the repeated field `tag`, which is `field` of the value, where they are. If `edit` says that
    /// it changed them, what the old messages held and we do not know is gone. Nothing else is decoded or encoded.
    ///
    /// # Errors
    /// The remembered bytes are not well-formed, so this message was not decoded from them.
    pub fn edit_messages<F: Message>(
        &mut self,
        tag: u32,
        field: impl FnOnce(&mut T) -> &mut Vec<F>,
        edit: impl FnOnce(&mut Vec<F>) -> bool,
    ) -> Result<(), DecodeError> {
        let messages = field(&mut self.value);
        if edit(messages)
            && let Some(bytes) = &mut self.bytes
        {
            let length: usize = messages.iter().map(|message| message.encoded_len() + 16).sum();
            let mut kept = without_field(bytes, tag, length)?;
            for message in messages {
                prost::encoding::message::encode(tag, message, &mut kept);
            }
            *bytes = kept;
        }
        Ok(())
    }
}

impl<T> Deref for Raw<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Raw<T> {
    fn from(value: T) -> Self {
        Self { value, bytes: None }
    }
}

impl<T: Default> Default for Raw<T> {
    fn default() -> Self {
        Self { value: T::default(), bytes: Some(Vec::new()) }
    }
}

impl<T: PartialEq> PartialEq for Raw<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: MesosMessage> Message for Raw<T> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        match &self.bytes {
            Some(bytes) => buf.put_slice(bytes),
            None => self.value.encode_raw(buf),
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        ctx: DecodeContext,
    ) -> Result<(), DecodeError> {
        let bytes = self.bytes.get_or_insert_with(|| self.value.encode_to_vec());
        let start = bytes.len();
        prost::encoding::encode_key(tag, wire_type, bytes);
        let payload = bytes.len();
        copy_field(tag, wire_type, buf, bytes)?;
        if !decode::needs_mending(T::DESCRIPTOR, &bytes[start..]) {
            return self.value.merge_field(tag, wire_type, &mut &bytes[payload..], ctx);
        }
        let mended =
            decode::mend(T::DESCRIPTOR, &bytes[start..]).map_err(|_| malformed("malformed field"))?;
        self.value.merge(mended.as_slice())
    }

    fn encoded_len(&self) -> usize {
        self.bytes.as_ref().map_or_else(|| self.value.encoded_len(), Vec::len)
    }

    fn clear(&mut self) {
        self.value.clear();
        self.bytes = Some(Vec::new());
    }
}

impl<T: MesosMessage> MesosMessage for Raw<T> {
    const DESCRIPTOR: &'static MessageDescriptor = T::DESCRIPTOR;
    const KEEPS_BYTES: bool = true;

    fn write_json(&self, dialect: JsonDialect, out: &mut Vec<u8>) {
        self.value.write_json(dialect, out);
    }
}

/// The message without a field, with room for so many more bytes.
fn without_field(bytes: &[u8], tag: u32, more: usize) -> Result<Vec<u8>, DecodeError> {
    let mut kept = Vec::with_capacity(bytes.len() + more);
    for field in WireFields::new(bytes) {
        let field = field.map_err(|_| malformed("malformed message"))?;
        if field.number != tag {
            kept.extend_from_slice(field.bytes);
        }
    }
    Ok(kept)
}

/// Moves one field's payload, as it is, from `buf` to `out`.
fn copy_field(
    tag: u32,
    wire_type: WireType,
    buf: &mut impl Buf,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let length = match wire_type {
        WireType::Varint => {
            let value = prost::encoding::decode_varint(buf)?;
            prost::encoding::encode_varint(value, out);
            return Ok(());
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = prost::encoding::decode_varint(buf)?;
            prost::encoding::encode_varint(length, out);
            length
        }
        WireType::StartGroup => return copy_group(tag, buf, out),
        WireType::EndGroup => return Err(malformed("end of a group that was not begun")),
    };
    let length = usize::try_from(length).map_err(|_| malformed("field length overflows"))?;
    if length > buf.remaining() {
        return Err(malformed("buffer underflow"));
    }
    out.put(buf.take(length));
    Ok(())
}

/// Moves a group, which no message of Mesos has and which may be an unknown field.
fn copy_group(tag: u32, buf: &mut impl Buf, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut open = vec![tag];
    while let Some(innermost) = open.last() {
        let (tag, wire_type) = prost::encoding::decode_key(buf)?;
        prost::encoding::encode_key(tag, wire_type, out);
        match wire_type {
            WireType::StartGroup => open.push(tag),
            WireType::EndGroup if tag == *innermost => {
                open.pop();
            }
            WireType::Varint
            | WireType::SixtyFourBit
            | WireType::ThirtyTwoBit
            | WireType::LengthDelimited
            | WireType::EndGroup => copy_field(tag, wire_type, buf, out)?,
        }
    }
    Ok(())
}

#[expect(deprecated, reason = "prost offers no other constructor to implementers of `Message`")]
fn malformed(what: &'static str) -> DecodeError {
    DecodeError::new(what)
}

#[cfg(test)]
mod tests;
