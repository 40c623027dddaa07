//! The master's core, and the view that folds its journal: any sequence of calls and messages is answered, breaks no
//! invariant, and everything that goes out is well-formed.
//!
//! The fuzzer's bytes choose inputs. Most are what honest peers say, with ids that this master gave; some get fields
//! from [`crate::grammar`] on top, and some are made by it as a whole.

mod agent;
mod call;
mod operator;
mod outbox;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use prost::Message as _;
use tepui_master_core::{
    Backlog, Config, Effects, Input, Master, RateLimits, Reader, Registry, RegistryWrite, RequestId,
    SchedulerCall, StoreId, StreamId,
};
use tepui_master_view::{Encoding, Settings, TasksQuery, View, WrittenParts};
use tepui_proto::internal::registry::{Slave, UnreachableSlave};
use tepui_proto::{LinkMessage, MesosMessage as _, internal, v1};
use tepui_types::{Now, Time, Upid, WallTime};

use crate::grammar;
use crate::source::Source;

/// Longer stories say nothing new, and make the fuzzer slow.
const MOST_STEPS: usize = 80;

/// How often time may pass at the end until nothing is due.
const MOST_TICKS: usize = 100;

/// What one input may cause; the inputs are small.
const MOST_EFFECTS: usize = 10_000;

const AGENTS: u8 = 4;

/// Choices from here on are the rare ones. What is below keeps the meaning that it had when the corpus was begun.
const RARE: u8 = 228;

/// A byte for the settings, and choices.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut world = World::new(source.byte());
    for _ in 0..MOST_STEPS {
        if source.is_empty() {
            break;
        }
        world.advance(&mut source);
    }
    world.finish();
}

/// A master, and what its peers keep in mind.
struct World {
    master: Master,
    view: View,
    now: Duration,
    /// Stores are durable at once, else when the fuzzer says so.
    stores_at_once: bool,
    stores: VecDeque<StoreId>,
    next_request: u64,
    /// Requests that wait for their answer.
    waiting: Vec<RequestId>,
    /// Streams that are open, with the id that clients repeat, and whose they are.
    streams: BTreeMap<StreamId, Stream>,
    next_stream: u64,
    offers: VecDeque<v1::Offer>,
    inverse_offers: VecDeque<v1::InverseOffer>,
    /// What has a meaning for the master.
    known: Vec<String>,
    agents: Vec<v1::AgentId>,
    frameworks: Vec<v1::FrameworkId>,
    /// The drivers of the frameworks that have one.
    drivers: BTreeMap<String, Upid>,
    /// Operations that agents were asked to carry out.
    operations: VecDeque<internal::ApplyOperationMessage>,
    /// Updates that schedulers have seen.
    updates: VecDeque<v1::TaskStatus>,
    last: Option<Input>,
}

#[derive(Default)]
struct Stream {
    stream_id: String,
    framework: Option<v1::FrameworkId>,
}

impl World {
    fn new(settings: u8) -> Self {
        let config = config(settings);
        let view = View::new(Settings {
            max_completed_frameworks: config.max_completed_frameworks,
            max_completed_tasks_per_framework: config.max_completed_tasks_per_framework,
            max_unreachable_tasks_per_framework: config.max_unreachable_tasks_per_framework,
            publish_per_framework_metrics: true,
            ..Settings::default()
        });
        let known = ["t0", "t1", "e0", "role", "role/sub"].map(str::to_owned).to_vec();
        let mut world = Self {
            master: Master::new(config, 7),
            view,
            now: Duration::from_secs(1),
            stores_at_once: settings & 1 == 0,
            stores: VecDeque::new(),
            next_request: 0,
            waiting: Vec::new(),
            streams: BTreeMap::new(),
            next_stream: 0,
            offers: VecDeque::new(),
            inverse_offers: VecDeque::new(),
            known,
            agents: Vec::new(),
            frameworks: Vec::new(),
            drivers: BTreeMap::new(),
            operations: VecDeque::new(),
            updates: VecDeque::new(),
            last: None,
        };
        if settings & 2 == 0 {
            world.recover(settings & 4 != 0, settings & 128 != 0);
        }
        world
    }

