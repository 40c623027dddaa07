//! Just enough of HTTP/1.1: whole messages out of a buffer, and the chunks of an event stream.

use std::borrow::Cow;

/// A request or response that has arrived whole.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The head without its last line break.
    head: &'a [u8],
    pub(crate) body: Cow<'a, [u8]>,
    /// How many bytes it took.
    pub(crate) length: usize,
}

impl<'a> Message<'a> {
    /// The words of the first line.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let end = self.head.iter().position(|byte| *byte == b'\r').unwrap_or(self.head.len());
        self.head[..end].split(|byte| *byte == b' ')
    }

    /// The status of a response.
    pub(crate) fn status(&self) -> u16 {
        self.words().nth(1).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        header(self.head, name)
    }
}

/// The value of a header in a head.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| key.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(value.trim_ascii())
    })
}

/// Where the head ends, with its empty line.
pub(crate) fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
        if bytes.get(at..at + 2)? == b"\r\n" {
            return Some(at + 2);
        }
    }
}

/// The first message in `bytes`, if it is there to its end.
pub(crate) fn parse(bytes: &[u8]) -> Option<Message<'_>> {
    let end = head_end(bytes)?;
    let head = &bytes[..end - 2];
    if header(head, "Transfer-Encoding").is_some() {
        let mut body: Cow<'_, [u8]> = Cow::Borrowed(&[]);
        let mut at = end;
        loop {
            let (chunk, length) = chunk(&bytes[at..])?;
            at += length;
            if chunk.is_empty() {
                return Some(Message { head, body, length: at });
            }
            if body.is_empty() {
                body = Cow::Borrowed(chunk);
            } else {
                body.to_mut().extend_from_slice(chunk);
            }
        }
    }
    let length = header(head, "Content-Length")
        .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    let body = bytes.get(end..end + length)?;
    Some(Message { head, body: Cow::Borrowed(body), length: end + length })
}

/// The first chunk in `bytes` and how many bytes it took; an empty one is the last.
pub(crate) fn chunk(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let line_end = bytes.iter().take(32).position(|byte| *byte == b'\n')?;
    let length = std::str::from_utf8(bytes[..line_end].trim_ascii())
        .ok()
        .and_then(|digits| usize::from_str_radix(digits, 16).ok())?;
    let start = line_end + 1;
    let chunk = bytes.get(start..start + length)?;
    bytes.get(start + length..start + length + 2)?;
    Some((chunk, start + length + 2))
}

/// Bytes that were read and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    used: usize,
}

impl Buffer {
    pub(crate) fn unused(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    pub(crate) fn use_up(&mut self, count: usize) {
        self.used += count;
        if self.used == self.bytes.len() {
            self.bytes.clear();
            self.used = 0;
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // Moving what is left costs little when it is much less than what was used.
        if self.used > 1 << 16 && self.used > self.bytes.len() / 2 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// Takes records out of a chunked stream of `RecordIO`.
#[derive(Debug, Default)]
pub(crate) struct RecordStream {
    chunked: Buffer,
    records: Buffer,
}

impl RecordStream {
    /// Takes what was read; false once the stream has ended.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        self.chunked.push(bytes);
        while let Some((chunk, length)) = chunk(self.chunked.unused()) {
            if chunk.is_empty() {
                return false;
            }
            self.records.push(chunk);
            self.chunked.use_up(length);
        }
        true
    }

    /// Gives the next whole record to `take`.
    pub(crate) fn next(&mut self, take: impl FnOnce(&[u8])) -> bool {
        let bytes = self.records.unused();
        let Some(line_end) = bytes.iter().take(24).position(|byte| *byte == b'\n') else { return false };
        let Some(length) =
            std::str::from_utf8(&bytes[..line_end]).ok().and_then(|text| text.parse::<usize>().ok())
        else {
            return false;
        };
        let Some(record) = bytes.get(line_end + 1..line_end + 1 + length) else { return false };
        take(record);
        self.records.use_up(line_end + 1 + length);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole() {
        let bytes = b"POST /slave(1)/Ping HTTP/1.1\r\nLibprocess-From: a@b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nX";
        assert!(parse(&bytes[..bytes.len() - 2]).is_none());
        let message = parse(bytes).unwrap();
        assert_eq!((&*message.body, message.length), (&b"hi"[..], bytes.len() - 1));
        assert_eq!(message.words().nth(1), Some(&b"/slave(1)/Ping"[..]));
        assert_eq!(message.header("libprocess-from"), Some(&b"a@b"[..]));
        let response = parse(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!((response.status(), response.body.len()), (202, 0));
    }

    #[test]
    fn records_come_out_of_chunks() {
        let mut stream = RecordStream::default();
        assert!(stream.push(b"4\r\n3\nab\r\n3"));
        assert!(!stream.next(|_| ()));
        assert!(stream.push(b"\r\nc1\n\r\n1\r\nz\r\n"));
        let mut seen = Vec::new();
        while stream.next(|record| seen.push(record.to_vec())) {}
        assert_eq!(seen, [b"abc".to_vec(), b"z".to_vec()]);
    }
}
