//! A real Mesos 1.11.0 master drains our agent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use tepui_testing::{Daemon, Oracle, get, post, wait_for};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

#[test]
fn our_agent_is_drained_by_a_real_mesos_master() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let Some(oracle) = Oracle::start(folder.path()) else { return left_out() };
    let arguments = [
        format!("--master={}", oracle.address()),
        format!("--work_dir={}", folder.path().join("work").display()),
        format!("--runtime_dir={}", folder.path().join("run").display()),
        "--hostname=ours".to_owned(),
        "--resources=cpus:4;mem:4096;disk:1024".to_owned(),
    ];
    let arguments: Vec<&str> = ["agent"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let agent = Daemon::start(TEPUI, &arguments, folder.path());
    agent.wait_for_body("/metrics/snapshot", |body| body.contains("\"slave/registered\":1.0"));
    let mut execute = Command::new(TEPUI)
        .args(["execute", &format!("--master={}", oracle.address()), "--name=x", "--checkpoint"])
        .arg("--command=sleep 1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    let mut stderr = BufReader::new(execute.stderr.take().expect("it is piped"));
    let mut said = String::new();
    while !said.contains("TASK_RUNNING") {
        assert!(stderr.read_line(&mut said).expect("it is text") > 0, "it ended too soon:\n{said}");
    }
    let state = agent.wait_for_body("/state", |_| true);
    let state: serde_json::Value = serde_json::from_str(&state).expect("it is JSON");
    let call = serde_json::json!({
        "type": "DRAIN_AGENT",
        "drain_agent": { "agent_id": { "value": state["id"] }, "max_grace_period": { "nanoseconds": 1_000_000_000 } },
    });
    let answer = post(oracle.address(), "/api/v1", &call.to_string()).expect("the master answers");
    assert_eq!(answer.status, 200, "{answer:?}");
    stderr.read_to_string(&mut said).expect("it is text");
    assert!(said.contains("task `x` is TASK_KILLED"), "{said}");
    execute.wait().expect("it was started");
    wait_for("the agent to be drained", || {
        let state: serde_json::Value = serde_json::from_str(&get(oracle.address(), "/state")?.body).ok()?;
        let agents = state["slaves"].as_array()?;
        let ours = agents.iter().find(|agent| agent["hostname"] == "ours")?;
        (ours["drain_info"]["state"] == "DRAINED" && ours["deactivated"] == true).then_some(())
    });
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn left_out() {
    eprintln!("LEFT OUT: no real Mesos is installed: ../shared/oracle/setup.sh");
}
