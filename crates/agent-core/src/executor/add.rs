//! Starts an executor for its first task.

use tepui_proto::{Raw, v1};
use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId, Resource, Uuid};

use super::Executor;
use crate::agent::Agent;
use crate::change::Change;
use crate::config::Config;
use crate::effect::{Effect, Effects, Launch, VolumeLink};
use crate::environment::executor_environment;
use crate::operation::volume_path;
use crate::record::{Record, Run};
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
        tasks: &[Raw<v1::TaskInfo>],
        effects: &mut Effects,
    ) {
        let container = ContainerId::new(Uuid::random(&mut self.rng).to_string());
        let id = ExecutorId::from(&info.executor_id);
        let Some(framework) = self.frameworks.get_mut(framework_id) else { return };
        let directory = sandbox::run_directory(&self.config.work_dir, agent, framework_id, &id, &container);
        let checkpoint = framework.checkpoint();
        let task = tasks.first().filter(|task| task.executor.is_none() && task.command.is_some());
        let is_for_command = task.is_some() && info.r#type() != v1::executor_info::Type::Default;
        let run = Run { framework: framework_id.clone(), executor: id.clone(), container: container.clone() };
        let executor =
            Executor::registering(run.clone(), agent.clone(), info, directory, (checkpoint, is_for_command));
        if checkpoint {
            let info = Box::new(executor.info.clone());
            effects.record(Record::Executor { run, info, is_for_command });
        }
        effects.change(Change::ExecutorAdded(Box::new(executor.entity())));
        framework.executors.insert(id.clone(), executor);
        self.containers.insert(container.clone(), (framework_id.clone(), id));
        self.launch_executor(framework_id, &container, tasks, effects);
    }

    /// Has the container of an executor that is known launched for its first tasks.
    pub(super) fn launch_executor(
        &mut self,
        framework_id: &FrameworkId,
        container: &ContainerId,
        tasks: &[Raw<v1::TaskInfo>],
        effects: &mut Effects,
    ) {
        let Some(framework) = self.frameworks.get(framework_id) else { return };
        let Some((_, id)) = self.containers.get(container) else { return };
        let Some(executor) = framework.executors.get(id) else { return };
        let launch = executor.to_launch(&self.config, &framework.info, tasks);
        let deadline = self.now.time + self.config.executor_registration_timeout;
        self.timers.set(Timer::ExecutorRegistration(container.clone()), deadline);
        effects.push(Effect::Launch(Box::new(launch)));
    }
}

impl Executor {
    /// What its container is made of, with its first tasks.
    fn to_launch(
        &self,
        config: &Config,
        framework: &v1::FrameworkInfo,
        tasks: &[Raw<v1::TaskInfo>],
    ) -> Launch {
        let info = &self.info;
        let own_user = info.command.as_ref().and_then(|command| command.user.clone());
        let user = config.switch_user.then(|| own_user.unwrap_or_else(|| framework.user.clone()));
        let of_tasks: Vec<v1::Resource> = tasks.iter().flat_map(|task| &task.resources).cloned().collect();
        Launch {
            container: self.container.clone(),
            agent: self.agent.clone(),
            framework: self.framework.clone(),
            executor: self.id.clone(),
            executor_info: info.clone(),
            command: command(config, info),
            task: tasks.first().filter(|_| self.is_for_command).cloned(),
            volumes: volumes(&config.work_dir, &info.resources, &of_tasks),
            resources: resources::sum(&info.resources, &of_tasks),
            user,
            directory: self.directory.clone(),
            environment: executor_environment(config, info, &self.agent, &self.directory, self.checkpoint),
            checkpoint: self.checkpoint,
        }
    }
}

/// What runs in the container.
fn command(config: &Config, info: &v1::ExecutorInfo) -> v1::CommandInfo {
    if info.r#type() == v1::executor_info::Type::Default {
        return config.default_executor.clone();
    }
    info.command.clone().unwrap_or_default()
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
