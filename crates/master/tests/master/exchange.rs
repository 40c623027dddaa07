//! One request and its response, as bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a server answered: the status, the headers that were recorded, and the body as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// Without the framing of chunks.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.header("Transfer-Encoding").is_some()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// An open connection.
pub(crate) struct Connection {
    stream: TcpStream,
    pending: Vec<u8>,
    is_head: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Self { stream, pending: Vec::new(), is_head: false }
    }

    pub(crate) fn send(&mut self, request: &[u8]) {
        self.is_head = request.starts_with(b"HEAD ");
        self.stream.write_all(request).unwrap();
    }

    /// Reads an answer, skipping `100 Continue`. Of a stream only the first chunk is read; none if the server closed the
    /// connection.
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        self.receive_any()
            .and_then(|answer| if answer.status == 100 { self.receive_any() } else { Some(answer) })
    }

    fn receive_any(&mut self) -> Option<Answer> {
        let head_length = loop {
            if let Some(at) = find(&self.pending, b"\r\n\r\n") {
                break at + 4;
            }
            if !self.fill() {
                return None;
            }
        };
        let head: Vec<u8> = self.pending.drain(..head_length).collect();
        let mut answer = parse_head(&String::from_utf8(head).unwrap());
        if answer.is_stream() {
            answer.body = self.chunk();
        } else if !self.is_head {
            let length: usize = answer.header("Content-Length").map_or(0, |length| length.parse().unwrap());
            while self.pending.len() < length && self.fill() {}
            answer.body = self.pending.drain(..length.min(self.pending.len())).collect();
        }
        Some(answer)
    }

    /// Reads the next chunk of a stream; empty if it ended.
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        let line = loop {
            if let Some(at) = find(&self.pending, b"\r\n") {
                break String::from_utf8(self.pending.drain(..at + 2).collect()).unwrap();
            }
            assert!(self.fill(), "the stream broke off");
        };
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        while self.pending.len() < length + 2 {
            assert!(self.fill(), "the stream broke off within a chunk");
        }
        let chunk = self.pending.drain(..length).collect();
        self.pending.drain(..2);
        chunk
    }

    fn fill(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.pending.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("no answer: {error}"),
        }
    }
}

/// Sends a request on a connection of its own.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut connection = Connection::open(address);
    connection.send(request);
    connection.receive()
}

/// Sends a request of these parts.
pub(crate) fn ask_parts(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    ask(address, &request(line, headers, body))
}

/// The bytes of a request.
pub(crate) fn request(line: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Reads an answer that was recorded. Of a stream only the first record counts.
pub(crate) fn parse_recorded(bytes: &[u8]) -> Option<Answer> {
    let at = find(bytes, b"\r\n\r\n").map(|at| (at, 4)).or_else(|| find(bytes, b"\n\n").map(|at| (at, 2)))?;
    let mut answer = parse_head(&String::from_utf8_lossy(&bytes[..at.0]));
    let body = &bytes[at.0 + at.1..];
    answer.body = if answer.is_stream() { first_record(body) } else { body.to_vec() };
    Some(answer)
}

/// The first JSON text in a recorded stream, whatever framing was recorded around it.
fn first_record(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let Some(start) = text.find('{') else { return Vec::new() };
    let mut depth = 0;
    for (index, character) in text[start..].char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text[start..=start + index].as_bytes().to_vec();
        }
    }
    text[start..].as_bytes().to_vec()
}

/// The record in a chunk, without its length.
pub(crate) fn record(chunk: &[u8]) -> Vec<u8> {
    let at = chunk.iter().position(|byte| *byte == b'\n').unwrap();
    let length: usize = std::str::from_utf8(&chunk[..at]).unwrap().parse().unwrap();
    assert_eq!(length, chunk.len() - at - 1, "a chunk is not exactly one record");
    chunk[at + 1..].to_vec()
}

fn parse_head(head: &str) -> Answer {
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Answer { status, headers, body: Vec::new() }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
