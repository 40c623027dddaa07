//! The plainest HTTP client: bytes out, one answer in, and streams chunk by chunk.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Nobody should take longer than this to answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// The head of an answer, and the body of one that is no stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    /// The status and the body, as a line.
    pub(crate) fn line(&self) -> String {
        let body = String::from_utf8_lossy(&self.body).replace('\n', "\\n");
        if body.is_empty() { self.status.to_string() } else { format!("{} {body}", self.status) }
    }
}

/// A connection to a master.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    pending: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await.context("failed to connect to the master")?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, pending: Vec::new() })
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.socket.write_all(request).await.context("failed to send a request")
    }

    /// The next answer; `None` if the connection was closed instead.
    pub(crate) async fn answer(&mut self) -> anyhow::Result<Option<Answer>> {
        tokio::time::timeout(ANSWER_DEADLINE, self.read_answer())
            .await
            .context("the master did not answer")?
    }

    async fn read_answer(&mut self) -> anyhow::Result<Option<Answer>> {
        let length = loop {
            if let Some(at) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.fill().await {
                return Ok(None);
            }
        };
        let head: Vec<u8> = self.pending.drain(..length).collect();
        let mut answer = parse_head(&String::from_utf8_lossy(&head)).context("a malformed head")?;
        if answer.status == 100 {
            return Box::pin(self.read_answer()).await;
        }
        if !answer.is_chunked() {
            let length = answer.header("Content-Length").map_or(Ok(0), str::parse)?;
            while self.pending.len() < length && self.fill().await {}
            let length = length.min(self.pending.len());
            answer.body = self.pending.drain(..length).collect();
        }
        Ok(Some(answer))
    }

    /// The next chunk of a stream; empty at its end; `None` if the connection was closed before that.
    pub(crate) async fn chunk(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let line = loop {
            if let Some(at) = self.pending.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.pending.drain(..at + 2).collect();
                break String::from_utf8_lossy(&line[..at]).into_owned();
            }
            if !self.fill().await {
                return Ok(None);
            }
        };
        let Ok(length) = usize::from_str_radix(line.trim(), 16) else {
            bail!("`{line}` is no length of a chunk")
        };
        while self.pending.len() < length + 2 {
            if !self.fill().await {
                return Ok(None);
            }
        }
        let chunk = self.pending.drain(..length).collect();
        self.pending.drain(..2);
        Ok(Some(chunk))
    }

    async fn fill(&mut self) -> bool {
        let mut buffer = vec![0; 16384];
        match self.socket.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(length) => {
                self.pending.extend_from_slice(&buffer[..length]);
                true
            }
        }
    }
}

fn parse_head(head: &str) -> Option<Answer> {
    let mut lines = head.lines();
    let (_, status) = lines.next()?.split_once(' ')?;
    let (status, reason) = status.split_once(' ').unwrap_or((status, ""));
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Some(Answer { status: status.parse().ok()?, reason: reason.to_owned(), headers, body: Vec::new() })
}

/// The record that a chunk holds.
pub(crate) fn record(chunk: &[u8]) -> anyhow::Result<&[u8]> {
    let record = chunk.iter().position(|byte| *byte == b'\n').and_then(|at| {
        let length: usize = std::str::from_utf8(&chunk[..at]).ok()?.parse().ok()?;
        (length == chunk.len() - at - 1).then(|| &chunk[at + 1..])
    });
    record.context("a chunk is not exactly one record")
}

/// The bytes of a POST.
pub(crate) fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: master\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Sends a request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> anyhow::Result<Option<Answer>> {
    let mut connection = Connection::open(address).await?;
    connection.send(request).await?;
    connection.answer().await
}
