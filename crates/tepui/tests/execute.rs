//! `tepui execute` against a master and an agent: URIs, checks, kills, task groups.

use std::io::{Read, Write};

use tepui_testing::{Daemon, Output, Started, run_to_end};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

/// A master and an agent, and the folder that holds what they write.
struct Cluster {
    master: Daemon,
    agent: Daemon,
    folder: tempfile::TempDir,
}

fn cluster() -> Cluster {
    cluster_with(&[])
}

/// A cluster whose agent has these flags, too.
fn cluster_with(flags: &[&str]) -> Cluster {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let master = Daemon::start(TEPUI, &["master"], folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let arguments = [
        format!("--master={}", master.address()),
        format!("--work_dir={}", path("work")),
        format!("--runtime_dir={}", path("run")),
        format!("--fetcher_cache_dir={}", path("cache")),
        "--resources=cpus:4;mem:4096;disk:4096".to_owned(),
    ];
    let arguments = arguments.iter().map(String::as_str).chain(flags.iter().copied());
    let arguments: Vec<&str> = ["agent"].into_iter().chain(arguments).collect();
    let agent = Daemon::start(TEPUI, &arguments, folder.path());
    master.wait_for_body("/metrics/snapshot", |body| body.contains("\"master/slaves_active\":1.0"));
    Cluster { master, agent, folder }
}

impl Cluster {
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let master = format!("--master={}", self.master.address());
        ["execute", &master].iter().chain(more).map(|&argument| argument.to_owned()).collect()
    }

    fn execute(&self, more: &[&str]) -> Output {
        run_to_end(TEPUI, &self.arguments(more))
    }

    /// Starts the command and waits until it has said this.
    fn start(&self, more: &[&str], until: &str) -> Started {
        Started::until(TEPUI, &self.arguments(more), until)
    }
}

const RESOURCES: &str = r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},
    {"name":"mem","type":"SCALAR","scalar":{"value":64}},{"name":"disk","type":"SCALAR","scalar":{"value":32}}]"#;

fn task(id: &str, command: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!(",{more}") };
    format!(
        r#"{{"name":"{id}","task_id":{{"value":"{id}"}},"command":{{"value":"{command}"}},{RESOURCES}{more}}}"#
    )
}

fn last_line(output: &str) -> &str {
    output.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn a_health_check_is_shown_and_an_unhealthy_task_is_killed() {
    let cluster = cluster();
    let marker = cluster.folder.path().join("sick").display().to_string();
    let check = format!(
        r#""health_check":{{"type":"COMMAND","command":{{"value":"test ! -e {marker}"}},"delay_seconds":0,
            "interval_seconds":0.05,"grace_period_seconds":0,"consecutive_failures":2}}"#
    );
    let task = format!("--task={}", task("sick", &format!("sleep 0.5; touch {marker}; sleep 1000"), &check));
    let output = cluster.execute(&[&task]);
    assert_ne!(output.code, Some(0), "{output:#?}");
    let said = |text: &str| output.stderr.find(text).unwrap_or_else(|| panic!("`{text}`: {output:#?}"));
    assert!(said("task `sick` is healthy") < said("task `sick` is not healthy"), "{output:#?}");
    said("task `sick` is TASK_KILLING");
    assert!(last_line(&output.stderr).contains("was killed because it was not healthy"), "{output:#?}");
}

#[test]
fn checks_are_shown() {
    let cluster = cluster();
    let port = tepui_testing::free_port();
    let check = format!(
        r#""check":{{"type":"TCP","tcp":{{"port":{port}}},"delay_seconds":0,"interval_seconds":0.05}}"#
    );
    let command = format!("sleep 0.5; exec python3 -m http.server --bind 127.0.0.1 {port}");
    let task = format!("--task={}", task("served", &command, &check));
    let started = cluster.start(&[&task], "the check of task `served` could connect");
    assert!(started.said().contains("could not connect"), "{}", started.said());
    started.signal("-INT");
    let (said, code) = started.end();
    assert_ne!(code, Some(0), "{said}");
}

#[test]
fn an_interrupt_kills_with_grace() {
    let cluster = cluster();
    let policy = r#""kill_policy":{"grace_period":{"nanoseconds":60000000000}}"#;
    let task = task("graceful", "trap 'echo bye; exit 5' TERM; echo ready; sleep 1000 & wait", policy);
    let started = cluster.start(&[&format!("--task={task}")], "TASK_RUNNING");
    // The trap is set when the task says so.
    let sandboxes = cluster.folder.path().join("work");
    tepui_testing::wait_for("the task's first words", || {
        let found = run_to_end("grep", &["-rl", "ready", &sandboxes.display().to_string()]);
        (found.code == Some(0)).then_some(())
    });
    started.signal("-INT");
    let (said, code) = started.end();
    assert!(said.contains("TASK_KILLED: Command exited with status 5"), "{said}");
    assert_eq!(code, Some(5), "{said}");
}

