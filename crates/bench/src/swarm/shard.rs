//! The agents of one address as a state machine: messages and time in, bytes for the master out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::agent_info;
use super::messages::{destination, message};
use crate::board::{Board, count};
use crate::http1::Message;
use crate::plan::Plan;
use crate::protobuf::{self, bytes, double, find, id, number};

/// Real agents register again after a while; ours wait longer, so that a busy master is not asked twice.
const REGISTRATION_RETRY: u64 = 30_000_000_000;

const TASK_RUNNING: u64 = 1;
const TASK_FINISHED: u64 = 2;
const TASK_KILLED: u64 = 4;

/// See the module's header.
pub(crate) struct Shard {
    plan: Arc<Plan>,
    pub(crate) board: Arc<Board>,
    address: SocketAddr,
    first: usize,
    agents: Vec<Agent>,
    /// The next agent to register.
    next: usize,
    in_flight: usize,
    tasks: Vec<Task>,
    free: Vec<u32>,
    /// Tasks that wait for the release.
    held: Vec<u32>,
    timers: BinaryHeap<Reverse<(u64, Timer)>>,
    random: fastrand::Rng,
    info: Vec<u8>,
    next_flap: u64,
    has_ended_some: bool,
    /// The live tasks of each agent, while the agents go to another master.
    returning: Vec<Vec<u32>>,
    pongs_sent: bool,
    body: Vec<u8>,
    /// What is to be written to the master.
    pub(crate) out: Vec<u8>,
    /// PONGs are being sent, so responses matter.
    pub(crate) counts_responses: bool,
}

#[derive(Default)]
struct Agent {
    id: Vec<u8>,
    registered: bool,
}

#[derive(Default)]
struct Task {
    agent: usize,
    framework: Vec<u8>,
    id: Vec<u8>,
    state: u64,
    /// Tells updates apart: of this task, and of others that had its place before. 0 once all is acknowledged.
    update: u32,
    generation: u32,
    acknowledged: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Finish { slot: u32, generation: u32 },
    Retry { slot: u32, generation: u32, update: u32, delay: u64 },
    Register { agent: usize },
}

