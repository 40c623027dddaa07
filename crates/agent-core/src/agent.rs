//! The agent: its state, and the table of what is done about each input.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, Now, Time, Upid, Uuid};

use crate::change::Change;
use crate::config::Config;
use crate::effect::{Effect, Effects};
use crate::framework::Framework;
use crate::gate::Gate;
use crate::input::{Input, StreamId};
use crate::operation::Operations;
use crate::status_update::Streams;
use crate::timers::{Timer, Timers};

/// How the agent stands with its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It looks for what an earlier process of it left.
    Recovering,
    /// It is not registered, or does not know whether it is.
    Disconnected,
    /// It is registered.
    Running,
    /// It ends its executors and then itself.
    Terminating,
    /// It has ended.
    Stopped,
}

/// The agent's core.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Config,
    pub(crate) rng: fastrand::Rng,
    /// The time of the step that is being made.
    pub(crate) now: Now,
    pub(crate) state: State,
    /// The containers of an earlier process have been looked for: executors may come back.
    pub(crate) containers_recovered: bool,
    /// Given by the master that first admitted us.
    pub(crate) id: Option<AgentId>,
    pub(crate) info: v1::AgentInfo,
    /// As it is in the journal.
    pub(crate) recorded_info: Option<v1::AgentInfo>,
    /// The master drains us.
    pub(crate) drain: Option<v1::DrainConfig>,
    pub(crate) master: Option<Upid>,
    /// The bound of the pause after the next attempt to register.
    pub(crate) registration_backoff: Duration,
    /// How long we may go unpinged.
    pub(crate) ping_timeout: Duration,
    /// Names the report that a master has of our resources, or will have (`registration.rs`). A task or an operation that was
    /// accepted upon another is refused.
    pub(crate) resource_version: Uuid,
    /// The dynamic reservations and volumes that the master made.
    pub(crate) checkpointed: Vec<v1::Resource>,
    pub(crate) frameworks: BTreeMap<FrameworkId, Framework>,
    /// The oldest first.
    pub(crate) completed_frameworks: VecDeque<Framework>,
    /// The executors that have containers.
    pub(crate) containers: BTreeMap<ContainerId, (FrameworkId, ExecutorId)>,
    /// The executors that are connected.
    pub(crate) streams: BTreeMap<StreamId, (FrameworkId, ExecutorId)>,
    pub(crate) next_stream: u64,
    pub(crate) updates: Streams,
    pub(crate) operations: Operations,
    pub(crate) timers: Timers,
    gate: Gate,
    /// The effects of the step that is being made. Kept for its capacity.
    step: Effects,
    /// Why it ends, if it was not asked to on its machine.
    pub(crate) error: Option<String>,
}

