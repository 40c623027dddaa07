//! The master's core alone, driven by calls and messages that are already decoded: no sockets, threads or clock, so it
//! executes the same instructions each time. For `valgrind --tool=callgrind`, and for profiles of nothing but the core.
//! Some workloads fold its journal into a view, too, as the master does.

use std::ops::Range;
use std::sync::Arc;

use tepui_master_core::{
    Config, Effect, Effects, Input, Master, RequestId, Response, SchedulerCall, StoreId,
};
use tepui_master_view::{Encoding, Settings, View, WrittenParts};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{Now, Time, Upid, WallTime};

use crate::codec_load;
use crate::process::Process;
use crate::swarm::{allocated, scalar, slot};

/// Agents of the small cluster.
const AGENTS: usize = 100;

/// Does so many operations.
pub type Workload = fn(usize);

/// What is driven, by name.
pub const WORKLOADS: [(&str, Workload); 11] = [
    ("launch", launch),
    ("register", register),
    ("reregister", reregister),
    ("fold", fold),
    ("reconcile", reconcile),
    ("codec_protobuf", codec_load::protobuf),
    ("codec_json", codec_load::json),
    ("resources", codec_load::resources),
    ("state", |times| read(times, |view| view.state(&mut WrittenParts::whole()))),
    ("get_state_protobuf", |times| read(times, |view| view.get_state(Encoding::Protobuf))),
    ("get_state_json", |times| read(times, |view| view.get_state(Encoding::Json))),
];

/// Launches and ends tasks as [`launch`] does, and folds the journal.
fn fold(tasks: usize) {
    let mut world = World::with_view();
    world.fill(AGENTS, 1);
    world.subscribe();
    for number in 0..tasks {
        let offer = world.offers.pop().expect("an ended task's agent is offered again");
        world.launch(&offer, number);
    }
}

/// Reconciles so many tasks that nobody knows, with one call.
fn reconcile(tasks: usize) {
    let mut world = World::new();
    world.subscribe();
    let tasks = (0..tasks).map(|number| v1::scheduler::call::reconcile::Task {
        task_id: task_id(number),
        ..Default::default()
    });
    let reconcile = v1::scheduler::call::Reconcile { tasks: tasks.collect() };
    world.call(v1::scheduler::Call {
        framework_id: Some(world.framework.clone()),
        r#type: Some(v1::scheduler::call::Type::Reconcile as i32),
        reconcile: Some(reconcile),
        ..Default::default()
    });
}

/// Renders a small cluster so many times.
fn read(times: usize, render: fn(&View) -> Vec<u8>) {
    let mut world = World::with_view();
    world.fill(10, 10);
    world.hold(10);
    let view = world.view.as_ref().expect("the world has a view");
    for _ in 0..times {
        std::hint::black_box(render(view));
    }
}

/// What core and view take of memory, by an agent and by a running task: bytes of this process's own pages.
pub fn memory(agents: usize, tasks_per_agent: usize) -> (f64, f64) {
    let pss = || Process::own().memory().proportional as f64;
    let empty = pss();
    let mut world = World::with_view();
    world.fill(agents, tasks_per_agent);
    let idle = pss();
    world.hold(tasks_per_agent);
    let busy = pss();
    ((idle - empty) / agents as f64, (busy - idle) / (agents * tasks_per_agent).max(1) as f64)
}

fn view() -> View {
    View::new(Settings {
        max_completed_frameworks: 50,
        max_completed_tasks_per_framework: 1000,
        max_unreachable_tasks_per_framework: 1000,
        ..Settings::default()
    })
}

/// A core with its surroundings.
struct World {
    master: Master,
    /// Folds the journal, in workloads that are about it.
    view: Option<View>,
    effects: Effects,
    nanos: u64,
    requests: u64,
    stream_id: String,
    framework: v1::FrameworkId,
    offers: Vec<v1::Offer>,
    pids: Vec<(Upid, String)>,
    /// Tasks for which an agent has room.
    slots: usize,
}

/// Launches tasks one by one; each runs, ends, and is acknowledged twice.
fn launch(tasks: usize) {
    let mut world = World::new();
    world.fill(AGENTS, 1);
    world.subscribe();
    for number in 0..tasks {
        let offer = world.offers.pop().expect("an ended task's agent is offered again");
        world.launch(&offer, number);
    }
}

/// Registers agents.
fn register(agents: usize) {
    let mut world = World::new();
    for agent in 0..agents {
        world.register(agent);
    }
}

