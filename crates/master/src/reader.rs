//! The view's owner: folds the journal and answers reads, on a thread of its own.
//!
//! Journal and reads come in one queue, and the reactor publishes before it answers anyone; so when a read is taken out
//! of the queue, all that its client may know of has been taken out before. All of the journal that waits is folded
//! before each read is rendered: what piles up is never more than the reactor changes in the time of one render. Equal
//! reads that wait together are rendered once.
//!
//! Nobody misses the journal's newest entries until somebody reads, and to wake a thread costs more than to fold what one
//! input changes. So entries are gathered before the queue, and enter it when there are enough of them or a read comes.
//! While operators follow the event stream, the thread takes what was gathered itself at the end of each pause between two
//! writes (`subscribers.rs`); only if there was nothing, it asks to be woken by the next entry.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use tepui_http::Response;
use tepui_master_core::Change;
use tepui_master_view::{Encoding, TasksQuery, View, WrittenParts};
use tokio::sync::{Semaphore, oneshot};

use crate::answer::{Answer, Clients};
use crate::clock::wall;
use crate::registrar_metrics::RegistrarMetrics;
use crate::subscribers::Subscribers;
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
    Read(Read, oneshot::Sender<Answer>),
    Subscribe(Encoding, oneshot::Sender<Response>),
    /// The journal has ended, and who follows it with it.
    Ended,
}

/// The newest entries of the journal, on their way into the queue. Whoever puts anything into the queue holds the lock,
/// so that a read never overtakes an entry.
type Gathered = Arc<Mutex<Newest>>;

#[derive(Debug, Default)]
struct Newest {
    changes: Vec<Change>,
    /// The reader wants the next one at once.
    is_awaited: bool,
}

/// Publishes the journal. It ends with this.
#[derive(Debug)]
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
        // What is large must not lie here, however few it is.
        let is_large = changes.iter().any(carries_data);
        let mut gathered = lock(&self.gathered);
        gathered.changes.append(changes);
        if gathered.changes.len() >= WORTH_WAKING || gathered.is_awaited || is_large {
            send_gathered(&mut gathered, &self.queue);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let mut gathered = lock(&self.gathered);
        send_gathered(&mut gathered, &self.queue);
        // An error means that the reader has ended already.
        drop(self.queue.send(Message::Ended));
    }
}

/// Whether a status brings data of an executor, which may be as large as a message.
fn carries_data(change: &Change) -> bool {
    matches!(change, Change::TaskUpdated { status: Some(status), .. } if status.data.is_some())
}

impl Reads {
    /// Renders an answer from a view that knows all that was published before. `None` if the master is stopping.
    pub(crate) async fn read(&self, read: Read) -> Option<Answer> {
        self.ask(|answer| Message::Read(read, answer)).await
    }

    /// Opens an event stream that begins with all that was published before. `None` if the master is stopping.
    pub(crate) async fn subscribe(&self, encoding: Encoding) -> Option<Response> {
        self.ask(|answer| Message::Subscribe(encoding, answer)).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let _permit = self.waiting.acquire().await.ok()?;
        let (answer, answered) = oneshot::channel();
        {
            let mut gathered = lock(&self.gathered);
            send_gathered(&mut gathered, &self.queue);
            self.queue.send(question(answer)).ok()?;
        }
        answered.await.ok()
    }
}

fn lock(gathered: &Gathered) -> MutexGuard<'_, Newest> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_gathered(gathered: &mut Newest, queue: &Sender<Message>) {
    gathered.is_awaited = false;
    if !gathered.changes.is_empty() {
        let changes = std::mem::replace(&mut gathered.changes, Vec::with_capacity(WORTH_WAKING));
        // An error means that the reader has ended, which it does only when nobody can ask any more.
        drop(queue.send(Message::Journal(changes)));
    }
}

/// Starts the reader, with room for so many followers. It ends when all `Journal`s and `Reads` are gone.
pub(crate) fn start(
    view: View,
    metrics: Arc<RegistrarMetrics>,
    max_subscribers: usize,
) -> std::io::Result<(Journal, Reads, JoinHandle<()>)> {
    let (sender, queue) = channel();
    let gathered = Gathered::default();
    let reader = Reader {
        view,
        metrics,
        subscribers: Subscribers::new(max_subscribers),
        has_ended: false,
        gathered: Arc::clone(&gathered),
        queue,
        reads: VecDeque::new(),
    };
    let thread = std::thread::Builder::new().name("view".to_owned()).spawn(move || reader.run())?;
    let reads = Reads {
        gathered: Arc::clone(&gathered),
        queue: sender.clone(),
        waiting: Arc::new(Semaphore::new(MAX_WAITING_READS)),
    };
    Ok((Journal { gathered, queue: sender }, reads, thread))
}

/// The thread's own.
struct Reader {
    view: View,
    metrics: Arc<RegistrarMetrics>,
    subscribers: Subscribers,
    /// The journal has ended.
    has_ended: bool,
    gathered: Gathered,
    queue: Receiver<Message>,
    /// Reads that wait to be rendered.
    reads: VecDeque<(Read, oneshot::Sender<Answer>)>,
}

