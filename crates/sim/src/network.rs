//! The connections between daemons.
//!
//! As `tepui-link` makes them: each daemon opens one to each peer that it sends to; what it sends arrives in order, late,
//! or, if the connection breaks first, not at all. A peer that it watches is reported when the connection breaks. A
//! partition is *loud* (connections are refused and broken) or *silent* (nothing comes through and nobody is told).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_proto::LinkMessage;
use tepui_types::{Time, Upid};

use crate::queue::{Event, Host, Life, Queue};

/// How a pair of hosts is cut off from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    Loud,
    Silent,
    /// Silent towards the host only: it hears nothing and is heard.
    Deaf,
    /// Silent from the host only.
    Mute,
}

#[derive(Debug, Default)]
struct Connection {
    /// Grows when it breaks; what is under way in an earlier epoch is lost.
    epoch: u64,
    last_arrival: Time,
    watched: BTreeSet<Upid>,
    /// Held back by a silent partition.
    held: Vec<(Upid, String, LinkMessage)>,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Network {
    connections: BTreeMap<(Host, Host), Connection>,
    partitions: BTreeMap<Host, Partition>,
    /// Whether messages are sometimes very late.
    pub(crate) slow: bool,
}

impl Network {
    /// How what is sent from here to there is cut off: loudly or silently.
    fn partition(&self, from: Host, to: Host) -> Option<Partition> {
        let at = |host: Host, one_way: Partition| match self.partitions.get(&host).copied() {
            Some(Partition::Deaf | Partition::Mute) if self.partitions.get(&host) != Some(&one_way) => None,
            Some(Partition::Deaf | Partition::Mute) => Some(Partition::Silent),
            other => other,
        };
        match (at(from, Partition::Mute), at(to, Partition::Deaf)) {
            (Some(Partition::Loud), _) | (_, Some(Partition::Loud)) => Some(Partition::Loud),
            (left, right) => left.or(right),
        }
    }

    fn delay(&self, random: &mut fastrand::Rng) -> Duration {
        if self.slow && random.u8(..) < 8 {
            return Duration::from_micros(random.u64(1_000..3_000_000));
        }
        Duration::from_micros(random.u64(100..2_000))
    }

    /// Sends a message, if the other side is there.
    pub(crate) fn send(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        queue: &mut Queue,
        (from, to): (Host, Host),
        (sender, actor, message): (Upid, String, LinkMessage),
    ) {
        let delay = self.delay(random);
        let partition = self.partition(from, to);
        let connection = self.connections.entry((from, to)).or_default();
        match partition {
            Some(Partition::Loud) => {}
            Some(_) => connection.held.push((sender, actor, message)),
            None => {
                let at = connection.last_arrival.max(now + delay);
                connection.last_arrival = at;
                let epoch = connection.epoch;
                queue.add(at, Event::Deliver { from, to, epoch, sender, actor, message });
            }
        }
    }

    /// Whether a message still arrives.
    pub(crate) fn arrives(&self, from: Host, to: Host, epoch: u64) -> bool {
        self.connections.get(&(from, to)).is_some_and(|connection| connection.epoch == epoch)
    }

    pub(crate) fn watch(&mut self, from: Host, to: Host, peer: Upid) {
        self.connections.entry((from, to)).or_default().watched.insert(peer);
    }

    pub(crate) fn unwatch(&mut self, from: Host, to: Host, peer: &Upid) {
        self.connections.entry((from, to)).or_default().watched.remove(peer);
    }

    /// Whether a loud partition refuses a connection.
    pub(crate) fn refuses(&self, from: Host, to: Host) -> bool {
        self.partition(from, to) == Some(Partition::Loud)
    }

    /// Breaks a connection: what is under way is lost, and the side that opened it is told of whom it watches.
    pub(crate) fn break_connection(
        &mut self,
        now: Time,
        random: &mut fastrand::Rng,
        queue: &mut Queue,
        (from, to): (Host, Host),
        life: Life,
    ) {
        let at = now + self.delay(random);
        let connection = self.connections.entry((from, to)).or_default();
        connection.epoch += 1;
        connection.held.clear();
        for peer in std::mem::take(&mut connection.watched) {
            queue.add(at, Event::LinkBroken { at: from, life, peer });
        }
    }

    /// The process that opened a connection is gone. What it had sent may still arrive.
    pub(crate) fn forget(&mut self, from: Host, to: Host, lost: bool) {
        let connection = self.connections.entry((from, to)).or_default();
        connection.watched.clear();
        connection.held.clear();
        connection.epoch += u64::from(lost);
    }

    pub(crate) fn cut(&mut self, host: Host, partition: Partition) {
        self.partitions.insert(host, partition);
    }

    /// Ends a partition; what a silent one held back is sent on.
    pub(crate) fn heal(&mut self, host: Host, now: Time, random: &mut fastrand::Rng, queue: &mut Queue) {
        self.partitions.remove(&host);
        let ends: Vec<(Host, Host)> =
            self.connections.keys().filter(|(from, to)| *from == host || *to == host).copied().collect();
        for ends in ends {
            let held =
                self.connections.get_mut(&ends).map(|it| std::mem::take(&mut it.held)).unwrap_or_default();
            for message in held {
                self.send(now, random, queue, ends, message);
            }
        }
    }

    pub(crate) fn partitioned(&self) -> Vec<Host> {
        self.partitions.keys().copied().collect()
    }
}
