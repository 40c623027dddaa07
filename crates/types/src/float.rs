//! Prints doubles as C++ streams do, as Mesos' texts show them.

/// The digits that every double keeps: `std::numeric_limits<double>::digits10`.
const DIGITS: usize = 15;

/// The digits that a C++ stream shows if nobody asks for more.
const SHORT_DIGITS: usize = 6;

/// Prints with 15 significant digits and no trailing zeros: `0.1`, `4`, `1.42857142857143`, `1e+15`.
pub(crate) fn format_float(value: f64) -> String {
    format_digits(value, DIGITS)
}

/// Prints with six significant digits and no trailing zeros: `0.1`, `1.42857`, `9.22337e+09`.
pub fn format_float_short(value: f64) -> String {
    format_digits(value, SHORT_DIGITS)
}

fn format_digits(value: f64, count: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string().to_lowercase() };
    }
    let scientific = format!("{:.*e}", count - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|&c| c != '.').collect();
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    match usize::try_from(exponent) {
        Ok(whole) if whole < count => {
            let padded = format!("{digits:0<width$}", width = whole + 1);
            let (whole, fraction) = padded.split_at(whole + 1);
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{sign}{whole}{point}{fraction}")
        }
        Err(_) if exponent >= -4 => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            format!("{sign}0.{:0<zeros$}{digits}", "")
        }
        _ => {
            let (first, fraction) = digits.split_at(1);
            let point = if fraction.is_empty() { "" } else { "." };
            let exponent_sign = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{point}{fraction}e{exponent_sign}{:02}", exponent.abs())
        }
    }
}

/// Reads a decimal number, as stout's `numify` does.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_cpp_streams_print_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (4.0, "4"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (1024.25, "1024.25"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (10.0 / 7.0, "1.42857142857143"),
            (999_999_999_999_999.0, "999999999999999"),
            (1e15, "1e+15"),
            (9_223_372_036_854_775.807, "9.22337203685478e+15"),
            (1.5e300, "1.5e+300"),
            (123_456_789_012_345.67, "123456789012346"),
        ] {
            assert_eq!(format_float(value), text);
        }
    }

    #[test]
    fn short_numbers_have_six_digits() {
        for (value, text) in [
            (9_223_372_037.0, "9.22337e+09"),
            (-1e300, "-1e+300"),
            (1e20, "1e+20"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (0.1, "0.1"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_float_short(value), text);
        }
    }

    #[test]
    fn numbers_are_read_as_numify_reads_them() {
        assert_eq!(parse_float("1.5"), Some(1.5));
        assert_eq!(parse_float("1e3"), Some(1000.0));
        assert_eq!(parse_float(".5"), Some(0.5));
        assert_eq!(parse_float("5."), Some(5.0));
        assert_eq!(parse_float("0x10"), None);
        assert_eq!(parse_float(""), None);
        assert_eq!(parse_float("rack1"), None);
    }
}
