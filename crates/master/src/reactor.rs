//! The core's owner: batches of inputs in, journal and effects out.

use std::collections::{BTreeMap, VecDeque};

use tepui_http::{Response, response};
use tepui_link::Link;
use tepui_master_core::{
    Effect, Effects, Input, Master, Reader, RequestId, Response as CoreResponse, SchedulerCall, StoreId,
    StreamId,
};
use tepui_wire::ContentType;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::inbox::{CallWork, Work};
use crate::journal_log::JournalLog;
use crate::reader::Journal;
use crate::rejection::refuse;
use crate::storage::Storage;
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
    storage: Storage,
    waiting: BTreeMap<RequestId, Waiting>,
    next_request: u64,
    /// Batches of writes that have become durable.
    stored: VecDeque<StoreId>,
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
            storage: Storage::default(),
            waiting: BTreeMap::new(),
            next_request: 0,
            stored: VecDeque::new(),
        }
    }

    /// Lets the core lead, with what the registry holds.
    pub(crate) fn recover(&mut self) {
        let registry = self.storage.recover();
        self.step(Input::Recovered(Box::new(registry)));
        self.flush();
    }

    /// Works until `shutdown` completes.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Work>, shutdown: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        let mut shutdown = shutdown;
        loop {
            tokio::select! {
                // An error means that whoever would say it is gone, so it is time to stop all the same.
                _ = &mut shutdown => return,
                _ = inbox.recv_many(&mut batch, MAX_BATCH) => {}
                () = self.deadline() => {}
            }
            for work in batch.drain(..) {
                self.take(work);
            }
            if self.core.next_deadline().is_some_and(|deadline| deadline <= self.clock.now().time) {
                self.step(Input::Tick);
            }
            self.flush();
        }
    }

    /// Completes when the core wants a tick.
    async fn deadline(&self) {
        match self.core.next_deadline() {
            Some(deadline) => tokio::time::sleep_until(self.clock.instant(deadline).into()).await,
            None => std::future::pending().await,
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
            Work::Call(call) => self.call(*call),
        }
    }

    fn call(&mut self, work: CallWork) {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let CallWork { call, stream_id, accept, principal, answer } = work;
        self.waiting.insert(request, Waiting { accept, answer });
        let acceptable = accept.is_some();
        let call = SchedulerCall { request, call, stream_id, acceptable, principal };
        self.step(Input::SchedulerCall(Box::new(call)));
    }

    fn step(&mut self, input: Input) {
        self.core.step(self.clock.now(), input, &mut self.effects);
    }

    /// Publishes the journal of the batch and carries out its effects, and those of writes that are durable by then.
    fn flush(&mut self) {
        loop {
            if !self.effects.changes.is_empty() {
                for change in &self.effects.changes {
                    self.log.log(change);
                }
                self.journal.publish(&mut self.effects.changes);
            }
            let mut effects = std::mem::take(&mut self.effects.effects);
            for effect in effects.drain(..) {
                self.carry_out(effect);
            }
            self.effects.effects = effects;
            let Some(stored) = self.stored.pop_front() else { return };
            self.step(Input::Stored(stored));
        }
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
            Effect::CloseLink(peer) => self.link.unlink(&peer),
            Effect::Store { id, writes } => {
                self.storage.store(writes);
                self.stored.push_back(id);
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
