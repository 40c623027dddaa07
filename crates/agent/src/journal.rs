//! The journal: one file in which the agent keeps what must outlive it ([`Record`]).
//!
//! A thread of its own appends: it takes all lots of records that wait, writes them with one call, syncs once if any of
//! them must survive a loss of power, and reports the last lot. What was kept then goes to the folder that Mesos would
//! write ([`crate::meta`]), without a sync. When the file has grown well beyond what is needed, the reactor gives a
//! snapshot, which replaces it.

mod codec;
mod file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use tepui_agent_core::{Record, StoreId};
use tokio::sync::{mpsc, watch};
use tracing::{error, info};

pub(crate) use file::{Contents, read};

use crate::meta::Meta;

/// How many lots may wait for the disk; then the reactor takes nothing new.
const CAPACITY: u64 = 4096;

/// How many lots may wait to be shown as Mesos has them; then the journal waits.
const MAX_UNSHOWN: usize = 1024;

/// The most lots that are written at once.
const MAX_BATCH: usize = 1024;

/// A file is not worth replacing below this size, and while at least a part of it is needed.
const MIN_COMPACTION_BYTES: u64 = 4 * 1024 * 1024;
const COMPACTION_FACTOR: u64 = 4;

/// Something for the thread to do.
#[derive(Debug)]
enum Order {
    Append(StoreId, Vec<Record>),
    /// Replace the file; and show all anew, if asked to.
    Replace(Vec<Record>, bool),
    /// Recovery is over: the folder is ours from here on.
    Recovered,
}

/// The reactor's end of the journal.
#[derive(Debug)]
pub(crate) struct Journal {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    appended: u64,
    stored: watch::Receiver<u64>,
}

/// What the thread reports besides stored lots.
#[derive(Debug)]
pub(crate) enum Report {
    /// The file has grown: a snapshot is wanted.
    Grown,
    /// Nothing can be kept any more.
    Failed(String),
}

impl Journal {
    /// Opens the journal behind its last whole record. What is not about stored lots is reported to `reports`.
    pub(crate) fn open(
        path: &Path,
        contents: &Contents,
        meta: Meta,
        reports: mpsc::Sender<Report>,
    ) -> io::Result<Self> {
        let file = file::Appender::open(path, contents)?;
        let (orders, received) = channel();
        let (kept, to_show) = sync_channel(MAX_UNSHOWN);
        let (now_stored, stored) = watch::channel(0);
        let shower =
            std::thread::Builder::new().name("meta".to_owned()).spawn(move || show(meta, &to_show))?;
        let path = path.to_owned();
        let keeper = Keeper { file, path, stored: now_stored, reports, kept, asked: false };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            keeper.run(&received);
            // What was kept is shown before we end.
            if shower.join().is_err() {
                error!("the thread that writes Mesos' layout panicked");
            }
        })?;
        Ok(Self { orders: Some(orders), thread: Some(thread), appended: 0, stored })
    }

    /// Keeps records.
    pub(crate) fn append(&mut self, id: StoreId, records: Vec<Record>) {
        self.appended = id.0;
        self.order(Order::Append(id, records));
    }

    /// Tells whether so much waits for the disk that nothing new should be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.appended.saturating_sub(*self.stored.borrow()) > CAPACITY
    }

    /// The next lot that is stored, with all before it.
    pub(crate) async fn stored(&mut self) -> StoreId {
        if self.stored.changed().await.is_err() {
            // The thread has ended; why was reported.
            std::future::pending::<()>().await;
        }
        StoreId(*self.stored.borrow_and_update())
    }

    /// Replaces all that was appended; and shows all anew as Mesos has it, if asked to.
    pub(crate) fn replace(&mut self, snapshot: Vec<Record>, shows: bool) {
        self.order(Order::Replace(snapshot, shows));
    }

    /// Notes that the folder is ours.
    pub(crate) fn recovered(&mut self) {
        self.order(Order::Recovered);
    }

    fn order(&mut self, order: Order) {
        if let Some(orders) = &self.orders {
            // An error means that the thread has ended; why was reported.
            drop(orders.send(order));
        }
    }

    /// Ends the threads once all is written.
    pub(crate) fn close(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the journal's thread panicked");
        }
    }
}

/// The thread that writes.
struct Keeper {
    file: file::Appender,
    path: PathBuf,
    stored: watch::Sender<u64>,
    reports: mpsc::Sender<Report>,
    kept: SyncSender<Shown>,
    /// A snapshot was asked for and has not come.
    asked: bool,
}

/// What goes into Mesos' layout.
enum Shown {
    Records(Vec<Record>),
    Recovered,
}

