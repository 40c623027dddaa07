//! The 16 bytes that name an update, an operation or a stream.

use std::fmt;
use std::str::FromStr;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A universally unique id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid([u8; 16]);

/// A text that is not a hyphenated UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UUID")]
pub struct UuidError(String);

impl Uuid {
    /// Draws a version 4 UUID.
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        let mut bytes = rng.u128(..).to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Takes exactly these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 16 bytes; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Tells whether it has one of the five versions that RFC 4122 names.
    pub const fn has_known_version(&self) -> bool {
        matches!(self.0[6] >> 4, 1..=5)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Uuid {
    /// Its text.
    fn text(&self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX_DIGITS[usize::from(byte >> 4)];
            text[at + 1] = HEX_DIGITS[usize::from(byte & 0xf)];
            at += 2;
        }
        text
    }

    /// Tells whether a text is the one that [`fmt::Display`] writes. Every call of a scheduler is asked so.
    pub fn is_written_as(&self, text: &str) -> bool {
        *text.as_bytes() == self.text()
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).expect("digits and hyphens are text"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        parse(text.as_bytes()).map(Self).ok_or_else(|| UuidError(text.to_owned()))
    }
}

fn parse(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0; 16];
    let mut rest = text;
    for (i, byte) in bytes.iter_mut().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            rest = rest.strip_prefix(b"-")?;
        }
        let [high, low, tail @ ..] = rest else { return None };
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        rest = tail;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_text_is_its_own() {
        let uuid = Uuid::random(&mut fastrand::Rng::with_seed(1));
        let text = uuid.to_string();
        assert!(uuid.is_written_as(&text));
        for other in [text.to_uppercase(), text[1..].to_owned(), format!("{text} "), String::new()] {
            assert!(!uuid.is_written_as(&other), "{other}");
        }
    }

    #[test]
    fn a_random_uuid_is_version_4_and_depends_on_the_seed_alone() {
        let draw = || Uuid::random(&mut fastrand::Rng::with_seed(1));
        let text = draw().to_string();
        assert_eq!(draw(), draw());
        assert_eq!(&text[14..15], "4");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
    }

    #[test]
    fn text_and_bytes_round_trip() {
        let text = "164eb1a1-78f6-407e-86ec-57eefabaf8fe";
        let uuid: Uuid = text.parse().unwrap();
        assert_eq!(uuid.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(uuid));
        assert_eq!(Uuid::from_slice(uuid.as_bytes()), Some(uuid));
    }

    #[test]
    fn malformed_text_and_lengths_are_refused() {
        for text in
            ["", "164eb1a1", "164eb1a1x78f6-407e-86ec-57eefabaf8fe", "é64eb1a1-78f6-407e-86ec-57eefabaf8f"]
        {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
        assert_eq!(Uuid::from_slice(&[0; 15]), None);
    }
}
