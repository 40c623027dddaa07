//! A machine with a master: its core and its view while it leads, and what it asks the store to write.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_master_core::{
    Backlog, Config, Effect, Effects, Input, Master, RateLimits, Reader, RegistryWrite, RequestId, Response,
    SchedulerCall, StoreId, StreamId,
};
use tepui_master_view::{Settings as ViewSettings, View};
use tepui_proto::v1;
use tepui_types::{Time, Upid, WallTime};

use crate::cluster::Cluster;
use crate::election::Term;
use crate::invariant::Books;
use crate::invariant::view_equals_core::ViewEqualsCore;
use crate::queue::{Answer, Event, Host, Life};

/// What all masters are told alike.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// If there is none, a scheduler must not lose track of an offer.
    pub(crate) offer_timeout: Option<Duration>,
    /// Whether what is very small is not offered.
    pub(crate) has_least_offer: bool,
    /// How long agents have to come back.
    pub(crate) agent_reregister_timeout: Duration,
}

/// A master's machine.
#[derive(Debug)]
pub(crate) struct MasterHost {
    pub(crate) pid: Upid,
    pub(crate) settings: Settings,
    /// The process runs.
    pub(crate) is_up: bool,
    /// It leads, as far as it knows, in this term.
    pub(crate) core: Option<Master>,
    pub(crate) term: Term,
    pub(crate) view: View,
    pub(crate) books: Books,
    /// Grows with each process and with each term that ends.
    pub(crate) life: Life,
    pub(crate) tick: Option<Time>,
    /// Stopped, and to be continued then.
    pub(crate) paused_until: Option<Time>,
    pub(crate) is_cut_from_store: bool,
    /// How wrong its clock is.
    pub(crate) clock_error: Duration,
    /// What it has asked the store to write.
    pending: VecDeque<(StoreId, Vec<RegistryWrite>)>,
    last_stored: Time,
    /// Who waits for an answer: a scheduler and its session.
    requests: BTreeMap<RequestId, (usize, u64)>,
    pub(crate) streams: BTreeMap<StreamId, (usize, u64)>,
    next_request: u64,
}

impl MasterHost {
    pub(crate) fn new(number: usize, settings: Settings) -> Self {
        let address = format!("master@10.0.0.{}:5050", number + 1);
        Self {
            pid: address.parse().expect("the address is well-formed"),
            settings,
            is_up: false,
            core: None,
            term: 0,
            view: View::new(view_settings()),
            books: Books::default(),
            life: 0,
            tick: None,
            paused_until: None,
            is_cut_from_store: false,
            clock_error: Duration::ZERO,
            pending: VecDeque::new(),
            last_stored: Time::ZERO,
            requests: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_request: 0,
        }
    }

    pub(crate) fn config(&self, started: WallTime) -> Config {
        let defaults = Config::new(self.pid.clone());
        Config {
            started,
            agent_reregister_timeout: self.settings.agent_reregister_timeout,
            offer_timeout: self.settings.offer_timeout,
            rate_limits: RateLimits::from_proto(&rate_limits()).expect("the limits make sense"),
            min_allocatable_resources: if self.settings.has_least_offer {
                defaults.min_allocatable_resources
            } else {
                Vec::new()
            },
            ..defaults
        }
    }
}

/// What views remember, as the cores do.
pub(crate) fn view_settings() -> ViewSettings {
    ViewSettings {
        max_completed_frameworks: 50,
        max_completed_tasks_per_framework: 1000,
        max_unreachable_tasks_per_framework: 1000,
        ..ViewSettings::default()
    }
}

/// Principal `limited` may call three times a second.
fn rate_limits() -> v1::RateLimits {
    let limit = v1::RateLimit { principal: "limited".to_owned(), qps: Some(3.0), capacity: Some(50) };
    v1::RateLimits { limits: vec![limit], ..v1::RateLimits::default() }
}

impl Cluster {
    pub(crate) fn start_master(&mut self, master: usize) {
        if self.masters[master].is_up {
            return;
        }
        // A machine that comes back may have another idea of the time.
        self.masters[master].clock_error = Duration::from_secs(self.random.u64(0..7200));
        self.masters[master].is_up = true;
        self.call_election();
    }

    pub(crate) fn crash_master(&mut self, master: usize) {
        if !self.masters[master].is_up {
            return;
        }
        self.masters[master].is_up = false;
        self.masters[master].paused_until = None;
        self.begin_to_lose(master);
        self.stop_leading(master);
        self.masters[master].life += 1;
        self.host_died(Host::Master(master));
    }

