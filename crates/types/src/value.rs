//! Values as flags write them: `4`, `[31000-32000, 40000-40001]`, `{a, b}`, `some text`.

use crate::float::parse_float;
use crate::ranges::{Range, Ranges};

/// A value that was read from text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number, not yet rounded.
    Scalar(f64),
    /// Whole numbers.
    Ranges(Ranges),
    /// Names.
    Set(Vec<String>),
    /// Anything else.
    Text(String),
}

/// A text that is no value. Its texts are Mesos' own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// There is nothing but spaces.
    #[error("Expecting non-empty string")]
    Empty,
    /// Brackets do not match.
    #[error("Mismatched brackets")]
    MismatchedBrackets,
    /// A range has only one end.
    #[error("Expecting one or more \"ranges\"")]
    OddRanges,
    /// The end of a range is no number.
    #[error("Expecting non-negative integers in '{0}'")]
    NotAnInteger(String),
    /// A range ends before it begins.
    #[error("begin > end")]
    InvertedRange,
    /// A bracket stands behind something else.
    #[error("Unexpected '{0}' found")]
    UnexpectedBracket(char),
    /// A number is none that there can be so much of.
    #[error("Invalid scalar value '{text}':{reason} not supported")]
    BadScalar {
        /// The number.
        text: String,
        /// Its fault.
        reason: &'static str,
    },
}

/// Reads a value. Spaces do not count, not even within texts.
pub fn parse_value(text: &str) -> Result<Value, ValueError> {
    let text = text.replace(' ', "");
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if ![('{', '}'), ('[', ']'), ('(', ')')]
        .into_iter()
        .all(|(open, close)| brackets_match(&text, open, close))
    {
        return Err(ValueError::MismatchedBrackets);
    }
    match (text.find('['), text.find('{')) {
        (Some(0), _) => parse_ranges(&text).map(Value::Ranges),
        (Some(_), _) => Err(ValueError::UnexpectedBracket('[')),
        (None, Some(0)) => Ok(Value::Set(tokens(&text, &['{', '}', ',', '\n']).map(str::to_owned).collect())),
        (None, Some(_)) => Err(ValueError::UnexpectedBracket('{')),
        (None, None) => match parse_float(&text) {
            Some(value) => check_scalar(&text, value).map(Value::Scalar),
            None => Ok(Value::Text(text)),
        },
    }
}

fn brackets_match(text: &str, open: char, close: char) -> bool {
    let mut depth = 0_usize;
    for c in text.chars() {
        if c == open {
            depth += 1;
        } else if c == close {
            let Some(outer) = depth.checked_sub(1) else { return false };
            depth = outer;
        }
    }
    depth == 0
}

fn parse_ranges(text: &str) -> Result<Ranges, ValueError> {
    let ends: Vec<&str> = tokens(text, &['[', ']', '-', ',', '\n']).collect();
    let (pairs, rest) = ends.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ValueError::OddRanges);
    }
    let number = |end: &str| end.parse::<u64>().ok();
    let mut ranges = Vec::with_capacity(pairs.len());
    for [begin, end] in pairs {
        let range = number(begin).zip(number(end));
        let (begin, end) = range.ok_or_else(|| ValueError::NotAnInteger((*begin).to_owned()))?;
        if begin > end {
            return Err(ValueError::InvertedRange);
        }
        ranges.push(Range { begin, end });
    }
    Ok(Ranges::new(ranges))
}

fn check_scalar(text: &str, value: f64) -> Result<f64, ValueError> {
    let reason = if value.is_infinite() {
        "Infinite values"
    } else if value.is_nan() {
        "NaN"
    } else if value.is_subnormal() {
        "Subnormal values"
    } else if value < 0.0 {
        "Negative values"
    } else {
        return Ok(value);
    };
    Err(ValueError::BadScalar { text: text.to_owned(), reason })
}

/// The parts between delimiters that are not empty.
pub(crate) fn tokens<'a>(text: &'a str, delimiters: &'a [char]) -> impl Iterator<Item = &'a str> {
    text.split(delimiters).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        assert_eq!(parse_value(" 4 "), Ok(Value::Scalar(4.0)));
        assert_eq!(
            parse_value("[3-4, 1-2]").map(|value| format!("{value:?}")),
            Ok("Ranges(Ranges([1-4]))".to_owned())
        );
        assert_eq!(parse_value("{a, b}"), Ok(Value::Set(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(parse_value("rack one"), Ok(Value::Text("rackone".to_owned())));
    }

    #[test]
    fn refusals_say_what_mesos_says() {
        for (text, refusal) in [
            ("", "Expecting non-empty string"),
            ("  ", "Expecting non-empty string"),
            ("[1-2", "Mismatched brackets"),
            ("}a{", "Mismatched brackets"),
            ("[1-2,3]", "Expecting one or more \"ranges\""),
            ("[a-2]", "Expecting non-negative integers in 'a'"),
            ("[2-1]", "begin > end"),
            ("x[1-2]", "Unexpected '[' found"),
            ("x{1}", "Unexpected '{' found"),
            ("-1", "Invalid scalar value '-1':Negative values not supported"),
            ("nan", "Invalid scalar value 'nan':NaN not supported"),
            ("inf", "Invalid scalar value 'inf':Infinite values not supported"),
        ] {
            assert_eq!(parse_value(text).unwrap_err().to_string(), refusal, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-z\\[\\]{}(),\\-. é]{0,16}") {
            let _ = parse_value(&text);
        }
    }
}
