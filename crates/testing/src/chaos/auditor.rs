//! A scheduler on the client library, which launches tasks all the time and keeps the books.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tepui_client::scheduler::{self, Calls, Event, Events, Options};
use tepui_client::{CallError, Masters};
use tepui_proto::v1;
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_proto::v1::scheduler::call::reconcile;
use tepui_types::{DEFAULT_ROLE, Resources};
use tokio::runtime::Handle;

use super::ledger::{Ledger, Purpose};

/// How many tasks that end are underway at most.
const MAX_UNDERWAY: usize = 6;

/// How many of them one offer is used for.
const TASKS_PER_OFFER: usize = 2;

/// How often the state of open tasks is asked for.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(2);

const TASK_RESOURCES: &str = "cpus:0.1;mem:16";

/// The books, and what the harness wants.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) ledger: Ledger,
    /// Whether tasks that end are launched.
    pub(crate) is_busy: bool,
    pub(crate) subscribed_at: Option<Instant>,
    /// The first offers since then.
    pub(crate) offered_at: Option<Instant>,
    pub(crate) framework_id: Option<v1::FrameworkId>,
}

/// The scheduler; it ends with the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    books: Arc<Mutex<Books>>,
    pub(crate) tasks_folder: PathBuf,
}

impl Auditor {
    /// Starts it. Tasks leave their lines in a folder below `folder`.
    pub(crate) fn start(runtime: &Handle, masters: Masters, folder: &Path, seed: u64) -> Self {
        let auditor = Self { books: Arc::default(), tasks_folder: folder.join("tasks") };
        auditor.books().is_busy = true;
        let capability = |kind: capability::Type| Capability { r#type: Some(kind.into()) };
        let framework = v1::FrameworkInfo {
            user: "root".into(),
            name: "auditor".into(),
            failover_timeout: Some(1e6),
            checkpoint: Some(true),
            roles: vec![DEFAULT_ROLE.to_owned()],
            capabilities: vec![
                capability(capability::Type::MultiRole),
                capability(capability::Type::ReservationRefinement),
                capability(capability::Type::PartitionAware),
            ],
            ..Default::default()
        };
        let options = Options {
            call_timeout: Duration::from_secs(3),
            max_backoff: Duration::from_secs(2),
            ..Options::default()
        };
        let (calls, events) = scheduler::subscribe(masters, framework, options);
        let scheduler = Scheduler {
            auditor: auditor.clone(),
            calls,
            random: fastrand::Rng::with_seed(seed),
            next_task: 0,
        };
        runtime.spawn(scheduler.run(events));
        auditor
    }

    /// The books.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Scheduler {
    auditor: Auditor,
    calls: Calls,
    random: fastrand::Rng,
    next_task: u64,
}

impl Scheduler {
    async fn run(mut self, mut events: Events) {
        let mut reconcile = tokio::time::interval(RECONCILE_INTERVAL);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Ok(event) => self.take(event).await,
                    Err(error) => return self.violated(format!("the subscription ended: {error}")),
                },
                _ = reconcile.tick() => self.reconcile().await,
            }
        }
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Subscribed(subscribed) => {
                let mut books = self.auditor.books();
                let known = books.framework_id.replace(subscribed.framework_id.clone());
                if known.is_some_and(|known| known != subscribed.framework_id) {
                    let wrong = format!("the framework's id is another: {}", subscribed.framework_id.value);
                    books.ledger.violated(wrong);
                }
                books.subscribed_at = Some(Instant::now());
                books.offered_at = None;
            }
            Event::Offers(offers) => {
                self.auditor.books().offered_at.get_or_insert_with(Instant::now);
                for offer in offers {
                    self.use_offer(offer).await;
                }
            }
            Event::Update(status) => {
                self.auditor.books().ledger.updated(&status);
                let acknowledged = self.calls.acknowledge(&status).await;
                self.judge("acknowledge", acknowledged);
            }
            Event::Error(message) => self.violated(format!("the master ended the subscription: {message}")),
            Event::Disconnected { .. }
            | Event::InverseOffers(_)
            | Event::Rescind(_)
            | Event::RescindInverseOffer(_)
            | Event::UpdateOperationStatus(_)
            | Event::Message(_)
            | Event::Failure(_)
            | Event::Heartbeat => {}
        }
    }

    async fn use_offer(&mut self, offer: v1::Offer) {
        let purposes = self.purposes(&offer.agent_id.value);
        let tasks: Vec<_> = purposes.into_iter().map(|purpose| self.task(&offer, purpose)).collect();
        if tasks.is_empty() {
            let filters = Some(v1::Filters { refuse_seconds: Some(0.5) });
            let declined = self.calls.decline(vec![offer.id], filters).await;
            return self.judge("decline", declined);
        }
        let launched = self.calls.launch(vec![offer.id], tasks).await;
        self.judge("launch", launched);
    }

    /// What to launch on an agent.
    fn purposes(&mut self, agent: &str) -> Vec<Purpose> {
        let books = self.auditor.books();
        let mut purposes = Vec::new();
        if !books.ledger.agents_with_stay().contains(agent) {
            purposes.push(Purpose::Stays);
        }
        if books.is_busy {
            let room = MAX_UNDERWAY.saturating_sub(books.ledger.underway()).min(TASKS_PER_OFFER);
            for _ in 0..room {
                purposes.push(if self.random.u8(0..4) == 0 { Purpose::Fails } else { Purpose::Finishes });
            }
        }
        purposes
    }

    /// A task that says into a file of its own when it starts and when it ends.
    fn task(&mut self, offer: &v1::Offer, purpose: Purpose) -> v1::TaskInfo {
        self.next_task += 1;
        let id = format!("{}{}", if purpose == Purpose::Stays { "stay-" } else { "task-" }, self.next_task);
        self.auditor.books().ledger.launched(&id, &offer.agent_id.value, purpose);
        let file = self.auditor.tasks_folder.join(&id).display().to_string();
        let tenths = self.random.u32(0..20);
        let command = match purpose {
            Purpose::Stays => format!("echo start $$ >> {file}; exec sleep 1000000"),
            Purpose::Finishes | Purpose::Fails => format!(
                "echo start $$ >> {file}; sleep {}.{}; echo end >> {file}; exit {}",
                tenths / 10,
                tenths % 10,
                if purpose == Purpose::Fails { 3 } else { 0 }
            ),
        };
        let resources = Resources::parse(TASK_RESOURCES, DEFAULT_ROLE).expect("a constant that parses");
        v1::TaskInfo {
            name: id.clone(),
            task_id: v1::TaskId { value: id },
            agent_id: offer.agent_id.clone(),
            resources: resources.to_protos(),
            command: Some(v1::CommandInfo { value: Some(command), ..Default::default() }),
            ..Default::default()
        }
    }

    async fn reconcile(&mut self) {
        let open = self.auditor.books().ledger.open();
        if open.is_empty() {
            return;
        }
        let task = |(task, agent)| reconcile::Task {
            task_id: v1::TaskId { value: task },
            agent_id: Some(v1::AgentId { value: agent }),
        };
        let reconciled = self.calls.reconcile(open.into_iter().map(task).collect()).await;
        self.judge("reconcile", reconciled);
    }

    /// What may fail while masters come and go is made good by reconciliation and by repeated updates.
    fn judge(&self, call: &str, result: Result<(), CallError>) {
        match result {
            Err(error) if !error.is_transient() && !is_of_a_passed_master(&error) => {
                self.violated(format!("{call} was refused: {error}"));
            }
            Ok(()) | Err(_) => {}
        }
    }

    fn violated(&self, wrong: String) {
        self.auditor.books().ledger.violated(wrong);
    }
}

/// A new term of the same master does not know the streams of the one before.
fn is_of_a_passed_master(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status, .. } if status.is_client_error())
}
