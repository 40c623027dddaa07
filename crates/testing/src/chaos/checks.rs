//! What must hold once the cluster has healed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use tepui_client::operator::Operator;
use tepui_proto::v1;
use tokio::runtime::Handle;

use super::auditor::Auditor;
use super::cluster::{AGENTS, Cluster, HEAL_DEADLINE, until};
use super::register::Register;
use super::third_party::ThirdParty;
use super::{Verdict, guest, impostor, throwaway};

/// How many frameworks that were torn down are tried again in a round.
const TRIED_AGAIN: usize = 2;

/// Where somebody says to be a master who never leads.
const IMPOSTOR_PORT: u16 = 5059;

/// Everything that watches the cluster.
#[derive(Debug)]
pub(crate) struct Watchers {
    pub(crate) runtime: Handle,
    pub(crate) auditor: Auditor,
    pub(crate) registers: Vec<Register>,
    pub(crate) third_parties: Vec<ThirdParty>,
    pub(crate) torn_down: Vec<v1::FrameworkId>,
    /// Played agents that were marked gone.
    pub(crate) gone: Vec<v1::AgentId>,
    /// Where each agent is, and its id.
    pub(crate) agent_ids: BTreeMap<String, String>,
}

impl Watchers {
    /// Waits until the cluster is whole, and checks it.
    pub(crate) fn check(&mut self, cluster: &mut Cluster, random: &mut fastrand::Rng) -> Verdict {
        until(cluster, "a leader with all agents", |cluster| {
            Ok(cluster.leader().filter(|leader| cluster.has_all_agents(*leader)))
        })?;
        let guests = guest::see_off(cluster.masters_of_store(), HEAL_DEADLINE);
        self.gone.extend(self.runtime.block_on(guests)?);
        self.every_task_settles(cluster)?;
        self.every_agent_takes_tasks(cluster)?;
        self.lines_agree()?;
        self.what_stays_runs()?;
        self.agents_are_the_same(cluster)?;
        self.torn_down_stay_away(cluster, random)?;
        self.gone_stay_away(cluster, random)?;
        for register in &self.registers {
            register.pause(true);
            until(cluster, "the last write", |_| Ok(register.is_quiet().then_some(())))?;
            self.runtime.block_on(register.check(cluster.masters_of_store()))?;
            register.pause(false);
        }
        for third_party in &mut self.third_parties {
            third_party.check(cluster)?;
        }
        self.nobody_else_is_obeyed(cluster)?;
        self.no_violation()
    }

    /// The first violation that the books found.
    pub(crate) fn no_violation(&self) -> Verdict {
        match self.auditor.books().ledger.violations().first() {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(()),
        }
    }

    fn every_task_settles(&mut self, cluster: &mut Cluster) -> Verdict {
        {
            let mut books = self.auditor.books();
            books.is_busy = false;
            books.ledger.ask_again();
        }
        let settled = until(cluster, "every task to settle", |_| {
            self.no_violation()?;
            let books = self.auditor.books();
            let has_all = books.ledger.agents_with_stay().len() == AGENTS;
            Ok((has_all && books.ledger.open().is_empty()).then_some(()))
        });
        let open = self.auditor.books().ledger.open();
        settled.map_err(|wrong| format!("{wrong}; open: {open:?}"))
    }

    fn every_agent_takes_tasks(&mut self, cluster: &mut Cluster) -> Verdict {
        let ended = |watchers: &Self| -> Vec<(String, usize)> {
            let books = watchers.auditor.books();
            let agents = books.ledger.agents_with_stay();
            agents.iter().map(|agent| ((*agent).to_owned(), books.ledger.ended_on(agent))).collect()
        };
        let before = ended(self);
        self.auditor.books().is_busy = true;
        until(cluster, "every agent to run another task", |_| {
            self.no_violation()?;
            Ok(before.iter().zip(ended(self)).all(|(before, now)| now.1 > before.1).then_some(()))
        })
    }

    /// Each task started as often as its updates say, and ended as often.
    fn lines_agree(&self) -> Verdict {
        let books = self.auditor.books();
        for (task, expected) in books.ledger.expected_lines() {
            let text = read(&self.auditor.tasks_folder.join(task));
            let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
            if !expected.contains(&(count("start"), count("end"))) {
                return Err(format!(
                    "task `{task}` should have started and ended so often: {expected:?}; it wrote {text:?}"
                ));
            }
        }
        Ok(())
    }

    /// The processes of the tasks that stay are there.
    fn what_stays_runs(&self) -> Verdict {
        let books = self.auditor.books();
        for (task, _) in books.ledger.stays() {
            let text = read(&self.auditor.tasks_folder.join(task));
            let process = text.split_whitespace().nth(1).unwrap_or_default();
            if !read(&Path::new("/proc").join(process).join("cmdline")).starts_with("sleep") {
                return Err(format!("task `{task}` is running, and its process is not there"));
            }
        }
        Ok(())
    }

    /// Every agent has the id that it was first admitted with.
    fn agents_are_the_same(&mut self, cluster: &Cluster) -> Verdict {
        let mut operator = Operator::of_masters(cluster.masters_of_store()).with_patience(HEAL_DEADLINE);
        let agents = self.runtime.block_on(operator.agents()).map_err(|error| error.to_string())?;
        let ids: BTreeMap<String, String> = agents
            .into_iter()
            .map(|agent| (agent.agent_info.hostname, agent.agent_info.id.unwrap_or_default().value))
            .collect();
        if self.agent_ids.is_empty() {
            self.agent_ids.clone_from(&ids);
        }
        if self.agent_ids == ids {
            return Ok(());
        }
        Err(format!("the agents were {:?} and are {ids:?}", self.agent_ids))
    }

    fn torn_down_stay_away(&self, cluster: &Cluster, random: &mut fastrand::Rng) -> Verdict {
        let last = self.torn_down.last();
        let some =
            (1..TRIED_AGAIN).filter_map(|_| self.torn_down.get(random.usize(0..=self.torn_down.len())));
        for id in last.into_iter().chain(some) {
            self.runtime.block_on(throwaway::check_gone(cluster.masters_of_store(), id.clone()))?;
        }
        Ok(())
    }

    fn gone_stay_away(&self, cluster: &Cluster, random: &mut fastrand::Rng) -> Verdict {
        let last = self.gone.last();
        let some = (1..TRIED_AGAIN).filter_map(|_| self.gone.get(random.usize(0..=self.gone.len())));
        last.into_iter()
            .chain(some)
            .try_for_each(|id| guest::check_gone(id, &cluster.addresses_of_masters(), HEAL_DEADLINE))
    }

    /// Orders in another master's name have no effect: the next round would find the task gone.
    fn nobody_else_is_obeyed(&self, cluster: &Cluster) -> Verdict {
        let books = self.auditor.books();
        let framework = books.framework_id.clone().unwrap_or_default().value;
        // No master is ever there: the leader may change at any time on a busy machine.
        let other = SocketAddr::new(cluster.masters[0].address.ip(), IMPOSTOR_PORT);
        for (task, agent) in books.ledger.stays() {
            let at = self.agent_ids.iter().find(|(_, id)| *id == agent).map(|(hostname, _)| hostname);
            let member = cluster.agents.iter().find(|member| Some(&member.address.ip().to_string()) == at);
            let Some(member) = member else { return Err(format!("nobody knows agent `{agent}`")) };
            impostor::order_to_kill(member.address, other, &framework, task)?;
        }
        Ok(())
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
