//! An agent that is only played: it is admitted while everything is wrong, and marked gone; then it must stay away.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tepui_client::Masters;
use tepui_client::operator::Operator;
use tepui_proto::v1::AgentId;
use tepui_proto::v1::master::{Call, call};
use tepui_proto::{LinkMessage, internal, v1};
use tokio::runtime::Handle;

use super::Verdict;
use super::network::HUB;
use crate::request::exchange_within;

const HOSTNAME: &str = "guest";

/// How long it tries to come and go.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection may be silent.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it asks again.
const RETRY: Duration = Duration::from_millis(300);

/// Where one plays an agent.
#[derive(Debug)]
struct Guest {
    listener: TcpListener,
    address: SocketAddr,
}

/// Is admitted and marked gone; the id, if both were acknowledged.
pub(crate) fn come_and_be_marked_gone(
    runtime: &Handle,
    masters: Masters,
    at: &[SocketAddr],
) -> Option<AgentId> {
    let mut guest = Guest::listen()?;
    let info = guest.info(None);
    let register = LinkMessage::from(internal::RegisterSlaveMessage {
        slave: info,
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    });
    let id = guest.ask(&register, at, PATIENCE, |answer| {
        if let LinkMessage::SlaveRegistered(registered) = answer { Some(registered.slave_id) } else { None }
    })?;
    let mut operator = Operator::of_masters(masters).with_timeout(PATIENCE);
    runtime.block_on(operator.mark_agent_gone(id.clone())).ok()?;
    Some(id)
}

/// Marks gone all guests that are there or awaited, because their answer was lost; gives their ids.
///
/// While a master awaits agents, it tells nobody that a task is unknown which may be on one of them.
pub(crate) async fn see_off(masters: Masters, patience: Duration) -> Verdict<Vec<AgentId>> {
    let mut operator = Operator::of_masters(masters).with_patience(patience);
    let get_agents = Call { r#type: Some(call::Type::GetAgents.into()), ..Call::default() };
    let answer =
        operator.master(&get_agents).await.map_err(|error| format!("failed to list agents: {error}"))?;
    let agents = answer.unwrap_or_default().get_agents.unwrap_or_default();
    let there = agents.agents.into_iter().map(|agent| agent.agent_info).chain(agents.recovered_agents);
    let guests: Vec<AgentId> =
        there.filter(|info| info.hostname == HOSTNAME).filter_map(|info| info.id).collect();
    for id in &guests {
        let marked = operator.mark_agent_gone(id.clone()).await;
        marked.map_err(|error| format!("failed to mark agent `{}` gone: {error}", id.value))?;
    }
    Ok(guests)
}

/// Fails unless an agent that was marked gone is told to end when it comes back.
pub(crate) fn check_gone(id: &AgentId, at: &[SocketAddr], patience: Duration) -> Verdict {
    let failed = || format!("agent `{}` was marked gone, and nobody tells it to end", id.value);
    let mut guest = Guest::listen().ok_or_else(failed)?;
    let reregister = LinkMessage::from(internal::ReregisterSlaveMessage {
        slave: guest.info(Some(id.clone())),
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    });
    let is_gone = guest.ask(&reregister, at, patience, |answer| {
        let is_gone = matches!(answer, LinkMessage::Shutdown(_));
        (is_gone || matches!(answer, LinkMessage::SlaveReregistered(_))).then_some(is_gone)
    });
    match is_gone {
        Some(true) => Ok(()),
        Some(false) => Err(format!("agent `{}` was marked gone, and may come back", id.value)),
        None => Err(failed()),
    }
}

impl Guest {
    fn listen() -> Option<Self> {
        let listener = TcpListener::bind((HUB, 0)).ok()?;
        listener.set_nonblocking(true).ok()?;
        let address = listener.local_addr().ok()?;
        Some(Self { listener, address })
    }

    fn info(&self, id: Option<AgentId>) -> v1::AgentInfo {
        v1::AgentInfo {
            hostname: HOSTNAME.to_owned(),
            port: Some(self.address.port().into()),
            id,
            checkpoint: Some(true),
            ..Default::default()
        }
    }

    /// Sends a message to all masters, of whom only the leader heeds it, until one answers as `accept` wants it.
    fn ask<T>(
        &mut self,
        message: &LinkMessage,
        masters: &[SocketAddr],
        patience: Duration,
        accept: impl Fn(LinkMessage) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut connections = Vec::new();
        while Instant::now() < deadline {
            for master in masters {
                // Whoever is stopped or dead does not answer; the others do.
                let request = self.request(*master, message);
                drop(exchange_within(*master, &request, RETRY));
            }
            let asked = Instant::now();
            while asked.elapsed() < RETRY {
                while let Ok((connection, _)) = self.listener.accept() {
                    connections.push(Inbound::new(connection)?);
                }
                let mut messages = connections.iter_mut().flat_map(Inbound::messages);
                if let Some(found) = messages.find_map(&accept) {
                    return Some(found);
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        None
    }

    fn request(&self, master: SocketAddr, message: &LinkMessage) -> Vec<u8> {
        let body = message.encode();
        let head = format!(
            "POST /master/{} HTTP/1.1\r\nHost: {master}\r\nConnection: close\r\nLibprocess-From: slave(1)@{}\r\n\
             Content-Length: {}\r\n\r\n",
            message.name(),
            self.address,
            body.len()
        );
        [head.as_bytes(), &body].concat()
    }
}

/// A connection on which a master sends.
#[derive(Debug)]
struct Inbound {
    connection: TcpStream,
    buffer: Vec<u8>,
}

impl Inbound {
    fn new(connection: TcpStream) -> Option<Self> {
        connection.set_nonblocking(true).ok()?;
        connection.set_write_timeout(Some(READ_TIMEOUT)).ok()?;
        Some(Self { connection, buffer: Vec::new() })
    }

    /// The whole messages that have come.
    fn messages(&mut self) -> Vec<LinkMessage> {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = self.connection.read(&mut bytes) {
            self.buffer.extend_from_slice(&bytes[..read]);
        }
        let mut messages = Vec::new();
        while let Some((message, length)) = first_message(&self.buffer) {
            self.buffer.drain(..length);
            messages.extend(message);
            // Nobody waits for it.
            drop(self.connection.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"));
        }
        messages
    }
}

/// The first request of a buffer, and its length, once it is whole. Masters send bodies as chunks.
fn first_message(buffer: &[u8]) -> Option<(Option<LinkMessage>, usize)> {
    let (head, head_length) = until_mark(buffer, b"\r\n\r\n")?;
    let name = head.split_whitespace().nth(1)?.rsplit('/').next()?.to_owned();
    let mut body = Vec::new();
    let mut at = head_length;
    loop {
        let (size, size_length) = until_mark(&buffer[at..], b"\r\n")?;
        let size = usize::from_str_radix(&size, 16).ok()?;
        at += size_length;
        body.extend_from_slice(buffer.get(at..at + size)?);
        at += size + 2;
        if size == 0 {
            break;
        }
    }
    (at <= buffer.len()).then(|| (LinkMessage::decode(&name, &body).ok(), at))
}

/// What stands before a mark, and the length of both.
fn until_mark(buffer: &[u8], mark: &[u8]) -> Option<(String, usize)> {
    let position = buffer.windows(mark.len()).position(|window| window == mark)?;
    Some((String::from_utf8_lossy(&buffer[..position]).into_owned(), position + mark.len()))
}
