//! The view's owner: folds the journal and answers reads, on a thread of its own.
//!
//! Journal and reads come in one queue, and the reactor publishes before it answers anyone; so when a read is taken out
//! of the queue, all that its client may know of has been taken out before. All of the journal that waits is folded
//! before each read is rendered: what piles up is never more than the reactor changes in the time of one render. Equal
//! reads that wait together are rendered once.
//!
//! Nobody misses the journal's newest entries until somebody reads, and to wake a thread costs more than to fold what one
//! input changes. So entries are gathered before the queue, and enter it when there are enough of them or a read comes.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tepui_master_core::Change;
use tepui_master_view::{Encoding, TasksQuery, View};
use tokio::sync::{Semaphore, oneshot};

use crate::clock::wall;
use crate::registrar_metrics::RegistrarMetrics;
use crate::system_metrics::system_metrics;

/// How many reads may wait for the view; further ones wait in their own connections. Equal ones are answered together,
/// so this is plenty.
const MAX_WAITING_READS: usize = 256;

/// How many entries of the journal are worth waking the view for. They are folded in a millisecond, so the first read
/// after a while does not notice; and their memory is nothing.
const WORTH_WAKING: usize = 1024;

/// What can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// `/state`.
    State,
    /// `/state-summary`.
    StateSummary,
    /// `/frameworks`, of one if it is named.
    Frameworks(Option<String>),
    /// `/slaves`, of one if it is named.
    Slaves(Option<String>),
    /// `/tasks`.
    Tasks(TasksQuery),
    /// `/roles`.
    Roles,
    /// `/metrics/snapshot`.
    MetricsSnapshot,
    /// `/flags`.
    Flags,
    /// `/version`.
    Version,
    /// A read of the v1 operator API.
    Operator(OperatorRead, Encoding),
}

/// What the v1 operator API can read, each named after its `GET_` call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorRead {
    Health,
    Flags,
    Version,
    Metrics,
    Master,
    Agents,
    Frameworks,
    Tasks,
    Executors,
    State,
    Roles,
    MaintenanceSchedule,
    MaintenanceStatus,
}

enum Message {
    Journal(Vec<Change>),
    Read(Read, oneshot::Sender<Bytes>),
}

/// The newest entries of the journal, on their way into the queue. Whoever puts anything into the queue holds the lock,
/// so that a read never overtakes an entry.
type Gathered = Arc<Mutex<Vec<Change>>>;

/// Publishes the journal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    gathered: Gathered,
    queue: Sender<Message>,
}

/// Asks the view.
#[derive(Clone, Debug)]
pub(crate) struct Reads {
    gathered: Gathered,
    queue: Sender<Message>,
    waiting: Arc<Semaphore>,
}

impl Journal {
    /// Hands over what changed, leaving `changes` empty. The queue is not bounded: the core must never wait for a
    /// reader, and the reader drains it before each render.
    pub(crate) fn publish(&self, changes: &mut Vec<Change>) {
        let mut gathered = lock(&self.gathered);
        gathered.append(changes);
        if gathered.len() >= WORTH_WAKING {
            send_gathered(&mut gathered, &self.queue);
        }
    }
}

impl Reads {
    /// Renders an answer from a view that knows all that was published before. `None` if the master is stopping.
    pub(crate) async fn read(&self, read: Read) -> Option<Bytes> {
        let _permit = self.waiting.acquire().await.ok()?;
        let (answer, answered) = oneshot::channel();
        {
            let mut gathered = lock(&self.gathered);
            send_gathered(&mut gathered, &self.queue);
            self.queue.send(Message::Read(read, answer)).ok()?;
        }
        answered.await.ok()
    }
}

fn lock(gathered: &Gathered) -> MutexGuard<'_, Vec<Change>> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_gathered(gathered: &mut Vec<Change>, queue: &Sender<Message>) {
    if !gathered.is_empty() {
        let changes = std::mem::replace(gathered, Vec::with_capacity(WORTH_WAKING));
        // An error means that the reader has ended, which it does only when nobody can ask any more.
        drop(queue.send(Message::Journal(changes)));
    }
}