#[test]
fn a_task_that_takes_too_long_is_explained() {
    let cluster = cluster();
    let limit = r#""max_completion_time":{"nanoseconds":300000000}"#;
    let output = cluster.execute(&[&format!("--task={}", task("slow", "sleep 1000", limit))]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(last_line(&output.stderr).contains("was killed because it took too long"), "{output:#?}");
}

#[test]
fn uris_are_fetched_before_the_task_starts() {
    let cluster = cluster();
    let file = cluster.folder.path().join("greeting");
    std::fs::write(&file, "hello from a file\n").expect("the folder can be written to");
    let uris = format!(
        r#"{{"value":"file://{0}","output_file":"in/side"}},{{"value":"{0}","executable":true,"cache":true}}"#,
        file.display()
    );
    let task = task("fetching", "cat in/side; test -x greeting && echo executable", "").replacen(
        r#""command":{"#,
        &format!(r#""command":{{"uris":[{uris}],"#),
        1,
    );
    let output = cluster.execute(&[&format!("--task={task}")]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains("hello from a file\nexecutable\n"), "{output:#?}");
    let metrics = cluster.agent.wait_for_body("/metrics/snapshot", |_| true);
    assert!(metrics.contains("\"containerizer/fetcher/task_fetches_succeeded\":1"), "{metrics}");
    assert!(metrics.contains("\"containerizer/fetcher/cache_size_used_bytes\":18"), "{metrics}");
}

#[test]
fn a_uri_that_cannot_be_fetched_is_named() {
    let cluster = cluster();
    let task = task("fetching", "true", "").replacen(
        r#""command":{"#,
        r#""command":{"uris":[{"value":"file:///no/such/file"}],"#,
        1,
    );
    let output = cluster.execute(&[&format!("--task={task}")]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(last_line(&output.stderr).contains("`file:///no/such/file`"), "{output:#?}");
}

#[test]
fn a_session_looks_into_a_running_task() {
    let cluster = cluster();
    let task = task("long", "export SEEN=here; echo made > file; sleep 1000", "");
    let started = cluster.start(&[&format!("--task={task}")], "TASK_RUNNING");
    let state = cluster.agent.wait_for_body("/state", |body| body.contains("\"container\":\""));
    let container = state.split("\"container\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let command = "until test -e file; do :; done; cat file; echo oops >&2; exit 3";
    let call = format!(
        r#"{{"type":"LAUNCH_NESTED_CONTAINER_SESSION","launch_nested_container_session":{{"container_id":{{
            "value":"look","parent":{{"value":"{container}"}}}},"command":{{"value":"{command}"}}}}}}"#
    );
    let mut socket = std::net::TcpStream::connect(cluster.agent.address()).unwrap();
    let head = format!(
        "POST /api/v1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Accept: application/recordio\r\nMessage-Accept: application/json\r\nContent-Length: {}\r\n\r\n",
        call.len()
    );
    socket.write_all(format!("{head}{call}").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // `made\n` and `oops\n`, in base64.
    for said in [r#""type":"STDOUT","data":"bWFkZQo=""#, r#""type":"STDERR","data":"b29wcwo=""#] {
        assert!(answer.contains(said), "{said}: {answer}");
    }
    let wait = format!(
        r#"{{"type":"WAIT_CONTAINER","wait_container":{{"container_id":{{"value":"look","parent":{{"value":"{container}"}}}}}}}}"#
    );
    let ended = tepui_testing::post(cluster.agent.address(), "/api/v1", &wait).unwrap();
    assert!(ended.body.contains("\"exit_status\":768"), "{ended:?}");
    started.signal("-INT");
    started.end();
}