/// Agents with ten tasks each re-register with a master that knows nothing of them.
fn reregister(agents: usize) {
    let mut world = World::new();
    for agent in 0..agents {
        world.reregister(agent);
    }
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            master: Master::new(config(), 7),
            view: None,
            effects: Effects::default(),
            nanos: 1,
            requests: 0,
            stream_id: String::new(),
            framework: v1::FrameworkId::default(),
            offers: Vec::new(),
            pids: Vec::new(),
            slots: 1,
        };
        world.step(Input::Recovered(Box::default()));
        world
    }

    fn with_view() -> Self {
        Self { view: Some(view()), ..Self::new() }
    }

    /// Steps the core and does what its effects ask of its surroundings.
    fn step(&mut self, input: Input) {
        self.nanos += 1000;
        let now = Now {
            time: Time::from_nanos(self.nanos),
            wall: WallTime::from_nanos(i64::try_from(self.nanos).unwrap_or(i64::MAX)),
        };
        self.master.step(now, input, &mut self.effects);
        let changes = self.effects.changes.drain(..);
        match &mut self.view {
            Some(view) => changes.for_each(|change| view.fold(change)),
            None => drop(changes),
        }
        let mut stored: Vec<StoreId> = Vec::new();
        for effect in std::mem::take(&mut self.effects.effects) {
            match effect {
                Effect::Respond { response: Response::Subscribed { stream_id, .. }, .. } => {
                    self.stream_id = stream_id;
                }
                Effect::Respond { response: Response::Rejected(rejection), .. } => {
                    panic!("a call was refused: {rejection:?}");
                }
                Effect::SendEvent { event, .. } => {
                    if let Some(subscribed) = &event.subscribed {
                        self.framework = subscribed.framework_id.clone();
                    }
                    if event.offers.is_some() {
                        let event = Arc::into_inner(event).expect("nobody else has the event");
                        self.offers.extend(event.offers.into_iter().flat_map(|offers| offers.offers));
                    }
                }
                Effect::Store { id, .. } => stored.push(id),
                Effect::Respond { .. }
                | Effect::CloseStream(_)
                | Effect::CutOff(_)
                | Effect::SendLink { .. }
                | Effect::OpenLink(_)
                | Effect::CloseLink(_)
                | Effect::Abdicate { .. } => {}
            }
        }
        for id in stored {
            self.step(Input::Stored(id));
        }
    }

    /// The address of an agent and the text of that, which are made once: what is measured is the core.
    fn pid(&mut self, agent: usize) -> &(Upid, String) {
        for number in self.pids.len()..=agent {
            let pid = Upid::new(format!("slave({number})"), ([127, 0, 0, 1], 5051).into());
            let text = pid.to_string();
            self.pids.push((pid, text));
        }
        &self.pids[agent]
    }

    fn send(&mut self, agent: usize, message: impl Into<LinkMessage>) {
        let from = self.pid(agent).0.clone();
        self.step(Input::Link { from, to: "master".to_owned(), message: message.into() });
    }

    /// Registers agents with room for so many tasks.
    fn fill(&mut self, agents: usize, slots: usize) {
        self.slots = slots;
        for agent in 0..agents {
            self.register(agent);
        }
    }

    /// Subscribes, and lets each agent run so many tasks.
    fn hold(&mut self, tasks_per_agent: usize) {
        self.subscribe();
        let mut number = 0;
        while let Some(offer) = self.offers.pop() {
            let numbers = number..number + tasks_per_agent;
            number = numbers.end;
            self.accept(&offer, numbers.clone());
            for task in numbers {
                self.update_and_acknowledge(&offer, task, 0, v1::TaskState::TaskRunning);
            }
        }
    }

    fn register(&mut self, agent: usize) {
        let message = internal::RegisterSlaveMessage {
            slave: info(agent, self.slots),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: capabilities(),
            ..Default::default()
        };
        self.send(agent, message);
    }

    fn reregister(&mut self, agent: usize) {
        let mut slave = info(agent, 1);
        let id = v1::AgentId { value: format!("agent-{agent}") };
        slave.id = Some(id.clone());
        let framework = v1::FrameworkInfo {
            user: "root".to_owned(),
            name: "load".to_owned(),
            id: Some(v1::FrameworkId { value: "framework".to_owned() }),
            ..Default::default()
        };
        let task = |number: usize| v1::Task {
            name: "task".to_owned(),
            task_id: v1::TaskId { value: format!("task-{agent}-{number}") },
            framework_id: v1::FrameworkId { value: "framework".to_owned() },
            agent_id: id.clone(),
            state: v1::TaskState::TaskRunning as i32,
            resources: vec![allocated(scalar("cpus", 0.1)), allocated(scalar("mem", 5.0))],
            ..Default::default()
        };
        let message = internal::ReregisterSlaveMessage {
            slave,
            version: Some("1.11.0".to_owned()),
            agent_capabilities: capabilities(),
            frameworks: vec![framework],
            tasks: (0..10).map(task).collect(),
            ..Default::default()
        };
        self.send(agent, message);
    }

    fn call(&mut self, call: v1::scheduler::Call) {
        self.requests += 1;
        let stream_id = (!self.stream_id.is_empty()).then(|| self.stream_id.clone());
        self.step(Input::SchedulerCall(Box::new(SchedulerCall {
            request: RequestId(self.requests),
            call,
            stream_id,
            acceptable: true,
            principal: None,
        })));
    }

    fn subscribe(&mut self) {
        let framework_info =
            v1::FrameworkInfo { user: "root".to_owned(), name: "load".to_owned(), ..Default::default() };
        self.call(v1::scheduler::Call {
            r#type: Some(v1::scheduler::call::Type::Subscribe as i32),
            subscribe: Some(v1::scheduler::call::Subscribe { framework_info, ..Default::default() }),
            ..Default::default()
        });
    }

    /// Launches a task that runs and ends.
    fn launch(&mut self, offer: &v1::Offer, number: usize) {
        self.accept(offer, number..number + 1);
        self.update_and_acknowledge(offer, number, 0, v1::TaskState::TaskRunning);
        self.update_and_acknowledge(offer, number, 1, v1::TaskState::TaskFinished);
    }

    fn accept(&mut self, offer: &v1::Offer, numbers: Range<usize>) {
        let task = |number| v1::TaskInfo {
            name: "load".to_owned(),
            task_id: task_id(number),
            agent_id: offer.agent_id.clone(),
            resources: slot().to_vec(),
            command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        let task_infos = numbers.map(|number| task(number).into()).collect();
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos }),
            ..Default::default()
        };
        self.call(v1::scheduler::Call {
            framework_id: Some(self.framework.clone()),
            r#type: Some(v1::scheduler::call::Type::Accept as i32),
            accept: Some(v1::scheduler::call::Accept {
                offer_ids: vec![offer.id.clone()],
                operations: vec![operation],
                filters: Some(v1::Filters { refuse_seconds: Some(0.0) }),
            }),
            ..Default::default()
        });
    }

    fn update_and_acknowledge(
        &mut self,
        offer: &v1::Offer,
        number: usize,
        turn: usize,
        state: v1::TaskState,
    ) {
        let mut uuid = [0; 16];
        uuid[6] = 0x40;
        uuid[8..].copy_from_slice(&(2 * number + turn).to_le_bytes());
        self.update(offer, &task_id(number), state, &uuid);
    }

    fn update(&mut self, offer: &v1::Offer, task: &v1::TaskId, state: v1::TaskState, uuid: &[u8; 16]) {
        let agent = offer.hostname.strip_prefix("agent-").and_then(|number| number.parse().ok()).unwrap_or(0);
        let status = v1::TaskStatus {
            task_id: task.clone(),
            state: state as i32,
            agent_id: Some(offer.agent_id.clone()),
            uuid: Some(uuid.to_vec()),
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: self.framework.clone(),
            slave_id: Some(offer.agent_id.clone()),
            status,
            uuid: Some(uuid.to_vec()),
            latest_state: Some(state as i32),
            ..Default::default()
        };
        let pid = Some(self.pid(agent).1.clone());
        self.send(agent, internal::StatusUpdateMessage { update, pid });
        self.call(v1::scheduler::Call {
            framework_id: Some(self.framework.clone()),
            r#type: Some(v1::scheduler::call::Type::Acknowledge as i32),
            acknowledge: Some(v1::scheduler::call::Acknowledge {
                agent_id: offer.agent_id.clone(),
                task_id: task.clone(),
                uuid: uuid.to_vec(),
            }),
            ..Default::default()
        });
    }
}

fn task_id(number: usize) -> v1::TaskId {
    v1::TaskId { value: format!("task-{number}") }
}

fn info(agent: usize, slots: usize) -> v1::AgentInfo {
    let mut resources = slot().to_vec();
    for scalar in resources.iter_mut().filter_map(|resource| resource.scalar.as_mut()) {
        scalar.value *= slots as f64;
    }
    v1::AgentInfo {
        hostname: format!("agent-{agent}"),
        port: Some(5051),
        resources,
        checkpoint: Some(true),
        ..Default::default()
    }
}

/// What agents of 1.11.0 can do: old agents are spoken to in an older way.
fn capabilities() -> Vec<v1::agent_info::Capability> {
    use v1::agent_info::capability::Type;
    let all = [Type::MultiRole, Type::HierarchicalRole, Type::ReservationRefinement];
    all.map(|kind| v1::agent_info::Capability { r#type: Some(kind as i32) }).to_vec()
}

fn config() -> Config {
    Config::new(Upid::new("master", ([127, 0, 0, 1], 5050).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_runs() {
        for (_, workload) in WORKLOADS {
            workload(150);
        }
    }
}
