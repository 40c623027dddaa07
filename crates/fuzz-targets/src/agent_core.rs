//! The agent's core: any sequence of messages, executor calls and ends of containers is answered, breaks no invariant,
//! and everything that goes out is well-formed.
//!
//! The fuzzer's bytes choose inputs, as for the master.

mod executor;
mod master;
mod outbox;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tepui_agent_core::{Agent, Config, Effects, Input, RequestId, StoreId, StreamId, Termination};
use tepui_proto::v1;
use tepui_types::{ContainerId, Now, Resources, Time, Upid, WallTime};

use crate::source::Source;

/// Longer stories say nothing new, and make the fuzzer slow.
const MOST_STEPS: usize = 80;

/// How often time may pass at the end until nothing is due.
const MOST_TICKS: usize = 100;

/// What one input may cause; the inputs are small.
const MOST_EFFECTS: usize = 10_000;

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

/// An agent, and what its peers keep in mind.
struct World {
    agent: Agent,
    now: Duration,
    next_request: u64,
    waiting: Vec<RequestId>,
    streams: BTreeSet<StreamId>,
    next_stream: u64,
    containers: BTreeMap<ContainerId, Container>,
    /// Updates that the master has seen.
    updates: VecDeque<v1::TaskStatus>,
    known: Vec<String>,
    last: Option<Input>,
    unstored: Option<StoreId>,
    is_stopped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Launching,
    Running,
}

impl World {
    fn new(settings: u8) -> Self {
        let known = ["t0", "t1", "e0", "e1", "F0", "F1", "S0", "role"].map(str::to_owned).to_vec();
        let mut world = Self {
            agent: Agent::new(config(settings), 7),
            now: Duration::from_secs(1),
            next_request: 0,
            waiting: Vec::new(),
            streams: BTreeSet::new(),
            next_stream: 0,
            containers: BTreeMap::new(),
            updates: VecDeque::new(),
            known,
            last: None,
            unstored: None,
            is_stopped: false,
        };
        world.step(Input::Recover(Box::default()));
        world.step(Input::ContainersRecovered {
            running: BTreeMap::new(),
            unstarted: BTreeSet::new(),
            ended: BTreeMap::new(),
        });
        if settings & 1 == 0 {
            world.register();
        }
        world
    }

    fn advance(&mut self, source: &mut Source<'_>) {
        self.now += Duration::from_millis(u64::from(source.byte() & 3));
        let input = match source.below(12) {
            0..=2 => Some(self.master_message(source)),
            3 => self.any_message(source),
            4..=6 => Some(self.executor_call(source)),
            7 => self.any_executor_call(source),
            8 => return self.let_time_pass(source),
            9 => self.container_changes(source),
            10 => self.breakage(source),
            _ => self.last.clone(),
        };
        if let Some(input) = input {
            if matches!(input, Input::ExecutorCall(_) | Input::Link { .. }) {
                self.last = Some(input.clone());
            }
            self.step(input);
        }
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

    /// A container that is being launched runs or not, and one that runs ends, as the containerizer promises.
    fn container_changes(&mut self, source: &mut Source<'_>) -> Option<Input> {
        let at = source.below(self.containers.len());
        let (container, state) = self.containers.iter().nth(at).map(|(id, state)| (id.clone(), *state))?;
        match state {
            Container::Launching if source.once_in(4) => {
                self.containers.remove(&container);
                Some(Input::ContainerLaunchFailed { container, message: "no such image".to_owned() })
            }
            Container::Launching => {
                self.containers.insert(container.clone(), Container::Running);
                Some(Input::ContainerLaunched { container, pid: Some(42) })
            }
            Container::Running => {
                self.containers.remove(&container);
                let termination = Termination {
                    status: source.once_in(2).then_some(9),
                    state: source.once_in(4).then_some(v1::TaskState::TaskKilled),
                    reason: source.once_in(4).then_some(v1::task_status::Reason::ContainerLimitationMemory),
                    ..Termination::default()
                };
                Some(Input::ContainerExited { container, termination })
            }
        }
    }

    fn breakage(&mut self, source: &mut Source<'_>) -> Option<Input> {
        match source.below(6) {
            0 | 1 => {
                let stream = *self.streams.iter().nth(source.below(self.streams.len()))?;
                self.streams.remove(&stream);
                Some(Input::StreamClosed(stream))
            }
            2 => Some(Input::LinkBroken(upid(source))),
            3 => Some(Input::Detected(None)),
            4 => Some(Input::Detected(Some(upid(source)))),
            _ => (source.byte() > 200).then_some(Input::Shutdown),
        }
    }

    fn due(&self) -> Option<Duration> {
        self.agent.next_deadline().map(|at| Duration::from_nanos(at.as_nanos()))
    }

    /// Lets a deadline come, after which there must be a later one.
    fn tick(&mut self, due: Duration) {
        self.now = self.now.max(due);
        self.step(Input::Tick);
        assert!(self.due().is_none_or(|next| next > self.now), "what was due is still due");
    }

    fn step(&mut self, mut input: Input) {
        if self.is_stopped {
            // Nothing follows the last effect, and no shell gives another input.
            return;
        }
        if let Input::ExecutorCall(call) = &mut input {
            // A call that is sent again is another request.
            call.request = RequestId(self.next_request);
            self.next_request += 1;
            self.waiting.push(call.request);
        }
        let nanos = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let wall = WallTime::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
        let now = Now { time: Time::from_nanos(nanos), wall };
        let mut effects = Effects::default();
        self.agent.step(now, input, &mut effects);
        self.agent.check();
        assert!(effects.effects.len() < MOST_EFFECTS && effects.changes.len() < MOST_EFFECTS, "a flood");
        for effect in effects.effects {
            self.carry_out(effect);
        }
        // The disk is fast.
        if let Some(lot) = self.unstored.take() {
            self.step(Input::Stored(lot));
        }
    }

    /// All that was begun ends, and time passes.
    fn finish(mut self) {
        while let Some((container, state)) = self.containers.pop_first() {
            let input = match state {
                Container::Launching => {
                    Input::ContainerLaunchFailed { container, message: "stopping".to_owned() }
                }
                Container::Running => {
                    Input::ContainerExited { container, termination: Termination::default() }
                }
            };
            self.step(input);
        }
        assert!(self.waiting.is_empty() || self.is_stopped, "unanswered: {:?}", self.waiting);
        for _ in 0..MOST_TICKS {
            let Some(due) = self.due().filter(|_| !self.is_stopped) else { break };
            self.tick(due);
        }
    }
}

/// The master, another one, or a stranger.
fn upid(source: &mut Source<'_>) -> Upid {
    let text = match source.byte() {
        0..200 => "master@10.0.0.1:5050",
        200..240 => "master@10.0.0.2:5050",
        _ => "stranger@10.0.0.3:80",
    };
    text.parse().expect("it is well-formed")
}

fn config(settings: u8) -> Config {
    let pid = "slave(1)@10.0.0.9:5051".parse().expect("it is well-formed");
    let mut config = Config::new(pid, "host", "/work");
    let resources = Resources::parse("cpus:4;mem:1024;disk:1000;ports:[31000-31010]", "*");
    config.resources = resources.expect("they are well-formed").to_protos();
    config.command_executor.value = Some("/bin/executor".to_owned());
    config.http_command_executor = settings & 2 != 0;
    config.switch_user = settings & 4 == 0;
    config.max_completed_executors_per_framework = 2;
    config
}
