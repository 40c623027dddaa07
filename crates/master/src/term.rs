//! One term: from candidacy to the loss of what was won.
//!
//! Each term has a core of its own, with an id that no other had, because all ids that a master gives begin with its
//! own. Around it are a view, a link and an HTTP front, which all end with the term: whatever was on its way in the
//! name of a deposed master ends with them. What lasts is the process: the socket, the store's connection, the detector.
//!
//! A term that is over because leadership was lost is followed by the next one, in the same process.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tepui_ha::{Candidacy, CandidacyState, Leadership};
use tepui_link::Link;
use tepui_master_core::{Master, Registry};
use tepui_master_view::View;
use tepui_proto::v1::MasterInfo;
use tepui_storage::{Storage, StorageError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::election::Election;
use crate::front::{Front, Handles};
use crate::inbox::{Lead, Work, inbox};
use crate::leading::{Leading, Standing};
use crate::link_inbox::{forward, link_inbox};
use crate::reactor::{Reactor, Retired};
use crate::reader;
use crate::registrar::{Registrar, chain};
use crate::registrar_metrics::RegistrarMetrics;
use crate::registry::rows;
use crate::whitelist;
use crate::{Config, Error};

/// How the actors are called that watch agents; each agent's pings come from one of its own.
const AGENT_OBSERVER: &str = "slave-observer(";

/// The pauses between attempts to reach the store.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the registry may ask of a master that we can do.
const CAPABILITIES: [&str; 2] = ["AGENT_DRAINING", "QUOTA_V2"];

/// What all terms share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) election: Election,
    pub(crate) metrics: Arc<RegistrarMetrics>,
}

/// How a term ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The process is to stop.
    Asked,
    /// Somebody else may lead.
    Deposed(String),
    /// The master cannot go on.
    Failed(Error),
}

/// A term that has begun.
#[derive(Debug)]
pub(crate) struct Term {
    front: Front,
    info: MasterInfo,
    work: mpsc::Sender<Work>,
    standing: watch::Sender<Standing>,
    reactor: JoinHandle<Retired>,
    stop_reactor: oneshot::Sender<()>,
    forwarder: JoinHandle<()>,
    /// Reads the whitelist, if there is one.
    whitelist: Option<JoinHandle<()>>,
}

impl Term {
    /// Makes a core with all that it acts through. It does not lead yet.
    pub(crate) fn begin(shared: &Shared) -> Result<Self, Error> {
        let config = &shared.config;
        let seed = getrandom::u64().map_err(Error::Seed)?;
        let core = Master::new(config.core.clone(), seed);
        let info = core.info().clone();
        let (work, inbox) = inbox();
        let (link_events, link_inbox) = link_inbox();
        let link = Link::new(config.link.clone(), link_events);
        link.register(&config.core.pid.id);
        link.register_family(|actor| actor.starts_with(AGENT_OBSERVER));
        let view = View::new(config.view.clone());
        // The view's thread ends when nobody can ask it any more: with the reactor and the last clone of the front.
        let (journal, reads, _) = reader::start(view, Arc::clone(&shared.metrics), config.max_subscribers)
            .map_err(Error::Thread)?;
        let reactor = Reactor::new(core, journal, link.clone(), work.clone());
        let (stop_reactor, stopped) = oneshot::channel();
        let (standing, standing_seen) = watch::channel(Standing::Following);
        let leading =
            Leading { standing: standing_seen, detected: shared.election.detected(), own: info.clone() };
        let handles = Handles { inbox: work.clone(), reads, leading };
        let watch = |path| tokio::spawn(whitelist::watch(path, whitelist::PERIOD, work.clone()));
        let whitelist = config.whitelist.clone().map(watch);
        Ok(Self {
            whitelist,
            front: Front::new(&handles, link, &config.limits),
            info,
            standing,
            reactor: tokio::spawn(reactor.run(inbox, stopped)),
            stop_reactor,
            forwarder: tokio::spawn(forward(link_inbox, work.clone())),
            work,
        })
    }

    /// What answers requests during this term.
    pub(crate) fn front(&self) -> Front {
        self.front.clone()
    }

    /// Contends, leads, and ends. `ready` is told when this master leads and takes requests.
    pub(crate) async fn run(
        self,
        shared: &Shared,
        ready: &mut Option<oneshot::Sender<()>>,
        mut shutdown: Pin<&mut impl Future<Output = ()>>,
    ) -> End {
        let Self { info, work, standing, mut reactor, stop_reactor, forwarder, whitelist, .. } = self;
        let mut candidacy = None;
        let campaign = Campaign { shared, info, work, standing: &standing };
        let (end, retired) = tokio::select! {
            () = &mut shutdown => (End::Asked, false),
            end = campaign.run(&mut candidacy, ready) => (end, false),
            ended = &mut reactor => (retired(ended), true),
        };
        standing.send_replace(Standing::Following);
        // The reactor goes first: with it end all effects, and the event streams.
        drop(stop_reactor);
        let end = match end {
            end if retired => end,
            end => reactor.await.map_or_else(|failed| End::Failed(Error::Core(failed)), |_| end),
        };
        if let Some(candidacy) = candidacy {
            candidacy.withdraw().await;
        }
        forwarder.abort();
        if let Some(watcher) = whitelist {
            watcher.abort();
        }
        shared.metrics.term_ended();
        end
    }
}