/// How a wait ended.
enum Waited {
    Message(Message),
    TimeIsUp,
    NobodyAsks,
}

impl Reader {
    fn run(mut self) {
        loop {
            let mut next = match self.wait() {
                Waited::Message(message) => Some(message),
                Waited::TimeIsUp => None,
                Waited::NobodyAsks => return,
            };
            loop {
                while let Some(message) = next.take() {
                    self.take(message);
                    next = self.queue.try_recv().ok();
                }
                self.subscribers.send_news(Instant::now());
                let Some((read, answer)) = self.reads.pop_front() else { break };
                let mut askers = vec![answer];
                askers.extend(extract(&mut self.reads, &read));
                self.answer(&read, Clients::new(askers));
                next = self.queue.try_recv().ok();
            }
            self.subscribers.tick(Instant::now());
        }
    }

    /// Waits for something to do.
    fn wait(&self) -> Waited {
        let now = Instant::now();
        let mut deadline = self.subscribers.next_deadline();
        if let Some(pause_end) = self.subscribers.pause_end(now) {
            deadline = deadline.into_iter().chain([pause_end]).min();
        } else if !self.subscribers.is_empty() {
            let mut gathered = lock(&self.gathered);
            if !gathered.changes.is_empty() {
                return Waited::Message(Message::Journal(std::mem::take(&mut gathered.changes)));
            }
            gathered.is_awaited = true;
        }
        let Some(deadline) = deadline else {
            return self.queue.recv().map_or(Waited::NobodyAsks, Waited::Message);
        };
        match self.queue.recv_timeout(deadline.saturating_duration_since(now)) {
            Ok(message) => Waited::Message(message),
            Err(RecvTimeoutError::Timeout) => Waited::TimeIsUp,
            Err(RecvTimeoutError::Disconnected) => Waited::NobodyAsks,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Journal(changes) => {
                for change in changes {
                    self.view.fold(change);
                }
                self.subscribers.hear(&mut self.view);
            }
            Message::Read(read, answer) => self.reads.push_back((read, answer)),
            // Without an answer the asker knows that the master is stopping.
            Message::Subscribe(..) if self.has_ended => {}
            Message::Subscribe(encoding, answer) => {
                let response = self.subscribers.subscribe(&mut self.view, encoding, Instant::now());
                drop(answer.send(response));
            }
            Message::Ended => {
                self.has_ended = true;
                self.subscribers.end();
            }
        }
    }

    fn answer(&mut self, read: &Read, mut clients: Clients) {
        let more = match read {
            Read::MetricsSnapshot | Read::Operator(OperatorRead::Metrics, _) => self.process_metrics(),
            Read::State
            | Read::StateSummary
            | Read::Frameworks(_)
            | Read::Slaves(_)
            | Read::Tasks(_)
            | Read::Roles
            | Read::Flags
            | Read::Version
            | Read::Operator(..) => Vec::new(),
        };
        let mut take = |part: Vec<u8>| clients.part(&part.into());
        let rest = render(&self.view, &more, read, &mut WrittenParts::new(&mut take));
        clients.end(&rest.into());
    }

    /// The metrics that are not the core's.
    fn process_metrics(&mut self) -> Vec<(String, f64)> {
        let mut metrics = system_metrics();
        metrics.extend(self.metrics.list());
        metrics.extend(self.subscribers.metrics());
        metrics
    }
}

/// Takes out who asked for the same.
fn extract(
    reads: &mut VecDeque<(Read, oneshot::Sender<Answer>)>,
    read: &Read,
) -> impl Iterator<Item = oneshot::Sender<Answer>> {
    let (equal, others): (VecDeque<_>, _) =
        std::mem::take(reads).into_iter().partition(|(other, _)| other == read);
    *reads = others;
    equal.into_iter().map(|(_, answer)| answer)
}

/// Writes an answer; gives what `parts` did not take.
fn render(view: &View, more: &[(String, f64)], read: &Read, parts: &mut WrittenParts<'_>) -> Vec<u8> {
    match read {
        Read::State => view.state(parts),
        Read::StateSummary => view.state_summary(),
        Read::Frameworks(only) => view.frameworks(only.as_deref(), parts),
        Read::Slaves(only) => view.slaves(only.as_deref(), parts),
        Read::Tasks(query) => view.tasks(query, parts),
        Read::Roles => view.roles(),
        Read::MetricsSnapshot => view.metrics_snapshot(wall(), more),
        Read::Flags => view.flags(),
        Read::Version => view.version(),
        Read::Operator(read, encoding) => render_operator(view, more, *read, *encoding),
    }
}

fn render_operator(view: &View, more: &[(String, f64)], read: OperatorRead, encoding: Encoding) -> Vec<u8> {
    match read {
        OperatorRead::Health => View::get_health(encoding),
        OperatorRead::Flags => view.get_flags(encoding),
        OperatorRead::Version => view.get_version(encoding),
        OperatorRead::Metrics => view.get_metrics(encoding, wall(), more),
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
