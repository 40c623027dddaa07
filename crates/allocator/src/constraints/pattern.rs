//! A regular expression of RE2's language, matched against whole texts.
//!
//! Frameworks write RE2's language, which differs in details from that of the `regex` crate. `re2.rs` reads the one and
//! writes the other; here it is measured and compiled.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::utf8::Utf8Sequences;
use thiserror::Error;

use super::re2;

/// The compiled form is bounded by this too, whatever the limits of the master say.
const MAX_COMPILED: usize = 4 << 20;

/// Longer expressions are not even read: a call must not take long to refuse.
const MAX_LENGTH: usize = 16 << 10;

/// What RE2 needs for any program, and takes from its memory for an instruction.
const FIXED_INSTRUCTIONS: usize = 4;
const BYTES_PER_INSTRUCTION: u64 = 16;

/// RE2's instructions for a character beyond ASCII, whichever.
const ANY_BEYOND_ASCII: usize = 6;

/// How large an expression may be, named after the master's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternLimits {
    /// The memory of RE2, in bytes.
    pub max_mem: u64,
    /// The instructions of its program.
    pub max_program_size: usize,
}

impl Default for PatternLimits {
    fn default() -> Self {
        Self { max_mem: 4096, max_program_size: 100 }
    }
}

/// An expression that is refused, in the words of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is none, or RE2 would not compile it.
    #[error("Failed to construct regex from pattern '{pattern}': {reason}")]
    Malformed {
        /// The expression.
        pattern: String,
        /// What is wrong, in the words of RE2.
        reason: String,
    },
    /// It is too large for the allocator to try it on every agent.
    #[error(
        "Regex '{pattern}' is too complex: program size of {size} is larger than maximum of {limit} allowed"
    )]
    TooComplex {
        /// The expression.
        pattern: String,
        /// Its size, as we estimate it.
        size: usize,
        /// The limit.
        limit: usize,
    },
}

/// A compiled expression.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is malformed, or too large.
    pub fn new(text: &str, limits: PatternLimits) -> Result<Self, PatternError> {
        let malformed =
            |reason: &str| PatternError::Malformed { pattern: text.to_owned(), reason: reason.to_owned() };
        let too_large = || malformed("pattern too large - compile failed");
        if text.len() > MAX_LENGTH {
            return Err(too_large());
        }
        let translated = re2::translate(text).map_err(|reason| malformed(&reason))?;
        let parsed = ParserBuilder::new().utf8(false).build().parse(&translated.without_case);
        let size = program_size(&parsed.map_err(|_| too_large())?).saturating_add(FIXED_INSTRUCTIONS);
        if size as u64 > limits.max_mem / BYTES_PER_INSTRUCTION {
            return Err(too_large());
        }
        if size > limits.max_program_size {
            let (pattern, limit) = (text.to_owned(), limits.max_program_size);
            return Err(PatternError::TooComplex { pattern, size, limit });
        }
        let regex = RegexBuilder::new(&translated.text).size_limit(MAX_COMPILED).build();
        Ok(Self { text: text.to_owned(), regex: regex.map_err(|_| too_large())? })
    }

    /// Tells whether it matches all of a text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// About how many instructions RE2 would make of it. Its optimizer saves one here and there; the depth is that of the
/// parser's limit.
fn program_size(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(class) => class_size(class),
        HirKind::Capture(capture) => program_size(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(program_size).fold(0, usize::saturating_add)
        }
        HirKind::Repetition(repetition) => {
            let body = program_size(&repetition.sub);
            let min = repetition.min as usize;
            match repetition.max {
                None => body.saturating_mul(min.max(1)).saturating_add(1),
                Some(max) => body.saturating_mul(max as usize).saturating_add(max as usize - min),
            }
        }
    }
}

