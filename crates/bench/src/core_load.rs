//! The master's core alone, driven by calls and messages that are already decoded: no sockets, threads or clock, so it
//! executes the same instructions each time. For `valgrind --tool=callgrind`, and for profiles of nothing but the core.

use std::time::Duration;

use tepui_master_core::{
    Config, Effect, Effects, Input, Master, RequestId, Response, SchedulerCall, StoreId,
};
use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{Now, ResourceQuantities, Time, Upid, WallTime};

use crate::swarm::{allocated, scalar, slot};

/// Agents of the small cluster.
const AGENTS: usize = 100;

/// Does so many operations.
pub type Workload = fn(usize);

/// What is driven, by name.
pub const WORKLOADS: [(&str, Workload); 3] =
    [("launch", launch), ("register", register), ("reregister", reregister)];

/// A core with its surroundings.
struct World {
    master: Master,
    effects: Effects,
    nanos: u64,
    requests: u64,
    stream_id: String,
    framework: v1::FrameworkId,
    offers: Vec<v1::Offer>,
}

/// Launches tasks one by one; each runs, ends, and is acknowledged twice.
fn launch(tasks: usize) {
    let mut world = World::new();
    for agent in 0..AGENTS {
        world.register(agent);
    }
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
            effects: Effects::default(),
            nanos: 1,
            requests: 0,
            stream_id: String::new(),
            framework: v1::FrameworkId::default(),
            offers: Vec::new(),
        };
        world.step(Input::Recovered(Box::default()));
        world
    }

    /// Steps the core and does what its effects ask of its surroundings.
    fn step(&mut self, input: Input) {
        self.nanos += 1000;
        let now = Now {
            time: Time::from_nanos(self.nanos),
            wall: WallTime::from_nanos(i64::try_from(self.nanos).unwrap_or(i64::MAX)),
        };
        self.master.step(now, input, &mut self.effects);
        self.effects.changes.clear();
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
                    self.offers.extend(event.offers.iter().flat_map(|offers| offers.offers.iter().cloned()));
                }
                Effect::Store { id, .. } => stored.push(id),
                Effect::Respond { .. }
                | Effect::CloseStream(_)
                | Effect::CutOff(_)
                | Effect::SendLink { .. }
                | Effect::OpenLink(_)
                | Effect::CloseLink(_) => {}
            }
        }
        for id in stored {
            self.step(Input::Stored(id));
        }
    }

    fn send(&mut self, agent: usize, message: impl Into<LinkMessage>) {
        self.step(Input::Link { from: pid(agent), to: "master".to_owned(), message: message.into() });
    }

    fn register(&mut self, agent: usize) {
        let message = internal::RegisterSlaveMessage {
            slave: info(agent),
            version: Some("1.11.0".to_owned()),
            agent_capabilities: capabilities(),
            ..Default::default()
        };
        self.send(agent, message);
    }

    fn reregister(&mut self, agent: usize) {
        let mut slave = info(agent);
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

    fn launch(&mut self, offer: &v1::Offer, number: usize) {
        let task_id = v1::TaskId { value: format!("task-{number}") };
        let task = v1::TaskInfo {
            name: "load".to_owned(),
            task_id: task_id.clone(),
            agent_id: offer.agent_id.clone(),
            resources: slot().to_vec(),
            command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
            ..Default::default()
        };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch as i32),
            launch: Some(v1::offer::operation::Launch { task_infos: vec![task.into()] }),
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
        for (turn, state) in [v1::TaskState::TaskRunning, v1::TaskState::TaskFinished].into_iter().enumerate()
        {
            let mut uuid = [0; 16];
            uuid[..8].copy_from_slice(&(2 * number + turn).to_le_bytes());
            self.update(offer, &task_id, state, &uuid);
        }
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
        self.send(agent, internal::StatusUpdateMessage { update, pid: Some(pid(agent).to_string()) });
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

fn pid(agent: usize) -> Upid {
    Upid::new(format!("slave({agent})"), ([127, 0, 0, 1], 5051).into())
}

fn info(agent: usize) -> v1::AgentInfo {
    v1::AgentInfo {
        hostname: format!("agent-{agent}"),
        port: Some(5051),
        resources: slot().to_vec(),
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
    let quantities = |text| ResourceQuantities::parse(text).expect("the minimum is valid");
    Config {
        pid: Upid::new("master", ([127, 0, 0, 1], 5050).into()),
        hostname: "localhost".to_owned(),
        domain: None,
        started: WallTime::from_nanos(0),
        agent_ping_timeout: Duration::from_secs(15),
        max_agent_ping_timeouts: 5,
        agent_reregister_timeout: Duration::from_mins(10),
        allocation_interval: Duration::from_secs(1),
        offer_timeout: None,
        root_submissions: true,
        roles: None,
        rate_limits: tepui_master_core::RateLimits::default(),
        max_completed_frameworks: 50,
        max_completed_tasks_per_framework: 1000,
        max_unreachable_tasks_per_framework: 1000,
        filter_gpu_resources: true,
        min_allocatable_resources: vec![quantities("cpus:0.01"), quantities("mem:32")],
        allocator: tepui_master_core::AllocatorConfig::default(),
    }
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
