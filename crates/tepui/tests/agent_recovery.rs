//! `tepui agent` is killed at random moments, and keeps its promises.

use std::path::Path;

use tepui_testing::run_to_end;

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// How many times the agent is killed; `TEPUI_KILLS` asks for more.
const KILLS: &str = "10";

#[test]
fn a_killed_agent_loses_no_task_and_runs_none_twice() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/kill_agent.py");
    let kills = std::env::var("TEPUI_KILLS").unwrap_or_else(|_| KILLS.to_owned());
    let script = script.display().to_string();
    let output = run_to_end("python3", &[script.as_str(), TEPUI, kills.as_str()]);
    assert!(output.stdout.lines().any(|line| line == "PASS"), "{output:#?}");
}
