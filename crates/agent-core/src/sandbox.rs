//! Where the folders of executors are. Operators and tools know these paths.

use tepui_types::{AgentId, ContainerId, ExecutorId, FrameworkId};

/// The folder of one run of an executor.
pub(crate) fn run_directory(
    work_dir: &str,
    agent: &AgentId,
    framework: &FrameworkId,
    executor: &ExecutorId,
    container: &ContainerId,
) -> String {
    let work_dir = work_dir.trim_end_matches('/');
    format!(
        "{work_dir}/slaves/{agent}/frameworks/{framework}/executors/{executor}/runs/{}",
        container.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_folder_that_mesos_gives_it() {
        let path = run_directory(
            "/var/lib/mesos/",
            &AgentId::new("m-S0"),
            &FrameworkId::new("f"),
            &ExecutorId::new("e"),
            &ContainerId::new("c"),
        );
        assert_eq!(path, "/var/lib/mesos/slaves/m-S0/frameworks/f/executors/e/runs/c");
    }
}