    /// The registry was read; it is ours, so it is well-formed.
    fn recover(&mut self, with_agents: bool, with_maintenance: bool) {
        let mut registry = Registry::default();
        if with_maintenance {
            registry.write(RegistryWrite::SetSchedule(Some(Box::new(operator::schedule(&[(0, 100)])))));
            registry.write(RegistryWrite::SetMachine(Box::new(v1::MachineInfo {
                id: operator::machine(0),
                mode: Some(v1::machine_info::Mode::Draining.into()),
                unavailability: None,
            })));
        }
        for number in 0..if with_agents { 3 } else { 0 } {
            let id = v1::AgentId { value: format!("former-S{number}") };
            self.learn_agent(&id);
            let info = v1::AgentInfo { id: Some(id.clone()), ..agent::info(number, agent::RESOURCES[0]) };
            registry.write(match number {
                0 | 1 => RegistryWrite::AdmitAgent(Box::new(Slave { info, ..Slave::default() })),
                _ => RegistryWrite::MarkUnreachable(UnreachableSlave {
                    id,
                    timestamp: v1::TimeInfo { nanoseconds: 5 },
                    ..UnreachableSlave::default()
                }),
            });
        }
        self.step(Input::Recovered(Box::new(registry)));
    }

    fn advance(&mut self, source: &mut Source<'_>) {
        self.pass(Duration::from_millis(u64::from(source.byte() & 3)));
        let choice = source.byte();
        if choice >= RARE {
            return self.advance_rarely(source, choice % 4);
        }
        let input = match choice % 12 {
            0 => Some(self.subscribe(source)),
            1 | 2 => self.call(source),
            3 => self.accept(source),
            4 => Some(self.register(source)),
            5 => self.agent_message(source),
            6 => self.any_message(source),
            7 => self.any_call(source),
            8 => return self.let_time_pass(source),
            9 => self.stores.pop_front().map(Input::Stored),
            10 => self.breakage(source),
            _ => self.last.clone(),
        };
        if let Some(input) = input {
            if matches!(input, Input::SchedulerCall(_) | Input::Link { .. }) {
                self.last = Some(input.clone());
            }
            self.step(input);
        }
    }

    /// What operators and slow clients do, and the answers to inverse offers.
    fn advance_rarely(&mut self, source: &mut Source<'_>, choice: u8) {
        let input = match choice {
            0 => Some(self.operator_call(source)),
            1 => Some(self.update_schedule(source)),
            2 => self.answer_inverse_offer(source),
            _ => self.backlog(source),
        };
        if let Some(input) = input {
            self.step(input);
        }
    }

    /// A client does not read, or has read all; or the whitelist is another.
    fn backlog(&self, source: &mut Source<'_>) -> Option<Input> {
        const QUEUED: &[u64] = &[1, 5_000_000, 70_000_000];
        let reader = match source.below(3) {
            0 => Reader::Stream(*self.streams.keys().nth(source.below(self.streams.len()))?),
            1 => Reader::Driver(driver(source.byte() % 2)),
            _ => {
                let hosts = (0..source.below(4)).map(|number| format!("host{number}")).collect();
                return Some(Input::Whitelist(source.once_in(2).then_some(hosts)));
            }
        };
        let behind = Backlog::Behind {
            queued_bytes: source.pick(QUEUED).unwrap_or(1),
            written_bytes: u64::from(source.byte() % 4),
        };
        let backlog = if source.once_in(2) { Backlog::CaughtUp } else { behind };
        Some(Input::Backlog(reader, backlog))
    }

    fn let_time_pass(&mut self, source: &mut Source<'_>) {
        const PAUSES: &[u64] = &[0, 1, 5, 15, 80, 700, 100_000];
        let end = self.now + Duration::from_secs(source.pick(PAUSES).unwrap_or(0));
        for _ in 0..20 {
            let Some(due) = self.due().filter(|due| *due <= end) else { break };
            self.tick(due);
        }
        self.now = end.max(self.now);
        self.step(Input::Tick);
    }

    fn breakage(&mut self, source: &mut Source<'_>) -> Option<Input> {
        match source.below(4) {
            0 => {
                let stream = *self.streams.keys().nth(source.below(self.streams.len()))?;
                self.streams.remove(&stream);
                Some(Input::StreamClosed(stream))
            }
            1 => {
                // One that is gone, or that never was.
                let stream = StreamId(u64::from(source.byte()));
                (!self.streams.contains_key(&stream)).then_some(Input::StreamClosed(stream))
            }
            2 => Some(Input::LinkBroken(driver(source.byte() % 2))),
            _ => Some(Input::LinkBroken(agent::pid(source.byte() % (AGENTS + 1)))),
        }
    }

