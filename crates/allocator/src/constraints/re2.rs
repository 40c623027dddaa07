//! From RE2's language to that of the `regex` crate.
//!
//! Differences: classes do not nest and know no `&&`; `\d`, `\s`, `\w` and `\b` are ASCII; `\Q..\E` and `\C` exist;
//! names of groups may repeat; flags may stand before a repetition; `{` alone is itself. Everything is written so that it means the
//! same in any context: flags become part of each atom, and characters of classes become numbers.

use std::fmt::Write as _;

/// The largest number in a repetition.
const MAX_REPEAT: u32 = 1000;

/// The names of `[:name:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// An expression for the `regex` crate that matches whole texts.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) text: String,
    /// The same without regard to `(?i)`, for measuring.
    pub(super) without_case: String,
}

#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each flag of an expression is on or off")]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_newline: bool,
    ungreedy: bool,
}

/// Translates an expression; the error is what RE2 says of it.
pub(super) fn translate(pattern: &str) -> Result<Translated, String> {
    let mut translator = Translator {
        pattern,
        rest: pattern,
        text: r"\A(?:".to_owned(),
        without_case: "(?:".to_owned(),
        flags: Flags::default(),
        outer: Vec::new(),
        has_atom: false,
        repetition: None,
    };
    while let Some(next) = translator.rest.chars().next() {
        translator.item(next)?;
    }
    if !translator.outer.is_empty() {
        return Err(format!("missing ): {pattern}"));
    }
    translator.text.push_str(r")\z");
    translator.without_case.push(')');
    Ok(Translated { text: translator.text, without_case: translator.without_case })
}

struct Translator<'a> {
    pattern: &'a str,
    rest: &'a str,
    text: String,
    without_case: String,
    flags: Flags,
    /// The flags of the groups around.
    outer: Vec<Flags>,
    /// There is something that can be repeated.
    has_atom: bool,
    /// The last thing was a repetition, which begins here.
    repetition: Option<&'a str>,
}

