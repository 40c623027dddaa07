//! Containers that the agent's API asks for: nested in others, or standing alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tepui_proto::v1;
use tepui_types::ContainerId;

use crate::sandbox::create_folder;
use crate::{ContainerClass, ContainerConfig, Containerizer, LaunchError, Launched, SandboxError};

/// A container that is started by a call of the agent's API.
#[derive(Clone, Debug)]
pub struct NestedLaunch {
    /// Its id. Without a parent it stands alone.
    pub container_id: ContainerId,
    /// What to run.
    pub command: v1::CommandInfo,
    /// What the container is to be allowed and to see.
    pub container: Option<v1::ContainerInfo>,
    /// What kind of container it is.
    pub class: ContainerClass,
    /// Whom it runs as; if absent, as its parent.
    pub user: Option<String>,
    /// The resources that it is promised.
    pub resources: Vec<v1::Resource>,
    /// What it may use at most, by the resource's name.
    pub limits: BTreeMap<String, f64>,
}

impl Containerizer {
    /// Makes the sandbox of a container and starts it. A nested one's is below that of its outermost parent:
    /// `<sandbox>/containers/<id>`, once more for each level. One that stands alone has it below `work_dir`.
    pub async fn launch_nested(
        &self,
        launch: NestedLaunch,
        work_dir: &Path,
    ) -> Result<Launched, LaunchError> {
        let id = &launch.container_id;
        if self.is_running(id) {
            return Err(LaunchError::Exists(id.clone()));
        }
        let parent = match id.parent() {
            Some(parent) => Some(self.config(parent).ok_or_else(|| LaunchError::NoParent(parent.clone()))?),
            None => None,
        };
        let sandbox = self.nested_sandbox(id, work_dir)?;
        let config = configure(launch, sandbox, parent.as_deref());
        let (folder, user) = (config.sandbox.clone(), config.user.clone());
        let made = tokio::task::spawn_blocking(move || create_folder(&folder, user.as_deref())).await;
        made.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
        self.launch(config).await
    }

    fn nested_sandbox(&self, id: &ContainerId, work_dir: &Path) -> Result<PathBuf, LaunchError> {
        let root = id.root();
        if root == id {
            return Ok(work_dir.join("containers").join(id.as_str()));
        }
        let config = self.config(root).ok_or_else(|| LaunchError::NoParent(root.clone()))?;
        Ok(below(&config.sandbox, id))
    }
}

/// The folder of a nested container below the sandbox of its outermost parent.
fn below(root: &Path, id: &ContainerId) -> PathBuf {
    match id.parent() {
        Some(parent) => below(root, parent).join("containers").join(id.as_str()),
        None => root.to_owned(),
    }
}

/// What the container is started from, with what it has of its parent.
fn configure(launch: NestedLaunch, sandbox: PathBuf, parent: Option<&ContainerConfig>) -> ContainerConfig {
    let NestedLaunch { container_id, command, container, class, user, resources, limits } = launch;
    let is_standalone = container_id.parent().is_none();
    let mut config = ContainerConfig {
        container,
        class,
        user: user.or_else(|| parent.and_then(|parent| parent.user.clone())),
        resources,
        limits,
        is_standalone,
        ..ContainerConfig::new(container_id, command, sandbox)
    };
    if class == ContainerClass::Debug
        && let Some(parent) = parent
    {
        // It looks at the parent's world: the environment, the folder, and the sandbox that is named there.
        config.environment = parent.environment.clone();
        for variable in parent.command.environment.iter().flat_map(|environment| &environment.variables) {
            if let Some(value) = &variable.value {
                config.environment.insert(variable.name.clone(), value.clone());
            }
        }
        let directory = parent.directory.clone().unwrap_or_else(|| parent.sandbox.clone());
        config.environment.insert("MESOS_SANDBOX".to_owned(), directory.to_string_lossy().into_owned());
        config.directory = Some(directory);
    }
    config
}

impl Containerizer {
    /// Whether the container is launched or being launched, and has not ended.
    pub fn is_running(&self, id: &ContainerId) -> bool {
        let state = self.shared.lock();
        state.containers.get(id).is_some_and(|container| container.ended.borrow().is_none())
    }
}

/// A sandbox that could not be made is a launch that failed.
impl From<SandboxError> for LaunchError {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(id: ContainerId, class: ContainerClass) -> NestedLaunch {
        NestedLaunch {
            container_id: id,
            command: v1::CommandInfo::default(),
            container: None,
            class,
            user: None,
            resources: Vec::new(),
            limits: BTreeMap::new(),
        }
    }

    fn parent() -> ContainerConfig {
        let mut parent = ContainerConfig::new(ContainerId::new("a"), v1::CommandInfo::default(), "/parent");
        parent.user = Some("web".to_owned());
        parent.environment.insert("A".to_owned(), "1".to_owned());
        parent
    }

    #[test]
    fn sandboxes_are_nested_as_containers_are() {
        let id = ContainerId::new("a").child("b").child("c");
        assert_eq!(below(Path::new("/s"), &id), Path::new("/s/containers/b/containers/c"));
    }

    #[test]
    fn a_nested_container_has_its_parents_user_and_not_its_environment() {
        let nested = launch(ContainerId::new("a").child("b"), ContainerClass::Default);
        let config = configure(nested, "/parent/containers/b".into(), Some(&parent()));
        assert_eq!(config.user.as_deref(), Some("web"));
        assert!(config.environment.is_empty() && config.directory.is_none() && !config.is_standalone);
    }

    #[test]
    fn a_debug_container_sees_what_its_parent_sees() {
        let nested = launch(ContainerId::new("a").child("b"), ContainerClass::Debug);
        let config = configure(nested, "/parent/containers/b".into(), Some(&parent()));
        assert_eq!(config.environment["A"], "1");
        assert_eq!(config.environment["MESOS_SANDBOX"], "/parent");
        assert_eq!(config.directory.as_deref(), Some(Path::new("/parent")));
    }
}
