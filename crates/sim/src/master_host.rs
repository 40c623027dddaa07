//! The machine with the master: its core, its view and its registry.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_master_core::{
    Config, Effect, Effects, Input, Master, Reader, RequestId, Response, SchedulerCall, StreamId,
};
use tepui_master_view::{Settings, View};
use tepui_proto::v1;
use tepui_types::{ResourceQuantities, Time, Upid, WallTime};

use crate::cluster::Cluster;
use crate::invariant::view_equals_core::ViewEqualsCore;
use crate::queue::{Answer, Event, Host, Life};
use crate::registry::Store;

/// The master's machine.
#[derive(Debug)]
pub(crate) struct MasterHost {
    pub(crate) pid: Upid,
    /// None while it is down.
    pub(crate) core: Option<Master>,
    pub(crate) view: View,
    pub(crate) life: Life,
    pub(crate) tick: Option<Time>,
    store: Store,
    last_stored: Time,
    /// Who waits for an answer: a scheduler and its session.
    requests: BTreeMap<RequestId, (usize, u64)>,
    pub(crate) streams: BTreeMap<StreamId, (usize, u64)>,
    next_request: u64,
    /// If there is none, a scheduler must not lose track of an offer.
    pub(crate) offer_timeout: Option<Duration>,
}

impl MasterHost {
    pub(crate) fn new(offer_timeout: Option<Duration>) -> Self {
        Self {
            pid: "master@10.0.0.1:5050".parse().expect("the address is well-formed"),
            core: None,
            view: View::new(Settings::default()),
            life: 0,
            tick: None,
            store: Store::default(),
            last_stored: Time::ZERO,
            requests: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_request: 0,
            offer_timeout,
        }
    }

    fn config(&self, started: WallTime) -> Config {
        let minimum = |text| ResourceQuantities::parse(text).expect("the minimum is well-formed");
        Config {
            pid: self.pid.clone(),
            hostname: "master".to_owned(),
            domain: None,
            started,
            agent_ping_timeout: Duration::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Duration::from_mins(10),
            agent_removal_rate_limit: None,
            recovery_agent_removal_limit: 1.0,
            registry_gc_interval: Duration::from_mins(15),
            registry_max_agent_age: Duration::from_hours(14 * 24),
            registry_max_agent_count: 102_400,
            remove_unreturned_frameworks: false,
            allocation_interval: Duration::from_secs(1),
            offer_timeout: self.offer_timeout,
            root_submissions: true,
            roles: None,
            rate_limits: tepui_master_core::RateLimits::default(),
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            filter_gpu_resources: true,
            min_allocatable_resources: vec![minimum("cpus:0.01"), minimum("mem:32")],
            allocator: tepui_master_core::AllocatorConfig::default(),
        }
    }
}

impl Cluster {
    pub(crate) fn start_master(&mut self) {
        let seed = self.random.u64(..);
        let started = self.clock().wall;
        let host = &mut self.master;
        if host.core.is_some() {
            return;
        }
        host.life += 1;
        host.core = Some(Master::new(host.config(started), seed));
        host.view = View::new(Settings {
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            ..Settings::default()
        });
        host.tick = None;
        let registry = host.store.recover();
        self.invariants.master_started();
        self.step_master(Input::Recovered(Box::new(registry)));
    }

    pub(crate) fn crash_master(&mut self) {
        let host = &mut self.master;
        if host.core.take().is_none() {
            return;
        }
        host.store.cut(&mut self.random);
        host.requests.clear();
        let streams = std::mem::take(&mut host.streams);
        for (scheduler, session) in streams.into_values() {
            let at = self.now + self.delay();
            self.queue.add(at, Event::Told { scheduler, session, event: None });
        }
        self.host_died(Host::Master);
    }

    pub(crate) fn step_master(&mut self, input: Input) {
        let now = self.clock();
        let mut effects = Effects::default();
        let check = self.is_time_to_check();
        let host = &mut self.master;
        let Some(core) = host.core.as_mut() else { return };
        core.step(now, input, &mut effects);
        if check {
            core.check();
        }
        self.invariants.spin.stepped(now.time, Host::Master);
        self.invariants.changed(now.time, &effects.changes);
        let touched = ViewEqualsCore::touched(&effects.changes);
        for change in effects.changes.drain(..) {
            host.view.fold(change);
        }
        self.invariants.view.compare(core, &host.view, touched);
        for effect in effects.effects {
            self.master_effect(effect);
        }
        let host = &mut self.master;
        let deadline = host.core.as_ref().and_then(Master::next_deadline).map(|at| at.max(now.time));
        if let Some(at) = deadline.filter(|_| deadline != host.tick) {
            self.queue.add(at, Event::Tick(Host::Master, host.life));
        }
        host.tick = deadline;
    }

