//! Registration with the leading master: detect, wait a random moment, register, repeat with doubling pauses.

use std::time::Duration;

use tepui_proto::{LinkMessage, internal, v1};
use tepui_types::{AgentId, Upid, Uuid};

use crate::agent::{Agent, State};
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects};
use crate::executor::Executor;
use crate::record::Record;
use crate::resources::pre_refinement;
use crate::task::new_task;
use crate::timers::Timer;

/// What we say that we are. Masters refuse what they cannot parse, clients what is not three numbers.
const VERSION: &str = "1.11.0";

/// The least bound of the pause between two attempts, and the least pause: an operator who sets no backoff must not
/// make us spin.
const RETRY_INTERVAL_MIN: Duration = Duration::from_millis(100);
const RETRY_PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause between two attempts.
const RETRY_INTERVAL_MAX: Duration = Duration::from_mins(1);

impl Agent {
    /// Follows another master, or none, or the same one anew.
    pub(crate) fn detected(&mut self, master: Option<Upid>, effects: &mut Effects) {
        if self.master != master
            && let Some(old) = self.master.take()
        {
            effects.push(Effect::CloseLink(old));
        }
        self.master = master;
        match self.state {
            State::Terminating | State::Stopped => return,
            State::Recovering => {
                effects.change(Change::Master { pid: self.master.clone(), registered: false });
                return;
            }
            State::Disconnected | State::Running => self.state = State::Disconnected,
        }
        self.pause_updates();
        self.pause_operations();
        self.timers.cancel(&Timer::Register);
        self.timers.cancel(&Timer::Ping);
        effects.change(Change::Master { pid: self.master.clone(), registered: false });
        self.plan_registration();
    }

    /// Plans the first attempt, if there is a master.
    pub(crate) fn plan_registration(&mut self) {
        if self.master.is_some() {
            // A moment each, so that a new leader does not hear from all agents at once.
            let factor = self.config.registration_backoff_factor;
            let delay = self.random_part(factor);
            self.timers.set(Timer::Register, self.now.time + delay);
            self.registration_backoff = factor.saturating_mul(2);
        }
    }

    /// Starts over with the same master: it no longer knows us, or we no longer hear it.
    pub(crate) fn redetect(&mut self, effects: &mut Effects) {
        self.detected(self.master.clone(), effects);
    }

    /// The connection to a peer broke. If it was our master, register again.
    ///
    /// Compat: Mesos waits for the ping timeout instead. Attempts that fail to connect break a link too; those leave
    /// the growing pause as it is.
    pub(crate) fn link_broken(&mut self, peer: &Upid, effects: &mut Effects) {
        if self.state == State::Running && self.master.as_ref() == Some(peer) {
            self.redetect(effects);
        }
    }

    /// Makes one attempt.
    pub(crate) fn register(&mut self, effects: &mut Effects) {
        let (State::Disconnected, Some(master)) = (self.state, self.master.clone()) else { return };
        effects.push(Effect::OpenLink(master.clone()));
        let message = if self.id.is_some() {
            self.renew_resource_version();
            self.reregister_message()
        } else {
            self.register_message()
        };
        effects.push(Effect::SendLink { to: master, message });
        let backoff = self.registration_backoff.clamp(RETRY_INTERVAL_MIN, RETRY_INTERVAL_MAX);
        let delay = self.random_part(backoff).max(RETRY_PAUSE_MIN);
        self.timers.set(Timer::Register, self.now.time + delay);
        self.registration_backoff = backoff.saturating_mul(2);
    }

    fn random_part(&mut self, of: Duration) -> Duration {
        of.mul_f64(self.rng.f64())
    }

    /// What masters hear of us, in the resource format that all of them read.
    fn info_for_masters(&self) -> v1::AgentInfo {
        v1::AgentInfo { resources: pre_refinement(&self.info.resources), ..self.info.clone() }
    }