    /// The term is over, or the process with it: what it had begun to write may have become durable.
    pub(crate) fn stop_leading(&mut self, master: usize) {
        let host = &mut self.masters[master];
        if host.core.take().is_none() {
            return;
        }
        let term = host.term;
        let pending = std::mem::take(&mut host.pending);
        for (_, writes) in pending.into_iter().take(self.random.usize(0..4)) {
            if !self.store.commit(term, writes) {
                break;
            }
        }
        let host = &mut self.masters[master];
        host.life += 1;
        host.requests.clear();
        let streams = std::mem::take(&mut host.streams);
        for (scheduler, session) in streams.into_values() {
            let at = self.now + self.delay();
            self.queue.add(at, Event::Told { scheduler, session, event: None });
        }
    }

    pub(crate) fn step_master(&mut self, master: usize, input: Input) {
        let now = self.clock_of(Host::Master(master));
        let mut effects = Effects::default();
        let check = self.is_time_to_check();
        let host = &mut self.masters[master];
        let Some(core) = host.core.as_mut() else { return };
        core.step(now, input, &mut effects);
        if check {
            core.check();
        }
        self.invariants.spin.stepped(now.time, Host::Master(master));
        self.invariants.owner.changed(&effects.changes);
        host.books.changed(now.time, &effects.changes, &self.agents);
        let is_leader = self.store.is_current(host.term);
        self.invariants.promises.changed(&effects.changes, &self.store, is_leader);
        let touched = ViewEqualsCore::touched(&effects.changes);
        for change in effects.changes.drain(..) {
            host.view.fold(change);
        }
        host.books.view.compare(core, &host.view, touched);
        host.books.followers.hear(&mut host.view);
        for effect in effects.effects {
            self.master_effect(master, effect);
        }
        let host = &mut self.masters[master];
        let deadline = host.core.as_ref().and_then(Master::next_deadline).map(|at| at.max(now.time));
        if let Some(at) = deadline.filter(|_| deadline != host.tick) {
            self.queue.add(at, Event::Tick(Host::Master(master), host.life));
        }
        host.tick = deadline;
    }

    fn master_effect(&mut self, master: usize, effect: Effect) {
        let is_leader = self.store.is_current(self.masters[master].term);
        self.invariants.promises.said(&effect, &self.store, is_leader);
        match effect {
            Effect::Respond { request, response } => self.answer_scheduler(master, request, response),
            Effect::SendEvent { stream, event } => {
                let Some((scheduler, session)) = self.masters[master].streams.get(&stream).copied() else {
                    return;
                };
                self.invariants.owner.sent(scheduler, &event);
                self.masters[master].books.slow.sent(stream, &event);
                self.tell_scheduler(scheduler, session, Some(event));
            }
            Effect::CloseStream(stream) => {
                let Some((scheduler, session)) = self.masters[master].streams.remove(&stream) else { return };
                self.tell_scheduler(scheduler, session, None);
            }
            Effect::CutOff(reader) => self.cut_off(master, &reader),
            Effect::SendLink { from, to, message } => {
                let sender = Upid::new(from, self.masters[master].pid.address);
                self.send(Host::Master(master), sender, &to, message);
            }
            Effect::OpenLink(peer) => self.open_link(Host::Master(master), peer),
            Effect::CloseLink(peer) => self.close_link(Host::Master(master), &peer),
            Effect::Abdicate { reason } => panic!("no limit is set here: {reason}"),
            Effect::Store { id, writes } => {
                let time = if self.at_war { 500_000 } else { 5_000 };
                let delay = Duration::from_micros(self.random.u64(100..time));
                let host = &mut self.masters[master];
                host.pending.push_back((id, writes));
                let at = host.last_stored.max(self.now + delay);
                host.last_stored = at;
                self.queue.add(at, Event::Stored { master, life: host.life });
            }
        }
    }

    /// The oldest batch of this life reaches the store, which takes it if this master still leads.
    pub(crate) fn stored(&mut self, master: usize, life: Life) {
        let host = &mut self.masters[master];
        if host.life != life || host.core.is_none() {
            return;
        }
        if host.is_cut_from_store {
            self.queue.add(self.now + Duration::from_millis(200), Event::Stored { master, life });
            return;
        }
        let Some((id, writes)) = host.pending.pop_front() else { return };
        let term = host.term;
        // The store may fail, and then nobody knows whether it wrote.
        let fails = self.at_war && self.random.u8(..) == 0;
        let is_lost = fails && self.random.bool();
        if is_lost || !self.store.commit(term, writes) || fails {
            self.trace(format_args!("master {master} cannot write in term {term}"));
            self.depose(master, life, term);
            return;
        }
        self.step_master(master, Input::Stored(id));
    }

