//! The owner of the core: takes inputs, folds what changed, carries out effects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tepui_agent_core::{Agent, Effect, Effects, ExecutorCall, Input, RequestId, Response, Termination};
use tepui_containerizer::Exited;
use tepui_http::response;
use tepui_link::Link;
use tepui_types::ContainerId;
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info};

use crate::clock::Clock;
use crate::containers::Containers;
use crate::inbox::{ExecutorRequest, Work};
use crate::journal::{Journal, Report};
use crate::rejection::refuse;
use crate::run::Stop;
use crate::streams::Streams;
use crate::view::View;

/// How much longer than their grace period executors may take to end when the agent stops.
const STOP_MARGIN: Duration = Duration::from_secs(10);

/// How long the last messages to the master may take.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// The core and all that its effects need.
pub(crate) struct Reactor {
    pub(crate) core: Agent,
    /// Our name on the link.
    pub(crate) actor: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) link: Link,
    pub(crate) containers: Containers,
    pub(crate) streams: Streams,
    pub(crate) journal: Journal,
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) inbox: mpsc::Receiver<Work>,
    pub(crate) exits: mpsc::UnboundedReceiver<Exited>,
    pub(crate) waiting: BTreeMap<RequestId, Waiting>,
    pub(crate) next_request: u64,
    pub(crate) effects: Effects,
    /// How long executors have to end when the agent stops.
    pub(crate) grace: Duration,
    /// It ended before it knew whose the containers are.
    pub(crate) keeps_containers: bool,
    /// How the core ended, once it has.
    pub(crate) stopped: Option<Stopped>,
}

/// How the core ended: why, if nobody on this machine asked for it.
pub(crate) struct Stopped(Option<String>);

/// A request that waits for its answer.
pub(crate) struct Waiting {
    accepts: Option<ContentType>,
    answer: oneshot::Sender<tepui_http::Response>,
}

impl Reactor {
    /// Runs until the core has stopped, which `stop` asks it to; gives the reason if nobody asked.
    pub(crate) async fn run(mut self, stop: impl Future<Output = Stop>) -> Option<String> {
        tokio::pin!(stop);
        let mut leaves = false;
        let mut stop_by: Option<Instant> = None;
        while self.stopped.is_none() {
            let deadline = self.core.next_deadline().and_then(|time| self.clock.instant(time));
            tokio::select! {
                id = self.journal.stored() => self.step(Input::Stored(id)),
                Some(report) = self.reports.recv() => self.journal_reports(report),
                Some(work) = self.inbox.recv(), if !self.journal.is_full() => self.work(work),
                Some(exited) = self.exits.recv() => self.exited(exited),
                () = sleep(deadline.map(Instant::from_std)) => self.step(Input::Tick),
                how = &mut stop, if stop_by.is_none() => {
                    stop_by = Some(Instant::now() + self.grace + STOP_MARGIN);
                    leaves = how == Stop::Leave;
                    self.step(if leaves { Input::Leave } else { Input::Shutdown });
                }
                () = sleep(stop_by) => break,
            }
        }
        self.containers.finish(leaves || self.keeps_containers).await;
        self.journal.close();
        self.link.flush(FLUSH_LIMIT).await;
        self.stopped.and_then(|stopped| stopped.0)
    }

    fn work(&mut self, work: Work) {
        match work {
            Work::Input(input) => {
                if let Input::StreamClosed(stream) = input {
                    self.streams.forget(stream);
                }
                if let Input::Recover(_) = input {
                    self.recover(input);
                } else if let Input::ContainersRecovered { running, unstarted, ended } = input {
                    self.containers_recovered(running, unstarted, ended);
                } else {
                    self.step(input);
                }
            }
            Work::Executor(request) => {
                let ExecutorRequest { call, accepts, answer } = *request;
                let request = RequestId(self.next_request);
                self.next_request += 1;
                self.waiting.insert(request, Waiting { accepts, answer });
                let acceptable = accepts.is_some();
                self.step(Input::ExecutorCall(Box::new(ExecutorCall { request, call, acceptable })));
            }
        }
    }

    /// Makes the core what it was, and the journal as short as it can be.
    fn recover(&mut self, input: Input) {
        self.step(input);
        if self.stopped.is_none() {
            self.journal.replace(self.core.snapshot(), true);
            self.view.read().unwrap_or_else(PoisonError::into_inner).attach_completed_sandboxes();
        } else {
            self.keeps_containers = true;
        }
    }

