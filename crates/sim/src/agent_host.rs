//! A machine with an agent: its core, and the containers that it started.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tepui_agent_core::{
    Agent, Config, Effect, Effects, ExecutorCall, Input, Launch, Record, Recovery, RequestId, Response,
    StreamId, Termination,
};
use tepui_proto::v1;
use tepui_proto::v1::executor::event::Type;
use tepui_types::{ContainerId, Resource, Resources, TaskId, Time, Upid, Uuid};

use crate::cluster::Cluster;
use crate::election::Term;
use crate::executor::{Container, Task, run_time};
use crate::invariant::agents_obey_whom_they_detected;
use crate::queue::{Event, Host, InContainer, Life};

/// An agent's machine.
#[derive(Debug)]
pub(crate) struct AgentHost {
    pub(crate) pid: Upid,
    pub(crate) total: Resources,
    /// None while it is down.
    pub(crate) core: Option<Agent>,
    pub(crate) life: Life,
    pub(crate) tick: Option<Time>,
    /// The master that it follows.
    pub(crate) detected: Option<Upid>,
    detected_term: Option<Term>,
    pub(crate) clock_error: Duration,
    pub(crate) containers: BTreeMap<ContainerId, Container>,
    /// What is on its disk.
    journal: Vec<Record>,
    requests: BTreeMap<RequestId, ContainerId>,
    streams: BTreeMap<StreamId, ContainerId>,
    next_request: u64,
}

impl AgentHost {
    pub(crate) fn new(number: usize, total: Resources) -> Self {
        let address = format!("slave(1)@10.1.0.{}:5051", number + 1);
        Self {
            pid: address.parse().expect("the address is well-formed"),
            total,
            core: None,
            life: 0,
            tick: None,
            detected: None,
            detected_term: None,
            clock_error: Duration::ZERO,
            containers: BTreeMap::new(),
            journal: Vec::new(),
            requests: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_request: 0,
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::new(self.pid.clone(), self.pid.address.ip().to_string(), "/work");
        config.resources = self.total.to_protos();
        config
    }
}

impl Cluster {
    pub(crate) fn start_agent(&mut self, agent: usize) {
        let seed = self.random.u64(..);
        let host = &mut self.agents[agent];
        if host.core.is_some() {
            return;
        }
        host.life += 1;
        host.core = Some(Agent::new(host.config(), seed));
        host.tick = None;
        host.detected = None;
        host.detected_term = None;
        self.agents[agent].clock_error = Duration::from_secs(self.random.u64(0..7200));
        // The whole machine was down: what ran there is gone.
        let records = self.agents[agent].journal.clone();
        let recovery = Recovery { records, rebooted: true, errors: 0 };
        self.step_agent(agent, Input::Recover(Box::new(recovery)));
    }

    /// It looks who leads, which it does again and again.
    pub(crate) fn agent_detects(&mut self, agent: usize, life: Life) {
        if self.agents[agent].life != life || self.agents[agent].core.is_none() {
            return;
        }
        let leader = self.election.leader.map(|(master, _)| self.masters[master].pid.clone());
        let term = self.election.leader.map(|(_, term)| term);
        // The same master in another term is another leader.
        if term != self.agents[agent].detected_term {
            self.agents[agent].detected.clone_from(&leader);
            self.agents[agent].detected_term = term;
            self.trace(format_args!("agent {agent} detects {leader:?}"));
            self.step_agent(agent, Input::Detected(leader));
        }
    }

    /// The machine stops: the agent and all that runs on it are gone at once.
    pub(crate) fn crash_agent(&mut self, agent: usize) {
        let host = &mut self.agents[agent];
        if host.core.take().is_none() {
            return;
        }
        host.containers.clear();
        host.requests.clear();
        host.streams.clear();
        let life = host.life;
        self.invariants.order.agent_crashed(agent, life);
        self.host_died(Host::Agent(agent));
    }

    pub(crate) fn step_agent(&mut self, agent: usize, input: Input) {
        let now = self.clock_of(Host::Agent(agent));
        let mut effects = Effects::default();
        let check = self.is_time_to_check();
        let Some(core) = self.agents[agent].core.as_mut() else { return };
        let message = if let Input::Link { from, message } = &input {
            Some((from.clone(), message.name()))
        } else {
            None
        };
        core.step(now, input, &mut effects);
        if check {
            core.check();
        }
        if let Some((from, _)) = &message {
            agents_obey_whom_they_detected::check(
                self.agents[agent].detected.as_ref(),
                from,
                &effects.effects,
            );
        }
        self.invariants.reservations.stepped(agent, message.map(|(_, name)| name), &effects.changes);
        self.invariants.spin.stepped(now.time, Host::Agent(agent));
        let mut next = Vec::new();
        for effect in effects.effects {
            self.agent_effect(agent, effect, &mut next);
        }
        // What its disk answers comes after all that the step asked for.
        for input in next {
            self.step_agent(agent, input);
        }
        let host = &mut self.agents[agent];
        let deadline = host.core.as_ref().and_then(Agent::next_deadline).map(|at| at.max(now.time));
        if let Some(at) = deadline.filter(|_| deadline != host.tick) {
            self.queue.add(at, Event::Tick(Host::Agent(agent), host.life));
        }
        host.tick = deadline;
    }