    fn capabilities(&self) -> Vec<v1::agent_info::Capability> {
        let kinds = self.config.capabilities.iter();
        kinds.map(|&kind| v1::agent_info::Capability { r#type: Some(kind.into()) }).collect()
    }

    /// Gives a report that is about to be sent a name of its own.
    ///
    /// A master that takes a report forgets the operations that it had counted as done upon an earlier one, and they may
    /// still be on their way to us. Their version tells us so: we drop them, and both sides have the same resources.
    /// Mesos' agents keep one version for their lives, and may end with more reservations than the master knows. The
    /// first half names our process: masters tell by it whether another one speaks.
    fn renew_resource_version(&mut self) {
        let mut bytes = *self.resource_version.as_bytes();
        for byte in bytes[9..].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        self.resource_version = Uuid::from_bytes(bytes);
    }

    pub(crate) fn resource_version_uuid(&self) -> v1::Uuid {
        v1::Uuid { value: self.resource_version.as_bytes().to_vec() }
    }

    fn register_message(&self) -> LinkMessage {
        internal::RegisterSlaveMessage {
            slave: self.info_for_masters(),
            checkpointed_resources: pre_refinement(&self.checkpointed),
            version: Some(VERSION.to_owned()),
            agent_capabilities: self.capabilities(),
            resource_version_uuid: Some(self.resource_version_uuid()),
        }
        .into()
    }

    fn reregister_message(&self) -> LinkMessage {
        let executors = || self.frameworks.values().flat_map(|framework| framework.executors.values());
        let executor_infos = executors()
            .filter(|executor| !executor.is_for_command && executor.state != ExecutorState::Terminated)
            .map(|executor| executor.info.clone())
            .collect();
        let completed_frameworks = self.completed_frameworks.iter().map(|framework| {
            let tasks = framework.completed_executors.iter();
            internal::archive::Framework {
                framework_info: framework.info.clone(),
                pid: framework.pid.as_ref().map(Upid::to_string),
                tasks: tasks
                    .flat_map(|executor| {
                        executor.terminated.values().map(Box::as_ref).chain(&executor.completed)
                    })
                    .cloned()
                    .collect(),
            }
        });
        internal::ReregisterSlaveMessage {
            slave: self.info_for_masters(),
            checkpointed_resources: pre_refinement(&self.checkpointed),
            executor_infos,
            tasks: executors().flat_map(open_tasks).collect(),
            frameworks: self.frameworks.values().map(|framework| framework.info.clone()).collect(),
            completed_frameworks: completed_frameworks.collect(),
            version: Some(VERSION.to_owned()),
            agent_capabilities: self.capabilities(),
            resource_version_uuid: Some(self.resource_version_uuid()),
        }
        .into()
    }

    /// The master has us: what waited for it goes on.
    pub(crate) fn enter_running(&mut self, effects: &mut Effects) {
        self.state = State::Running;
        if self.recorded_info.as_ref() != Some(&self.info) {
            self.recorded_info = Some(self.info.clone());
            effects.record(Record::Agent(Box::new(self.info.clone())));
        }
        self.timers.cancel(&Timer::Register);
        self.timers.set(Timer::Ping, self.now.time + self.ping_timeout);
        effects.change(Change::Master { pid: self.master.clone(), registered: true });
        // Before the statuses: a master that has just been elected learns the operations from this.
        self.send_update_slave(effects);
        self.resume_updates(effects);
        self.resume_operations(effects);
    }

    /// Tells a master that knows of resource providers which version of our resources it has, and which operations are
    /// not acknowledged.
    pub(crate) fn send_update_slave(&self, effects: &mut Effects) {
        use v1::agent_info::capability::Type::ResourceProvider;
        let (Some(master), Some(id)) = (&self.master, &self.id) else { return };
        if !self.config.capabilities.contains(&ResourceProvider) {
            return;
        }
        let message = internal::UpdateSlaveMessage {
            slave_id: id.to_proto(),
            update_oversubscribed_resources: Some(false),
            operations: Some(internal::update_slave_message::Operations {
                operations: self.operations.values().map(|operation| operation.entity.clone()).collect(),
            }),
            resource_version_uuid: Some(self.resource_version_uuid()),
            resource_providers: Some(internal::update_slave_message::ResourceProviders::default()),
            ..internal::UpdateSlaveMessage::default()
        };
        effects.push(Effect::SendLink { to: master.clone(), message: message.into() });
    }

    /// A master calls us by another name than we have: one of us mixes up clusters, and going on would too.
    pub(crate) fn refuse_id(&mut self, verb: &str, given: &AgentId, effects: &mut Effects) {
        let expected = self.id.as_ref().map_or_else(String::new, AgentId::to_string);
        let error = format!("{verb} but got wrong id: {given} (expected: {expected})");
        self.terminate(Some(error), effects);
    }
}

/// The tasks of an executor that a master must know: all that are not completed.
fn open_tasks(executor: &Executor) -> Vec<v1::Task> {
    let staging = |task| new_task(task, v1::TaskState::TaskStaging, &executor.framework);
    let queued = executor.queued.tasks().map(|task| staging(task));
    let known = executor.launched.values().chain(executor.terminated.values());
    known.map(|task| task.as_ref().clone()).chain(queued).collect()
}
