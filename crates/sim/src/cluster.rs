//! The whole cluster, and how time passes in it.

use std::fmt::Arguments;
use std::time::Duration;

use tepui_proto::LinkMessage;
use tepui_types::{Now, Time, Upid, WallTime};

use crate::agent_host::AgentHost;
use crate::fault::Fault;
use crate::invariant::Invariants;
use crate::master_host::MasterHost;
use crate::network::{Network, Partition};
use crate::queue::{Event, Host, Life, Queue};
use crate::scheduler::Scheduler;
use crate::trace::Trace;

/// When the simulation begins, in wall time.
const EPOCH_NANOS: i64 = 1_700_000_000_000_000_000;

/// In peace the cores check themselves every so many steps.
const CHECK_EVERY: u64 = 16;

/// One master, its agents and schedulers, and the world between them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) now: Time,
    pub(crate) queue: Queue,
    pub(crate) random: fastrand::Rng,
    pub(crate) network: Network,
    pub(crate) master: MasterHost,
    pub(crate) agents: Vec<AgentHost>,
    pub(crate) schedulers: Vec<Scheduler>,
    pub(crate) invariants: Invariants,
    /// Whether things go wrong.
    pub(crate) at_war: bool,
    pub(crate) steps: u64,
    pub(crate) trace: Trace,
}

impl Cluster {
    /// Lets all happen that happens until then.
    pub(crate) fn run_until(&mut self, end: Time) {
        while let Some((at, event)) = self.queue.next(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(host, life) => self.tick(host, life),
            Event::Deliver { from, to, epoch, sender, actor, message } => {
                if self.network.arrives(from, to, epoch) {
                    self.deliver(to, sender, actor, &message);
                }
            }
            Event::LinkBroken { at, life, peer } => self.link_broken(at, life, peer),
            Event::Stored { life } => self.stored(life),
            Event::Call { scheduler, session, stream_id, call } => {
                self.scheduler_call(scheduler, session, stream_id, *call);
            }
            Event::Answer { scheduler, session, answer } => self.scheduler_answer(scheduler, session, answer),
            Event::Told { scheduler, session, event } => {
                self.scheduler_event(scheduler, session, event.as_deref());
            }
            Event::StreamGone { life, stream } => {
                if life == self.master.life {
                    self.step_master(tepui_master_core::Input::StreamClosed(stream));
                }
            }
            Event::SchedulerWakes { scheduler } => self.scheduler_wakes(scheduler),
            Event::Container { agent, life, container, what } => {
                self.container_event(agent, life, container, what);
            }
            Event::Fault(fault) => self.fault(&fault),
        }
    }

    fn tick(&mut self, host: Host, life: Life) {
        match host {
            Host::Master if self.master.life == life && self.master.tick == Some(self.now) => {
                self.master.tick = None;
                self.step_master(tepui_master_core::Input::Tick);
            }
            Host::Agent(agent)
                if self.agents[agent].life == life && self.agents[agent].tick == Some(self.now) =>
            {
                self.agents[agent].tick = None;
                self.step_agent(agent, tepui_agent_core::Input::Tick);
            }
            // It was for an earlier life, or the deadline has moved.
            Host::Master | Host::Agent(_) => {}
        }
    }

    /// Goes wrong, or is repaired.
    fn fault(&mut self, fault: &Fault) {
        self.trace(format_args!("fault: {fault:?}"));
        match *fault {
            Fault::MasterCrashes { back } => {
                self.crash_master();
                self.queue.add(self.now + back, Event::Fault(Fault::MasterStarts));
            }
            Fault::MasterStarts => self.start_master(),
            Fault::AgentCrashes { agent, back } => {
                self.crash_agent(agent);
                self.queue.add(self.now + back, Event::Fault(Fault::AgentStarts { agent }));
            }
            Fault::AgentStarts { agent } => self.start_agent(agent),
            Fault::ConnectionBreaks { agent } => self.break_connections(agent),
            Fault::Partitioned { agent, how, time } => {
                self.network.cut(agent, how);
                if how == Partition::Loud {
                    self.break_connections(agent);
                }
                self.queue.add(self.now + time, Event::Fault(Fault::PartitionHeals { agent }));
            }
            Fault::PartitionHeals { agent } => self.heal(agent),
            Fault::StreamBreaks { scheduler } => self.stream_breaks(scheduler),
            Fault::SchedulerCrashes { scheduler, back } => {
                self.crash_scheduler(scheduler);
                self.queue.add(self.now + back, Event::Fault(Fault::SchedulerStarts { scheduler }));
            }
            Fault::SchedulerStarts { scheduler } => self.start_scheduler(scheduler),
            Fault::ExecutorCrashes { agent } => {
                let first = self.agents[agent].containers.keys().next().cloned();
                if let Some(container) = first {
                    self.in_container(agent, container, crate::queue::InContainer::Exits);
                }
            }
            Fault::Peace => self.peace(),
        }
    }