impl<'a> Translator<'a> {
    fn item(&mut self, next: char) -> Result<(), String> {
        let before = self.repetition.take();
        match next {
            '(' if self.rest.starts_with("(?") => self.perl_group()?,
            '(' => self.open("("),
            ')' => self.close()?,
            '|' => {
                self.skip(1);
                self.raw("|");
                self.has_atom = false;
            }
            '*' | '+' | '?' => self.repeat(1, &next.to_string(), before)?,
            '{' => match parse_counts(self.rest) {
                Some(counts) => self.repeat_counted(&counts, before)?,
                None => self.literal(next),
            },
            '[' => self.class()?,
            '\\' => self.backslash()?,
            '^' => self.atom(1, if self.flags.multi_line { "(?m:^)" } else { r"\A" }),
            '$' => self.atom(1, if self.flags.multi_line { "(?m:$)" } else { r"\z" }),
            '.' => self.atom(1, if self.flags.dot_newline { "(?s:.)" } else { "." }),
            _ => self.literal(next),
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn raw(&mut self, text: &str) {
        self.text.push_str(text);
        self.without_case.push_str(text);
    }

    fn atom(&mut self, bytes: usize, text: &str) {
        self.skip(bytes);
        self.raw(text);
        self.has_atom = true;
    }

    fn cased_atom(&mut self, text: &str) {
        if self.flags.ignore_case {
            let _ = write!(self.text, "(?i:{text})");
        } else {
            self.text.push_str(text);
        }
        self.without_case.push_str(text);
        self.has_atom = true;
    }

    fn literal(&mut self, character: char) {
        self.skip(character.len_utf8());
        self.character(character);
    }

    fn character(&mut self, character: char) {
        self.cased_atom(&number(character));
    }

    fn open(&mut self, text: &str) {
        self.skip(1);
        self.raw(text);
        self.outer.push(self.flags);
        self.has_atom = false;
    }

    fn close(&mut self) -> Result<(), String> {
        self.flags = self.outer.pop().ok_or_else(|| format!("unexpected ): {}", self.pattern))?;
        self.atom(1, ")");
        Ok(())
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>`.
    fn perl_group(&mut self) -> Result<(), String> {
        if let Some(named) = self.rest.strip_prefix("(?P<") {
            let refused = |text: &str| Err(format!("invalid named capture group: {text}"));
            let Some(end) = named.find('>') else { return refused(self.rest) };
            let name = &named[..end];
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_word) {
                return refused(&self.rest[..end + 5]);
            }
            self.skip(end + 4);
            self.open("(");
            return Ok(());
        }
        let (mut flags, mut on, mut seen) = (self.flags, true, false);
        for (place, character) in self.rest.char_indices().skip(2) {
            match character {
                'i' => flags.ignore_case = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.ungreedy = on,
                '-' if on => on = false,
                ':' if on || seen => {
                    self.skip(place);
                    self.open("(?:");
                    self.flags = flags;
                    return Ok(());
                }
                ')' if on || seen => {
                    self.skip(place + 1);
                    self.flags = flags;
                    return Ok(());
                }
                _ => {
                    let read = &self.rest[..place + character.len_utf8()];
                    return Err(format!("invalid perl operator: {read}"));
                }
            }
            seen = character != '-';
        }
        Err(format!("invalid perl operator: {}", self.rest))
    }

    fn repeat_counted(&mut self, counts: &Counts, before: Option<&'a str>) -> Result<(), String> {
        let Counts { bytes, min, max } = *counts;
        let operator = match max {
            Some(max) => format!("{{{min},{max}}}"),
            None => format!("{{{min},}}"),
        };
        let is_valid = min <= MAX_REPEAT && max.is_none_or(|max| max <= MAX_REPEAT && max >= min);
        let written = &self.rest[..bytes];
        if before.is_none() && !is_valid {
            return Err(format!("invalid repetition size: {written}"));
        }
        self.repeat(bytes, &operator, before)
    }

    fn repeat(&mut self, mut bytes: usize, operator: &str, before: Option<&'a str>) -> Result<(), String> {
        let begin = self.rest;
        let is_lazy = begin[bytes..].starts_with('?');
        bytes += usize::from(is_lazy);
        self.skip(bytes);
        if let Some(before) = before {
            let both = &before[..before.len() - self.rest.len()];
            return Err(format!("bad repetition operator: {both}"));
        }
        if !self.has_atom {
            return Err(format!("no argument for repetition operator: {}", &begin[..bytes]));
        }
        self.raw(operator);
        if is_lazy != self.flags.ungreedy {
            self.raw("?");
        }
        self.repetition = Some(begin);
        Ok(())
    }

    fn backslash(&mut self) -> Result<(), String> {
        let rest = self.rest;
        let Some(escaped) = rest[1..].chars().next() else { return Err(r"trailing \".to_owned()) };
        match escaped {
            'b' => self.atom(2, r"(?-u:\b)"),
            'B' => self.atom(2, r"(?-u:\B)"),
            'A' => self.atom(2, r"\A"),
            'z' => self.atom(2, r"\z"),
            'C' => self.atom(2, "(?s-u:.)"),
            'Q' => {
                let quoted = &rest[2..];
                let end = quoted.find(r"\E");
                let text = &quoted[..end.unwrap_or(quoted.len())];
                text.chars().for_each(|character| self.character(character));
                self.rest = end.map_or("", |end| &quoted[end + 2..]);
            }
            _ => {
                if let Some((class, bytes)) = shorthand(rest)? {
                    self.skip(bytes);
                    self.cased_atom(&class);
                } else {
                    let (character, bytes) = escape(rest)?;
                    self.skip(bytes);
                    self.character(character);
                }
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        let missing = || format!("missing ]: {whole}");
        let (mut out, mut rest) = match whole.strip_prefix("[^") {
            Some(rest) => ("[^".to_owned(), rest),
            None => ("[".to_owned(), &whole[1..]),
        };
        let mut is_first = true;
        while is_first || !rest.starts_with(']') {
            is_first = false;
            if let Some((class, bytes)) = posix(rest)? {
                out.push_str(class);
                rest = &rest[bytes..];
            } else if let Some((class, bytes)) = shorthand(rest)? {
                out.push_str(&class);
                rest = &rest[bytes..];
            } else {
                let begin = rest;
                let low = class_character(&mut rest).ok_or_else(missing)??;
                let mut high = low;
                if rest.len() > 1 && rest.starts_with('-') && !rest.starts_with("-]") {
                    rest = &rest[1..];
                    high = class_character(&mut rest).ok_or_else(missing)??;
                }
                if high < low {
                    let read = &begin[..begin.len() - rest.len()];
                    return Err(format!("invalid character class range: {read}"));
                }
                let _ = write!(out, "{}-{}", number(low), number(high));
            }
        }
        self.rest = &rest[1..];
        out.push(']');
        self.cased_atom(&out);
        Ok(())
    }
}

/// A character by its number, which needs no escape anywhere.
fn number(character: char) -> String {
    format!(r"\x{{{:x}}}", u32::from(character))
}

/// `{min}`, `{min,}` or `{min,max}`, and how long that is.
struct Counts {
    bytes: usize,
    min: u32,
    max: Option<u32>,
}

fn parse_counts(text: &str) -> Option<Counts> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let parse = |digits: &str| {
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = is_plain && (digits == "0" || !digits.starts_with('0'));
        // More digits than fit are beyond the limit, too.
        is_plain.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match inner.split_once(',') {
        None => (parse(inner)?, Some(parse(inner)?)),
        Some((min, "")) => (parse(min)?, None),
        Some((min, max)) => (parse(min)?, Some(parse(max)?)),
    };
    Some(Counts { bytes: end + 1, min, max })
}

/// One character of a class; `None` if there is none.
fn class_character(rest: &mut &str) -> Option<Result<char, String>> {
    let text = *rest;
    let next = text.chars().next()?;
    if next != '\\' {
        *rest = &text[next.len_utf8()..];
        return Some(Ok(next));
    }
    Some(escape(text).map(|(character, bytes)| {
        *rest = &text[bytes..];
        character
    }))
}

/// `[:name:]` or `[:^name:]`.
fn posix(text: &str) -> Result<Option<(&str, usize)>, String> {
    if !text.starts_with("[:") {
        return Ok(None);
    }
    let Some(end) = text.find(":]") else { return Ok(None) };
    let class = &text[..end + 2];
    let name = text.get(2..end).unwrap_or_default();
    if POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
        Ok(Some((class, class.len())))
    } else {
        Err(format!("invalid character class range: {class}"))
    }
}

/// `\d` and its like, and `\pN`, `\p{Name}`.
fn shorthand(text: &str) -> Result<Option<(String, usize)>, String> {
    let Some(kind) = text.strip_prefix('\\').and_then(|text| text.chars().next()) else { return Ok(None) };
    let class = match kind {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0c\r ]",
        'S' => r"[^\t\n\x0c\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return unicode_class(text, kind == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((class.to_owned(), 2)))
}

fn unicode_class(text: &str, negated: bool) -> Result<(String, usize), String> {
    let rest = &text[2..];
    let (name, bytes) = if let Some(braced) = rest.strip_prefix('{') {
        let Some(end) = braced.find('}') else {
            return Err(format!("invalid character class range: {text}"));
        };
        (&braced[..end], end + 4)
    } else {
        let length = rest.chars().next().map_or(0, char::len_utf8);
        (&rest[..length], 2 + length)
    };
    let whole = &text[..bytes];
    let (name, negated) = match name.strip_prefix('^') {
        Some(name) => (name, !negated),
        None => (name, negated),
    };
    let kind = if negated { 'P' } else { 'p' };
    let class = match name {
        "Any" => format!(r"\{kind}{{any}}"),
        _ if name.len() <= 2 => format!(r"\{kind}{{gc={name}}}"),
        _ => format!(r"\{kind}{{sc={name}}}"),
    };
    let is_word = name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if is_word && regex_syntax::parse(&class).is_ok() {
        Ok((class, bytes))
    } else {
        Err(format!("invalid character class range: {whole}"))
    }
}

/// A character that is written with a backslash, and how long that is.
fn escape(text: &str) -> Result<(char, usize), String> {
    let refused = |bytes: usize| Err(format!("invalid escape sequence: {}", &text[..bytes]));
    let Some(escaped) = text[1..].chars().next() else { return Err(r"trailing \".to_owned()) };
    let is_octal = |place: usize| text.as_bytes().get(place).is_some_and(|byte| (b'0'..=b'7').contains(byte));
    let character = match escaped {
        '1'..='7' if !is_octal(2) => return refused(2),
        '0'..='7' => {
            let mut end = 2;
            while end < 4 && is_octal(end) {
                end += 1;
            }
            let code = u32::from_str_radix(&text[1..end], 8).unwrap_or_default();
            return Ok((char::from_u32(code).unwrap_or_default(), end));
        }
        'x' => return hexadecimal(text),
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'a' => '\u{7}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => other,
        other => return refused(1 + other.len_utf8()),
    };
    Ok((character, 2))
}

/// `\x41` or `\x{41}`.
fn hexadecimal(text: &str) -> Result<(char, usize), String> {
    let rest = &text[2..];
    let refused = |read: usize| {
        let read = text.char_indices().map(|(place, _)| place).find(|place| *place >= read);
        Err(format!("invalid escape sequence: {}", &text[..read.unwrap_or(text.len())]))
    };
    let Some(braced) = rest.strip_prefix('{') else {
        return match rest.get(..2).map(|digits| (digits, u32::from_str_radix(digits, 16))) {
            Some((digits, Ok(code))) if !digits.starts_with('+') => {
                Ok((char::from_u32(code).unwrap_or_default(), 4))
            }
            _ => refused(4),
        };
    };
    let end = braced.bytes().take_while(u8::is_ascii_hexdigit).count();
    let code = u32::from_str_radix(&braced[..end], 16).ok().and_then(char::from_u32);
    match code.filter(|_| braced[end..].starts_with('}')) {
        Some(character) => Ok((character, end + 4)),
        None => refused(3 + end),
    }
}
