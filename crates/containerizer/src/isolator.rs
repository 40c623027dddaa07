//! Isolators: each holds containers to one thing that they were promised, or shows them one thing that they asked for.
//!
//! An isolator adds to the [`Plan`] of a container's first process, changes limits, measures, watches, and cleans up.
//! `--isolation` chooses them by Mesos' names; the table is in `set`.

pub(crate) mod cgroups;
mod disk;
mod filesystem;
mod linux;
mod namespaces;
mod network;
mod posix;
mod set;
mod volume;

use std::fmt::Debug;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tepui_proto::v1;

pub(crate) use set::Isolators;
pub use set::{IsolationError, IsolationSettings};

use crate::launcher::Plan;
use crate::{ContainerConfig, LaunchError};

/// One kind of isolation. All calls may block.
pub(crate) trait Isolator: Debug + Send + Sync {
    /// Its name in `--isolation`.
    fn name(&self) -> &'static str;

    /// Makes ready what the container needs, and adds to the plan of its first process.
    fn prepare(&self, _: &ContainerConfig, _: &mut Plan) -> Result<(), LaunchError> {
        Ok(())
    }

    /// Holds a running container to what its resources and limits have become.
    fn update(&self, _: &ContainerConfig) -> io::Result<()> {
        Ok(())
    }

    /// Adds what the container uses.
    fn usage(&self, _: &ContainerConfig, _pid: Option<u32>, _: &mut v1::ResourceStatistics) {}

    /// Adds what the container is.
    fn status(&self, _: &ContainerConfig, _: &mut v1::ContainerStatus) {}

    /// Completes when a running container reaches a limit for which it must end. Called on the runtime.
    fn watch(&self, _: &ContainerConfig, _: &Latest) -> Option<Watch> {
        None
    }

    /// Whether the container, which has ended, reached a limit. What was watched for may not have been seen in time.
    fn limitation(&self, _: &ContainerConfig) -> Option<Limitation> {
        None
    }

    /// Removes what `prepare` made. All processes are gone; may come for a container that was never prepared.
    fn clean(&self, _: &ContainerConfig) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for a limit to be reached; never completes if it is not.
pub(crate) type Watch = Pin<Box<dyn Future<Output = Limitation> + Send>>;

/// Gives what a container is promised by now; `None` once it is gone.
pub(crate) type Latest = Arc<dyn Fn() -> Option<Arc<ContainerConfig>> + Send + Sync>;

/// A limit that a container reached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limitation {
    /// The resource, with what was used of it.
    pub(crate) resources: Vec<v1::Resource>,
    /// What happened, for people.
    pub(crate) message: String,
    /// What happened, for programs.
    pub(crate) reason: v1::task_status::Reason,
}

impl Limitation {
    /// A limit of a scalar resource.
    #[expect(deprecated, reason = "resources of limits have the older form of the role, as Mesos' have")]
    pub(crate) fn scalar(name: &str, used: f64, message: String, reason: v1::task_status::Reason) -> Self {
        let resource = v1::Resource {
            name: name.to_owned(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar { value: used }),
            role: Some("*".to_owned()),
            ..v1::Resource::default()
        };
        Self { resources: vec![resource], message, reason }
    }
}

/// A failure of an isolator's step.
pub(crate) fn failed(
    isolator: &'static str,
    step: impl Into<String>,
) -> impl FnOnce(io::Error) -> LaunchError {
    let step = step.into();
    move |source| LaunchError::Isolate { isolator, step, source }
}

/// How much of a scalar resource a container is promised, over all roles.
pub(crate) fn promised(config: &ContainerConfig, name: &str) -> Option<f64> {
    let amounts = config.resources.iter().filter(|resource| resource.name == name && resource.disk.is_none());
    let mut amounts = amounts.filter_map(|resource| resource.scalar.as_ref()).map(|scalar| scalar.value);
    let first = amounts.next()?;
    Some(amounts.fold(first, |sum, amount| sum + amount))
}
