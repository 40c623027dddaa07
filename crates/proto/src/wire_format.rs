//! The fields of a message in its binary form, without decoding what they hold.

/// One field as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub struct WireField<'a> {
    /// The field's number.
    pub number: u32,
    /// What it holds.
    pub value: WireValue<'a>,
    /// Key and value.
    pub bytes: &'a [u8],
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum WireValue<'a> {
    /// A whole number, a bool or an enum's number.
    Varint(u64),
    /// A double, by its bits.
    Fixed64(u64),
    /// What no message of Mesos has.
    Fixed32,
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// A group, which only unknown fields are.
    Group,
}

/// The bytes are not the binary form of any message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no message")]
pub struct Malformed;

/// How deeply groups may nest.
const GROUP_LIMIT: u32 = 100;

/// The fields of a message, in order; ends after the first malformed one.
#[derive(Clone, Debug)]
pub struct WireFields<'a> {
    rest: &'a [u8],
}

impl<'a> WireFields<'a> {
    /// The fields of a message in its binary form.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    fn take_field(&mut self) -> Result<WireField<'a>, Malformed> {
        let start = self.rest;
        let (number, wire_type) = self.key()?;
        let value = self.value(number, wire_type, GROUP_LIMIT)?;
        let bytes = &start[..start.len() - self.rest.len()];
        Ok(WireField { number, value, bytes })
    }

    #[inline]
    fn key(&mut self) -> Result<(u32, u8), Malformed> {
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let [wire_type, ..] = (key & 7).to_le_bytes();
        if key >> 3 == 0 { Err(Malformed) } else { Ok((key >> 3, wire_type)) }
    }

    /// Goes over a group, which nests at most so deeply.
    fn group(&mut self, number: u32, depth: u32) -> Result<WireValue<'a>, Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        loop {
            let (inner, wire_type) = self.key()?;
            if wire_type == 4 {
                return if inner == number { Ok(WireValue::Group) } else { Err(Malformed) };
            }
            self.value(inner, wire_type, depth)?;
        }
    }

    #[inline]
    fn value(&mut self, number: u32, wire_type: u8, depth: u32) -> Result<WireValue<'a>, Malformed> {
        match wire_type {
            0 => Ok(WireValue::Varint(self.varint()?)),
            1 => {
                let bytes = self.take(8)?.first_chunk().ok_or(Malformed)?;
                Ok(WireValue::Fixed64(u64::from_le_bytes(*bytes)))
            }
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Ok(WireValue::Bytes(self.take(len)?))
            }
            3 => self.group(number, depth),
            5 => self.take(4).map(|_| WireValue::Fixed32),
            _ => Err(Malformed),
        }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        // Keys and lengths are nearly always below 128.
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for (at, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

impl<'a> Iterator for WireFields<'a> {
    type Item = Result<WireField<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.take_field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}
