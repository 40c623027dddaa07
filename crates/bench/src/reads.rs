//! Reads of a master's state: how long until the first byte and until the last.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::http1::{head_end, header};

/// One read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch {
    pub(crate) first_byte: Duration,
    pub(crate) total: Duration,
    pub(crate) bytes: usize,
}

/// All reads of one kind.
#[derive(Clone, Debug)]
pub struct ReadResult {
    /// What was read.
    pub kind: String,
    /// Until the first byte, of each read.
    pub first_bytes: Vec<Duration>,
    /// Until the last byte, of each read.
    pub totals: Vec<Duration>,
    /// The size of the last one.
    pub bytes: usize,
}

impl ReadResult {
    pub(crate) fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), first_bytes: Vec::new(), totals: Vec::new(), bytes: 0 }
    }

    pub(crate) fn add(&mut self, read: &Fetch) {
        self.first_bytes.push(read.first_byte);
        self.totals.push(read.total);
        self.bytes = read.bytes;
    }
}

/// The middle of some durations.
pub(crate) fn median(durations: &[Duration]) -> Duration {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn request(kind: &str) -> anyhow::Result<String> {
    let post = |call: &str, accept: &str| {
        let body = format!(r#"{{"type":"{call}"}}"#);
        format!(
            "POST /api/v1 HTTP/1.1\r\nHost: master\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: {accept}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: master\r\nConnection: close\r\n\r\n");
    Ok(match kind {
        "state" => get("/state"),
        "tasks" => get("/tasks?limit=1000000"),
        "metrics" => get("/metrics/snapshot"),
        "get_state_protobuf" => post("GET_STATE", "application/x-protobuf"),
        "get_state_json" => post("GET_STATE", "application/json"),
        "get_tasks_protobuf" => post("GET_TASKS", "application/x-protobuf"),
        "get_metrics_protobuf" => post("GET_METRICS", "application/x-protobuf"),
        _ => bail!("there is no read `{kind}`"),
    })
}

/// Reads once, throwing the body away.
pub(crate) fn fetch(master: SocketAddr, kind: &str) -> anyhow::Result<Fetch> {
    let (fetch, _) = exchange(master, &request(kind)?, false)?;
    Ok(fetch)
}

/// The metrics.
pub(crate) fn metrics(master: SocketAddr) -> anyhow::Result<serde_json::Value> {
    let (_, body) = exchange(master, &request("metrics")?, true)?;
    let json = crate::http1::parse(&body).context("the answer to `/metrics/snapshot` is no message")?;
    serde_json::from_slice(&json.body).context("the metrics are no JSON")
}

fn exchange(master: SocketAddr, request: &str, keeps: bool) -> anyhow::Result<(Fetch, Vec<u8>)> {
    let start = Instant::now();
    let mut stream = TcpStream::connect(master).context("failed to connect to the master")?;
    stream.set_read_timeout(Some(Duration::from_mins(2)))?;
    stream.write_all(request.as_bytes())?;
    let mut buffer = vec![0; 1 << 18];
    let mut kept = Vec::new();
    let mut head: Option<(usize, Option<usize>)> = None;
    let (mut first_byte, mut bytes) = (Duration::ZERO, 0);
    let mut last = [0; 5];
    loop {
        let length = stream.read(&mut buffer).context("a read broke")?;
        if length == 0 {
            break;
        }
        if bytes == 0 {
            first_byte = start.elapsed();
        }
        bytes += length;
        if keeps || head.is_none() {
            kept.extend_from_slice(&buffer[..length]);
        }
        let tail = &buffer[length.saturating_sub(5)..length];
        last.rotate_left(tail.len());
        last[5 - tail.len()..].copy_from_slice(tail);
        if head.is_none()
            && let Some(end) = head_end(&kept)
        {
            if !kept.starts_with(b"HTTP/1.1 200") {
                bail!("a read was refused: {}", String::from_utf8_lossy(&kept));
            }
            let content = header(&kept[..end], "Content-Length")
                .and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
            head = Some((end, content));
        }
        // Who answers need not close the connection, so the end is found in the message.
        match head {
            Some((end, Some(content))) if bytes >= end + content => break,
            Some((_, None)) if last == *b"0\r\n\r\n" => break,
            Some(_) | None => {}
        }
    }
    Ok((Fetch { first_byte, total: start.elapsed(), bytes }, kept))
}
