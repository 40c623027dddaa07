//! Emulated v1 schedulers.
//!
//! What a framework decides is in `fleet/framework.rs`; here are its sockets: one for the event stream and one or more for
//! calls, which are pipelined. All that a framework has to say after a read leaves in one write per connection.

mod calls;
mod event;
mod framework;
mod ledger;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};

use crate::board::{Board, count};
use crate::clock::Clock;
use crate::http1::{Buffer, RecordStream, head_end, header, parse};
use crate::plan::Plan;
use crate::socket::write_all;
use framework::Framework;
pub(crate) use framework::Policy;
pub(crate) use ledger::FleetResult;

/// How often a framework looks for what the run wants of it, and for the run's end.
const TICK: Duration = Duration::from_millis(10);

/// All frameworks of a plan, by number, with what they do.
pub(crate) fn policies(plan: &Plan) -> Vec<Policy> {
    let silent = plan.silent.min(plan.frameworks);
    let share = |index: usize| {
        (plan.tasks * (index + 1) / plan.frameworks.max(1)) - (plan.tasks * index / plan.frameworks.max(1))
    };
    let accepting = (0..plan.frameworks)
        .map(|index| Policy::Accept { tasks: share(index), acknowledges: index >= silent });
    accepting
        .chain(std::iter::repeat_n(Policy::Decline, plan.decliners))
        .chain(std::iter::repeat_n(Policy::SuppressAndRevive, plan.suppressors))
        .chain(std::iter::repeat_n(Policy::ReadNothing, plan.slow))
        .collect()
}

/// Runs the frameworks of one thread until the board says stop; gives what they saw.
///
/// # Errors
/// The master is not there, or broke a framework's stream.
pub(crate) fn run(
    thread: usize,
    plan: &Arc<Plan>,
    board: &Arc<Board>,
    master: SocketAddr,
) -> anyhow::Result<FleetResult> {
    let clock = Clock::start().context("failed to start a thread")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut frameworks = JoinSet::new();
        for (index, policy) in policies(plan).into_iter().enumerate() {
            if index % plan.fleet_threads.max(1) == thread {
                frameworks.spawn_local(drive(
                    index,
                    policy,
                    Arc::clone(plan),
                    Arc::clone(board),
                    clock.clone(),
                    master,
                ));
            }
        }
        let mut result = FleetResult::default();
        while let Some(ended) = frameworks.join_next().await {
            result.add(&ended??);
        }
        Ok(result)
    })
}

type Shared = Rc<(RefCell<Framework>, Vec<Notify>)>;

async fn drive(
    index: usize,
    policy: Policy,
    plan: Arc<Plan>,
    board: Arc<Board>,
    clock: Clock,
    master: SocketAddr,
) -> anyhow::Result<FleetResult> {
    let connections = plan.call_connections.max(1);
    let follows = plan.follows();
    let mut framework = Framework::new(index, policy, plan, Arc::clone(&board));
    if policy == Policy::ReadNothing {
        let stream = TcpStream::connect(master).await.context("failed to connect to the master")?;
        write_all(&stream, &framework.subscribe()).await?;
        count(&board.subscribed);
        while !board.is_stopped() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        return Ok(FleetResult::default());
    }
    let wakes = (0..connections).map(|_| Notify::new()).collect();
    let shared: Shared = Rc::new((RefCell::new(framework), wakes));
    let mut master = master;
    loop {
        let lost = session(&shared, &board, &clock, master).await;
        if board.is_stopped() {
            break;
        }
        if !follows {
            lost?;
            break;
        }
        master = board.next_leader(master).await;
        shared.0.borrow_mut().change_master();
    }
    let result = shared.0.borrow_mut().result();
    Ok(result)
}

/// Lives with one master, until the run or the master ends.
async fn session(shared: &Shared, board: &Board, clock: &Clock, master: SocketAddr) -> anyhow::Result<()> {
    let stream = TcpStream::connect(master).await.context("failed to connect to the master")?;
    stream.set_nodelay(true)?;
    let call = shared.0.borrow_mut().subscribe();
    write_all(&stream, &call).await?;
    let mut senders = JoinSet::new();
    for connection in 0..shared.1.len() {
        senders.spawn_local(send_calls(Rc::clone(shared), connection, master));
    }
    let ended = tokio::select! {
        result = read_events(shared, &stream) => result,
        () = ticks(shared, board, clock) => Ok(()),
        Some(ended) = senders.join_next() => ended?,
    };
    senders.shutdown().await;
    ended
}

