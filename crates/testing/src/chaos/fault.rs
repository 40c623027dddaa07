//! What can happen.

use std::fmt;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Verdict;
use super::cluster::{AGENTS, Cluster, MASTERS};
use super::network::Direction;
use super::proxy::Mode;
use super::stale_write::{StaleWrite, Victim};

/// A fault, which begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// kill -9 of the leader, which comes back at the end.
    KillLeader,
    /// SIGSTOP of the leader, SIGCONT at the end.
    StopLeader,
    /// The leader cannot reach the store.
    CutLeaderFromStore(Mode),
    /// kill -9 of another master, counted from the leader.
    KillStandby(usize),
    /// kill -9 of an agent, which comes back at the end; its tasks run on.
    KillAgent(usize),
    /// Packets between an agent and everybody are lost.
    CutAgent(usize, Direction),
    /// An agent cannot reach the store.
    CutAgentFromStore(usize, Mode),
    /// kill -9 of the store.
    KillStore,
    /// SIGSTOP of the store.
    StopStore,
}

impl Fault {
    /// Draws a fault.
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let mode = if random.bool() { Mode::Silent } else { Mode::Refuse };
        let agent = random.usize(0..AGENTS);
        match random.u8(0..16) {
            0..=2 => Self::KillLeader,
            3..=4 => Self::StopLeader,
            5..=6 => Self::CutLeaderFromStore(mode),
            7 => Self::KillStandby(random.usize(1..MASTERS)),
            8..=9 => {
                let directions = [Direction::ToAgent, Direction::FromAgent, Direction::Both];
                Self::CutAgent(agent, directions[random.usize(0..3)])
            }
            10 => Self::CutAgentFromStore(agent, mode),
            11..=12 => Self::KillStore,
            13 => Self::StopStore,
            _ => Self::KillAgent(agent),
        }
    }

    /// Whether both cannot happen at once.
    pub(crate) fn excludes(self, other: Self) -> bool {
        let target = |fault| match fault {
            Self::KillLeader | Self::StopLeader | Self::CutLeaderFromStore(_) | Self::KillStandby(_) => 0,
            Self::KillStore | Self::StopStore => 1,
            Self::KillAgent(agent) | Self::CutAgent(agent, _) | Self::CutAgentFromStore(agent, _) => {
                2 + agent
            }
        };
        target(self) == target(other)
    }

    /// Whether somebody else will lead if it lasts.
    pub(crate) fn deposes(self) -> bool {
        matches!(self, Self::KillLeader | Self::StopLeader | Self::CutLeaderFromStore(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillLeader => f.write_str("kill the leader"),
            Self::StopLeader => f.write_str("stop the leader"),
            Self::CutLeaderFromStore(mode) => write!(f, "cut the leader off from the store ({mode:?})"),
            Self::KillStandby(offset) => write!(f, "kill standby {offset}"),
            Self::KillAgent(agent) => write!(f, "kill agent {}", agent + 1),
            Self::CutAgent(agent, direction) => write!(f, "cut agent {} off ({direction:?})", agent + 1),
            Self::CutAgentFromStore(agent, mode) => {
                write!(f, "cut agent {} off from the store ({mode:?})", agent + 1)
            }
            Self::KillStore => f.write_str("kill the store"),
            Self::StopStore => f.write_str("stop the store"),
        }
    }
}

/// A fault that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) fault: Fault,
    /// The master that it befell.
    master: usize,
    /// Sent to a leader that was stopped.
    pub(crate) stale: Option<StaleWrite>,
}

impl Begun {
    /// Begins a fault while `leader` leads.
    pub(crate) fn begin(
        fault: Fault,
        cluster: &mut Cluster,
        leader: usize,
        runtime: &Handle,
    ) -> Verdict<Self> {
        let mut begun = Self { fault, master: leader, stale: None };
        match fault {
            Fault::KillLeader => cluster.masters[leader].process.kill()?,
            Fault::StopLeader => {
                let master = &mut cluster.masters[leader];
                // At this master and no other: the subscription must not move.
                let address = master.address.to_string().parse().expect("an address");
                let victim = Victim::subscribe(runtime, address);
                master.process.stop()?;
                begun.stale = victim.map(|victim| victim.call(runtime));
            }
            Fault::CutLeaderFromStore(mode) => cluster.masters[leader].proxy.set(mode),
            Fault::KillStandby(offset) => {
                begun.master = (leader + offset) % MASTERS;
                cluster.masters[begun.master].process.kill()?;
            }
            Fault::KillAgent(agent) => cluster.agents[agent].process.kill()?,
            Fault::CutAgent(agent, direction) => cluster.networks[agent].cut(direction),
            Fault::CutAgentFromStore(agent, mode) => cluster.agents[agent].proxy.set(mode),
            Fault::KillStore => cluster.store.kill(),
            Fault::StopStore => cluster.store.pause(),
        }
        Ok(begun)
    }

    /// Ends it.
    pub(crate) fn end(&self, cluster: &mut Cluster) -> Verdict {
        match self.fault {
            Fault::KillLeader | Fault::KillStandby(_) => cluster.masters[self.master].process.restart(),
            Fault::StopLeader => cluster.masters[self.master].process.go_on(),
            Fault::CutLeaderFromStore(_) => {
                cluster.masters[self.master].proxy.set(Mode::Forward);
                Ok(())
            }
            Fault::KillAgent(agent) => cluster.agents[agent].process.restart(),
            Fault::CutAgent(agent, _) => {
                cluster.networks[agent].heal();
                Ok(())
            }
            Fault::CutAgentFromStore(agent, _) => {
                cluster.agents[agent].proxy.set(Mode::Forward);
                Ok(())
            }
            Fault::KillStore => {
                cluster.store.start();
                Ok(())
            }
            Fault::StopStore => {
                cluster.store.resume();
                Ok(())
            }
        }
    }
}

/// How long faults last that nothing ends by itself: from shorter than any timeout to longer than all.
pub(crate) fn draw_pause(random: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(match random.u8(0..3) {
        0 => random.u64(50..500),
        1 => random.u64(500..3000),
        _ => random.u64(3000..9000),
    })
}
