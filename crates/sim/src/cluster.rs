//! The whole cluster, and how time passes in it.

use std::collections::BTreeSet;
use std::fmt::Arguments;
use std::time::Duration;

use tepui_proto::LinkMessage;
use tepui_types::{FrameworkId, Now, Time, Upid, WallTime};

use crate::agent_host::AgentHost;
use crate::election::Election;
use crate::fault::Fault;
use crate::invariant::Invariants;
use crate::master_host::{MasterHost, Settings};
use crate::network::{Network, Partition};
use crate::queue::{Event, Host, Life, Queue};
use crate::registry::Store;
use crate::scheduler::Scheduler;
use crate::trace::Trace;

/// When the simulation begins, in wall time.
const EPOCH_NANOS: i64 = 1_700_000_000_000_000_000;

/// In peace the cores check themselves every so many steps.
const CHECK_EVERY: u64 = 16;

/// Most stories take some thousand steps, and the longest forty thousand.
const MAX_STEPS: u64 = 200_000;

/// One master, its agents and schedulers, and the world between them.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) now: Time,
    pub(crate) queue: Queue,
    pub(crate) random: fastrand::Rng,
    pub(crate) network: Network,
    pub(crate) settings: Settings,
    pub(crate) masters: Vec<MasterHost>,
    pub(crate) store: Store,
    pub(crate) election: Election,
    /// Frameworks that take all that they are offered.
    pub(crate) greedy: BTreeSet<FrameworkId>,
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
            match self.stopped(&event) {
                // It waits until the process goes on.
                Some(later) => self.queue.add(later, event),
                None => self.happen(event),
            }
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
            Event::Stored { master, life } => self.stored(master, life),
            Event::Election => self.elect(),
            Event::Elected { master, life, term } => self.elected(master, life, term),
            Event::LeaseEnds { master, life, term } => self.lease_may_end(master, life, term),
            Event::Deposed { master, life, term } => self.depose(master, life, term),
            Event::Continued { master } => self.master_goes_on(master),
            Event::AgentDetects { agent, life } => self.agent_detects(agent, life),
            Event::SchedulerDetects { scheduler } => self.scheduler_detects(scheduler),
            Event::Call { master, scheduler, session, stream_id, call } => {
                self.scheduler_call((master, scheduler), session, stream_id, *call);
            }
            Event::Answer { scheduler, session, answer } => self.scheduler_answer(scheduler, session, answer),
            Event::Told { scheduler, session, event } => {
                self.scheduler_event(scheduler, session, event.as_deref());
            }
            Event::StreamGone { master, life, stream } => {
                if life == self.masters[master].life {
                    self.step_master(master, tepui_master_core::Input::StreamClosed(stream));
                }
            }
            Event::Reads { master, life, scheduler, stream, until } => {
                self.stalls_on((master, life), scheduler, stream, until);
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
            Host::Master(master)
                if self.masters[master].life == life
                    && self.masters[master].tick.is_some_and(|tick| tick <= self.now) =>
            {
                self.masters[master].tick = None;
                self.step_master(master, tepui_master_core::Input::Tick);
            }
            Host::Agent(agent)
                if self.agents[agent].life == life && self.agents[agent].tick == Some(self.now) =>
            {
                self.agents[agent].tick = None;
                self.step_agent(agent, tepui_agent_core::Input::Tick);
            }
            // It was for an earlier life, or the deadline has moved.
            Host::Master(_) | Host::Agent(_) => {}
        }
    }

    /// Goes wrong, or is repaired.
    fn fault(&mut self, fault: &Fault) {
        self.trace(format_args!("fault: {fault:?}"));
        match *fault {
            Fault::MasterCrashes { master, back } => {
                self.crash_master(master);
                self.queue.add(self.now + back, Event::Fault(Fault::MasterStarts { master }));
            }
            Fault::MasterStarts { master } => self.start_master(master),
            Fault::LeaseIsLost => {
                if let Some((_, term)) = self.election.leader {
                    self.lease_ends(term);
                }
            }
            Fault::MasterStops { master, time } => self.master_stops(master, time),
            Fault::StoreIsCutOff { master, time } => {
                self.masters[master].is_cut_from_store = true;
                self.begin_to_lose(master);
                self.queue.add(self.now + time, Event::Fault(Fault::StoreIsBack { master }));
            }
            Fault::StoreIsBack { master } => {
                self.masters[master].is_cut_from_store = false;
                self.call_election();
            }
            Fault::MasterPartitioned { master, how, time } => {
                self.network.cut(Host::Master(master), how);
                if how == Partition::Loud {
                    (0..self.agents.len()).for_each(|agent| self.break_connections(agent, master));
                }
                self.queue.add(self.now + time, Event::Fault(Fault::MasterHeals { master }));
            }
            Fault::MasterHeals { master } => self.heal(Host::Master(master)),
            Fault::AgentCrashes { agent, back } => {
                self.crash_agent(agent);
                self.queue.add(self.now + back, Event::Fault(Fault::AgentStarts { agent }));
            }
            Fault::AgentStarts { agent } => self.start_agent(agent),
            Fault::ConnectionBreaks { agent } => {
                (0..self.masters.len()).for_each(|master| self.break_connections(agent, master));
            }
            Fault::Partitioned { agent, how, time } => {
                self.network.cut(Host::Agent(agent), how);
                if how == Partition::Loud {
                    (0..self.masters.len()).for_each(|master| self.break_connections(agent, master));
                }
                self.queue.add(self.now + time, Event::Fault(Fault::PartitionHeals { agent }));
            }
            Fault::PartitionHeals { agent } => self.heal(Host::Agent(agent)),
            Fault::StreamBreaks { scheduler } => self.stream_breaks(scheduler),
            Fault::SchedulerStalls { scheduler, time } => self.scheduler_stalls(scheduler, time),
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
            Fault::ScheduleChanges { ref starts } => self.change_schedule(starts),
            Fault::Peace => self.peace(),
        }
    }

    /// A master is stopped as by a signal; whatever is for it waits.
    fn master_stops(&mut self, master: usize, time: Duration) {
        if !self.masters[master].is_up || self.masters[master].paused_until.is_some() {
            return;
        }
        let until = self.now + time;
        self.queue.add(until, Event::Continued { master });
        self.masters[master].paused_until = Some(until);
        self.begin_to_lose(master);
    }

    /// A stopped master goes on. Before anything else it looks whether it still leads.
    fn master_goes_on(&mut self, master: usize) {
        self.masters[master].paused_until = None;
        let (life, term) = (self.masters[master].life, self.masters[master].term);
        if self.election.leader != Some((master, term)) {
            self.depose(master, life, term);
        }
        self.call_election();
    }

    /// Until when an event waits because the master that it is for is stopped.
    fn stopped(&self, event: &Event) -> Option<Time> {
        let master = match event {
            Event::Tick(Host::Master(master), _)
            | Event::Deliver { to: Host::Master(master), .. }
            | Event::LinkBroken { at: Host::Master(master), .. }
            | Event::Stored { master, .. }
            | Event::Elected { master, .. }
            | Event::Deposed { master, .. }
            | Event::Call { master, .. }
            | Event::StreamGone { master, .. }
            | Event::Reads { master, .. } => *master,
            Event::Tick(Host::Agent(_), _)
            | Event::Deliver { to: Host::Agent(_), .. }
            | Event::LinkBroken { at: Host::Agent(_), .. }
            | Event::Election
            | Event::LeaseEnds { .. }
            | Event::Continued { .. }
            | Event::AgentDetects { .. }
            | Event::SchedulerDetects { .. }
            | Event::Answer { .. }
            | Event::Told { .. }
            | Event::SchedulerWakes { .. }
            | Event::Container { .. }
            | Event::Fault(_) => return None,
        };
        self.masters[master].paused_until
    }

    /// Repairs all that is broken.
    fn peace(&mut self) {
        self.at_war = false;
        self.network.slow = false;
        for host in self.network.partitioned() {
            self.heal(host);
        }
        for master in 0..self.masters.len() {
            self.masters[master].is_cut_from_store = false;
            self.start_master(master);
        }
        self.call_election();
        for agent in 0..self.agents.len() {
            self.start_agent(agent);
        }
        // The last one comes at the end.
        for scheduler in 0..self.schedulers.len() - 1 {
            self.start_scheduler(scheduler);
        }
    }

    fn heal(&mut self, host: Host) {
        self.network.heal(host, self.now, &mut self.random, &mut self.queue);
    }
}

