//! What a re-registering agent says that it runs, checked.
//!
//! A report is believed as far as it agrees with itself. A bad one is refused as a whole: a poisoned report must not
//! bring down every master that it reaches.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::{Raw, internal, v1};
use tepui_types::{AgentId, ExecutorId, FrameworkId, Resources, TaskId, validate_id};

use crate::framework::{Capabilities, roles};
use crate::master::Frameworks;
use crate::task::Task;
use crate::validation;

/// The frameworks, executors and tasks of an agent.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) frameworks: BTreeMap<FrameworkId, v1::FrameworkInfo>,
    pub(crate) executors: Vec<ReportedExecutor>,
    pub(crate) tasks: Vec<ReportedTask>,
}

/// An executor that an agent has.
#[derive(Debug)]
pub(crate) struct ReportedExecutor {
    pub(crate) framework: FrameworkId,
    pub(crate) id: ExecutorId,
    pub(crate) info: Raw<v1::ExecutorInfo>,
    pub(crate) resources: Resources,
}

/// A task that an agent has.
#[derive(Debug)]
pub(crate) struct ReportedTask {
    pub(crate) framework: FrameworkId,
    pub(crate) id: TaskId,
    pub(crate) task: Task,
    pub(crate) entity: Box<v1::Task>,
}

impl Report {
    /// Reads the report in a message of this agent, which knows its own id. The texts of ids are shared with those that are
    /// `known`, and within the report.
    pub(crate) fn read(
        agent: &AgentId,
        message: &mut internal::ReregisterSlaveMessage,
        known: &Frameworks,
    ) -> Result<Self, String> {
        let mut report = Self::default();
        for info in std::mem::take(&mut message.frameworks) {
            report.add_framework(info, known)?;
        }
        let mut seen = BTreeSet::new();
        for info in std::mem::take(&mut message.executor_infos) {
            let executor = report.read_executor(info)?;
            if !seen.insert((executor.framework.clone(), executor.id.clone())) {
                let (framework, id) = (executor.framework, executor.id);
                return Err(format!("Framework '{framework}' has a duplicate ExecutorID '{id}'"));
            }
            report.executors.push(executor);
        }
        report.tasks.reserve_exact(message.tasks.len());
        for task in std::mem::take(&mut message.tasks) {
            let task = report.read_task(Box::new(task), agent)?;
            report.tasks.push(task);
        }
        match report.duplicate_task() {
            Some(task) => Err(format!("Task has a duplicate TaskID '{task}'")),
            None => Ok(report),
        }
    }

    fn duplicate_task(&self) -> Option<&TaskId> {
        let mut ids: Vec<(&FrameworkId, &TaskId)> =
            self.tasks.iter().map(|task| (&task.framework, &task.id)).collect();
        ids.sort_unstable();
        ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].1)
    }

    fn add_framework(&mut self, info: v1::FrameworkInfo, known: &Frameworks) -> Result<(), String> {
        validation::framework::validate(&info)?;
        let id = info.id.as_ref().map(|id| known.id(id)).ok_or("a framework has no id")?;
        if self.frameworks.insert(id.clone(), info).is_some() {
            return Err(format!("Framework has a duplicate FrameworkID: '{id}'"));
        }
        Ok(())
    }

    fn read_executor(&self, info: Raw<v1::ExecutorInfo>) -> Result<ReportedExecutor, String> {
        validation::executor::validate_shape(&info)?;
        let framework = info.framework_id.as_ref().map_or("", |id| &id.value);
        let Some((framework, owner)) = self.frameworks.get_key_value(framework) else {
            return Err(format!("Executor has an invalid FrameworkID '{framework}'"));
        };
        let resources = allocated(&info.resources, owner)?;
        let framework = framework.clone();
        Ok(ReportedExecutor { framework, id: ExecutorId::from(&info.executor_id), info, resources })
    }

    fn read_task(&self, mut entity: Box<v1::Task>, agent: &AgentId) -> Result<ReportedTask, String> {
        validate_id(&entity.task_id.value).map_err(|error| format!("Task has an invalid TaskID: {error}"))?;
        if entity.agent_id.value != agent.as_str() {
            return Err(format!("Task has an invalid SlaveID '{}'", entity.agent_id.value));
        }
        let Some((framework, owner)) = self.frameworks.get_key_value(entity.framework_id.value.as_str())
        else {
            return Err(format!("Task has an invalid FrameworkID '{}'", entity.framework_id.value));
        };
        let resources = allocated(&entity.resources, owner)
            .map_err(|error| format!("Task uses invalid resources: {error}"))?;
        if !resources.are_written_as(&entity.resources) {
            entity.resources = resources.to_protos();
        }
        let id = TaskId::from(&entity.task_id);
        let task = Task::reported(&entity, agent.clone(), resources)
            .ok_or_else(|| format!("Task '{id}' has an unknown state"))?;
        Ok(ReportedTask { framework: framework.clone(), id, task, entity })
    }

    /// What each framework uses, by what holds resources.
    pub(crate) fn used(&self) -> BTreeMap<FrameworkId, Resources> {
        let mut used: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for executor in &self.executors {
            *used.entry(executor.framework.clone()).or_default() += &executor.resources;
        }
        for task in self.tasks.iter().filter(|task| task.task.holds_resources()) {
            *used.entry(task.framework.clone()).or_default() += &task.task.resources;
        }
        used
    }
}

/// Reads resources in use. Agents of old versions do not say which role they were allocated to.
fn allocated(resources: &[v1::Resource], framework: &v1::FrameworkInfo) -> Result<Resources, String> {
    let mut resources = Resources::from_protos(resources).map_err(|error| error.to_string())?;
    if resources.iter().any(|resource| resource.allocation_role().is_none()) {
        let roles = roles(framework);
        let (Some(role), true) = (roles.first(), roles.len() == 1 || !Capabilities::of(framework).multi_role)
        else {
            return Err(format!("resources of framework '{}' are not allocated to a role", framework.name));
        };
        resources.allocate(role.as_str());
    }
    Ok(resources)
}