/// Runs two tasks on one executor that is built on mesos-go.
fn run_mesos_go_executor(codec: &str) {
    let cluster = cluster();
    let binary = match tepui_testing::mesos_go_executor(cluster.folder.path()) {
        Ok(binary) => binary.display().to_string(),
        Err(why) => return left_out(&why),
    };
    // `echo from go`, in base64.
    let task = |id: &str, data: &str| {
        format!(
            r#"{{"name":"{id}","task_id":{{"value":"{id}"}},"data":"{data}",{RESOURCES},"executor":{{
                "executor_id":{{"value":"go"}},"type":"CUSTOM","command":{{"value":"exec {binary} {codec}"}},{RESOURCES}}}}}"#
        )
    };
    let output = cluster.execute(&[&format!("--task={}", task("good", "ZWNobyBmcm9tIGdv"))]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    assert!(output.stdout.contains("from go"), "{output:#?}");
    // `exit 3`.
    let output = cluster.execute(&[&format!("--task={}", task("bad", "ZXhpdCAz"))]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    assert!(last_line(&output.stderr).contains("task `bad` ended in state TASK_FAILED"), "{output:#?}");
}

#[test]
fn a_mesos_go_executor_runs_tasks_in_protobuf() {
    run_mesos_go_executor("protobuf");
}

#[test]
fn a_mesos_go_executor_runs_tasks_in_json() {
    run_mesos_go_executor("json");
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn left_out(why: &str) {
    eprintln!("LEFT OUT: {why}");
}

fn group(tasks: &[String]) -> String {
    format!(r#"--task_group={{"tasks":[{}]}}"#, tasks.join(","))
}

#[test]
fn a_group_runs_each_task_in_a_container_of_its_own() {
    let cluster = cluster();
    let tasks = [task("one", "echo I am one; pwd", ""), task("two", "echo I am two; pwd", "")];
    let output = cluster.execute(&[&group(&tasks)]);
    assert_eq!(output.code, Some(0), "{output:#?}");
    for name in ["one", "two"] {
        assert!(output.stdout.contains(&format!("I am {name}")), "{output:#?}");
        assert!(output.stderr.contains(&format!("task `{name}` is TASK_FINISHED")), "{output:#?}");
    }
    assert!(output.stdout.contains("/containers/"), "{output:#?}");
}

#[test]
fn a_task_that_fails_takes_its_group_along() {
    let cluster = cluster();
    let tasks = [task("bad", "sleep 0.3; exit 7", ""), task("good", "sleep 1000", "")];
    let output = cluster.execute(&[&group(&tasks)]);
    assert_eq!(output.code, Some(7), "{output:#?}");
    assert!(output.stderr.contains("task `good` is TASK_KILLED"), "{output:#?}");
    assert!(last_line(&output.stderr).contains("task `bad`"), "{output:#?}");
}

#[test]
fn the_tasks_of_a_group_are_checked_and_killed_with_grace() {
    let cluster = cluster();
    let check = r#""health_check":{"type":"COMMAND","command":{"value":"test -e stdout"},"delay_seconds":0,
        "interval_seconds":0.05,"grace_period_seconds":60}"#;
    let tasks = [task("a", "trap 'exit 0' TERM; sleep 1000 & wait", check), task("b", "sleep 1000", "")];
    let started = cluster.start(&[&group(&tasks)], "task `a` is healthy");
    started.signal("-INT");
    let (said, code) = started.end();
    assert_eq!(code, Some(1), "{said}");
    for name in ["a", "b"] {
        assert!(said.contains(&format!("task `{name}` is TASK_KILLED")), "{said}");
    }
}

/// The agent's flags for limits that hold; `None` where nobody may set them.
fn limits() -> Option<[&'static str; 2]> {
    let is_root = run_to_end("id", &["-u"]).stdout.trim() == "0";
    let may = is_root && std::path::Path::new("/sys/fs/cgroup/memory").exists();
    may.then_some(["--launcher=linux", "--isolation=cgroups/cpu,cgroups/mem"])
}

#[test]
fn a_task_that_breaks_its_memory_limit_explains_itself_in_the_last_line() {
    let Some(limits) = limits() else { return left_out("limits need root and cgroups") };
    let cluster = cluster_with(&limits);
    let command = "python3 -c 'held = bytearray(300 << 20); print(len(held))'";
    let output = cluster.execute(&[&format!("--task={}", task("greedy", command, ""))]);
    assert_eq!(output.code, Some(1), "{output:#?}");
    let last = last_line(&output.stderr);
    assert!(
        last.contains("task `greedy` was killed because it used more memory than its limit"),
        "{output:#?}"
    );
    assert!(output.stderr.contains("TASK_FAILED"), "{output:#?}");
}

#[test]
fn the_exit_code_of_a_task_is_passed_on() {
    let cluster = cluster();
    for code in [0, 3, 77] {
        let output = cluster.execute(&["--name=t", &format!("--command=exit {code}")]);
        assert_eq!(output.code, Some(code), "{output:#?}");
    }
    let output = cluster.execute(&["--name=t", "--command=kill -9 $$"]);
    assert!(output.code.is_some_and(|code| code != 0), "{output:#?}");
    assert!(last_line(&output.stderr).contains("signal"), "{output:#?}");
}