    /// Repairs all that is broken.
    fn peace(&mut self) {
        self.at_war = false;
        self.network.slow = false;
        for agent in self.network.partitioned() {
            self.heal(agent);
        }
        self.start_master();
        for agent in 0..self.agents.len() {
            self.start_agent(agent);
        }
        for scheduler in 0..self.schedulers.len() {
            self.start_scheduler(scheduler);
        }
    }

    fn heal(&mut self, agent: usize) {
        self.network.heal(agent, self.now, &mut self.random, &mut self.queue);
    }
}

/// Connections.
impl Cluster {
    fn host_of(&self, peer: &Upid) -> Option<Host> {
        if peer.address == self.master.pid.address {
            return Some(Host::Master);
        }
        self.agents.iter().position(|agent| agent.pid.address == peer.address).map(Host::Agent)
    }

    fn life(&self, host: Host) -> Life {
        match host {
            Host::Master => self.master.life,
            Host::Agent(agent) => self.agents[agent].life,
        }
    }

    fn is_up(&self, host: Host) -> bool {
        match host {
            Host::Master => self.master.core.is_some(),
            Host::Agent(agent) => self.agents[agent].core.is_some(),
        }
    }

    pub(crate) fn send(&mut self, from: Host, sender: Upid, to: &Upid, message: LinkMessage) {
        let Some(host) = self.host_of(to) else { return };
        self.trace(format_args!("{from:?} -> {host:?}: {}", message.name()));
        if self.is_up(host) {
            let message = (sender, to.id.to_string(), message);
            self.network.send(self.now, &mut self.random, &mut self.queue, (from, host), message);
        } else {
            self.break_connection(from, host);
        }
    }

    pub(crate) fn open_link(&mut self, from: Host, peer: Upid) {
        let Some(to) = self.host_of(&peer) else { return };
        self.network.watch(from, to, peer);
        if !self.is_up(to) || self.network.refuses(from, to) {
            self.break_connection(from, to);
        }
    }

    pub(crate) fn close_link(&mut self, from: Host, peer: &Upid) {
        if let Some(to) = self.host_of(peer) {
            self.network.unwatch(from, to, peer);
        }
    }

    fn break_connection(&mut self, from: Host, to: Host) {
        let life = self.life(from);
        self.network.break_connection(self.now, &mut self.random, &mut self.queue, (from, to), life);
    }

    fn break_connections(&mut self, agent: usize) {
        self.break_connection(Host::Agent(agent), Host::Master);
        self.break_connection(Host::Master, Host::Agent(agent));
    }

    /// A process is gone: its peers see their connections to it break.
    pub(crate) fn host_died(&mut self, host: Host) {
        let peers: Vec<Host> = match host {
            Host::Master => (0..self.agents.len()).map(Host::Agent).collect(),
            Host::Agent(_) => vec![Host::Master],
        };
        for peer in peers {
            self.break_connection(peer, host);
            let lost = self.random.bool();
            self.network.forget(host, peer, lost);
        }
    }

    fn deliver(&mut self, to: Host, from: Upid, actor: String, message: &LinkMessage) {
        // What is sent goes through its encoding, as on a wire.
        let message =
            LinkMessage::decode(message.name(), &message.encode()).expect("what cores send can be read");
        match to {
            Host::Master => self.step_master(tepui_master_core::Input::Link { from, to: actor, message }),
            Host::Agent(agent) => self.step_agent(agent, tepui_agent_core::Input::Link { from, message }),
        }
    }

    fn link_broken(&mut self, at: Host, life: Life, peer: Upid) {
        if self.life(at) != life {
            return;
        }
        self.trace(format_args!("{at:?} sees its connection to {peer} broken"));
        match at {
            Host::Master => self.step_master(tepui_master_core::Input::LinkBroken(peer)),
            Host::Agent(agent) => self.step_agent(agent, tepui_agent_core::Input::LinkBroken(peer)),
        }
    }
}

/// Time.
impl Cluster {
    pub(crate) fn clock(&self) -> Now {
        let nanos = i64::try_from(self.now.as_nanos()).expect("simulations are short");
        Now { time: self.now, wall: WallTime::from_nanos(EPOCH_NANOS + nanos) }
    }

    /// Cores check themselves after each step while things go wrong, and now and then in peace.
    pub(crate) fn is_time_to_check(&mut self) -> bool {
        self.steps += 1;
        self.at_war || self.steps.is_multiple_of(CHECK_EVERY)
    }

    pub(crate) fn delay(&mut self) -> Duration {
        Duration::from_micros(self.random.u64(100..2_000))
    }

    pub(crate) fn trace(&mut self, text: Arguments<'_>) {
        self.trace.line(self.now, text);
    }
}