    /// Any message that the link carries.
    fn any_message(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let names = [
            "mesos.internal.RegisterSlaveMessage",
            "mesos.internal.ReregisterSlaveMessage",
            "mesos.internal.UnregisterSlaveMessage",
            "mesos.internal.UpdateSlaveMessage",
            "mesos.internal.StatusUpdateMessage",
            "mesos.internal.ExitedExecutorMessage",
            "mesos.internal.ExecutorToFrameworkMessage",
            "mesos.internal.UpdateOperationStatusMessage",
            "mesos.internal.PongSlaveMessage",
            "mesos.internal.RegisterFrameworkMessage",
            "mesos.internal.ReregisterFrameworkMessage",
            "mesos.internal.UnregisterFrameworkMessage",
            "mesos.internal.DeactivateFrameworkMessage",
            "mesos.internal.ResourceRequestMessage",
            "mesos.internal.LaunchTasksMessage",
            "mesos.internal.ReviveOffersMessage",
            "mesos.internal.KillTaskMessage",
            "mesos.internal.StatusUpdateAcknowledgementMessage",
            "mesos.internal.FrameworkToExecutorMessage",
            "mesos.internal.ReconcileTasksMessage",
            "mesos.internal.AuthenticateMessage",
            "mesos.scheduler.Call",
        ];
        let name = source.pick(&names)?;
        let body = grammar::message(source, name, &self.known);
        let message = LinkMessage::decode(name, &body).ok()?;
        Some(Input::Link { from: self.sender(source), to: receiver(source), message })
    }

    /// Any call, from whoever.
    fn any_call(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let call = grammar::decoded(source, &self.known)?;
        Some(self.scheduler_call(source, call))
    }

    /// Wraps a call as its framework sends it: as a message of its driver, or with the stream id that it was given, most
    /// of the time.
    fn scheduler_call(&mut self, source: &mut Source<'_>, call: v1::scheduler::Call) -> Input {
        let of = call.framework_id.as_ref().and_then(|id| self.drivers.get(&id.value)).cloned();
        let is_first = call.r#type() == v1::scheduler::call::Type::Subscribe;
        let from = of.or_else(|| (is_first && source.once_in(4)).then(|| driver(source.byte() % 2)));
        // The old calls have the same fields, but for a few of SUBSCRIBE.
        let message = LinkMessage::decode("mesos.scheduler.Call", &call.encode_to_vec());
        if let (Some(from), Ok(message)) = (from, message) {
            return Input::Link { from, to: "master".to_owned(), message };
        }
        let own = self.streams.values().find(|stream| stream.framework == call.framework_id);
        let stream_id = match source.byte() {
            255 => None,
            254 => Some("unknown".to_owned()),
            253 => self.streams.values().next().map(|stream| stream.stream_id.clone()),
            _ if call.r#type() == v1::scheduler::call::Type::Subscribe => None,
            _ => own.map(|stream| stream.stream_id.clone()),
        };
        let surroundings = source.byte();
        let request = RequestId(self.next_request);
        self.next_request += 1;
        Input::SchedulerCall(Box::new(SchedulerCall {
            request,
            call,
            stream_id,
            acceptable: surroundings != 255,
            principal: (surroundings > 250).then(|| "principal".to_owned()),
        }))
    }

    fn sender(&self, source: &mut Source<'_>) -> Upid {
        match source.byte() {
            240..=255 => driver(source.byte() % 2),
            239 => self.master_pid(),
            other => agent::pid(other % AGENTS),
        }
    }

    fn master_pid(&self) -> Upid {
        self.master.info().pid().parse().expect("the master has a pid")
    }

