//! The JSON parser: accepts and refuses what picojson 1.3 does, which Mesos uses, with the same error texts.
//!
//! An error quotes the rest of the line from where picojson stopped reading, so every refusal here says where that is.

use super::document::{Document, Node, Text};

/// How deeply arrays and objects may nest.
const DEPTH_LIMIT: usize = 200;

/// The largest text that the 32-bit offsets of a document can address.
const LONGEST_TEXT: usize = u32::MAX as usize / 2;

/// Parses a whole text.
///
/// # Errors
/// The text is not JSON; the message is what Mesos says.
pub(super) fn parse(text: &[u8]) -> Result<Document<'_>, String> {
    if text.len() > LONGEST_TEXT {
        return Err("Value out of range".to_owned());
    }
    let mut parser = Parser { text, at: 0, unescaped: Vec::new(), nodes: Vec::with_capacity(text.len() / 8) };
    match parser.value(DEPTH_LIMIT) {
        Ok(()) => {}
        Err(Stop::OutOfRange) => return Err("Value out of range".to_owned()),
        Err(Stop::At(at)) => return Err(parser.syntax_error(at, at + 1)),
        Err(Stop::After(at)) => return Err(parser.syntax_error(at, at)),
    }
    parser.check_end()?;
    Ok(Document { text, unescaped: parser.unescaped, nodes: parser.nodes })
}

/// Why parsing ended early.
enum Stop {
    /// The byte here was looked at and did not fit.
    At(usize),
    /// The bytes before here were taken, and the last did not fit.
    After(usize),
    /// A number is infinite.
    OutOfRange,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    unescaped: Vec<u8>,
    nodes: Vec<Node>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `wanted` if it comes next, whitespace aside.
    fn take(&mut self, wanted: u8) -> bool {
        self.skip_whitespace();
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'n') => self.literal(b"null", Node::Null),
            Some(b't') => self.literal(b"true", Node::Bool(true)),
            Some(b'f') => self.literal(b"false", Node::Bool(false)),
            Some(b'"') => {
                self.at += 1;
                self.string()
            }
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Stop::At(self.at)),
        }
    }

    fn literal(&mut self, word: &[u8], node: Node) -> Result<(), Stop> {
        for letter in word {
            if self.peek() != Some(*letter) {
                return Err(Stop::At(self.at));
            }
            self.at += 1;
        }
        self.nodes.push(node);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        self.at += 1;
        let depth = depth.checked_sub(1).ok_or(Stop::After(self.at))?;
        let start = self.nodes.len();
        self.nodes.push(Node::Array { end: 0 });
        if !self.take(b']') {
            loop {
                self.value(depth)?;
                if !self.take(b',') {
                    break;
                }
            }
            if !self.take(b']') {
                return Err(Stop::At(self.at));
            }
        }
        self.nodes[start] = Node::Array { end: self.node_count() };
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        self.at += 1;
        let depth = depth.checked_sub(1).ok_or(Stop::After(self.at))?;
        let start = self.nodes.len();
        self.nodes.push(Node::Object { end: 0 });
        if !self.take(b'}') {
            loop {
                if !self.take(b'"') {
                    return Err(Stop::At(self.at));
                }
                self.string()?;
                if !self.take(b':') {
                    return Err(Stop::At(self.at));
                }
                self.value(depth)?;
                if !self.take(b',') {
                    break;
                }
            }
            if !self.take(b'}') {
                return Err(Stop::At(self.at));
            }
        }
        self.nodes[start] = Node::Object { end: self.node_count() };
        Ok(())
    }

    /// The number of nodes, of which there are fewer than bytes.
    fn node_count(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'+' | b'-' | b'e' | b'E' | b'.')) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        if let Ok(integer) = digits.parse() {
            self.nodes.push(Node::Integer(integer));
            return Ok(());
        }
        let double: f64 = digits.parse().map_err(|_| Stop::At(self.at))?;
        if double.is_infinite() {
            return Err(Stop::OutOfRange);
        }
        self.nodes.push(Node::Double(double));
        Ok(())
    }

    /// The rest of a string, whose opening quote has been taken.
    fn string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.push_string(start, self.at, false);
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => break,
                Some(0x20..) => self.at += 1,
                Some(..0x20) | None => return Err(Stop::At(self.at)),
            }
        }
        let unescaped_start = self.unescaped.len();
        self.unescaped.extend_from_slice(&self.text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.push_string(unescaped_start, self.unescaped.len(), true);
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(byte @ 0x20..) => {
                    self.unescaped.push(byte);
                    self.at += 1;
                }
                Some(..0x20) | None => return Err(Stop::At(self.at)),
            }
        }
    }

    fn push_string(&mut self, start: usize, end: usize, had_escapes: bool) {
        // Neither the text nor what its escapes stand for is longer than `LONGEST_TEXT`.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.nodes.push(Node::String(Text { start: offset(start), len: offset(end - start), had_escapes }));
    }

    fn escape(&mut self) -> Result<(), Stop> {
        self.at += 1;
        let letter = self.peek().ok_or(Stop::At(self.at))?;
        self.at += 1;
        let byte = match letter {
            b'"' | b'\\' | b'/' => letter,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.code_point(),
            _ => return Err(Stop::After(self.at)),
        };
        self.unescaped.push(byte);
        Ok(())
    }

    fn code_point(&mut self) -> Result<(), Stop> {
        let mut code = self.four_hex_digits()?;
        if (0xdc00..=0xdfff).contains(&code) {
            return Err(Stop::After(self.at));
        }
        if (0xd800..=0xdbff).contains(&code) {
            for wanted in *b"\\u" {
                if self.peek() != Some(wanted) {
                    return Err(Stop::At(self.at));
                }
                self.at += 1;
            }
            let low = self.four_hex_digits()?;
            if !(0xdc00..=0xdfff).contains(&low) {
                return Err(Stop::After(self.at));
            }
            code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
        }
        let character = char::from_u32(code).ok_or(Stop::After(self.at))?;
        self.unescaped.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn four_hex_digits(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let digit =
                self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or(Stop::At(self.at))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// Checks that only whitespace follows the value.
    fn check_end(&self) -> Result<(), String> {
        // Compat: picojson has looked at the byte after a bare number and counts it as read.
        let is_number = matches!(self.nodes.first(), Some(Node::Integer(_) | Node::Double(_)));
        let end = (self.at + usize::from(is_number)).min(self.text.len());
        let is_visible = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let last = self.text.iter().rposition(is_visible).map_or(0, |at| at + 1);
        if end == last {
            return Ok(());
        }
        let trailing = self.text.get(end..last).unwrap_or(&self.text[end..]);
        let trailing = String::from_utf8_lossy(trailing);
        Err(format!("Parsed JSON included non-whitespace trailing characters: {trailing}"))
    }

    /// picojson's message: the line, and what is left of it at `rest`. It has read the bytes before `read`.
    fn syntax_error(&self, rest: usize, read: usize) -> String {
        // A line counts once a byte after its line feed has been read.
        let read = read.min(self.text.len()).saturating_sub(1);
        let line = self.text[..read].split(|byte| *byte == b'\n').count();
        let rest = self.text[rest..].split(|byte| *byte == b'\n').next().unwrap_or_default();
        let rest: Vec<u8> = rest.iter().copied().filter(|byte| *byte >= b' ').collect();
        format!("syntax error at line {line} near: {}", String::from_utf8_lossy(&rest))
    }
}
