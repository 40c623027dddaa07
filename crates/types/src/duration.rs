//! Durations as flags and logs write them: `15secs`, `1.5hrs`, `2weeks`.

use std::time::Duration;

use crate::float::{format_float, parse_float};

/// The units, ascending, with their nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("secs", 1_000_000_000),
    ("mins", 60 * 1_000_000_000),
    ("hrs", 3_600 * 1_000_000_000),
    ("days", 86_400 * 1_000_000_000),
    ("weeks", 604_800 * 1_000_000_000),
];

/// A text that is no duration. Its texts are Mesos' own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is no unit.
    #[error("Invalid duration '{0}'")]
    NoUnit(String),
    /// What stands before the unit is no number.
    #[error("Failed to convert '{0}' to number")]
    NotANumber(String),
    /// There is no such unit.
    #[error(
        "Unknown duration unit '{0}'; supported units are 'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
    )]
    UnknownUnit(String),
    /// The duration has too many nanoseconds.
    #[error("Argument out of the range that a Duration can represent due to int64_t's size limit")]
    OutOfRange,
}

/// Reads a number and a unit, such as `10secs` or `1.5hrs`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(|| DurationError::NoUnit(text.to_owned()))?;
    let (number, unit) = text.split_at(split);
    let value = parse_float(number).ok_or_else(|| DurationError::NotANumber(number.to_owned()))?;
    let (_, nanos_per_unit) = UNITS
        .into_iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| DurationError::UnknownUnit(unit.to_owned()))?;
    #[expect(clippy::cast_precision_loss, reason = "the units are exact in a double")]
    let nanos = value * nanos_per_unit as f64;
    #[expect(clippy::cast_precision_loss, reason = "Mesos compares with the rounded bound too")]
    if nanos > i64::MAX as f64 {
        return Err(DurationError::OutOfRange);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is checked above")]
    Ok(Duration::from_nanos((nanos as u64).min(i64::MAX as u64)))
}

/// Prints a duration in the largest unit that it reaches, or one smaller if only that gives a whole number.
pub fn format_duration(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(i64::MAX as u64);
    let reached = UNITS.iter().rposition(|&(_, unit)| unit <= nanos).unwrap_or(0);
    let whole = |index: usize| nanos.is_multiple_of(UNITS[index].1);
    let index = if reached > 0 && !whole(reached) && whole(reached - 1) { reached - 1 } else { reached };
    let (name, unit) = UNITS[index];
    if nanos.is_multiple_of(unit) {
        return format!("{}{name}", nanos / unit);
    }
    #[expect(clippy::cast_precision_loss, reason = "a fraction shows with 15 digits")]
    let value = nanos as f64 / unit as f64;
    format!("{}{name}", format_float(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_and_print_as_in_stout() {
        for (text, nanos, printed) in [
            ("0ns", 0, "0ns"),
            ("0secs", 0, "0ns"),
            ("500ns", 500, "500ns"),
            ("1500ns", 1_500, "1500ns"),
            ("2us", 2_000, "2us"),
            ("1.5ms", 1_500_000, "1500us"),
            ("10secs", 10_000_000_000, "10secs"),
            ("1.5secs", 1_500_000_000, "1500ms"),
            ("60secs", 60_000_000_000, "1mins"),
            ("90secs", 90_000_000_000, "90secs"),
            ("10mins", 600_000_000_000, "10mins"),
            ("1.5hrs", 5_400_000_000_000, "90mins"),
            ("36hrs", 129_600_000_000_000, "36hrs"),
            ("10days", 864_000_000_000_000, "10days"),
            ("2weeks", 1_209_600_000_000_000, "2weeks"),
            ("3600.5secs", 3_600_500_000_000, "1.00013888888889hrs"),
            (".5secs", 500_000_000, "500ms"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration.as_nanos(), nanos, "{text}");
            assert_eq!(format_duration(duration), printed, "{text}");
        }
    }

    #[test]
    fn refusals_say_what_stout_says() {
        let refusal = |text: &str| parse_duration(text).unwrap_err().to_string();
        assert_eq!(refusal("10"), "Invalid duration '10'");
        assert_eq!(refusal(""), "Invalid duration ''");
        assert_eq!(refusal("secs"), "Failed to convert '' to number");
        assert_eq!(refusal("-1secs"), "Failed to convert '' to number");
        assert_eq!(refusal("1.2.3secs"), "Failed to convert '1.2.3' to number");
        assert_eq!(
            refusal("1 secs"),
            "Unknown duration unit ' secs'; supported units are \
             'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'"
        );
        assert_eq!(
            refusal("99999999weeks"),
            "Argument out of the range that a Duration can represent due to int64_t's size limit"
        );
    }

    #[test]
    fn the_longest_duration_prints() {
        assert_eq!(format_duration(Duration::MAX), "15250.2844524715weeks");
    }

    proptest! {
        #[test]
        fn whole_seconds_round_trip(secs in 0_u64..10_000_000) {
            let duration = Duration::from_secs(secs);
            let back = parse_duration(&format_duration(duration)).unwrap();
            prop_assert!(back.abs_diff(duration) < Duration::from_micros(10));
        }

        #[test]
        fn no_text_panics(text in "[0-9.a-z\\- é]{0,12}") {
            let _ = parse_duration(&text);
        }
    }
}
