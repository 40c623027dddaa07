//! Emulated agents: tens of thousands in one process, many at an address.
//!
//! A *shard* is the agents of one address. Its state machine (`swarm/shard.rs`) takes messages and gives bytes; here are
//! its sockets: the master's connections to the address, which bring messages and take `202`s, and one connection of ours
//! to the master. Everything that waits leaves in one write.

mod agent_info;
mod messages;
mod shard;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use crate::board::Board;
use crate::http1::{Buffer, parse};
use crate::plan::Plan;
use crate::socket::write_all;
pub(crate) use agent_info::{allocated, scalar, slot, without_field};
use shard::Shard;

/// How often timers are looked at: the resolution of task durations.
const TICK: Duration = Duration::from_millis(1);

/// Runs the shards of one thread until the board says stop.
///
/// # Errors
/// An address is taken, or the master is not there.
pub(crate) fn run(
    thread: usize,
    plan: &Arc<Plan>,
    board: &Arc<Board>,
    master: SocketAddr,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let threads = plan.swarm_threads.max(1);
    LocalSet::new().block_on(&runtime, async {
        let mut shards = tokio::task::JoinSet::new();
        for shard in (thread..plan.addresses()).step_by(threads) {
            let agents = agents(plan, shard);
            let address = address(plan, shard)?;
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("failed to listen on {address} for agents"))?;
            let state = Shard::new(Arc::clone(plan), Arc::clone(board), address, agents);
            shards.spawn_local(drive(listener, master, state));
        }
        while let Some(ended) = shards.join_next().await {
            ended??;
        }
        Ok(())
    })
}

/// The agents of a shard.
fn agents(plan: &Plan, shard: usize) -> std::ops::Range<usize> {
    let per_address = plan.agents.div_ceil(plan.addresses().max(1));
    (shard * per_address).min(plan.agents)..((shard + 1) * per_address).min(plan.agents)
}

/// Loopback has many addresses: one for each shard, all at one port.
fn address(plan: &Plan, shard: usize) -> anyhow::Result<SocketAddr> {
    let octet = |value: usize| u8::try_from(value).context("there are too many addresses");
    let ip = Ipv4Addr::new(127, octet(shard / 62_500)?, octet(shard / 250 % 250)?, octet(shard % 250 + 1)?);
    Ok(SocketAddr::new(IpAddr::V4(ip), plan.swarm_port))
}

type Shared = Rc<(RefCell<Shard>, Notify)>;

async fn drive(listener: TcpListener, mut master: SocketAddr, state: Shard) -> anyhow::Result<()> {
    let board = Arc::clone(&state.board);
    let follows = state.follows();
    let shared: Shared = Rc::new((RefCell::new(state), Notify::new()));
    loop {
        let outbound = TcpStream::connect(master).await.context("failed to connect to the master")?;
        outbound.set_nodelay(true)?;
        let lost = tokio::select! {
            () = ticks(&shared) => return Ok(()),
            result = accept(&shared, &listener) => return result,
            lost = write(&shared, &outbound) => lost,
            lost = responses(&shared, &outbound) => lost,
        };
        // The master may close what it likes when we are about to stop.
        if board.is_stopped() {
            return Ok(());
        }
        if !follows {
            return lost;
        }
        master = board.next_leader(master).await;
        shared.0.borrow_mut().change_master();
    }
}

async fn ticks(shared: &Shared) {
    loop {
        {
            let mut state = shared.0.borrow_mut();
            if state.board.is_stopped() {
                return;
            }
            state.tick();
        }
        shared.1.notify_one();
        tokio::time::sleep(TICK).await;
    }
}

async fn accept(shared: &Shared, listener: &TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::task::spawn_local(receive(Rc::clone(shared), stream));
    }
}

/// Takes the messages of one of the master's connections.
async fn receive(shared: Shared, stream: TcpStream) {
    let mut buffer = Buffer::default();
    let mut answers = Vec::new();
    let mut read = vec![0; 1 << 17];
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        match stream.try_read(&mut read) {
            Ok(0) => return,
            Ok(length) => buffer.push(&read[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        }
        while let Some(message) = parse(buffer.unused()) {
            shared.0.borrow_mut().receive(&message);
            answers.extend_from_slice(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
            let length = message.length;
            drop(message);
            buffer.use_up(length);
        }
        shared.1.notify_one();
        if write_all(&stream, &answers).await.is_err() {
            return;
        }
        answers.clear();
    }
}

/// Writes what the agents have to say.
async fn write(shared: &Shared, outbound: &TcpStream) -> anyhow::Result<()> {
    let mut out = Vec::new();
    loop {
        std::mem::swap(&mut out, &mut shared.0.borrow_mut().out);
        if out.is_empty() {
            shared.1.notified().await;
        } else {
            write_all(outbound, &out).await.context("failed to send to the master")?;
            out.clear();
        }
    }
}

/// Reads the answers; only those to PONGs are counted, all others are as good as unread.
async fn responses(shared: &Shared, outbound: &TcpStream) -> anyhow::Result<()> {
    let mut buffer = Buffer::default();
    let mut read = vec![0; 1 << 16];
    loop {
        outbound.readable().await?;
        match outbound.try_read(&mut read) {
            Ok(0) => anyhow::bail!("the master closed the agents' connection"),
            Ok(length) => {
                let mut state = shared.0.borrow_mut();
                if state.counts_responses {
                    buffer.push(&read[..length]);
                    while let Some(response) = parse(buffer.unused()) {
                        let length = response.length;
                        drop(response);
                        buffer.use_up(length);
                        state.note_response();
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the connection to the master broke"),
        }
    }
}
