//! Amounts of bytes as flags write them: `64MB`.

/// The units, ascending, with their bytes.
const UNITS: [(&str, u64); 5] =
    [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// A text that is no amount of bytes. Its texts are Mesos' own, where Mesos notices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    /// There is no unit.
    #[error("Invalid bytes '{0}'")]
    NoUnit(String),
    /// The number has a fraction.
    #[error("Fractional bytes '{0}'")]
    Fraction(String),
    /// What stands before the unit is no number.
    #[error("Failed to convert '{0}' to number")]
    NotANumber(String),
    /// There is no such unit.
    #[error("Unknown bytes unit '{0}'")]
    UnknownUnit(String),
    /// The amount does not fit 64 bits.
    #[error("`{0}` is more bytes than 64 bits can count")]
    OutOfRange(String),
}

/// Reads a whole number and a unit in either case, such as `64MB`.
pub fn parse_bytes(text: &str) -> Result<u64, BytesError> {
    let split =
        text.find(|c: char| !c.is_ascii_digit()).ok_or_else(|| BytesError::NoUnit(text.to_owned()))?;
    let (number, unit) = text.split_at(split);
    if unit.starts_with('.') {
        return Err(BytesError::Fraction(text.to_owned()));
    }
    let value: u64 = number.parse().map_err(|_| BytesError::NotANumber(number.to_owned()))?;
    let unit = unit.to_ascii_uppercase();
    let (_, bytes_per_unit) =
        UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(BytesError::UnknownUnit(unit))?;
    value.checked_mul(bytes_per_unit).ok_or_else(|| BytesError::OutOfRange(text.to_owned()))
}

/// Prints an amount of bytes in the largest unit that gives a whole number.
pub fn format_bytes(bytes: u64) -> String {
    let unit = UNITS.iter().rfind(|&&(_, unit)| bytes != 0 && bytes.is_multiple_of(unit));
    let (name, unit) = unit.unwrap_or(&UNITS[0]);
    format!("{}{name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_print_as_in_stout() {
        for (bytes, text) in [
            (0, "0B"),
            (1, "1B"),
            (1024, "1KB"),
            (1025, "1025B"),
            (64 << 20, "64MB"),
            (3 << 30, "3GB"),
            (2048 << 40, "2048TB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
        assert_eq!(parse_bytes("10gb"), Ok(10 << 30));
    }

    #[test]
    fn refusals_say_what_stout_says() {
        let refusal = |text: &str| parse_bytes(text).unwrap_err().to_string();
        assert_eq!(refusal("10"), "Invalid bytes '10'");
        assert_eq!(refusal("1.5GB"), "Fractional bytes '1.5GB'");
        assert_eq!(refusal("MB"), "Failed to convert '' to number");
        assert_eq!(refusal("1xb"), "Unknown bytes unit 'XB'");
        assert_eq!(refusal("99999999TB"), "`99999999TB` is more bytes than 64 bits can count");
    }

    proptest! {
        #[test]
        fn bytes_round_trip(bytes: u64, shift in 0_u32..50) {
            let bytes = bytes >> shift << shift;
            prop_assert_eq!(parse_bytes(&format_bytes(bytes)), Ok(bytes));
        }
    }
}
