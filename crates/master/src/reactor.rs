//! The core's owner: batches of inputs in, journal and effects out.

use std::collections::BTreeMap;
use std::task::Poll;

use tepui_ha::Lease;
use tepui_http::{Response, response};
use tepui_link::Link;
use tepui_master_core::{
    Effect, Effects, Input, Master, OperatorCall, Reader, RequestId, Response as CoreResponse, SchedulerCall,
    StreamId,
};
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::inbox::{CallWork, Lead, OperatorWork, Work};
use crate::journal_log::JournalLog;
use crate::reader::Journal;
use crate::registrar::{Registrar, Report};
use crate::rejection::refuse;
use crate::streams::Streams;

/// How many inputs make a batch at the most: answers should not wait for more than a few milliseconds of steps.
const MAX_BATCH: usize = 1024;

/// The core with all that it acts through.
pub(crate) struct Reactor {
    core: Master,
    clock: Clock,
    effects: Effects,
    journal: Journal,
    log: JournalLog,
    streams: Streams,
    link: Link,
    /// What it may do, once it was elected.
    mandate: Option<Mandate>,
    waiting: BTreeMap<RequestId, Waiting>,
    next_request: u64,
    /// Why this master may not act any more.
    deposed: Option<String>,
}

/// The right to act as the leader.
struct Mandate {
    lease: Lease,
    registrar: Registrar,
    reports: mpsc::Receiver<Report>,
}

/// How a reactor ended.
#[derive(Debug)]
pub(crate) enum Retired {
    /// It was told to.
    Asked,
    /// Somebody else may lead, and why.
    Deposed(String),
}

/// A request that the core has not answered yet.
struct Waiting {
    accept: Option<ContentType>,
    answer: oneshot::Sender<Response>,
}

impl Reactor {
    pub(crate) fn new(core: Master, journal: Journal, link: Link, inbox: mpsc::Sender<Work>) -> Self {
        Self {
            core,
            clock: Clock::new(),
            effects: Effects::default(),
            journal,
            log: JournalLog::default(),
            streams: Streams::new(inbox),
            link,
            mandate: None,
            waiting: BTreeMap::new(),
            next_request: 0,
            deposed: None,
        }
    }

