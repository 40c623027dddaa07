//! The plainest HTTP client: one request, one connection, the whole answer as text.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header, as it came.
    pub head: String,
    /// The body, as it came.
    pub body: String,
}

/// Asks for a path; `None` while nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// Asks for a path; `None` if nobody answers in time.
pub fn get_within(address: SocketAddr, path: &str, patience: Duration) -> Option<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    exchange_within(address, request.as_bytes(), patience)
}

/// Posts a JSON body; `None` while nobody answers.
pub fn post(address: SocketAddr, path: &str, json: &str) -> Option<Answer> {
    let length = json.len();
    exchange(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        ),
    )
}

fn exchange(address: SocketAddr, request: &str) -> Option<Answer> {
    exchange_within(address, request.as_bytes(), Duration::from_secs(30))
}

/// Sends a whole request, and reads until the connection is closed.
pub(crate) fn exchange_within(address: SocketAddr, request: &[u8], patience: Duration) -> Option<Answer> {
    let mut socket = TcpStream::connect_timeout(&address, patience).ok()?;
    socket.set_read_timeout(Some(patience)).ok()?;
    socket.write_all(request).ok()?;
    read_answer(&mut socket)
}

/// Reads an answer until the connection is closed.
pub(crate) fn read_answer(socket: &mut TcpStream) -> Option<Answer> {
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
