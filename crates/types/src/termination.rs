//! How a container ended: the containerizer tells it, and the agent's core decides what it means for tasks.

use tepui_proto::v1;

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Termination {
    /// The wait status of its first process, as `wait(2)` encodes it, if it could be learned.
    pub status: Option<i32>,
    /// The state that its tasks get, if the containerizer knows better than `TASK_FAILED`.
    pub state: Option<v1::TaskState>,
    /// Why it was ended, if the containerizer did it.
    pub reason: Option<v1::task_status::Reason>,
    /// What the containerizer says about it.
    pub message: Option<String>,
    /// The resources whose limit it reached.
    pub limited_resources: Vec<v1::Resource>,
}