    /// The ends that were found are told with those that run.
    fn containers_recovered(
        &mut self,
        running: BTreeMap<ContainerId, u32>,
        unstarted: BTreeSet<ContainerId>,
        mut ended: BTreeMap<ContainerId, Termination>,
    ) {
        while let Ok(exited) = self.exits.try_recv() {
            ended.insert(exited.container_id, exited.termination);
        }
        self.step(Input::ContainersRecovered { running, unstarted, ended });
    }

    fn journal_reports(&mut self, report: Report) {
        match report {
            Report::Grown => self.journal.replace(self.core.snapshot(), false),
            Report::Failed(error) => {
                // Nothing can be promised any more; what was promised is kept, and so are the executors.
                self.keeps_containers = true;
                self.stopped = Some(Stopped(Some(error)));
            }
        }
    }

    fn exited(&mut self, exited: Exited) {
        let Exited { container_id: container, termination } = exited;
        info!(%container, status = termination.status, "container exited");
        self.step(Input::ContainerExited { container, termination });
    }

    /// Steps the core, and does what it says.
    fn step(&mut self, input: Input) {
        self.step_once(input);
        // What was recorded and is kept already holds nothing back.
        while let Some(id) = self.journal.take_stored() {
            self.step_once(Input::Stored(id));
        }
    }

    fn step_once(&mut self, input: Input) {
        let mut effects = std::mem::take(&mut self.effects);
        self.core.step(self.clock.now(), input, &mut effects);
        if !effects.changes.is_empty() {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            for change in effects.changes.drain(..) {
                view.fold(change);
            }
        }
        // What masters are to hear leaves first, in its order: they pass it on, while executors only hear that they were heard, and
        // are woken by that on the processor that we run on.
        let (first, rest): (Vec<_>, Vec<_>) = effects.effects.drain(..).partition(is_for_link);
        for effect in first.into_iter().chain(rest) {
            self.perform(effect);
        }
        self.effects = effects;
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { request, response } => self.respond(request, response),
            Effect::SendEvent { stream, event } => self.streams.send(stream, &event),
            Effect::CloseStream(stream) => self.streams.close(stream),
            Effect::SendLink { to, message } => {
                debug!(%to, name = message.name(), "message sent");
                self.link.send(&self.actor, &to, message.name(), message.encode());
            }
            Effect::OpenLink(peer) => self.link.link(&peer),
            Effect::CloseLink(peer) => self.link.unlink(&peer),
            Effect::Store { id, records } => self.journal.append(id, records),
            Effect::RecoverContainers(known) => self.containers.recover(known),
            Effect::Recovered => {
                info!("recovery finished");
                self.journal.recovered();
                self.view.write().unwrap_or_else(PoisonError::into_inner).recovered();
            }
            Effect::Launch(launch) => {
                info!(container = %launch.container, framework = %launch.framework, executor = %launch.executor, "launching a container");
                self.containers.launch(*launch);
            }
            Effect::UpdateContainer(update) => self.containers.update(*update),
            Effect::Destroy(container) => {
                info!(%container, "destroying a container");
                self.containers.destroy(container);
            }
            Effect::LeaveSandbox { directory } => crate::gc::touch(&directory),
            Effect::ChangeVolume { path, change } => {
                info!(path, ?change, "changing a persistent volume");
                self.containers.change_volume(&path, change);
            }
            Effect::Stopped { error } => self.stopped = Some(Stopped(error)),
        }
    }

    fn respond(&mut self, request: RequestId, answer: Response) {
        let Some(waiting) = self.waiting.remove(&request) else { return };
        let response = match answer {
            Response::Accepted => response::accepted(),
            Response::Subscribed { stream } => match waiting.accepts {
                Some(content_type) => self.streams.open(stream, content_type),
                // The core refuses what is not acceptable before it opens a stream.
                None => response::bad_request("Expecting 'Accept' to be acceptable"),
            },
            Response::Rejected(rejection) => refuse(rejection),
        };
        // A client that went away in the meantime needs no answer; a stream of its own reports itself closed.
        drop(waiting.answer.send(response));
    }
}

fn is_for_link(effect: &Effect) -> bool {
    matches!(effect, Effect::SendLink { .. } | Effect::OpenLink(_) | Effect::CloseLink(_))
}

/// Sleeps until then, or forever.
async fn sleep(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
