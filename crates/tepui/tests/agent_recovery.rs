//! `tepui agent` is killed at random moments, and keeps its promises.

use std::path::Path;

use tepui_testing::run_to_end;

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// How many times the agent is killed; `TEPUI_KILLS` asks for more.
const KILLS: &str = "10";

/// How many tasks of all kinds are run while the agent is killed; `TEPUI_TASKS` asks for more.
const TASKS: &str = "60";

/// Runs a script of `crates/bench`, which prints PASS as its last word.
fn check(script: &str, count: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench").join(script).display().to_string();
    let output = run_to_end("python3", &[script.as_str(), TEPUI, count]);
    assert!(output.stdout.lines().any(|line| line == "PASS"), "{output:#?}");
}

#[test]
fn a_killed_agent_loses_no_task_and_runs_none_twice() {
    let kills = std::env::var("TEPUI_KILLS").unwrap_or_else(|_| KILLS.to_owned());
    check("kill_agent.py", &kills);
}

#[test]
fn nothing_is_left_of_tasks_but_sandboxes_and_those_are_collected() {
    let is_root = run_to_end("id", &["-u"]).stdout.trim() == "0";
    if !is_root || !Path::new("/sys/fs/cgroup").exists() {
        return eprintln!("LEFT OUT: what is left of tasks: that needs root and cgroups");
    }
    let tasks = std::env::var("TEPUI_TASKS").unwrap_or_else(|_| TASKS.to_owned());
    check("leave_nothing.py", &tasks);
}
