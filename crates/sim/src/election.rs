//! Who leads: what an election service does for masters, and for those who look for the leader.
//!
//! A leader has a lease. If it stops or cannot be reached the lease ends and another is elected; the one before may learn
//! of that before, at the same time or much later, so two may believe that they lead. Agents and schedulers hear of the
//! new leader each in its own time.

use std::time::Duration;

use tepui_master_core::{Input, Master};
use tepui_master_view::View;

use crate::cluster::Cluster;
use crate::invariant::Books;
use crate::queue::{Event, Host};

/// How long a leader that cannot be reached keeps its lease.
const LEASE: Duration = Duration::from_secs(10);

/// A term of leadership; later ones are greater.
pub(crate) type Term = u64;

/// What the election service knows.
#[derive(Debug, Default)]
pub(crate) struct Election {
    /// Who leads, and in which term.
    pub(crate) leader: Option<(usize, Term)>,
    last_term: Term,
}

impl Cluster {
    /// The master that leads and knows it.
    pub(crate) fn leading(&self) -> Option<usize> {
        let (master, term) = self.election.leader?;
        (self.masters[master].core.is_some() && self.masters[master].term == term).then_some(master)
    }

    /// Elects somebody, if nobody leads and somebody can.
    pub(crate) fn elect(&mut self) {
        if self.election.leader.is_some() {
            return;
        }
        let can = |master: &usize| {
            let host = &self.masters[*master];
            host.is_up && host.paused_until.is_none() && !host.is_cut_from_store
        };
        let candidates: Vec<usize> = (0..self.masters.len()).filter(can).collect();
        let Some(master) = self.random.choice(candidates) else { return };
        self.election.last_term += 1;
        let term = self.election.last_term;
        self.election.leader = Some((master, term));
        self.trace(format_args!("master {master} is elected in term {term}"));
        let life = self.masters[master].life;
        let at = self.now + self.delay();
        self.queue.add(at, Event::Elected { master, life, term });
        self.announce();
    }

    /// Everybody hears of the leader, some of them late.
    fn announce(&mut self) {
        for agent in 0..self.agents.len() {
            let at = self.now + self.rumour();
            self.queue.add(at, Event::AgentDetects { agent, life: self.agents[agent].life });
        }
        for scheduler in 0..self.schedulers.len() {
            let at = self.now + self.rumour();
            self.queue.add(at, Event::SchedulerDetects { scheduler });
        }
    }

    /// How long news take.
    fn rumour(&mut self) -> Duration {
        if self.at_war && self.random.u8(..16) == 0 {
            return Duration::from_millis(self.random.u64(1_000..60_000));
        }
        self.delay()
    }

    /// A master learns that it leads: it begins its term in the store, and reads what is there.
    pub(crate) fn elected(&mut self, master: usize, life: u64, term: Term) {
        let seed = self.random.u64(..);
        let started = self.clock_of(Host::Master(master)).wall;
        if self.masters[master].life != life || !self.masters[master].is_up {
            return;
        }
        // It may not have learned that its term before this is over.
        self.stop_leading(master);
        if !self.store.begin_term(term) {
            return;
        }
        let host = &mut self.masters[master];
        host.term = term;
        host.core = Some(Master::new(host.config(started), seed));
        host.view = View::new(crate::master_host::view_settings());
        host.view.set_followed(true);
        host.books = Books::default();
        host.tick = None;
        for framework in &self.greedy {
            host.books.fair.greedy(framework.clone());
        }
        let registry = self.store.recover();
        self.step_master(master, Input::Recovered(Box::new(registry)));
    }

    /// The lease of whoever leads in this term ends; the leader itself learns of it sooner or later.
    pub(crate) fn lease_ends(&mut self, term: Term) {
        let Some((master, _)) = self.election.leader.filter(|(_, leading)| *leading == term) else { return };
        self.trace(format_args!("the lease of master {master} ends"));
        self.election.leader = None;
        let life = self.masters[master].life;
        let at = self.now + Duration::from_millis(self.random.u64(0..20_000));
        self.queue.add(at, Event::Deposed { master, life, term });
        self.call_election();
    }

    /// An election will be held soon.
    pub(crate) fn call_election(&mut self) {
        let at = self.now + Duration::from_millis(self.random.u64(1..3_000));
        self.queue.add(at, Event::Election);
    }

    /// The lease of a master that is not heard of will end.
    pub(crate) fn begin_to_lose(&mut self, master: usize) {
        if let Some((_, term)) = self.election.leader.filter(|(leader, _)| *leader == master) {
            let life = self.masters[master].life;
            self.queue.add(self.now + LEASE, Event::LeaseEnds { master, life, term });
        }
    }

    /// The time of a master that was not heard of is over, unless the same process is heard of again.
    pub(crate) fn lease_may_end(&mut self, master: usize, life: u64, term: Term) {
        let host = &self.masters[master];
        if host.life != life || !host.is_up || host.paused_until.is_some() || host.is_cut_from_store {
            self.lease_ends(term);
        }
    }

    /// A master learns that its term is over: it stops at once, and contends again.
    pub(crate) fn depose(&mut self, master: usize, life: u64, term: Term) {
        let host = &self.masters[master];
        if host.life != life || host.term != term || host.core.is_none() {
            return;
        }
        self.trace(format_args!("master {master} stops to lead"));
        self.stop_leading(master);
        // If it gave up by itself nobody knows that its lease is free.
        self.lease_ends(term);
    }
}
