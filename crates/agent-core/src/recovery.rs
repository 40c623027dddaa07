//! Recovery: what an earlier process of ours kept makes us the same agent again.
//!
//! 1. `Input::Recover` brings the records; [`replay`] makes the state of them, with no effect on the world.
//! 2. Our description is compared with the recorded one ([`compatible`]). What may not change stops us; after a reboot of
//!    the machine, when nothing of the old agent runs, we become a new one instead.
//! 3. The shell looks for the containers. Executors whose containers are gone are gone, with their tasks; those whose
//!    containers were never started are launched.
//! 4. The others have to come back: they subscribe again, old drivers are asked to. Those that were connected and do not
//!    come within `--executor_reregistration_timeout` are destroyed. Until then we do not register, because the master
//!    believes what we report.
//!
//! Compat: Mesos waits for that long in any case; we go on as soon as all are back.

mod compatible;
mod replay;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1;
use tepui_types::{ContainerId, ExecutorId, FrameworkId, Termination};

use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState};
use crate::config::{ReconfigurationPolicy, Recover};
use crate::effect::{Effect, Effects, KnownContainer};
use crate::executor::Executor;
use crate::input::Recovery;
use crate::record::{Record, Speaks};
use crate::resources::total;
use crate::timers::Timer;

/// How many unreadable things are counted, one by one.
const MAX_COUNTED_ERRORS: u64 = 1000;

impl Agent {
    /// Becomes what the records say.
    pub(crate) fn recover(&mut self, recovery: Recovery, effects: &mut Effects) {
        if self.state != State::Recovering || self.recorded_info.is_some() || self.containers_recovered {
            return;
        }
        for _ in 0..recovery.errors.min(MAX_COUNTED_ERRORS) {
            effects.change(Change::Counted("slave/recovery_errors"));
        }
        let mut records = since_anew(recovery.records);
        if let Err(error) = self.check_description(&records) {
            if !recovery.rebooted {
                self.fail(error, effects);
                return;
            }
            tracing::debug!(error, "starting as a new agent");
            effects.record(Record::Anew);
            records.retain(|record| matches!(record, Record::Resources(_)));
        }
        self.replay_all(records, effects);
        if let Err(error) = total(&self.info.resources, &self.checkpointed) {
            let error = format!("Checkpointed resources are incompatible with agent resources: {error}");
            self.fail(error, effects);
            return;
        }
        self.info.id = self.id.as_ref().map(tepui_types::AgentId::to_proto);
        let known = if recovery.rebooted { Vec::new() } else { self.known_containers() };
        effects.push(Effect::RecoverContainers(known));
    }

    fn known_containers(&self) -> Vec<KnownContainer> {
        let executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        let with_containers = executors.filter(|executor| self.containers.contains_key(&executor.container));
        with_containers.map(Executor::known_container).collect()
    }

    /// Checks that we are who the records speak of.
    fn check_description(&self, records: &[Record]) -> Result<(), String> {
        let recorded = records.iter().rev().find(|record| matches!(record, Record::Agent(_)));
        let Some(Record::Agent(recorded)) = recorded else { return Ok(()) };
        match self.config.reconfiguration_policy {
            ReconfigurationPolicy::Equal => compatible::equal(recorded, &self.info),
            ReconfigurationPolicy::Additive => compatible::additive(recorded, &self.info),
        }
    }

    /// The containers were looked for.
    pub(crate) fn containers_recovered(
        &mut self,
        running: &BTreeMap<ContainerId, u32>,
        unstarted: &BTreeSet<ContainerId>,
        mut ended: BTreeMap<ContainerId, Termination>,
        effects: &mut Effects,
    ) {
        if self.containers_recovered || self.state == State::Stopped {
            return;
        }
        let containers: Vec<ContainerId> = self.containers.keys().cloned().collect();
        for container in containers {
            if let Some(pid) = running.get(&container) {
                self.executor_recovered(&container, *pid, effects);
            } else if !unstarted.contains(&container) || !self.relaunch(&container, effects) {
                let termination = ended.remove(&container).unwrap_or_else(unknown_container);
                self.container_gone(&container, Some(&termination), effects);
            }
        }
        self.containers_recovered = true;
        self.recovered_if_done(effects);
    }

    /// An executor of an earlier process runs. It has to come back.
    fn executor_recovered(&mut self, container: &ContainerId, pid: u32, effects: &mut Effects) {
        let Some(executor) = self.executor_in(container) else { return };
        executor.pid = Some(pid);
        if executor.state != ExecutorState::Registering {
            return;
        }
        let (framework, id) = (executor.framework.clone(), executor.id.clone());
        let is_driver = matches!(executor.speaks, Some(Speaks::Driver(_)));
        let limit = if executor.is_returning() {
            self.config.executor_reregistration_timeout
        } else {
            self.config.executor_registration_timeout
        };
        self.timers.set(Timer::ExecutorRegistration(container.clone()), self.now.time + limit);
        if is_driver && self.config.recover == Recover::Reconnect {
            self.ask_back(&framework, &id, effects);
        }
    }

    /// Asks the driver in a container back once more.
    pub(crate) fn ask_container_back(&mut self, container: &ContainerId, effects: &mut Effects) {
        let Some((framework, executor)): Option<(FrameworkId, ExecutorId)> =
            self.containers.get(container).cloned()
        else {
            return;
        };
        self.ask_back(&framework, &executor, effects);
    }

    /// Goes on once every executor has come back, or is given up.
    pub(crate) fn recovered_if_done(&mut self, effects: &mut Effects) {
        if self.state != State::Recovering || !self.containers_recovered {
            return;
        }
        let mut executors = self.frameworks.values().flat_map(|framework| framework.executors.values());
        if self.config.recover == Recover::Cleanup {
            effects.push(Effect::Recovered);
            self.terminate(None, effects);
        } else if !executors.any(Executor::is_returning) {
            self.state = State::Disconnected;
            effects.push(Effect::Recovered);
            self.plan_registration();
            self.go_on_draining(effects);
        }
    }
}

/// What is told of an executor of whose container nobody knows.
fn unknown_container() -> Termination {
    Termination {
        state: Some(v1::TaskState::TaskFailed),
        message: Some("Abnormal executor termination: unknown container".to_owned()),
        ..Termination::default()
    }
}

/// The records of the agent that is now: those of its predecessors in the same folder are left out.
fn since_anew(mut records: Vec<Record>) -> Vec<Record> {
    let Some(last) = records.iter().rposition(|record| *record == Record::Anew) else { return records };
    let now = records.split_off(last + 1);
    let is_kept = |record: &Record| matches!(record, Record::Resources(_));
    let resources = records.into_iter().rev().find(is_kept);
    resources.into_iter().chain(now).collect()
}