    fn due(&self) -> Option<Duration> {
        self.master.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()))
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Lets a deadline come, after which there must be a later one.
    fn tick(&mut self, due: Duration) {
        self.now = self.now.max(due);
        self.step(Input::Tick);
        assert!(self.due().is_none_or(|next| next > self.now), "what was due is still due");
    }

    fn step(&mut self, mut input: Input) {
        // A call that is sent again is another request.
        let request = match &mut input {
            Input::SchedulerCall(call) => Some(&mut call.request),
            Input::OperatorCall(call) => Some(&mut call.request),
            _ => None,
        };
        if let Some(request) = request {
            *request = RequestId(self.next_request);
            self.next_request += 1;
            self.waiting.push(*request);
        }
        let nanos = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let wall = WallTime::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
        let now = Now { time: Time::from_nanos(nanos), wall };
        let mut effects = Effects::default();
        self.master.step(now, input, &mut effects);
        self.master.check();
        assert!(effects.effects.len() < MOST_EFFECTS && effects.changes.len() < MOST_EFFECTS, "a flood");
        for change in effects.changes {
            self.view.fold(change);
        }
        for effect in effects.effects {
            self.carry_out(effect);
        }
        while self.stores_at_once
            && let Some(store) = self.stores.pop_front()
        {
            self.step(Input::Stored(store));
        }
    }

    /// All that was begun ends, time passes, and everything can be read.
    fn finish(mut self) {
        self.stores_at_once = true;
        self.step(Input::Tick);
        for _ in 0..MOST_TICKS {
            let Some(due) = self.due() else { break };
            self.tick(due);
        }
        // Also what waited because of a rate limit.
        let nothing_waits = self.waiting.is_empty();
        assert!(nothing_waits, "unanswered: {:?}", self.waiting);
        self.read();
    }

    /// Reads everything that clients can read.
    fn read(&self) {
        let view = &self.view;
        let wall = WallTime::from_nanos(1_000_000_000);
        for json in [
            view.state(&mut WrittenParts::whole()),
            view.state_summary(),
            view.frameworks(None, &mut WrittenParts::whole()),
            view.slaves(None, &mut WrittenParts::whole()),
            view.roles(),
            view.tasks(&TasksQuery::default(), &mut WrittenParts::whole()),
            view.metrics_snapshot(wall, &[]),
            view.get_state(Encoding::Json),
            view.get_roles(Encoding::Json),
            view.get_maintenance_status(Encoding::Json),
            view.get_maintenance_schedule(Encoding::Json),
            view.get_metrics(Encoding::Json, wall, &[]),
        ] {
            let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(&json);
            assert!(parsed.is_ok(), "{parsed:?} in {}", String::from_utf8_lossy(&json));
        }
        for protobuf in [
            view.get_state(Encoding::Protobuf),
            view.get_agents(Encoding::Protobuf),
            view.get_frameworks(Encoding::Protobuf),
            view.get_executors(Encoding::Protobuf),
            view.get_tasks(Encoding::Protobuf),
            view.get_roles(Encoding::Protobuf),
            view.get_master(Encoding::Protobuf),
            view.get_maintenance_status(Encoding::Protobuf),
            view.get_maintenance_schedule(Encoding::Protobuf),
        ] {
            let decoded = v1::master::Response::decode_checked(&protobuf);
            assert!(decoded.is_ok(), "{decoded:?}");
        }
    }
}

/// The actor of the master that a message is for.
fn receiver(source: &mut Source<'_>) -> String {
    match source.byte() {
        0..200 => "master".to_owned(),
        other => format!("slave-observer({})", other % 8),
    }
}

/// The address of a scheduler that uses the old driver.
fn driver(number: u8) -> Upid {
    format!("scheduler-{number}@10.0.0.9:4000").parse().expect("it is well-formed")
}

/// Small limits, so that they are reached.
fn config(settings: u8) -> Config {
    Config {
        offer_timeout: (settings & 8 != 0).then_some(Duration::from_secs(3)),
        root_submissions: settings & 16 == 0,
        roles: (settings & 32 != 0).then(|| vec!["role".to_owned(), "role/sub".to_owned()]),
        rate_limits: if settings & 128 == 0 { RateLimits::default() } else { rate_limits() },
        max_completed_frameworks: 2,
        max_completed_tasks_per_framework: 2,
        max_unreachable_tasks_per_framework: 2,
        filter_gpu_resources: settings & 64 == 0,
        ..Config::new("master@10.0.0.254:5050".parse().expect("it is well-formed"))
    }
}

/// A call in two seconds, and one that may wait; two for all whose principal is not named.
fn rate_limits() -> RateLimits {
    let limit = v1::RateLimit { principal: "principal".to_owned(), qps: Some(0.5), capacity: Some(1) };
    let limits = v1::RateLimits {
        limits: vec![limit],
        aggregate_default_qps: Some(0.5),
        aggregate_default_capacity: Some(2),
    };
    RateLimits::from_proto(&limits).expect("they make sense")
}