/// Why the reactor ended before it was asked to.
fn retired(ended: Result<Retired, JoinError>) -> End {
    match ended {
        Ok(Retired::Deposed(reason)) => End::Deposed(reason),
        Ok(Retired::Asked) => End::Asked,
        Err(failed) => End::Failed(Error::Core(failed)),
    }
}

/// The way to the top, step by step. The reactor works beside it.
struct Campaign<'a> {
    shared: &'a Shared,
    info: MasterInfo,
    work: mpsc::Sender<Work>,
    standing: &'a watch::Sender<Standing>,
}

impl Campaign<'_> {
    /// Contends, recovers, leads; says how that ended. The candidacy is left to the caller, who ends it last.
    async fn run(self, candidacy: &mut Option<Candidacy>, ready: &mut Option<oneshot::Sender<()>>) -> End {
        let registry = match self.identity().await {
            Ok(registry) => registry,
            Err(error) => return End::Failed(Error::Registry(error)),
        };
        let candidacy = candidacy.insert(self.shared.election.contend(self.info.clone(), registry));
        let leadership = match candidacy.decided().await {
            CandidacyState::Leading(leadership) => leadership,
            CandidacyState::Lost { reason } => return End::Deposed(reason),
            CandidacyState::Joining { .. } | CandidacyState::Refused { .. } | CandidacyState::Standing => {
                return End::Deposed("the election ended undecided".to_owned());
            }
        };
        self.standing.send_replace(Standing::Recovering(leadership.lease.clone()));
        let recovered = tokio::select! {
            recovered = self.recover(&leadership) => recovered,
            reason = lost(candidacy) => return End::Deposed(reason),
        };
        let registry = match recovered {
            Ok(registry) => registry,
            Err(end) => return end,
        };
        self.lead(leadership, registry).await;
        if let Some(ready) = ready.take() {
            // Nobody need be waiting for it.
            let _ = ready.send(());
        }
        End::Deposed(lost(candidacy).await)
    }

    /// The name of our registry, which the election shows.
    async fn identity(&self) -> Result<String, StorageError> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.shared.storage.identity().await {
                Err(error) if error.is_retryable() => {
                    warn!(error = chain(&error), "not in the election: the registry is out of reach");
                }
                known => return known,
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Begins our term in the store and reads what is there, as often as it takes.
    async fn recover(&self, leadership: &Leadership) -> Result<Registry, End> {
        let patience = self.shared.config.registry_fetch_timeout;
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match timeout(patience, self.read(leadership)).await {
                Ok(Ok(registry)) => {
                    self.shared.metrics.fetch_took(begun.elapsed());
                    return Self::check(registry);
                }
                Ok(Err(StorageError::Fenced { reason, .. })) => return Err(End::Deposed(reason)),
                Ok(Err(error)) if !error.is_retryable() && !self.shared.election.has_rivals() => {
                    return Err(End::Failed(Error::Registry(error)));
                }
                Ok(Err(error)) => chain(&error),
                Err(_) => "no answer in time".to_owned(),
            };
            error!(error = failure, "the registry cannot be read; trying again");
            if self.shared.election.has_rivals() && begun.elapsed() >= patience {
                // Another master may have a better way to the store.
                return Err(End::Deposed(format!("the registry could not be read: {failure}")));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn read(&self, leadership: &Leadership) -> Result<Registry, StorageError> {
        let storage = &self.shared.storage;
        storage.begin_term(fence(&leadership.fence)).await?;
        tepui_storage::registry::recover(storage).await.map(rows)
    }

    /// A registry that asks for more than we can do is left to masters that can do it.
    fn check(registry: Registry) -> Result<Registry, End> {
        let lacking =
            registry.minimum_capabilities.iter().find(|name| !CAPABILITIES.contains(&name.as_str()));
        match lacking {
            Some(name) => Err(End::Failed(Error::MinimumCapability(name.clone()))),
            None => Ok(registry),
        }
    }

    /// Hands the registry and the right to act to the reactor; returns when it leads.
    async fn lead(&self, leadership: Leadership, registry: Registry) {
        let Shared { storage, metrics, config, election } = self.shared;
        // A master whose registry is in the group of its election loses the election when it loses the store.
        let give_up = (election.has_rivals() && !config.registry_is_in_group())
            .then_some(config.registry_store_timeout);
        let (registrar, reports) = Registrar::start(Arc::clone(storage), Arc::clone(metrics), give_up);
        let (done, leads) = oneshot::channel();
        info!(
            agents = registry.agents.len(),
            unreachable = registry.unreachable.len(),
            gone = registry.gone.len(),
            "the registry was read"
        );
        let lease = leadership.lease.clone();
        let lead = Lead { registry, lease: leadership.lease, registrar, reports, done };
        // An error means that the reactor has ended, and our caller knows why.
        if self.work.send(Work::Lead(Box::new(lead))).await.is_ok() && leads.await.is_ok() {
            self.standing.send_replace(Standing::Leading(lease));
        }
    }
}

/// Waits until a candidacy that was won is lost.
async fn lost(candidacy: &mut Candidacy) -> String {
    loop {
        if let CandidacyState::Lost { reason } = candidacy.changed().await {
            return reason;
        }
    }
}

fn fence(fence: &tepui_ha::Fence) -> tepui_storage::Fence {
    match fence.clone() {
        tepui_ha::Fence::Alone => tepui_storage::Fence::Alone,
        tepui_ha::Fence::Etcd { key, create_revision } => tepui_storage::Fence::Etcd { key, create_revision },
        tepui_ha::Fence::ZooKeeper { path } => tepui_storage::Fence::ZooKeeper { path },
    }
}