async fn ticks(shared: &Shared, board: &Board, clock: &Clock) {
    while !board.is_stopped() {
        let due = {
            let mut framework = shared.0.borrow_mut();
            framework.tick();
            framework.next_due()
        };
        wake(shared);
        let next_tick = Instant::now() + TICK;
        let at = due.map_or(next_tick, |due| board.instant(due).min(next_tick));
        clock.sleep_until(at).await;
    }
}

fn wake(shared: &Shared) {
    let framework = shared.0.borrow();
    for (out, notify) in framework.out.iter().zip(&shared.1) {
        if !out.is_empty() {
            notify.notify_one();
        }
    }
}

/// Reads the answer to SUBSCRIBE and then the events.
async fn read_events(shared: &Shared, stream: &TcpStream) -> anyhow::Result<()> {
    let mut head = Some(Vec::new());
    let mut records = RecordStream::default();
    let mut buffer = vec![0; 1 << 17];
    loop {
        stream.readable().await?;
        let read = match stream.try_read(&mut buffer) {
            Ok(0) => bail!("the master closed an event stream"),
            Ok(length) => &buffer[..length],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error).context("an event stream broke"),
        };
        let is_open = if let Some(partial) = &mut head {
            partial.extend_from_slice(read);
            let Some(end) = head_end(partial) else { continue };
            if !partial.starts_with(b"HTTP/1.1 200") {
                bail!("SUBSCRIBE was refused: {}", String::from_utf8_lossy(partial));
            }
            let id = header(&partial[..end], "Mesos-Stream-Id").unwrap_or_default().to_vec();
            shared.0.borrow_mut().set_stream_id(&id);
            let is_open = records.push(&partial[end..]);
            head = None;
            is_open
        } else {
            records.push(read)
        };
        {
            let mut framework = shared.0.borrow_mut();
            while records.next(|record| framework.event(record)) {}
            framework.launch_on_time();
        }
        wake(shared);
        if !is_open {
            bail!("the master ended an event stream");
        }
    }
}

/// Writes the calls of one connection and checks their answers.
async fn send_calls(shared: Shared, connection: usize, master: SocketAddr) -> anyhow::Result<()> {
    let stream = TcpStream::connect(master).await.context("failed to connect to the master")?;
    stream.set_nodelay(true)?;
    let most = shared.0.borrow().calls_in_flight();
    let (in_flight, answered) = (Cell::new(0), Notify::new());
    let write = async {
        let mut out = Vec::new();
        loop {
            std::mem::swap(&mut out, &mut shared.0.borrow_mut().out[connection]);
            let mut rest = out.as_slice();
            if rest.is_empty() {
                shared.1[connection].notified().await;
            }
            while !rest.is_empty() {
                let (calls, length) =
                    first_calls(rest, most.map(|most| most.saturating_sub(in_flight.get())));
                if calls == 0 {
                    answered.notified().await;
                    continue;
                }
                in_flight.set(in_flight.get() + calls);
                write_all(&stream, &rest[..length]).await.context("failed to send calls")?;
                rest = &rest[length..];
            }
            out.clear();
        }
    };
    let read = async {
        let mut answers = Buffer::default();
        let mut buffer = vec![0; 1 << 15];
        loop {
            stream.readable().await?;
            match stream.try_read(&mut buffer) {
                Ok(0) => bail!("the master closed a connection of calls"),
                Ok(length) => answers.push(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error).context("a connection of calls broke"),
            }
            while let Some(answer) = parse(answers.unused()) {
                let (status, length) = (answer.status(), answer.length);
                in_flight.set(in_flight.get().saturating_sub(1));
                answered.notify_one();
                if status == 202 {
                    drop(answer);
                } else {
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    shared.0.borrow_mut().refused(status, &text);
                    drop(answer);
                }
                answers.use_up(length);
            }
        }
    };
    tokio::select! {
        result = write => result,
        result = read => result,
    }
}

/// Takes the first `most` calls, or all (counted as one): how many, and how long they are together.
fn first_calls(bytes: &[u8], most: Option<usize>) -> (usize, usize) {
    let Some(most) = most else { return (1, bytes.len()) };
    let (mut calls, mut length) = (0, 0);
    while calls < most
        && let Some(call) = parse(&bytes[length..])
    {
        length += call.length;
        calls += 1;
    }
    (calls, length)
}
