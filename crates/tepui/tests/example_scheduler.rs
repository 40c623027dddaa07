//! The client library's example scheduler, against a real local cluster.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

#[expect(dead_code, reason = "its `main` is that of the example")]
#[path = "../../client/examples/run_task.rs"]
mod run_task;

/// Far longer than it takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);

#[test]
fn the_example_scheduler_runs_its_task_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (done, tried) = (folder.path().join("done"), folder.path().join("tried"));
    let mut cluster = Command::new(env!("CARGO_BIN_EXE_tepui"))
        .args(["local", "--port=0", "--work_dir"])
        .arg(folder.path().join("work"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Fails at first, so that the scheduler has to start it again.
    let command =
        format!("test -e {0} || {{ touch {0}; exit 1; }}; touch {1}", tried.display(), done.display());
    // Nobody reads its stderr after this, which must do no harm.
    let lines = BufReader::new(cluster.stderr.take().unwrap()).lines();
    let master = lines.map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("http://")?;
        Some(rest.split('/').next()?.to_owned())
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = |master: String| async move {
        let ran = tokio::time::timeout(DEADLINE, run_task::run(master.parse().unwrap(), &command)).await;
        ran.map_err(|_| "the task did not end in time")?
    };
    let result = master.map(|master| runtime.block_on(run(master)));
    cluster.kill().unwrap();
    cluster.wait().unwrap();
    result.expect("the cluster says where its master is").unwrap();
    assert!(done.exists());
}