    /// Works until `shutdown` completes, or this master may not act any more.
    pub(crate) async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Work>,
        shutdown: oneshot::Receiver<()>,
    ) -> Retired {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut shutdown = shutdown;
        loop {
            tokio::select! {
                // An error means that whoever would say it is gone, so it is time to stop all the same.
                _ = &mut shutdown => return Retired::Asked,
                _ = gather(&mut inbox, &mut batch) => {}
                () = deadline(&self.core, self.clock) => {}
                Some(report) = report(&mut self.mandate) => self.reported(report),
            }
            for work in batch.drain(..) {
                self.take(work);
            }
            if self.core.next_deadline().is_some_and(|deadline| deadline <= self.clock.now().time) {
                self.step(Input::Tick);
            }
            self.flush();
            if let Some(reason) = self.deposed.take() {
                return Retired::Deposed(reason);
            }
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Stored(ids) => ids.into_iter().for_each(|id| self.step(Input::Stored(id))),
            Report::Deposed(reason) => self.deposed = Some(reason),
        }
    }

    fn take(&mut self, work: Work) {
        match work {
            Work::Input(input) => {
                if let Input::StreamClosed(stream) = &input {
                    self.streams.forget(*stream);
                }
                self.step(input);
            }
            Work::Lead(lead) => self.lead(*lead),
            Work::Call(call) => self.call(*call),
            Work::Operator(call) => self.operator(*call),
        }
    }

    /// Lets the core lead, with what the registry holds.
    fn lead(&mut self, lead: Lead) {
        let Lead { registry, lease, registrar, reports, done } = lead;
        self.mandate = Some(Mandate { lease, registrar, reports });
        self.step(Input::Recovered(Box::new(registry)));
        self.flush();
        // Whoever waited may have gone.
        let _ = done.send(());
    }

    /// Remembers who waits for an answer of the core.
    fn wait(&mut self, accept: Option<ContentType>, answer: oneshot::Sender<Response>) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.waiting.insert(request, Waiting { accept, answer });
        request
    }

    fn operator(&mut self, work: OperatorWork) {
        let OperatorWork { call, principal, answer } = work;
        let request = self.wait(None, answer);
        self.step(Input::OperatorCall(Box::new(OperatorCall { request, call, principal })));
    }

    fn call(&mut self, work: CallWork) {
        let CallWork { call, stream_id, accept, principal, answer } = work;
        let request = self.wait(accept, answer);
        let acceptable = accept.is_some();
        let call = SchedulerCall { request, call, stream_id, acceptable, principal };
        self.step(Input::SchedulerCall(Box::new(call)));
    }

    fn step(&mut self, input: Input) {
        self.core.step(self.clock.now(), input, &mut self.effects);
    }

    /// Publishes the journal of the batch and carries out its effects, as long as nobody else can have been elected.
    fn flush(&mut self) {
        if !self.effects.changes.is_empty() {
            for change in &self.effects.changes {
                self.log.log(change);
            }
            self.journal.publish(&mut self.effects.changes);
        }
        let mut effects = std::mem::take(&mut self.effects.effects);
        for effect in effects.drain(..) {
            // Before each one: the process may have been stopped for a while since the last.
            if self.is_deposed() {
                break;
            }
            self.carry_out(effect);
        }
        self.effects.effects = effects;
    }

    fn is_deposed(&mut self) -> bool {
        if self.deposed.is_none() && self.mandate.as_ref().is_some_and(|mandate| !mandate.lease.is_held()) {
            self.deposed = Some("the lease ran out".to_owned());
        }
        self.deposed.is_some()
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { request, response } => self.respond(request, response),
            Effect::SendEvent { stream, event } => self.streams.send(stream, &event),
            Effect::CloseStream(stream) => self.streams.close(stream),
            Effect::CutOff(Reader::Stream(stream)) => self.streams.abort(stream),
            Effect::CutOff(Reader::Driver(pid)) => self.link.abort(&pid),
            Effect::SendLink { from, to, message } => {
                self.link.send(&from, &to, message.name(), message.encode());
            }
            Effect::OpenLink(peer) => self.link.link(&peer),
            Effect::Abdicate { reason } => self.deposed = Some(reason),
            Effect::CloseLink(peer) => self.link.unlink(&peer),
            Effect::Store { id, writes } => {
                if let Some(mandate) = &self.mandate {
                    mandate.registrar.store(id, writes);
                }
            }
        }
    }

    fn respond(&mut self, request: RequestId, core_response: CoreResponse) {
        let Some(Waiting { accept, answer }) = self.waiting.remove(&request) else { return };
        let response = match core_response {
            CoreResponse::Accepted => response::accepted(),
            CoreResponse::Ok => response::empty(http::StatusCode::OK),
            CoreResponse::Rejected(rejection) => refuse(&rejection),
            CoreResponse::Subscribed { stream, stream_id } => self.subscribe(stream, &stream_id, accept),
        };
        // The client may have gone; a stream's watcher notices that.
        drop(answer.send(response));
    }

    fn subscribe(&mut self, stream: StreamId, stream_id: &str, accept: Option<ContentType>) -> Response {
        self.streams.open(stream, stream_id, accept.unwrap_or(ContentType::Json))
    }
}

/// Takes what waits, after all tasks that are ready had a turn: their inputs join the batch, and a connection gets one
/// write for the batch instead of one for each input. Not `yield_now`, which asks the kernel for news each time.
async fn gather(inbox: &mut mpsc::Receiver<Work>, batch: &mut Vec<Work>) -> usize {
    let taken = inbox.recv_many(batch, MAX_BATCH).await;
    let mut has_yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    while batch.len() < MAX_BATCH
        && let Ok(work) = inbox.try_recv()
    {
        batch.push(work);
    }
    taken
}

/// Completes when the core wants a tick.
async fn deadline(core: &Master, clock: Clock) {
    match core.next_deadline() {
        Some(deadline) => tokio::time::sleep_until(clock.instant(deadline).into()).await,
        None => std::future::pending().await,
    }
}

/// What the registrar says next; nothing before this master leads.
async fn report(mandate: &mut Option<Mandate>) -> Option<Report> {
    match mandate {
        Some(mandate) => mandate.reports.recv().await,
        None => std::future::pending().await,
    }
}
