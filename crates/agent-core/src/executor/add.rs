//! Starts an executor for its first task.

use std::collections::{BTreeMap, VecDeque};

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, Resource, Uuid};

use super::Executor;
use crate::agent::Agent;
use crate::change::{Change, ExecutorState};
use crate::effect::{Effect, Effects, Launch, VolumeLink};
use crate::environment::executor_environment;
use crate::operation::volume_path;
use crate::resources;
use crate::sandbox;
use crate::timers::Timer;

impl Agent {
    /// Adds an executor to a framework that is known and has none of this id, and launches it.
    pub(crate) fn add_executor(
        &mut self,
        agent: &AgentId,
        framework_id: &FrameworkId,
        info: Raw<v1::ExecutorInfo>,
        task: &Raw<v1::TaskInfo>,
        effects: &mut Effects,
    ) {
        let container = ContainerId::new(Uuid::random(&mut self.rng).to_string());
        let id = ExecutorId::from(&info.executor_id);
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let directory = sandbox::run_directory(&self.config.work_dir, agent, framework_id, &id, &container);
        let checkpoint = framework.checkpoint();
        let is_for_command = task.executor.is_none();
        let own_user = info.command.as_ref().and_then(|command| command.user.clone());
        let user = self.config.switch_user.then(|| own_user.unwrap_or_else(|| framework.info.user.clone()));
        let launch = Launch {
            container: container.clone(),
            agent: agent.clone(),
            framework: framework_id.clone(),
            executor: id.clone(),
            executor_info: info.clone(),
            task: is_for_command.then(|| task.clone()),
            volumes: volumes(&self.config.work_dir, &info.resources, &task.resources),
            resources: resources::sum(&info.resources, &task.resources),
            user,
            directory: directory.clone(),
            environment: executor_environment(&self.config, &info, agent, &directory, checkpoint),
            checkpoint,
        };
        let executor = Executor {
            id: id.clone(),
            framework: framework_id.clone(),
            info,
            container: container.clone(),
            directory,
            state: ExecutorState::Registering,
            stream: None,
            pid: None,
            is_for_command,
            queued: VecDeque::new(),
            launched: BTreeMap::new(),
            terminated: BTreeMap::new(),
            completed: VecDeque::new(),
            was_sent_a_task: false,
            pending_termination: None,
        };
        effects.change(Change::ExecutorAdded(Box::new(executor.entity())));
        framework.executors.insert(id.clone(), executor);
        self.containers.insert(container.clone(), (framework_id.clone(), id));
        let deadline = self.now.time + self.config.executor_registration_timeout;
        self.timers.set(Timer::ExecutorRegistration(container), deadline);
        effects.push(Effect::Launch(Box::new(launch)));
    }
}

/// The volumes that an executor and its first task use.
fn volumes(work_dir: &str, executor: &[v1::Resource], task: &[v1::Resource]) -> Vec<VolumeLink> {
    let link = |proto: &v1::Resource| {
        let container_path = proto.disk.as_ref()?.volume.as_ref()?.container_path.clone();
        let volume = volume_path(work_dir, &Resource::from_proto(proto).ok()?)?;
        Some(VolumeLink { path: volume.path, container_path })
    };
    executor.iter().chain(task).filter_map(link).collect()
}
