//! The journal: one file in which the agent keeps what must outlive it ([`Record`]).
//!
//! A thread of its own appends what must survive a loss of power: it takes all lots of records that wait, writes them with one
//! call, syncs once, and reports the last lot. A lot that need only survive our process is written by the reactor itself, if
//! nothing waits before it: that takes less than to wake the thread. What was kept then goes to the folder that Mesos would
//! write ([`crate::meta`]), without a sync ([`shower`]). When the file has grown well beyond what is needed, the reactor gives
//! a snapshot, which replaces it.

mod codec;
mod file;
mod shower;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tepui_agent_core::{Record, StoreId};
use tokio::sync::{mpsc, watch};
use tracing::{error, info};

pub(crate) use file::{Contents, read};
pub(crate) use shower::DELAY as SHOW_DELAY;
use shower::{Shown, Unshown};

use crate::meta::Meta;

/// How many lots may wait for the disk; then the reactor takes nothing new.
const CAPACITY: u64 = 4096;

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
    /// Show what the reactor has written.
    Show(Shown),
}

/// The reactor's end of the journal.
#[derive(Debug)]
pub(crate) struct Journal {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    /// How many orders were given.
    ordered: u64,
    appended: u64,
    stored: watch::Receiver<u64>,
    /// The last lot that the reactor wrote itself, and whether that was told.
    written_here: u64,
    is_told: bool,
    disk: Arc<Disk>,
}

/// What the thread reports besides stored lots.
#[derive(Debug)]
pub(crate) enum Report {
    /// The file has grown: a snapshot is wanted.
    Grown,
    /// Nothing can be kept any more.
    Failed(String),
}

/// The file, which the thread and the reactor write to in turn.
#[derive(Debug)]
struct Disk {
    file: Mutex<Growing>,
    path: PathBuf,
    /// How many orders were carried out.
    done: AtomicU64,
    reports: mpsc::Sender<Report>,
    unshown: Unshown,
}

#[derive(Debug)]
struct Growing {
    file: file::Appender,
    /// A snapshot was asked for and has not come.
    asked: bool,
}