    /// A call reaches the master.
    pub(crate) fn scheduler_call(
        &mut self,
        (master, scheduler): (usize, usize),
        session: u64,
        stream_id: Option<String>,
        call: v1::scheduler::Call,
    ) {
        if self.masters[master].core.is_none() {
            let answer = Answer::Rejected("connection refused, or not the leader".to_owned());
            self.answer(scheduler, session, answer);
            return;
        }
        self.trace(format_args!("scheduler {scheduler} calls {:?}", call.r#type()));
        let request = RequestId(self.masters[master].next_request);
        self.masters[master].next_request += 1;
        self.masters[master].requests.insert(request, (scheduler, session));
        let call = SchedulerCall { request, call, stream_id, acceptable: true, principal: None };
        self.step_master(master, Input::SchedulerCall(Box::new(call)));
    }

    fn answer_scheduler(&mut self, master: usize, request: RequestId, response: Response) {
        let Some((scheduler, session)) = self.masters[master].requests.remove(&request) else { return };
        match response {
            Response::Accepted | Response::Ok => {}
            Response::Subscribed { stream, stream_id } => {
                if self.schedulers[scheduler].session != session {
                    self.stream_gone(master, stream);
                    return;
                }
                self.masters[master].streams.insert(stream, (scheduler, session));
                // A new stream is read.
                if let Some(id) = &self.schedulers[scheduler].id {
                    self.masters[master].books.fair.reads(id, true);
                }
                self.answer(scheduler, session, Answer::Subscribed(stream_id));
            }
            Response::Rejected(rejection) => {
                self.trace(format_args!("master rejects: {}", rejection.message));
                self.answer(scheduler, session, Answer::Rejected(rejection.message));
            }
        }
    }

    /// A scheduler does not read for a while.
    pub(crate) fn scheduler_stalls(&mut self, scheduler: usize, time: Duration) {
        let session = self.schedulers[scheduler].session;
        let streams = self.masters.iter().enumerate().find_map(|(master, host)| {
            let stream = host.streams.iter().find(|(_, owner)| **owner == (scheduler, session))?;
            Some((master, *stream.0))
        });
        let Some((master, stream)) = streams else { return };
        let until = self.now + time;
        self.schedulers[scheduler].reads_from = until;
        self.stalls_on((master, self.masters[master].life), scheduler, stream, until);
    }

    /// The master's shell sees that a scheduler does not read, or that it has read all.
    pub(crate) fn stalls_on(
        &mut self,
        (master, life): (usize, Life),
        scheduler: usize,
        stream: StreamId,
        until: Time,
    ) {
        let is_open = self.masters[master].streams.get(&stream).is_some_and(|(owner, _)| *owner == scheduler);
        if life != self.masters[master].life || !is_open {
            return;
        }
        let reads = until <= self.now;
        if let Some(id) = &self.schedulers[scheduler].id {
            self.masters[master].books.fair.reads(id, reads);
        }
        let backlog = if reads {
            self.masters[master].books.slow.caught_up(stream);
            Backlog::CaughtUp
        } else {
            self.masters[master].books.slow.behind(stream);
            let at = until.min(self.now + Duration::from_secs(1));
            self.queue.add(at, Event::Reads { master, life, scheduler, stream, until });
            Backlog::Behind { queued_bytes: 1, written_bytes: 1 }
        };
        self.step_master(master, Input::Backlog(Reader::Stream(stream), backlog));
    }

    /// Who does not read loses its connection.
    fn cut_off(&mut self, master: usize, reader: &Reader) {
        let Reader::Stream(stream) = reader else { return };
        let Some((scheduler, session)) = self.masters[master].streams.get(stream).copied() else { return };
        self.tell_scheduler(scheduler, session, None);
        self.stream_gone(master, *stream);
    }

    /// The client of a stream is gone; the master learns of it later.
    pub(crate) fn stream_gone(&mut self, master: usize, stream: StreamId) {
        self.masters[master].streams.remove(&stream);
        let most = if self.at_war { 10_000 } else { 100 };
        let at = self.now + Duration::from_millis(self.random.u64(0..most));
        self.queue.add(at, Event::StreamGone { master, life: self.masters[master].life, stream });
    }
}