    fn master_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { request, response } => self.answer_scheduler(request, response),
            Effect::SendEvent { stream, event } => {
                let Some((scheduler, session)) = self.master.streams.get(&stream).copied() else { return };
                self.invariants.owner.sent(scheduler, &event);
                self.tell_scheduler(scheduler, session, Some(event));
            }
            Effect::CloseStream(stream) => {
                let Some((scheduler, session)) = self.master.streams.remove(&stream) else { return };
                self.tell_scheduler(scheduler, session, None);
            }
            Effect::CutOff(reader) => self.cut_off(&reader),
            Effect::SendLink { from, to, message } => {
                let sender = Upid::new(from, self.master.pid.address);
                self.send(Host::Master, sender, &to, message);
            }
            Effect::OpenLink(peer) => self.open_link(Host::Master, peer),
            Effect::CloseLink(peer) => self.close_link(Host::Master, &peer),
            Effect::Abdicate { reason } => panic!("no limit is set here: {reason}"),
            Effect::Store { id, writes } => {
                self.master.store.begin(id, writes);
                let time = if self.at_war { 500_000 } else { 5_000 };
                let at = self.now + Duration::from_micros(self.random.u64(100..time));
                let at = at.max(self.master.last_stored);
                self.master.last_stored = at;
                self.queue.add(at, Event::Stored { life: self.master.life });
            }
        }
    }

    /// The oldest batch of this life is durable.
    pub(crate) fn stored(&mut self, life: Life) {
        if self.master.life == life
            && self.master.core.is_some()
            && let Some(id) = self.master.store.finish()
        {
            self.step_master(Input::Stored(id));
        }
    }

    /// A call reaches the master.
    pub(crate) fn scheduler_call(
        &mut self,
        scheduler: usize,
        session: u64,
        stream_id: Option<String>,
        call: v1::scheduler::Call,
    ) {
        if self.master.core.is_none() {
            let answer = Answer::Rejected("connection refused".to_owned());
            self.answer(scheduler, session, answer);
            return;
        }
        self.trace(format_args!("scheduler {scheduler} calls {:?}", call.r#type()));
        let request = RequestId(self.master.next_request);
        self.master.next_request += 1;
        self.master.requests.insert(request, (scheduler, session));
        let call = SchedulerCall { request, call, stream_id, acceptable: true, principal: None };
        self.step_master(Input::SchedulerCall(Box::new(call)));
    }

    fn answer_scheduler(&mut self, request: RequestId, response: Response) {
        let Some((scheduler, session)) = self.master.requests.remove(&request) else { return };
        match response {
            Response::Accepted | Response::Ok => {}
            Response::Subscribed { stream, stream_id } => {
                if self.schedulers[scheduler].session != session {
                    self.stream_gone(stream);
                    return;
                }
                self.master.streams.insert(stream, (scheduler, session));
                self.answer(scheduler, session, Answer::Subscribed(stream_id));
            }
            Response::Rejected(rejection) => {
                self.trace(format_args!("master rejects: {}", rejection.message));
                self.answer(scheduler, session, Answer::Rejected(rejection.message));
            }
        }
    }

    /// Who does not read loses its connection.
    fn cut_off(&mut self, reader: &Reader) {
        let Reader::Stream(stream) = reader else { return };
        let Some((scheduler, session)) = self.master.streams.get(stream).copied() else { return };
        self.tell_scheduler(scheduler, session, None);
        self.stream_gone(*stream);
    }

    /// The client of a stream is gone; the master learns of it later.
    pub(crate) fn stream_gone(&mut self, stream: StreamId) {
        self.master.streams.remove(&stream);
        let most = if self.at_war { 10_000 } else { 100 };
        let at = self.now + Duration::from_millis(self.random.u64(0..most));
        self.queue.add(at, Event::StreamGone { life: self.master.life, stream });
    }
}
