//! `tepui master` and `tepui agent` as processes, with third-party clients.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tepui_testing::{Daemon, Oracle, Output, mesos_go, run_to_end};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// A master and an agent, and the folder that holds what they write.
struct Cluster {
    master: Daemon,
    agent: Daemon,
    folder: tempfile::TempDir,
}

fn cluster() -> Cluster {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let master = Daemon::start(TEPUI, &["master"], folder.path());
    let agent = agent(&master.address().to_string(), folder.path());
    master.wait_for_body("/metrics/snapshot", |body| body.contains("\"master/slaves_active\":1.0"));
    Cluster { master, agent, folder }
}

fn agent(master: &str, folder: &std::path::Path) -> Daemon {
    let work_dir = format!("--work_dir={}", folder.join("work").display());
    let runtime_dir = format!("--runtime_dir={}", folder.join("run").display());
    let master = format!("--master={master}");
    let resources = "--resources=cpus:4;mem:4096;disk:4096;ports:[31000-32000]";
    Daemon::start(TEPUI, &["agent", &master, &work_dir, &runtime_dir, resources], folder)
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn left_out(why: &str) {
    eprintln!("LEFT OUT: {why}");
}

fn passes(output: &Output, closing_line: &str) {
    assert!(output.stdout.lines().any(|line| line.contains(closing_line)), "{output:#?}");
}

fn run_mesos_go(codec: &str) {
    let cluster = cluster();
    let client = match mesos_go(cluster.folder.path()) {
        Ok(client) => client,
        Err(why) => return left_out(&why),
    };
    let url = format!("http://{}", cluster.master.address());
    passes(&run_to_end(client, &[&url, codec, "sleep 0.1", "3"]), "PASS");
}

#[test]
fn mesos_go_runs_tasks_in_protobuf() {
    run_mesos_go("protobuf");
}

#[test]
fn mesos_go_runs_tasks_in_json() {
    run_mesos_go("json");
}

/// A scheduler with mesos-go is killed while its task runs; one with its framework's id sees that task end and runs another.
fn mesos_go_comes_back(codec: &str) {
    let cluster = cluster();
    let client = match mesos_go(cluster.folder.path()) {
        Ok(client) => client,
        Err(why) => return left_out(&why),
    };
    let url = format!("http://{}", cluster.master.address());
    let marker = cluster.folder.path().join("end-it").display().to_string();
    let command = format!("while [ ! -e {marker} ]; do sleep 0.1; done");
    let mut first = Command::new(&client);
    first.args([&url, codec, &command, "2"]);
    let said = kill_when(&mut first, |line| line.starts_with("update mesos-go-0 TASK_RUNNING"));
    let framework = said.iter().find_map(|line| line.strip_prefix("subscribed ")).expect("it was subscribed");
    its_task_runs_on(&cluster);
    let second = Command::new(&client)
        .args([&url, codec, &command, "2", framework])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the client was built");
    cluster
        .master
        .wait_for_body("/metrics/snapshot", |body| body.contains("\"master/frameworks_active\":1.0"));
    std::fs::write(&marker, "").expect("the folder can be written");
    let output = second.wait_with_output().expect("it was started");
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = ["mesos-go-0 TASK_RUNNING", "mesos-go-0 TASK_FINISHED", "mesos-go-1 TASK_FINISHED"];
    for expected in expected {
        assert!(said.contains(&format!("update {expected}")), "{expected} is missing: {said}");
    }
    assert!(said.lines().any(|line| line == "PASS"), "{said}");
    it_is_torn_down(&cluster);
}

/// Starts a client, kills it (`SIGKILL`) when it says something, and returns all that it said until then.
fn kill_when(client: &mut Command, says: impl Fn(&str) -> bool) -> Vec<String> {
    let mut client = client.stdout(Stdio::piped()).spawn().expect("the client is installed");
    let mut said = Vec::new();
    let lines = BufReader::new(client.stdout.take().expect("it is piped")).lines();
    let found = lines.map_while(Result::ok).any(|line| {
        said.push(line);
        says(&said[said.len() - 1])
    });
    client.kill().expect("it was started");
    client.wait().expect("it was started");
    assert!(found, "the client ended without saying it: {said:#?}");
    said
}

/// The master waits for the framework whose scheduler was killed, and its task runs on.
fn its_task_runs_on(cluster: &Cluster) {
    cluster.master.wait_for_body("/metrics/snapshot", |body| {
        body.contains("\"master/frameworks_disconnected\":1.0")
            && body.contains("\"master/tasks_running\":1.0")
    });
}

fn it_is_torn_down(cluster: &Cluster) {
    cluster.master.wait_for_body("/metrics/snapshot", |body| {
        body.contains("\"master/frameworks_disconnected\":0.0")
            && body.contains("\"master/frameworks_active\":0.0")
            && body.contains("\"master/tasks_running\":0.0")
    });
}

#[test]
fn mesos_go_comes_back_after_it_was_killed_in_protobuf() {
    mesos_go_comes_back("protobuf");
}

#[test]
fn mesos_go_comes_back_after_it_was_killed_in_json() {
    mesos_go_comes_back("json");
}

#[test]
fn pymesos_comes_back_after_it_was_killed_and_its_executor_runs_on() {
    let Some(installed) = Oracle::folder() else {
        return left_out("pymesos is not installed: ../shared/oracle/setup.sh");
    };
    let cluster = cluster();
    let master = cluster.master.address().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pymesos_comes_back.py");
    let python = installed.join("py39/bin/python");
    let mut first = Command::new(&python);
    first.args([script, &master, "launch"]);
    let said = kill_when(&mut first, |line| line.starts_with("RUNNING "));
    let running = said.last().expect("it said so");
    its_task_runs_on(&cluster);
    let framework = running.trim_start_matches("RUNNING ");
    let output = run_to_end(python, &[script, &master, "come-back", framework]);
    passes(&output, "RESULT PASS TASK_RUNNING TASK_FINISHED TASK_RUNNING TASK_FINISHED");
    it_is_torn_down(&cluster);
}

#[test]
fn pymesos_runs_a_task_with_its_own_executor() {
    let (Some(installed), Some(scripts)) = (Oracle::folder(), Oracle::scripts()) else {
        return left_out("pymesos is not installed: ../shared/oracle/setup.sh");
    };
    let cluster = cluster();
    let script = scripts.join("pymesos_smoke.py").display().to_string();
    let python = installed.join("py39/bin/python");
    passes(&run_to_end(python, &[script, cluster.master.address().to_string()]), "PASS");
}

/// A command that runs a script with the old driver, where that is installed. The script may be one of the shared folder.
fn old_driver(script: &std::path::Path, arguments: &[&str]) -> Option<Command> {
    let (installed, scripts) = (Oracle::folder()?, Oracle::scripts()?);
    let mut command = Command::new(installed.join("py27/bin/python"));
    command
        .arg(scripts.join(script))
        .args(arguments)
        .env("LD_LIBRARY_PATH", installed.join("lib"))
        .env("LIBPROCESS_IP", "127.0.0.1")
        .stdin(Stdio::null());
    Some(command)
}

const NO_OLD_DRIVER: &str = "the old driver is not installed: ../shared/oracle/setup.sh";

#[test]
fn the_old_driver_runs_a_task() {
    let cluster = cluster();
    let master = cluster.master.address().to_string();
    let Some(mut client) = old_driver("v0_driver.py".as_ref(), &[&master]) else {
        return left_out(NO_OLD_DRIVER);
    };
    let output = client.output().expect("the script's interpreter is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.lines().any(|line| line.starts_with("RESULT PASS")), "{output:#?}");
}

#[test]
fn the_old_driver_comes_back_after_it_was_killed_and_its_task_runs_on() {
    let cluster = cluster();
    let master = cluster.master.address().to_string();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old_driver.py");
    let Some(mut first) = old_driver(&script, &[&master, "launch"]) else {
        return left_out(NO_OLD_DRIVER);
    };
    let said = kill_when(&mut first, |line| line.starts_with("RUNNING "));
    let framework = said.last().and_then(|running| running.split_whitespace().nth(1)).expect("it said so");
    its_task_runs_on(&cluster);
    // And after it the new task's states.
    let ended = "RESULT PASS TASK_RUNNING TASK_FINISHED TASK_";
    let second = old_driver(&script, &[&master, "come-back", framework]).unwrap().output().unwrap();
    let said = String::from_utf8_lossy(&second.stdout);
    assert!(
        said.lines().any(|line| line.starts_with(ended) && line.ends_with("TASK_FINISHED")),
        "{second:#?}"
    );
    it_is_torn_down(&cluster);
}

#[test]
fn our_agent_runs_tasks_of_a_real_mesos_master() {
    let folder = tempfile::tempdir().unwrap();
    let Some(oracle) = Oracle::start(folder.path()) else {
        return left_out("no real Mesos is installed: ../shared/oracle/setup.sh");
    };
    let agent = agent(&oracle.address().to_string(), folder.path());
    agent.wait_for_body("/metrics/snapshot", |body| body.contains("\"slave/registered\":1.0"));
    let client = match mesos_go(folder.path()) {
        Ok(client) => client,
        Err(why) => return left_out(&why),
    };
    let url = format!("http://{}", oracle.address());
    passes(&run_to_end(client, &[&url, "json", "sleep 0.1", "2"]), "PASS");
}

#[test]
fn an_agent_s_end_is_noticed_and_leaves_nothing_running() {
    let cluster = cluster();
    let marker = format!("8{:06}.5", std::process::id());
    let master = format!("--master={}", cluster.master.address());
    let command = format!("--command=sleep {marker}");
    let mut client = Command::new(TEPUI)
        .args(["execute", &master, "--name=long", &command])
        .spawn()
        .expect("the binary runs");
    tepui_testing::wait_for("the task to run", || is_running(&marker).then_some(()));
    assert!(cluster.agent.terminate().success());
    tepui_testing::wait_for("the task to end", || (!is_running(&marker)).then_some(()));
    cluster.master.wait_for_body("/metrics/snapshot", |body| body.contains("\"master/slaves_active\":0.0"));
    client.kill().unwrap();
    client.wait().unwrap();
    cluster
        .master
        .wait_for_body("/metrics/snapshot", |body| body.contains("\"master/frameworks_active\":0.0"));
    assert!(cluster.master.terminate().success());
}

/// Whether some process is `sleep MARKER`.
fn is_running(marker: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("Linux has /proc");
    processes.filter_map(Result::ok).any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        command.starts_with(b"sleep\0") && String::from_utf8_lossy(&command).contains(marker)
    })
}

#[test]
fn a_port_in_use_is_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--port={}", taken.local_addr().unwrap().port());
    let output = run_to_end(TEPUI, &["master", "--ip=127.0.0.1", &port]);
    assert_ne!(output.code, Some(0));
    assert!(output.stderr.contains("in use"), "{output:#?}");
}

#[test]
fn flags_that_cannot_be_honoured_are_refused_with_their_effect() {
    let output = run_to_end(TEPUI, &["master", "--modules=/etc/modules.json"]);
    assert_eq!(output.code, Some(2), "{output:#?}");
    assert!(output.stderr.contains("C++ modules cannot be loaded"), "{output:#?}");
    let output =
        run_to_end(TEPUI, &["agent", "--work_dir=/tmp/x", "--resources=cpus:four", "--master=127.0.0.1:1"]);
    assert_ne!(output.code, Some(0), "{output:#?}");
    assert!(output.stderr.contains("four"), "{output:#?}");
}