fn class_size(class: &Class) -> usize {
    let class = match class {
        Class::Bytes(class) => return class.ranges().len(),
        Class::Unicode(class) => class,
    };
    let mut size = 0_usize;
    for range in class.ranges() {
        if range.start() < '\u{80}' {
            size += 1;
        }
        if range.end() == char::MAX && range.start() <= '\u{80}' {
            size += ANY_BEYOND_ASCII;
        } else if range.end() >= '\u{80}' {
            let start = range.start().max('\u{80}');
            size += Utf8Sequences::new(start, range.end()).map(|sequence| sequence.len()).sum::<usize>();
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNLIMITED: PatternLimits = PatternLimits { max_mem: u64::MAX, max_program_size: usize::MAX };

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, UNLIMITED).unwrap_or_else(|error| panic!("{error}")).matches(text)
    }

    #[test]
    fn whole_texts_match() {
        assert!(matches("a|ab", "ab"));
        assert!(matches("", ""));
        assert!(!matches("a", "ab"));
        assert!(!matches("b", "ab"));
        assert!(matches("^a$", "a"));
        assert!(!matches("a", "a\n"));
        assert!(matches("(?i)Ab[c-d]", "aBD"));
    }

    #[test]
    fn the_language_is_that_of_re2() {
        for (pattern, yes, no) in [
            (r"\d\w\s", "1a ", "١a "),
            (r"[[]", "[", "a"),
            (r"[a&&b]+", "a&b", "c"),
            (r"[]a]+", "]a", "["),
            (r"[^]a]", "b", "]"),
            (r"[+--]+", "+,-", "."),
            (r"[a-]+", "a-", "b"),
            (r"[\d\-x]+", "1-x", "y"),
            (r"[[:alpha:]_]+", "ab_", "1"),
            (r"\Qa.b\E+", "a.bb", "axb"),
            (r"a{,2}", "a{,2}", "aa"),
            (r"a{1,2}", "aa", "aaa"),
            (r"\x41\x{42}\103", "ABC", "abc"),
            (r"\p{Greek}\pL", "αb", "ab"),
            (r"\C\C", "é", "e"),
            (r"a(?i)*", "aaa", "A"),
            (r"(?i)a(?-i)b", "Ab", "AB"),
            (r"((?i)a)b", "Ab", "AB"),
            (r"(?P<n>a)(?P<n>b)", "ab", "a"),
            (r"a\b.b", "a-b", "acb"),
            (r"a#b c", "a#b c", "ab"),
        ] {
            assert!(matches(pattern, yes), "{pattern} {yes}");
            assert!(!matches(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn refusals_are_in_the_words_of_re2() {
        for (pattern, reason) in [
            ("(", "missing ): ("),
            ("a)", "unexpected ): a)"),
            ("[a", "missing ]: [a"),
            ("[]", "missing ]: []"),
            ("[b-a]", "invalid character class range: b-a"),
            ("[[:foo:]]", "invalid character class range: [:foo:]"),
            (r"\p{Foo}", r"invalid character class range: \p{Foo}"),
            (r"\p", r"invalid character class range: \p"),
            (r"[a-\d]", r"invalid escape sequence: \d"),
            (r"a\", r"trailing \"),
            (r"\q", r"invalid escape sequence: \q"),
            (r"\8", r"invalid escape sequence: \8"),
            (r"\1", r"invalid escape sequence: \1"),
            (r"\Z", r"invalid escape sequence: \Z"),
            (r"\x4", r"invalid escape sequence: \x4"),
            (r"\x{110000}", r"invalid escape sequence: \x{110000"),
            ("*", "no argument for repetition operator: *"),
            ("a|+", "no argument for repetition operator: +"),
            ("a**", "bad repetition operator: **"),
            ("a*??", "bad repetition operator: *??"),
            ("a{2}{3}", "bad repetition operator: {2}{3}"),
            ("a{1001}", "invalid repetition size: {1001}"),
            ("a{3,2}", "invalid repetition size: {3,2}"),
            ("(?=a)", "invalid perl operator: (?="),
            ("(?P=n)", "invalid perl operator: (?P"),
            ("(?x)a", "invalid perl operator: (?x"),
            ("(?i", "invalid perl operator: (?i"),
            ("(?", "invalid perl operator: (?"),
            ("(?<n>a)", "invalid perl operator: (?<"),
            ("(?P<a", "invalid named capture group: (?P<a"),
        ] {
            let error = Pattern::new(pattern, UNLIMITED).unwrap_err();
            let expected = format!("Failed to construct regex from pattern '{pattern}': {reason}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn sizes_are_about_those_of_re2() {
        for (pattern, size) in [
            ("a", 5),
            ("abc", 7),
            (".", 12),
            ("a+", 6),
            ("a|b|c", 5),
            ("ab|cd", 8),
            ("(a)", 7),
            ("[a-z0-9]+", 7),
            (r"\w+", 8),
            ("é", 6),
            ("a{2,4}", 10),
            ("(ab){3}", 16),
            ("(?i)abc", 7),
            (r"rack-[0-9]+\.example\.com", 23),
        ] {
            let limits = PatternLimits { max_program_size: 0, ..UNLIMITED };
            match Pattern::new(pattern, limits) {
                Err(PatternError::TooComplex { size: ours, .. }) => {
                    assert!(ours.abs_diff(size) <= 1, "{pattern}: {ours}");
                }
                other => panic!("{pattern}: {other:?}"),
            }
        }
    }

    proptest! {
        /// Whatever a framework writes is read or refused.
        #[test]
        fn nothing_panics(pattern in r"([ab\\\[\](){}*+?|.^$:=<>,\-0-9pPdwxQECi]|é|\(\?|\[:alpha:\]|\\x\{){0,24}", text: String) {
            if let Ok(pattern) = Pattern::new(&pattern, UNLIMITED) {
                pattern.matches(&text);
            }
        }

        #[test]
        fn plain_texts_match_themselves_alone(text in "[a-zA-Z0-9_é -]{0,12}", other in "[a-zA-Z0-9_é -]{0,12}") {
            prop_assert!(matches(&text, &text));
            prop_assert_eq!(matches(&text, &other), text == other);
        }
    }

    #[test]
    fn too_large_expressions_are_refused_before_they_are_compiled() {
        let refusal =
            |pattern: &str| Pattern::new(pattern, PatternLimits::default()).unwrap_err().to_string();
        assert_eq!(
            refusal("a{100}"),
            "Regex 'a{100}' is too complex: program size of 104 is larger than maximum of 100 allowed"
        );
        for huge in [r"\pL", "(((a{1000}){1000}){1000}){1000}", &"a".repeat(MAX_LENGTH), &"a".repeat(1 << 20)]
        {
            assert!(refusal(huge).contains("Failed to construct regex"));
        }
        assert!(refusal(&("(".repeat(9999) + &")".repeat(9999))).contains("pattern too large"));
    }
}