impl Shard {
    pub(crate) fn new(plan: Arc<Plan>, board: Arc<Board>, address: SocketAddr, agents: Range<usize>) -> Self {
        Self {
            info: agent_info::template(&plan, address.port()),
            plan,
            board,
            address,
            first: agents.start,
            agents: agents.map(|_| Agent::default()).collect(),
            next: 0,
            in_flight: 0,
            tasks: Vec::new(),
            free: Vec::new(),
            held: Vec::new(),
            timers: BinaryHeap::new(),
            random: fastrand::Rng::with_seed(u64::from(address.port())),
            next_flap: 0,
            has_ended_some: false,
            returning: Vec::new(),
            pongs_sent: false,
            body: Vec::new(),
            out: Vec::new(),
            counts_responses: false,
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self) {
        let now = self.board.now();
        let window = self.plan.register_window.div_ceil(self.plan.addresses());
        while self.next < self.registrable(now) && self.in_flight < window {
            self.in_flight += 1;
            self.register(self.next, now);
            self.next += 1;
        }
        if !self.has_ended_some && self.board.ends_some.load(Ordering::Relaxed) {
            self.has_ended_some = true;
            for slot in self.held.split_off(self.held.len() - self.held.len() / 100) {
                self.end(slot, TASK_FINISHED, now);
            }
        }
        if !self.held.is_empty() && self.board.release.load(Ordering::Relaxed) {
            for slot in std::mem::take(&mut self.held) {
                self.end(slot, TASK_FINISHED, now);
            }
        }
        while self.timers.peek().is_some_and(|Reverse((due, _))| *due <= now) {
            if let Some(Reverse((_, timer))) = self.timers.pop() {
                self.fire(timer, now);
            }
        }
        if self.plan.flaps_per_second > 0.0 && self.next == self.agents.len() && now >= self.next_flap {
            let pause = 1e9 * self.plan.addresses() as f64 / self.plan.flaps_per_second;
            self.next_flap = now + pause as u64;
            self.flap();
        }
        if !self.pongs_sent && self.board.wants_pongs.load(Ordering::Relaxed) {
            self.counts_responses = true;
            self.send_pongs();
        }
    }

    /// How many agents may have asked to register by now.
    fn registrable(&self, now: u64) -> usize {
        let share = now as f64 / (self.plan.register_seconds * 1e9);
        // Beyond one also if there is nothing to wait for: a division by zero gives infinity.
        (self.agents.len() as f64 * share.min(1.0)) as usize
    }

    fn fire(&mut self, timer: Timer, now: u64) {
        match timer {
            Timer::Finish { slot, generation } => {
                if self.tasks[slot as usize].generation == generation {
                    self.end(slot, TASK_FINISHED, now);
                }
            }
            Timer::Retry { slot, generation, update, delay } => {
                let task = &self.tasks[slot as usize];
                if task.generation == generation && task.update == update && !task.acknowledged {
                    count(&self.board.retries);
                    self.send_update(slot);
                    let delay = delay * 2;
                    self.timers
                        .push(Reverse((now + delay, Timer::Retry { slot, generation, update, delay })));
                }
            }
            Timer::Register { agent } => {
                if !self.agents[agent].registered {
                    self.register(agent, now);
                }
            }
        }
    }

    pub(crate) fn follows(&self) -> bool {
        self.plan.follows()
    }

    /// Another master leads: all agents go to it with what they have.
    pub(crate) fn change_master(&mut self) {
        self.out.clear();
        (self.next, self.in_flight) = (0, 0);
        self.agents.iter_mut().for_each(|agent| agent.registered = false);
        self.returning = vec![Vec::new(); self.agents.len()];
        for (slot, task) in self.tasks.iter().enumerate().filter(|(_, task)| task.update != 0) {
            self.returning[task.agent].push(u32::try_from(slot).expect("fewer tasks than 4 billion"));
        }
    }

    /// Sends what the last master did not acknowledge.
    fn repeat_updates(&mut self, agent: usize) {
        for slot in std::mem::take(&mut self.returning[agent]) {
            if !self.tasks[slot as usize].acknowledged {
                count(&self.board.retries);
                self.send_update(slot);
            }
        }
    }

    fn register(&mut self, agent: usize, now: u64) {
        self.timers.push(Reverse((now + REGISTRATION_RETRY, Timer::Register { agent })));
        if !self.returning.is_empty() {
            self.reregister(agent, &self.returning[agent].clone());
            return;
        }
        if self.plan.reregister_tasks > 0 {
            self.agents[agent].id = format!("emulated-S{:06}", self.first + agent).into_bytes();
            self.reregister_with_history(agent);
            return;
        }
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        protobuf::message(&mut body, 1, |out| self.agent_info(out, agent));
        body.extend_from_slice(&agent_info::registration_tail(2, 4, 5));
        self.send(agent, "master", "RegisterSlaveMessage", &body);
        self.body = body;
    }

    fn agent_info(&self, out: &mut Vec<u8>, agent: usize) {
        bytes(out, 1, format!("agent-{}", self.first + agent).as_bytes());
        out.extend_from_slice(&self.info);
        if !self.agents[agent].id.is_empty() {
            id(out, 6, &self.agents[agent].id);
        }
    }

    /// The report of an agent whose tasks exist only in it.
    fn reregister_with_history(&mut self, agent: usize) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        protobuf::message(&mut body, 2, |out| self.agent_info(out, agent));
        let tail = agent_info::task_tail();
        let frameworks = self.plan.reregister_frameworks.max(1);
        for framework in 0..frameworks {
            protobuf::message(&mut body, 8, |out| {
                bytes(out, 1, b"root");
                bytes(out, 2, b"load");
                id(out, 3, format!("framework{framework}").as_bytes());
                double(out, 4, 1e6);
                number(out, 5, 1);
            });
        }
        for index in 0..self.plan.reregister_tasks {
            protobuf::message(&mut body, 3, |out| {
                id(out, 2, format!("task-{}-{index}", self.first + agent).as_bytes());
                id(out, 3, format!("framework{}", index % frameworks).as_bytes());
                id(out, 5, &self.agents[agent].id);
                out.extend_from_slice(&tail);
            });
        }
        body.extend_from_slice(&agent_info::registration_tail(6, 9, 10));
        self.send(agent, "master", "ReregisterSlaveMessage", &body);
        self.body = body;
    }

    /// A random agent re-registers with its live tasks, as one does that was restarted.
    fn flap(&mut self) {
        let agent = self.random.usize(0..self.agents.len());
        if !self.agents[agent].registered {
            return;
        }
        count(&self.board.flaps);
        let live = (0..self.tasks.len())
            .filter(|slot| self.tasks[*slot].agent == agent && self.tasks[*slot].update != 0)
            .map(|slot| u32::try_from(slot).expect("fewer tasks than 4 billion"));
        let live: Vec<u32> = live.collect();
        self.reregister(agent, &live);
    }