    fn agent_effect(&mut self, agent: usize, effect: Effect, next: &mut Vec<Input>) {
        match effect {
            Effect::Respond { request, response } => self.answer_executor(agent, request, response),
            Effect::SendEvent { stream, event } => self.send_to_executor(agent, stream, Some(event)),
            Effect::CloseStream(stream) => self.send_to_executor(agent, stream, None),
            Effect::SendLink { to, message } => {
                let sender = self.agents[agent].pid.clone();
                self.send(Host::Agent(agent), sender, &to, message);
            }
            Effect::OpenLink(peer) => self.open_link(Host::Agent(agent), peer),
            Effect::CloseLink(peer) => self.close_link(Host::Agent(agent), &peer),
            Effect::Launch(launch) => self.launch(agent, &launch),
            Effect::Destroy(container) => self.in_container(agent, container, InContainer::Exits),
            // The disk is fast, and outlives the machine's crash.
            Effect::Store { id, records } => {
                self.agents[agent].journal.extend(records);
                next.push(Input::Stored(id));
            }
            Effect::RecoverContainers(_) => {
                let (running, ended) = (BTreeMap::new(), BTreeMap::new());
                // The machine has crashed.
                let unstarted = BTreeSet::new();
                next.push(Input::ContainersRecovered { running, unstarted, ended });
            }
            Effect::Recovered => {
                let (at, life) = (self.now + self.delay(), self.agents[agent].life);
                self.queue.add(at, Event::AgentDetects { agent, life });
            }
            Effect::UpdateContainer(_) | Effect::ChangeVolume { .. } | Effect::LeaveSandbox { .. } => {}
            Effect::Stopped { error } => {
                self.trace(format_args!("agent {agent} stopped: {error:?}"));
                self.crash_agent(agent);
                let back = Duration::from_secs(1);
                self.queue.add(self.now + back, Event::Fault(crate::fault::Fault::AgentStarts { agent }));
            }
        }
    }

    fn launch(&mut self, agent: usize, launch: &Launch) {
        let id = launch.container.clone();
        self.trace(format_args!("agent {agent} launches {} for {}", launch.executor, launch.framework));
        self.agents[agent].containers.insert(id.clone(), Container::new(launch));
        let fails = self.at_war && self.random.u8(..) < 5;
        self.in_container(agent, id, if fails { InContainer::FailsToStart } else { InContainer::Starts });
    }

    /// Lets something happen in a container soon.
    pub(crate) fn in_container(&mut self, agent: usize, container: ContainerId, what: InContainer) {
        let delay = Duration::from_micros(self.random.u64(200..20_000));
        self.in_container_at(agent, container, what, self.now + delay);
    }

    fn in_container_at(&mut self, agent: usize, container: ContainerId, what: InContainer, at: Time) {
        let life = self.agents[agent].life;
        self.queue.add(at, Event::Container { agent, life, container, what });
    }

    /// Something happens in a container.
    pub(crate) fn container_event(&mut self, agent: usize, life: Life, id: ContainerId, what: InContainer) {
        let host = &mut self.agents[agent];
        if host.life != life || host.core.is_none() {
            return;
        }
        let Some(container) = host.containers.get_mut(&id) else { return };
        match what {
            InContainer::Starts => {
                container.is_running = true;
                self.in_container(agent, id.clone(), InContainer::Connects);
                self.step_agent(agent, Input::ContainerLaunched { container: id, pid: Some(1) });
            }
            InContainer::FailsToStart => {
                host.containers.remove(&id);
                let message = "the simulator said so".to_owned();
                self.step_agent(agent, Input::ContainerLaunchFailed { container: id, message });
            }
            InContainer::Connects => {
                let call = container.subscribe();
                self.executor_calls(agent, &id, call);
            }
            InContainer::Subscribed(stream) => container.stream = Some(stream),
            InContainer::Event(Some(event)) => self.executor_event(agent, &id, &event),
            InContainer::Event(None) => self.in_container(agent, id, InContainer::Exits),
            InContainer::Call(call) => self.executor_call(agent, id, *call),
            InContainer::TaskEnds(task, state) => self.update(agent, &id, &task, state),
            InContainer::Exits => self.container_exits(agent, &id),
        }
    }

    fn container_exits(&mut self, agent: usize, id: &ContainerId) {
        let host = &mut self.agents[agent];
        let Some(container) = host.containers.remove(id) else { return };
        host.requests.retain(|_, owner| owner != id);
        host.streams.retain(|_, owner| owner != id);
        self.trace(format_args!("agent {agent}: executor {} exits", container.executor));
        let input = if container.is_running {
            let termination = Termination { status: Some(0), ..Termination::default() };
            Input::ContainerExited { container: id.clone(), termination }
        } else {
            let message = "destroyed before it ran".to_owned();
            Input::ContainerLaunchFailed { container: id.clone(), message }
        };
        if let Some(stream) = container.stream {
            self.step_agent(agent, Input::StreamClosed(stream));
        }
        self.step_agent(agent, input);
    }