impl Journal {
    /// Opens the journal behind its last whole record. What is not about stored lots is reported to `reports`.
    pub(crate) fn open(
        path: &Path,
        contents: &Contents,
        meta: Meta,
        reports: mpsc::Sender<Report>,
    ) -> io::Result<Self> {
        let file = Mutex::new(Growing { file: file::Appender::open(path, contents)?, asked: false });
        let (orders, received) = channel();
        let (now_stored, stored) = watch::channel(0);
        let unshown = Unshown::default();
        let to_show = unshown.clone();
        let shower =
            std::thread::Builder::new().name("meta".to_owned()).spawn(move || to_show.show_all(meta))?;
        let disk = Arc::new(Disk { file, path: path.to_owned(), done: AtomicU64::new(0), reports, unshown });
        let keeper = Keeper { disk: Arc::clone(&disk), stored: now_stored };
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            keeper.run(&received);
            // What was kept is shown before we end.
            keeper.disk.unshown.close();
            if shower.join().is_err() {
                error!("the thread that writes Mesos' layout panicked");
            }
        })?;
        let thread = Some(thread);
        Ok(Self {
            orders: Some(orders),
            thread,
            ordered: 0,
            appended: 0,
            stored,
            written_here: 0,
            is_told: true,
            disk,
        })
    }

    /// Keeps records.
    pub(crate) fn append(&mut self, id: StoreId, records: Vec<Record>) {
        self.appended = id.0;
        let needs_thread = records.iter().any(Record::must_survive_power_loss);
        if needs_thread || self.orders.is_none() || self.disk.done.load(Ordering::Acquire) < self.ordered {
            self.order(Order::Append(id, records));
            return;
        }
        match self.disk.write_here(&records) {
            Ok(()) => {
                (self.written_here, self.is_told) = (id.0, false);
                if let Err(unshown) = self.disk.unshown.try_add(Shown::Records(records)) {
                    self.order(Order::Show(unshown));
                }
            }
            Err(error) => {
                self.disk.failed(&error);
                drop(self.orders.take());
            }
        }
    }

    /// Tells whether so much waits for the disk that nothing new should be taken.
    pub(crate) fn is_full(&self) -> bool {
        let stored = self.written_here.max(*self.stored.borrow());
        self.appended.saturating_sub(stored) > CAPACITY
    }

    /// The last lot that was stored while it was appended, with all before it.
    pub(crate) fn take_stored(&mut self) -> Option<StoreId> {
        (!std::mem::replace(&mut self.is_told, true)).then_some(StoreId(self.written_here))
    }

    /// The next lot that is stored later, with all before it.
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
        self.order(Order::Show(Shown::Recovered));
    }

    fn order(&mut self, order: Order) {
        if let Some(orders) = &self.orders {
            self.ordered += 1;
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

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Growing> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes records that need no sync. The thread has nothing to do, so nobody has the file for long.
    fn write_here(&self, records: &[Record]) -> io::Result<()> {
        let mut growing = self.lock();
        for record in records {
            growing.file.add(&codec::encode(record));
        }
        growing.file.write(false)?;
        self.look_at_size(&mut growing);
        Ok(())
    }

    /// Asks for a snapshot when it is time for one.
    fn look_at_size(&self, growing: &mut Growing) {
        if !growing.asked && growing.file.is_worth_replacing() {
            growing.asked = true;
            drop(self.reports.try_send(Report::Grown));
        }
    }

    fn failed(&self, error: &io::Error) {
        let text = format!("failed to write the journal `{}`: {error}", self.path.display());
        error!("{text}");
        // There is room: at most one snapshot is asked for at a time, and nothing is written after this.
        drop(self.reports.try_send(Report::Failed(text)));
    }
}

/// The thread that writes.
struct Keeper {
    disk: Arc<Disk>,
    stored: watch::Sender<u64>,
}

impl Keeper {
    fn run(&self, orders: &Receiver<Order>) {
        while let Ok(first) = orders.recv() {
            let mut batch = vec![first];
            batch.extend(orders.try_iter().take(MAX_BATCH));
            if let Err(error) = self.keep(batch) {
                self.disk.failed(&error);
                return;
            }
        }
    }

    fn keep(&self, batch: Vec<Order>) -> io::Result<()> {
        let (mut lots, mut last, mut syncs) = (Vec::new(), None, false);
        let count = batch.len() as u64;
        let mut growing = self.disk.lock();
        for order in batch {
            match order {
                Order::Append(id, records) => {
                    for record in &records {
                        syncs |= record.must_survive_power_loss();
                        growing.file.add(&codec::encode(record));
                    }
                    last = Some(id);
                    lots.push(Shown::Records(records));
                }
                Order::Replace(snapshot, shows) => {
                    // What was appended before it is in it.
                    growing.file.replace(&self.disk.path, snapshot.iter().map(codec::encode))?;
                    info!(records = snapshot.len(), bytes = growing.file.bytes(), "journal compacted");
                    growing.asked = false;
                    if shows {
                        lots.push(Shown::Records(snapshot));
                    }
                }
                Order::Show(shown) => lots.push(shown),
            }
        }
        growing.file.write(syncs)?;
        self.disk.look_at_size(&mut growing);
        drop(growing);
        let names_us = |record: &Record| matches!(record, Record::Agent(_) | Record::Anew);
        let is_urgent =
            lots.iter().any(|lot| matches!(lot, Shown::Records(records) if records.iter().any(names_us)));
        for lot in lots {
            self.disk.unshown.add(lot);
        }
        if is_urgent {
            // Who comes back without `latest` is a new agent: before anybody hears of us, it must be there.
            self.disk.unshown.flush();
        }
        // Before the lot is reported: whoever hears of it may write the next one.
        self.disk.done.fetch_add(count, Ordering::Release);
        if let Some(id) = last {
            // Nobody need be there to hear it.
            let _ = self.stored.send(id.0);
        }
        Ok(())
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