/// Starts the reader. It ends when all `Journal`s and `Reads` are gone.
pub(crate) fn start(
    view: View,
    metrics: Arc<RegistrarMetrics>,
) -> std::io::Result<(Journal, Reads, JoinHandle<()>)> {
    let (sender, receiver) = channel();
    let thread =
        std::thread::Builder::new().name("view".to_owned()).spawn(move || run(view, &metrics, &receiver))?;
    let gathered = Gathered::default();
    let reads = Reads {
        gathered: Arc::clone(&gathered),
        queue: sender.clone(),
        waiting: Arc::new(Semaphore::new(MAX_WAITING_READS)),
    };
    Ok((Journal { gathered, queue: sender }, reads, thread))
}

fn run(mut view: View, metrics: &RegistrarMetrics, queue: &Receiver<Message>) {
    let mut reads: VecDeque<(Read, oneshot::Sender<Bytes>)> = VecDeque::new();
    loop {
        let mut next = match queue.recv() {
            Ok(message) => Some(message),
            Err(_) => return,
        };
        loop {
            while let Some(message) = next.take() {
                match message {
                    Message::Journal(changes) => changes.into_iter().for_each(|change| view.fold(change)),
                    Message::Read(read, answer) => reads.push_back((read, answer)),
                }
                next = queue.try_recv().ok();
            }
            let Some((read, answer)) = reads.pop_front() else { break };
            let bytes = Bytes::from(render(&view, metrics, &read));
            drop(answer.send(bytes.clone()));
            for (_, answer) in extract(&mut reads, &read) {
                drop(answer.send(bytes.clone()));
            }
            next = queue.try_recv().ok();
        }
    }
}

/// Takes out all reads that are equal to `read`.
fn extract(
    reads: &mut VecDeque<(Read, oneshot::Sender<Bytes>)>,
    read: &Read,
) -> VecDeque<(Read, oneshot::Sender<Bytes>)> {
    let (equal, others) = std::mem::take(reads).into_iter().partition(|(other, _)| other == read);
    *reads = others;
    equal
}

fn render(view: &View, metrics: &RegistrarMetrics, read: &Read) -> Vec<u8> {
    match read {
        Read::State => view.state(),
        Read::StateSummary => view.state_summary(),
        Read::Frameworks(only) => view.frameworks(only.as_deref()),
        Read::Slaves(only) => view.slaves(only.as_deref()),
        Read::Tasks(query) => view.tasks(query),
        Read::Roles => view.roles(),
        Read::MetricsSnapshot => view.metrics_snapshot(wall(), &process_metrics(metrics)),
        Read::Flags => view.flags(),
        Read::Version => view.version(),
        Read::Operator(read, encoding) => render_operator(view, metrics, *read, *encoding),
    }
}

fn render_operator(
    view: &View,
    metrics: &RegistrarMetrics,
    read: OperatorRead,
    encoding: Encoding,
) -> Vec<u8> {
    match read {
        OperatorRead::Health => View::get_health(encoding),
        OperatorRead::Flags => view.get_flags(encoding),
        OperatorRead::Version => view.get_version(encoding),
        OperatorRead::Metrics => view.get_metrics(encoding, wall(), &process_metrics(metrics)),
        OperatorRead::Master => view.get_master(encoding),
        OperatorRead::Agents => view.get_agents(encoding),
        OperatorRead::Frameworks => view.get_frameworks(encoding),
        OperatorRead::Tasks => view.get_tasks(encoding),
        OperatorRead::Executors => view.get_executors(encoding),
        OperatorRead::State => view.get_state(encoding),
        OperatorRead::Roles => view.get_roles(encoding),
        OperatorRead::MaintenanceSchedule => view.get_maintenance_schedule(encoding),
        OperatorRead::MaintenanceStatus => view.get_maintenance_status(encoding),
    }
}

/// The metrics that are not the core's.
fn process_metrics(registrar: &RegistrarMetrics) -> Vec<(String, f64)> {
    let mut metrics = system_metrics();
    metrics.extend(registrar.list());
    metrics
}
