//! `tepui local --execute`: the first thing that a newcomer tries.

use tepui_testing::{Output, run_to_end};

fn local(command: &[&str]) -> Output {
    let arguments: Vec<&str> = ["local"].iter().chain(command).copied().collect();
    run_to_end(env!("CARGO_BIN_EXE_tepui"), &arguments)
}

#[test]
fn a_task_s_output_and_states_are_shown() {
    let output = local(&["--execute", "echo hello from $(hostname); echo oops >&2"]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(output.stdout.contains("hello from "), "{output:?}");
    assert!(output.stderr.contains("oops"), "{output:?}");
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        assert!(output.stderr.contains(state), "{output:?}");
    }
}

#[test]
fn a_task_s_failure_is_the_command_s_failure() {
    let output = local(&["--execute", "exit 3"]);
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.stderr.contains("Command exited with status 3"), "{output:?}");
}

#[test]
fn a_task_that_a_signal_ends_fails() {
    let output = local(&["--execute", "kill -KILL $$"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("TASK_FAILED"), "{output:?}");
}

#[test]
fn a_task_that_fits_nowhere_is_explained() {
    let output = local(&["--execute", "true", "--task-resources", "cpus:1000000"]);
    assert_ne!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("cpus:1000000"), "{output:?}");
}

#[test]
fn malformed_resources_are_explained() {
    let output = local(&["--execute", "true", "--resources", "cpus:four"]);
    assert_ne!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains("four"), "{output:?}");
}

#[test]
fn an_unknown_flag_is_explained() {
    let output = local(&["--exceute", "true"]);
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("--exceute") && output.stderr.contains("--execute"), "{output:?}");
}

#[test]
fn executing_without_a_master_is_explained() {
    let port = tepui_testing::free_port();
    let master = format!("--master=127.0.0.1:{port}");
    let arguments = ["execute", &master, "--name=x", "--command=true"];
    let output = run_to_end(env!("CARGO_BIN_EXE_tepui"), &arguments);
    assert_ne!(output.code, Some(0), "{output:?}");
    assert!(output.stderr.contains(&format!("127.0.0.1:{port}")), "{output:?}");
}
