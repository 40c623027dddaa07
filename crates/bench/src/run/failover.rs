//! The leader is killed while all tasks run, and everybody goes to the next one.
//!
//! A hundredth of the tasks end at that moment, so that updates are on their way. Agents and frameworks are told of the
//! next leader as soon as one of the other masters says that it leads, which is when it has read the registry: what a
//! detector adds to that is not measured here. In the end the ledger must be right, as in any run.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::{Run, Start, Target};
use crate::board::read;
use crate::process::Process;
use crate::reads;
use crate::report::Phase;

/// How often the other masters are asked whether they lead.
const PAUSE: Duration = Duration::from_millis(5);

impl Run<'_> {
    /// Kills the leader, and waits until all agents and frameworks are at the next one.
    pub(super) fn failover(&mut self) -> anyhow::Result<()> {
        let followers = followers(&self.plan.followers)?;
        let agents = self.plan.agents;
        let frameworks = read(&self.board.subscribed);
        self.board.ends_some.store(true, Ordering::Relaxed);
        kill(self.target.process)?;
        let death = Instant::now();
        let begin = |next: &Target, run: &Self| Start {
            at: death,
            master: next.process.processor_time(),
            load: run.start().load,
        };
        let next = self.next_leader(&followers, death)?;
        let start = begin(&next, self);
        self.target = next;
        self.note("leader killed: until elected", death.elapsed());
        self.board.lead(next.master);
        self.wait("return", agents, |board| read(&board.returned))?;
        self.finish("leader killed: until all agents are back", &start, agents);
        self.wait("subscribe again", 2 * frameworks, |board| read(&board.subscribed))?;
        self.note("leader killed: until all frameworks are back", death.elapsed());
        Ok(())
    }

    fn next_leader(&self, followers: &[Target], death: Instant) -> anyhow::Result<Target> {
        loop {
            let leads = |it: &&Target| reads::metrics(it.master).is_ok_and(|it| it["master/elected"] == 1.0);
            if let Some(next) = followers.iter().find(leads) {
                return Ok(*next);
            }
            if death.elapsed().as_secs_f64() > self.plan.patience_seconds {
                bail!("no other master leads");
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn note(&mut self, name: &str, wall: Duration) {
        let (name, load) = (name.to_owned(), Vec::new());
        let phase = Phase { name, wall, master: Duration::ZERO, load, operations: 0 };
        (self.progress)(&phase.to_string());
        self.report.phases.push(phase);
    }
}

/// Reads `ip:port/pid,ip:port/pid`.
fn followers(text: &str) -> anyhow::Result<Vec<Target>> {
    let target = |text: &str| {
        let (master, pid) = text.split_once('/').with_context(|| format!("`{text}` is no `ip:port/pid`"))?;
        let master: SocketAddr = master.parse().with_context(|| format!("`{master}` is no `ip:port`"))?;
        let process = Process(pid.parse().with_context(|| format!("`{pid}` is no process id"))?);
        Ok(Target { master, process })
    };
    text.split(',').map(target).collect()
}

fn kill(process: Process) -> anyhow::Result<()> {
    let status = Command::new("kill").arg("-9").arg(process.0.to_string()).status()?;
    anyhow::ensure!(status.success(), "the leader could not be killed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followers_are_addresses_with_processes() {
        let targets = followers("127.0.0.1:5051/12,127.0.0.1:5052/13").unwrap();
        let expected = [("127.0.0.1:5051", 12), ("127.0.0.1:5052", 13)];
        let found: Vec<_> = targets.iter().map(|it| (it.master.to_string(), it.process.0)).collect();
        assert_eq!(found, expected.map(|(master, pid)| (master.to_owned(), pid)));
        assert!(followers("127.0.0.1:5051").is_err());
    }
}