impl Agent {
    /// An agent that knows no master yet. Its first input is `Input::Recover`.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let info = v1::AgentInfo {
            hostname: config.hostname.clone(),
            port: Some(i32::from(config.pid.address.port())),
            resources: config.resources.clone(),
            attributes: config.attributes.clone(),
            domain: config.domain.clone(),
            // Without it, a master gives us up when the connection breaks.
            checkpoint: Some(true),
            ..v1::AgentInfo::default()
        };
        Self {
            now: Now::default(),
            state: State::Recovering,
            containers_recovered: false,
            id: None,
            info,
            recorded_info: None,
            drain: None,
            master: None,
            registration_backoff: config.registration_backoff_factor,
            ping_timeout: crate::master::DEFAULT_PING_TIMEOUT,
            resource_version: Uuid::random(&mut rng),
            checkpointed: Vec::new(),
            frameworks: BTreeMap::new(),
            completed_frameworks: VecDeque::new(),
            containers: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_stream: 1,
            updates: Streams::default(),
            operations: Operations::new(),
            timers: Timers::default(),
            gate: Gate::default(),
            step: Effects::default(),
            error: None,
            config,
            rng,
        }
    }

    /// Applies one input. Never blocks, never fails: a bad call is answered by an effect.
    pub fn step(&mut self, now: Now, input: Input, effects: &mut Effects) {
        self.now = now;
        if let Input::Stored(lot) = input {
            self.gate.kept(lot, effects);
            return;
        }
        let mut step = std::mem::take(&mut self.step);
        self.apply(input, &mut step);
        self.gate.pass(&mut step, effects);
        self.step = step;
    }

    fn apply(&mut self, input: Input, effects: &mut Effects) {
        match input {
            Input::Stored(_) => {}
            Input::Recover(recovery) => self.recover(*recovery, effects),
            Input::ContainersRecovered { running, unstarted, ended } => {
                self.containers_recovered(&running, &unstarted, ended, effects);
            }
            Input::Tick => self.tick(effects),
            Input::Detected(master) => self.detected(master, effects),
            Input::Link { from, message } => self.link_message(&from, message, effects),
            Input::LinkBroken(peer) => self.link_broken(&peer, effects),
            Input::ExecutorCall(call) => self.executor_call(*call, effects),
            Input::StreamClosed(stream) => self.stream_closed(stream),
            Input::ContainerLaunched { container, pid } => self.container_launched(container, pid, effects),
            Input::ContainerLaunchFailed { container, message } => {
                self.container_launch_failed(&container, &message, effects);
            }
            Input::ContainerExited { container, termination } => {
                self.container_gone(&container, Some(&termination), effects);
            }
            Input::Shutdown => self.shut_down(effects),
            Input::Leave => self.leave(effects),
        }
    }

    /// When `step` wants an `Input::Tick`, if nothing else happens first.
    pub fn next_deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Does what is due.
    fn tick(&mut self, effects: &mut Effects) {
        while let Some(timer) = self.timers.pop_due(self.now.time) {
            match timer {
                Timer::Register => self.register(effects),
                Timer::Ping => self.redetect(effects),
                Timer::ExecutorRegistration(container) => {
                    self.executor_registration_timeout(container, effects);
                }
                Timer::ExecutorReconnect(container) => self.ask_container_back(&container, effects),
                Timer::ExecutorShutdown(container) => effects.push(Effect::Destroy(container)),
                Timer::Heartbeat(stream) => self.heartbeat(stream, effects),
                Timer::Retry(framework, task) => self.retry_update(&framework, &task, effects),
                Timer::OperationRetry(uuid) => self.retry_operation(&uuid, effects),
            }
        }
    }

    /// Ends everything because this machine's operator says so. The master need not wait for us to come back.
    fn shut_down(&mut self, effects: &mut Effects) {
        if matches!(self.state, State::Terminating | State::Stopped) {
            return;
        }
        if let (Some(master), Some(id)) = (&self.master, &self.id) {
            let message = internal::UnregisterSlaveMessage { slave_id: id.to_proto() }.into();
            effects.push(Effect::SendLink { to: master.clone(), message });
        }
        self.terminate(None, effects);
    }

    /// Ends what cannot outlive us, and then ourselves. Nothing is said: we come back.
    fn leave(&mut self, effects: &mut Effects) {
        if matches!(self.state, State::Terminating | State::Stopped) {
            return;
        }
        self.detach(effects);
        self.state = State::Stopped;
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        for executor in executors.filter(|executor| !executor.checkpoint) {
            if self.containers.contains_key(&executor.container) {
                effects.push(Effect::Destroy(executor.container.clone()));
            }
        }
        effects.push(Effect::Stopped { error: None });
    }

    /// Stops all that is done towards masters.
    fn detach(&mut self, effects: &mut Effects) {
        self.pause_updates();
        self.pause_operations();
        self.timers.cancel(&Timer::Register);
        self.timers.cancel(&Timer::Ping);
        effects.change(Change::Master { pid: self.master.clone(), registered: false });
    }

    /// Ends all executors, and then the agent.
    pub(crate) fn terminate(&mut self, error: Option<String>, effects: &mut Effects) {
        if matches!(self.state, State::Terminating | State::Stopped) {
            return;
        }
        self.detach(effects);
        self.state = State::Terminating;
        self.error = error;
        let frameworks: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for framework in frameworks {
            self.end_framework(&framework, effects);
        }
        self.stop_if_done(effects);
    }

    /// Ends the agent at once, and leaves all as it is.
    pub(crate) fn fail(&mut self, error: String, effects: &mut Effects) {
        self.state = State::Stopped;
        effects.push(Effect::Stopped { error: Some(error) });
    }

    /// Panics if something waits for nothing.
    pub(crate) fn check_gate(&self) {
        self.gate.check();
    }

    /// Ends the agent once it has nothing left to end.
    pub(crate) fn stop_if_done(&mut self, effects: &mut Effects) {
        if self.state == State::Terminating && self.frameworks.is_empty() {
            self.state = State::Stopped;
            effects.push(Effect::Stopped { error: self.error.take() });
        }
    }
}