impl Keeper {
    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batch = vec![first];
            batch.extend(orders.try_iter().take(MAX_BATCH));
            if let Err(error) = self.keep(batch) {
                let text = format!("failed to write the journal `{}`: {error}", self.path.display());
                error!("{text}");
                drop(self.reports.blocking_send(Report::Failed(text)));
                return;
            }
        }
    }

    fn keep(&mut self, batch: Vec<Order>) -> io::Result<()> {
        let (mut lots, mut last, mut syncs) = (Vec::new(), None, false);
        for order in batch {
            match order {
                Order::Append(id, records) => {
                    for record in &records {
                        syncs |= record.must_survive_power_loss();
                        self.file.add(&codec::encode(record));
                    }
                    last = Some(id);
                    lots.push(Shown::Records(records));
                }
                Order::Replace(snapshot, shows) => {
                    // What was appended before it is in it.
                    self.file.replace(&self.path, snapshot.iter().map(codec::encode))?;
                    info!(records = snapshot.len(), bytes = self.file.bytes(), "journal compacted");
                    self.asked = false;
                    if shows {
                        lots.push(Shown::Records(snapshot));
                    }
                }
                Order::Recovered => lots.push(Shown::Recovered),
            }
        }
        self.file.write(syncs)?;
        if let Some(id) = last {
            // Nobody need be there to hear it.
            let _ = self.stored.send(id.0);
        }
        for lot in lots {
            drop(self.kept.send(lot));
        }
        if !self.asked && self.file.is_worth_replacing() {
            self.asked = true;
            drop(self.reports.try_send(Report::Grown));
        }
        Ok(())
    }
}

/// Writes Mesos' layout. What fails is said, and stops nothing: the journal has it.
fn show(mut meta: Meta, lots: &Receiver<Shown>) {
    while let Ok(lot) = lots.recv() {
        match lot {
            Shown::Records(records) => records.iter().for_each(|record| meta.show(record)),
            Shown::Recovered => meta.mark_ours(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tepui_agent_core::Run;
    use tepui_proto::{internal, v1};
    use tepui_types::{ContainerId, ExecutorId, FrameworkId, Uuid};

    use super::*;
    use crate::meta::Paths;

    /// How many tasks the updates are of.
    const TASKS: u64 = 1000;

    fn update(number: u64) -> Record {
        let run = Run {
            framework: FrameworkId::new("f"),
            executor: ExecutorId::new("e"),
            container: ContainerId::new("c"),
        };
        let uuid = Uuid::from_bytes(u128::from(number).to_le_bytes()).as_bytes().to_vec();
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: format!("task-{}", number % TASKS) },
            state: v1::TaskState::TaskRunning.into(),
            message: Some("a word about it".to_owned()),
            uuid: Some(uuid.clone()),
            ..v1::TaskStatus::default()
        };
        let framework_id = v1::FrameworkId { value: "f".to_owned() };
        let update = internal::StatusUpdate {
            framework_id,
            status,
            uuid: Some(uuid),
            ..internal::StatusUpdate::default()
        };
        Record::Update { run, update: Box::new(update) }
    }

    fn say(updates: u64, began: Instant) {
        let seconds = began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = updates as f64 / seconds;
        eprintln!("{updates} updates made durable in {seconds:.2} s: {rate:.0} per second");
    }

    /// `TEPUI_UPDATES` asks for more, to see how fast it is: each update is a lot of its own, as an agent makes them.
    #[tokio::test]
    async fn every_update_becomes_durable() {
        let updates = std::env::var("TEPUI_UPDATES").ok().and_then(|text| text.parse().ok()).unwrap_or(5000);
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        std::fs::create_dir_all(paths.root().join("slaves")).unwrap();
        let (report, _reports) = mpsc::channel(4);
        let mut journal =
            Journal::open(&paths.journal(), &Contents::default(), Meta::new(paths.clone()), report).unwrap();
        let info =
            v1::AgentInfo { id: Some(v1::AgentId { value: "S".to_owned() }), ..v1::AgentInfo::default() };
        journal.append(StoreId(1), vec![Record::Agent(Box::new(info))]);
        let began = Instant::now();
        for number in 1..=updates {
            journal.append(StoreId(number + 1), vec![update(number)]);
            while journal.is_full() {
                journal.stored().await;
            }
        }
        while journal.stored().await != StoreId(updates + 1) {}
        say(updates, began);
        journal.close();
        let kept = read(&paths.journal()).unwrap();
        assert_eq!(kept.records.len() as u64, updates + 1);
        assert!(kept.damage.is_empty(), "{:?}", kept.damage);
    }
}