    /// Sends a call of an executor to its agent, after those before it.
    fn executor_calls(&mut self, agent: usize, id: &ContainerId, call: v1::executor::Call) {
        let delay = Duration::from_micros(self.random.u64(20..500));
        let Some(container) = self.agents[agent].containers.get_mut(id) else { return };
        let at = container.last_call.max(self.now + delay);
        container.last_call = at;
        self.in_container_at(agent, id.clone(), InContainer::Call(Box::new(call)), at);
    }

    fn executor_call(&mut self, agent: usize, id: ContainerId, call: v1::executor::Call) {
        let host = &mut self.agents[agent];
        if let Some(update) = &call.update {
            self.invariants.order.made(&call.framework_id, &update.status, (agent, host.life));
        }
        let request = RequestId(host.next_request);
        host.next_request += 1;
        host.requests.insert(request, id);
        let call = ExecutorCall { request, call, acceptable: true };
        self.step_agent(agent, Input::ExecutorCall(Box::new(call)));
    }

    fn answer_executor(&mut self, agent: usize, request: RequestId, response: Response) {
        let host = &mut self.agents[agent];
        let Some(id) = host.requests.remove(&request) else { return };
        match response {
            Response::Accepted => {}
            Response::Subscribed { stream } => {
                host.streams.insert(stream, id.clone());
                self.tell_executor(agent, &id, InContainer::Subscribed(stream));
            }
            Response::Rejected(rejection) => {
                self.trace(format_args!("agent {agent} rejects an executor: {}", rejection.message));
                self.in_container(agent, id, InContainer::Exits);
            }
        }
    }

    fn send_to_executor(&mut self, agent: usize, stream: StreamId, event: Option<Arc<v1::executor::Event>>) {
        let Some(id) = self.agents[agent].streams.get(&stream).cloned() else { return };
        self.tell_executor(agent, &id, InContainer::Event(event));
    }

    fn tell_executor(&mut self, agent: usize, id: &ContainerId, what: InContainer) {
        let delay = Duration::from_micros(self.random.u64(20..500));
        let Some(container) = self.agents[agent].containers.get_mut(id) else { return };
        let at = container.last_event.max(self.now + delay);
        container.last_event = at;
        self.in_container_at(agent, id.clone(), what, at);
    }

    /// An executor hears from its agent.
    fn executor_event(&mut self, agent: usize, id: &ContainerId, event: &v1::executor::Event) {
        match event.r#type() {
            Type::Launch => {
                if let Some(launch) = &event.launch {
                    self.start_task(agent, id, &launch.task);
                }
            }
            Type::LaunchGroup => {
                for task in event.launch_group.iter().flat_map(|group| &group.task_group.tasks) {
                    self.start_task(agent, id, task);
                }
            }
            Type::Kill => {
                if let Some(kill) = &event.kill {
                    let (task, state) = (TaskId::from(&kill.task_id), v1::TaskState::TaskKilled);
                    self.in_container(agent, id.clone(), InContainer::TaskEnds(task, state));
                }
            }
            Type::Acknowledged => {
                let Some(container) = self.agents[agent].containers.get_mut(id) else { return };
                if let Some(acknowledged) = &event.acknowledged {
                    container.acknowledged(&acknowledged.uuid);
                }
                if container.is_done() {
                    self.in_container(agent, id.clone(), InContainer::Exits);
                }
            }
            Type::Shutdown => self.in_container(agent, id.clone(), InContainer::Exits),
            Type::Subscribed | Type::Message | Type::Error | Type::Heartbeat | Type::Unknown => {}
        }
    }

    fn start_task(&mut self, agent: usize, id: &ContainerId, info: &v1::TaskInfo) {
        let task = TaskId::from(&info.task_id);
        let mut resources: Resources =
            info.resources.iter().filter_map(|resource| Resource::from_proto(resource).ok()).collect();
        resources.unallocate();
        let host = &mut self.agents[agent];
        let Some(container) = host.containers.get_mut(id) else { return };
        let known = container.tasks.insert(task.clone(), Task { resources, is_over: false });
        assert!(known.is_none(), "{task} is launched once");
        self.invariants.once.task_started(host);
        self.update(agent, id, &task, v1::TaskState::TaskRunning);
        if let Some(time) = run_time(info) {
            let fails = self.at_war && self.random.u8(..) < 12;
            let state = if fails { v1::TaskState::TaskFailed } else { v1::TaskState::TaskFinished };
            self.in_container_at(agent, id.clone(), InContainer::TaskEnds(task, state), self.now + time);
        }
    }

    fn update(&mut self, agent: usize, id: &ContainerId, task: &TaskId, state: v1::TaskState) {
        let uuid = Uuid::random(&mut self.random);
        let now = self.clock_of(Host::Agent(agent));
        let Some(container) = self.agents[agent].containers.get_mut(id) else { return };
        let Some(call) = container.update(task, state, uuid, now.wall) else { return };
        self.trace(format_args!("agent {agent}: {task} is {}", tepui_types::task_state_name(state)));
        self.executor_calls(agent, id, call);
    }
}
