//! `tepui agent` takes over the work folder of a real Mesos agent that was killed, with its running task.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tepui_testing::{Daemon, Oracle, OracleAgent, wait_for};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// The old driver with a framework that checkpoints; `launch COMMAND` or `come-back FRAMEWORK`.
fn scheduler(installed: &Path, master: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(installed.join("py27/bin/python"));
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_driver.py"))
        .arg(master)
        .args(arguments)
        .env("LD_LIBRARY_PATH", installed.join("lib"))
        .env("LIBPROCESS_IP", "127.0.0.1")
        .stdin(Stdio::null());
    command
}

/// The process that is a shell with this command.
fn shell_with(command: &str) -> Option<u32> {
    let is_it = |folder: &PathBuf| {
        let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
        line.starts_with(b"/bin/sh\0-c\0") && String::from_utf8_lossy(&line).contains(command)
    };
    let found = std::fs::read_dir("/proc").expect("Linux has /proc").flatten().map(|entry| entry.path());
    found.filter(is_it).find_map(|folder| folder.file_name()?.to_str()?.parse().ok())
}

/// Whether the parent of a process waits for a child. The reference's executor tells that its task runs before it waits for
/// it, and loses it if its agent is killed in between.
fn is_awaited(process: u32) -> Option<()> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).ok()?.flatten();
    let waits =
        |thread: PathBuf| std::fs::read_to_string(thread.join("wchan")).is_ok_and(|at| at == "do_wait");
    threads.into_iter().any(|thread| waits(thread.path())).then_some(())
}

#[test]
fn the_task_of_a_killed_mesos_agent_goes_on_and_finishes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let Some(mut reference) = OracleAgent::start(folder.path()) else { return left_out() };
    let installed = Oracle::folder().expect("it is installed, it was just started");
    let go_on = folder.path().join("go-on");
    let command = format!("until test -e {}; do sleep 0.05; done", go_on.display());
    let mut first = scheduler(&installed, &reference.address().to_string(), &["launch", &command])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script's interpreter is installed");
    let said = BufReader::new(first.stdout.take().expect("it is piped"));
    let running = said.lines().map_while(Result::ok).find(|line| line.starts_with("RUNNING "));
    let framework = running.expect("the task runs").split_whitespace().nth(1).unwrap().to_owned();
    let process = wait_for("the task's process", || shell_with(&command));
    wait_for("its executor to await it", || is_awaited(process));
    first.kill().unwrap();
    first.wait().unwrap();
    reference.kill();
    assert_eq!(shell_with(&command), Some(process), "it outlives the agent");

    let master = Daemon::start(TEPUI, &["master"], folder.path());
    let arguments = [
        format!("--master={}", master.address()),
        format!("--work_dir={}", reference.work_dir().display()),
        format!("--runtime_dir={}", folder.path().join("run").display()),
        format!("--resources={}", OracleAgent::RESOURCES),
        "--executor_reregistration_timeout=60secs".to_owned(),
    ];
    let arguments: Vec<&str> = ["agent"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let port = reference.address().port().to_string();
    let agent = Daemon::start_at(TEPUI, &arguments, folder.path(), &port);
    agent.wait_for_body("/metrics/snapshot", |body| {
        body.contains("\"slave/registered\":1.0") && body.contains("\"slave/tasks_running\":1.0")
    });
    assert_eq!(shell_with(&command), Some(process), "the same process goes on");
    let second = scheduler(&installed, &master.address().to_string(), &["come-back", &framework])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the script's interpreter is installed");
    master.wait_for_body("/metrics/snapshot", |body| body.contains("\"master/frameworks_active\":1.0"));
    assert_eq!(shell_with(&command), Some(process), "the same process goes on");
    std::fs::write(&go_on, "").expect("the folder can be written to");
    let output = second.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.lines().any(|line| line.starts_with("RESULT PASS") && line.ends_with("TASK_FINISHED")),
        "{said}"
    );
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn left_out() {
    eprintln!("LEFT OUT: no real Mesos is installed: ../shared/oracle/setup.sh");
}