/// Connections.
impl Cluster {
    fn host_of(&self, peer: &Upid) -> Option<Host> {
        if let Some(master) = self.masters.iter().position(|host| host.pid.address == peer.address) {
            return Some(Host::Master(master));
        }
        self.agents.iter().position(|agent| agent.pid.address == peer.address).map(Host::Agent)
    }

    fn life(&self, host: Host) -> Life {
        match host {
            Host::Master(master) => self.masters[master].life,
            Host::Agent(agent) => self.agents[agent].life,
        }
    }

    fn is_up(&self, host: Host) -> bool {
        match host {
            Host::Master(master) => self.masters[master].is_up,
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

    fn break_connections(&mut self, agent: usize, master: usize) {
        self.break_connection(Host::Agent(agent), Host::Master(master));
        self.break_connection(Host::Master(master), Host::Agent(agent));
    }

    /// A process is gone: its peers see their connections to it break.
    pub(crate) fn host_died(&mut self, host: Host) {
        let peers: Vec<Host> = match host {
            Host::Master(_) => (0..self.agents.len()).map(Host::Agent).collect(),
            Host::Agent(_) => (0..self.masters.len()).map(Host::Master).collect(),
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
            Host::Master(master) => {
                self.step_master(master, tepui_master_core::Input::Link { from, to: actor, message });
            }
            Host::Agent(agent) => self.step_agent(agent, tepui_agent_core::Input::Link { from, message }),
        }
    }

    fn link_broken(&mut self, at: Host, life: Life, peer: Upid) {
        if self.life(at) != life {
            return;
        }
        self.trace(format_args!("{at:?} sees its connection to {peer} broken"));
        match at {
            Host::Master(master) => self.step_master(master, tepui_master_core::Input::LinkBroken(peer)),
            Host::Agent(agent) => self.step_agent(agent, tepui_agent_core::Input::LinkBroken(peer)),
        }
    }
}

/// Time.
impl Cluster {
    /// The time of a machine: what it was at its start may be wrong.
    pub(crate) fn clock_of(&self, host: Host) -> Now {
        let error = match host {
            Host::Master(master) => self.masters[master].clock_error,
            Host::Agent(agent) => self.agents[agent].clock_error,
        };
        let nanos = u128::from(self.now.as_nanos()) + error.as_nanos();
        let nanos = i64::try_from(nanos).expect("simulations are short");
        Now { time: self.now, wall: WallTime::from_nanos(EPOCH_NANOS + nanos) }
    }

    /// Cores check themselves after each step while things go wrong, and now and then in peace.
    pub(crate) fn is_time_to_check(&mut self) -> bool {
        self.steps += 1;
        assert!(self.steps <= MAX_STEPS, "the story takes more than {MAX_STEPS} steps: something spins");
        self.at_war || self.steps.is_multiple_of(CHECK_EVERY)
    }

    pub(crate) fn delay(&mut self) -> Duration {
        Duration::from_micros(self.random.u64(100..2_000))
    }

    pub(crate) fn trace(&mut self, text: Arguments<'_>) {
        self.trace.line(self.now, text);
    }
}
