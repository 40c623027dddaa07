//! A message that is passed along: its meaning for us, and its bytes for the next reader.

use std::ops::Deref;

use bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};

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

impl<T: Message + Default> Raw<T> {
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
        let old = self.bytes.take().unwrap_or_else(|| self.value.encode_to_vec());
        let mut kept = Vec::with_capacity(old.len() + encoded.len());
        let mut rest = old.as_slice();
        while rest.has_remaining() {
            let before = rest;
            let (found, wire_type) = prost::encoding::decode_key(&mut rest)?;
            prost::encoding::skip_field(wire_type, found, &mut rest, DecodeContext::default())?;
            if found != tag {
                kept.extend_from_slice(&before[..before.len() - rest.len()]);
            }
        }
        kept.extend_from_slice(encoded);
        self.value = T::decode(kept.as_slice())?;
        self.bytes = Some(kept);
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

impl<T: Message + Default> Message for Raw<T> {
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
        prost::encoding::encode_key(tag, wire_type, bytes);
        let start = bytes.len();
        copy_field(wire_type, buf, bytes)?;
        self.value.merge_field(tag, wire_type, &mut &bytes[start..], ctx)
    }

    fn encoded_len(&self) -> usize {
        self.bytes.as_ref().map_or_else(|| self.value.encoded_len(), Vec::len)
    }

    fn clear(&mut self) {
        self.value.clear();
        self.bytes = Some(Vec::new());
    }
}

/// Moves one field's payload, as it is, from `buf` to `out`.
fn copy_field(wire_type: WireType, buf: &mut impl Buf, out: &mut Vec<u8>) -> Result<(), DecodeError> {
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
        WireType::StartGroup | WireType::EndGroup => return Err(malformed("group fields are not supported")),
    };
    let length = usize::try_from(length).map_err(|_| malformed("field length overflows"))?;
    if length > buf.remaining() {
        return Err(malformed("buffer underflow"));
    }
    out.put(buf.take(length));
    Ok(())
}

#[expect(deprecated, reason = "prost offers no other constructor to implementers of `Message`")]
fn malformed(what: &'static str) -> DecodeError {
    DecodeError::new(what)
}