    /// Re-registers an agent with these tasks.
    fn reregister(&mut self, agent: usize, live: &[u32]) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        protobuf::message(&mut body, 2, |out| self.agent_info(out, agent));
        let mut frameworks: Vec<&[u8]> = Vec::new();
        for task in live.iter().map(|slot| &self.tasks[*slot as usize]) {
            if !frameworks.contains(&task.framework.as_slice()) {
                frameworks.push(&task.framework);
            }
            protobuf::message(&mut body, 3, |out| {
                bytes(out, 1, b"task");
                id(out, 2, &task.id);
                id(out, 3, &task.framework);
                id(out, 5, &self.agents[agent].id);
                number(out, 6, task.state);
                for resource in agent_info::slot() {
                    bytes(out, 7, &prost::Message::encode_to_vec(&agent_info::allocated(resource)));
                }
            });
        }
        for framework in frameworks {
            protobuf::message(&mut body, 8, |out| {
                bytes(out, 1, b"root");
                bytes(out, 2, b"load");
                id(out, 3, framework);
                number(out, 5, 1);
            });
        }
        body.extend_from_slice(&agent_info::registration_tail(6, 9, 10));
        self.send(agent, "master", "ReregisterSlaveMessage", &body);
        self.body = body;
    }

    fn send_pongs(&mut self) {
        self.pongs_sent = true;
        for _ in 0..self.plan.pongs.div_ceil(self.plan.addresses()) {
            let from = (self.first, self.address);
            message(&mut self.out, from, "slave-observer(1)", "PongSlaveMessage", &[], true);
        }
    }

    pub(crate) fn note_response(&mut self) {
        count(&self.board.pongs);
    }

    fn send(&mut self, agent: usize, to: &str, name: &str, body: &[u8]) {
        message(&mut self.out, (self.first + agent, self.address), to, name, body, false);
    }

    /// Takes a message of the master.
    pub(crate) fn receive(&mut self, request: &Message<'_>) {
        let Some((agent, name)) = request.words().nth(1).and_then(destination) else { return };
        let Some(agent) = agent.checked_sub(self.first).filter(|agent| *agent < self.agents.len()) else {
            return;
        };
        match name {
            b"SlaveRegisteredMessage" | b"SlaveReregisteredMessage" => self.registered(agent, &request.body),
            b"PingSlaveMessage" => self.pong(agent, request),
            b"RunTaskMessage" => self.run_task(agent, &request.body),
            b"StatusUpdateAcknowledgementMessage" => self.acknowledged(&request.body),
            b"KillTaskMessage" => self.kill(&request.body),
            b"ShutdownMessage" => count(&self.board.lost),
            // UpdateFrameworkMessage and the like have nothing for an agent that emulates.
            _ => {}
        }
    }

    fn registered(&mut self, agent: usize, body: &[u8]) {
        let Some(agent_id) = find(body, &[1, 1]) else { return };
        let state = &mut self.agents[agent];
        state.id = agent_id.to_vec();
        if !state.registered {
            state.registered = true;
            self.in_flight -= 1;
            if self.returning.is_empty() {
                count(&self.board.registered);
            } else {
                count(&self.board.returned);
                self.repeat_updates(agent);
            }
        }
    }

    fn pong(&mut self, agent: usize, request: &Message<'_>) {
        count(&self.board.pings);
        let from = request
            .header("Libprocess-From")
            .or_else(|| request.header("User-Agent").and_then(|agent| agent.strip_prefix(b"libprocess/")));
        let observer = from.and_then(|from| std::str::from_utf8(from).ok()?.split('@').next());
        if let Some(observer) = observer {
            self.send(agent, observer, "PongSlaveMessage", &[]);
        }
    }

    fn run_task(&mut self, agent: usize, body: &[u8]) {
        let framework = find(body, &[2, 3, 1]).or_else(|| find(body, &[1, 1]));
        let (Some(framework), Some(task)) = (framework, find(body, &[4, 2, 1])) else { return };
        count(&self.board.received);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.tasks.push(Task::default());
            u32::try_from(self.tasks.len() - 1).expect("fewer tasks than 4 billion")
        });
        let entry = &mut self.tasks[slot as usize];
        entry.agent = agent;
        entry.framework.clear();
        entry.framework.extend_from_slice(framework);
        entry.id.clear();
        entry.id.extend_from_slice(task);
        entry.generation = entry.generation.wrapping_add(1);
        self.update(slot, TASK_RUNNING);
    }

    fn end(&mut self, slot: u32, state: u64, now: u64) {
        let agent = self.first + self.tasks[slot as usize].agent;
        self.board.freed[agent].store(now, Ordering::Relaxed);
        self.update(slot, state);
    }

    /// Changes a task's state and says so until it is acknowledged.
    fn update(&mut self, slot: u32, state: u64) {
        let task = &mut self.tasks[slot as usize];
        task.state = state;
        task.update += 1;
        task.acknowledged = false;
        let delay = (self.plan.retry_seconds * 1e9) as u64;
        let retry = Timer::Retry { slot, generation: task.generation, update: task.update, delay };
        self.timers.push(Reverse((self.board.now() + delay, retry)));
        self.send_update(slot);
    }

    fn send_update(&mut self, slot: u32) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let task = &self.tasks[slot as usize];
        let agent = &self.agents[task.agent];
        // The form of a random uuid, which Mesos checks, with what finds the task again in place of randomness.
        let mut uuid = [0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0];
        uuid[..4].copy_from_slice(&slot.to_le_bytes());
        uuid[9..13].copy_from_slice(&task.generation.to_le_bytes());
        uuid[13..].copy_from_slice(&task.update.to_le_bytes()[..3]);
        let seconds = self.board.now() as f64 / 1e9 + 1.7e9;
        protobuf::message(&mut body, 1, |out| {
            id(out, 1, &task.framework);
            id(out, 2, &task.id);
            id(out, 3, &agent.id);
            protobuf::message(out, 4, |out| {
                id(out, 1, &task.id);
                number(out, 2, task.state);
                id(out, 5, &agent.id);
                double(out, 6, seconds);
                id(out, 7, &task.id);
                number(out, 9, 2);
                bytes(out, 11, &uuid);
            });
            double(out, 5, seconds);
            bytes(out, 6, &uuid);
            number(out, 7, task.state);
        });
        bytes(&mut body, 2, format!("slave({})@{}", self.first + task.agent, self.address).as_bytes());
        self.send(task.agent, "master", "StatusUpdateMessage", &body);
        self.body = body;
    }

    fn acknowledged(&mut self, body: &[u8]) {
        let Some(uuid) = find(body, &[4]).and_then(|uuid| uuid.first_chunk::<16>()) else { return };
        let part = |at: usize, last: u8| u32::from_le_bytes([uuid[at], uuid[at + 1], uuid[at + 2], last]);
        let (slot, generation, update) = (part(0, uuid[3]), part(9, uuid[12]), part(13, 0));
        let Some(task) = self.tasks.get_mut(slot as usize) else { return };
        if (task.generation, task.update) != (generation, update) {
            return;
        }
        if std::mem::replace(&mut task.acknowledged, true) {
            return;
        }
        if task.state == TASK_RUNNING {
            count(&self.board.running);
            self.keep_running(slot, generation);
        } else {
            task.update = 0;
            task.generation = task.generation.wrapping_add(1);
            self.free.push(slot);
            count(&self.board.finished);
        }
    }

    fn keep_running(&mut self, slot: u32, generation: u32) {
        let now = self.board.now();
        if self.plan.holds() {
            self.held.push(slot);
            return;
        }
        let duration = self.duration();
        if duration == 0 {
            self.end(slot, TASK_FINISHED, now);
        } else {
            self.timers.push(Reverse((now + duration, Timer::Finish { slot, generation })));
        }
    }

    /// Draws a duration in nanoseconds from the plan's normal distribution.
    fn duration(&mut self) -> u64 {
        // Twelve uniform numbers are as good as normal here.
        let normal: f64 = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
        let duration = self.plan.duration_ms + normal * self.plan.duration_spread_ms;
        (duration.max(0.0) * 1e6) as u64
    }

    fn kill(&mut self, body: &[u8]) {
        let Some(task) = find(body, &[2, 1]) else { return };
        let Some(slot) = self.tasks.iter().position(|it| it.update != 0 && it.id == task) else { return };
        let slot = u32::try_from(slot).expect("fewer tasks than 4 billion");
        self.held.retain(|held| *held != slot);
        self.end(slot, TASK_KILLED, self.board.now());
    }
}
