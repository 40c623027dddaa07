//! An agent is killed and comes back while executors of each kind run: they go on, and their tasks end well.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tepui_testing::{
    Daemon, Started, free_port, mesos_go_executor, mesos_go_old_executor, run_to_end, wait_for,
};

const TEPUI: &str = env!("CARGO_BIN_EXE_tepui");

const RESOURCES: &str = r#""resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},
    {"name":"mem","type":"SCALAR","scalar":{"value":64}}]"#;

/// A master, and an agent that can be killed and come back.
struct Machine {
    master: Daemon,
    agent: Option<Daemon>,
    /// What the agent is told besides the usual.
    more: Vec<String>,
    port: String,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let master = Daemon::start(TEPUI, &["master"], folder.path());
        let more = more.iter().map(|&flag| flag.to_owned()).collect();
        let mut machine = Self { master, agent: None, more, port: free_port().to_string(), folder };
        machine.start_agent();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start_agent(&mut self) {
        let arguments = [
            format!("--master={}", self.master.address()),
            format!("--work_dir={}", self.path("work").display()),
            format!("--runtime_dir={}", self.path("run").display()),
            "--resources=cpus:4;mem:4096;disk:1024;ports:[]".to_owned(),
            "--registration_backoff_factor=10ms".to_owned(),
            "--executor_reregistration_timeout=60secs".to_owned(),
        ];
        let arguments: Vec<&str> =
            ["agent"].into_iter().chain(arguments.iter().chain(&self.more).map(String::as_str)).collect();
        let agent = Daemon::start_at(TEPUI, &arguments, self.folder.path(), &self.port);
        agent.wait_for_body("/metrics/snapshot", |body| body.contains("\"slave/registered\":1.0"));
        self.agent = Some(agent);
    }

    /// Kills the agent with SIGKILL and starts it again; executors are on their own in between.
    fn kill_agent_and_start_it_again(&mut self) {
        drop(self.agent.take());
        self.start_agent();
    }

    fn state(&self) -> String {
        self.agent.as_ref().expect("it runs").wait_for_body("/state", |_| true)
    }

    /// Runs `tepui execute` for a framework that checkpoints, until it has said this.
    fn execute(&self, what: &str, until: &str) -> Started {
        let master = format!("--master={}", self.master.address());
        Started::until(TEPUI, &["execute", "--checkpoint", what, &master], until)
    }

    /// A command that ends when a file is there, and fails if it is run a second time.
    fn wait_for_file(&self, name: &str) -> String {
        let (once, file) = (self.path(&format!("{name}-once")), self.path(name));
        format!("mkdir {} && until test -e {}; do sleep 0.05; done", once.display(), file.display())
    }

    fn touch(&self, name: &str) {
        std::fs::write(self.path(name), "").expect("the folder can be written to");
    }

    /// The sandbox of the only executor that there is or was.
    fn sandbox(&self) -> PathBuf {
        let find = run_to_end("find", &[&self.path("work/slaves").display().to_string(), "-name", "latest"]);
        std::fs::read_link(find.stdout.trim()).expect("there is one executor")
    }

    /// Whether some file below the work folder has this text.
    fn sandboxes_say(&self, text: &str) -> bool {
        run_to_end("grep", &["-rqs", text, &self.path("work/slaves").display().to_string()]).code == Some(0)
    }
}

/// A task with an executor of its own, which runs the task's data as a command.
fn custom_task(id: &str, executor: &str, command: &str) -> String {
    format!(
        r#"--task={{"name":"{id}","task_id":{{"value":"{id}"}},"data":"{}",{RESOURCES},"executor":{{
            "executor_id":{{"value":"custom"}},"type":"CUSTOM","command":{{"value":"exec {executor}"}},{RESOURCES}}}}}"#,
        STANDARD.encode(command)
    )
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so")]
fn left_out(why: &str) {
    eprintln!("LEFT OUT: {why}");
}

#[test]
fn an_old_executor_registers_again_and_its_task_finishes() {
    let mut machine = Machine::new();
    let executor = match mesos_go_old_executor(machine.folder.path()) {
        Ok(binary) => binary,
        Err(why) => return left_out(&why),
    };
    let executor = format!("{} -logtostderr", executor.display());
    let task = custom_task("old", &executor, &machine.wait_for_file("go-on"));
    let started = machine.execute(&task, "TASK_RUNNING");
    machine.kill_agent_and_start_it_again();
    wait_for("the executor to come back", || machine.sandboxes_say("registered again").then_some(()));
    machine.touch("go-on");
    let (said, code) = started.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("task `old` is TASK_FINISHED"), "{said}");
}

#[test]
fn an_old_executor_tells_how_tasks_end_and_kills_them() {
    let machine = Machine::new();
    let executor = match mesos_go_old_executor(machine.folder.path()) {
        Ok(binary) => binary.display().to_string(),
        Err(why) => return left_out(&why),
    };
    let (said, code) = machine.execute(&custom_task("bad", &executor, "exit 3"), "TASK_RUNNING").end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("task `bad` is TASK_FAILED"), "{said}");
    let started = machine.execute(&custom_task("killed", &executor, "sleep 1000"), "TASK_RUNNING");
    started.signal("-INT");
    let (said, code) = started.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("task `killed` is TASK_KILLED"), "{said}");
}

#[test]
fn a_command_executor_goes_on() {
    let mut machine = Machine::new();
    let task = format!(
        r#"--task={{"name":"c","task_id":{{"value":"c"}},"command":{{"value":"{}; exit 3"}},{RESOURCES}}}"#,
        machine.wait_for_file("go-on")
    );
    let started = machine.execute(&task, "TASK_RUNNING");
    machine.kill_agent_and_start_it_again();
    machine.touch("go-on");
    let (said, code) = started.end();
    assert_eq!(code, Some(3), "{said}");
}

#[test]
fn a_default_executor_goes_on_and_each_task_of_its_group_ends_as_it_does() {
    let mut machine = Machine::new();
    let task = |id: &str, command: &str| {
        format!(
            r#"{{"name":"{id}","task_id":{{"value":"{id}"}},"command":{{"value":"{command}"}},{RESOURCES}}}"#
        )
    };
    let tasks = [
        task("waits", &machine.wait_for_file("go-on")),
        // It ends while no agent is there.
        task("ends-alone", &machine.wait_for_file("alone")),
    ];
    let group = format!(r#"--task_group={{"tasks":[{}]}}"#, tasks.join(","));
    let mut started = machine.execute(&group, "TASK_RUNNING");
    started.wait_until("TASK_RUNNING", 2);
    let is_there = |name: &str| machine.path(name).exists().then_some(());
    wait_for("the tasks to run", || is_there("go-on-once").and(is_there("alone-once")));
    drop(machine.agent.take());
    machine.touch("alone");
    machine.start_agent();
    // A second start must not harm what the first has found.
    machine.kill_agent_and_start_it_again();
    machine.touch("go-on");
    let (said, code) = started.end();
    assert_eq!(code, Some(0), "{said}");
    for id in ["waits", "ends-alone"] {
        assert!(said.contains(&format!("task `{id}` is TASK_FINISHED")), "{said}");
    }
}

#[test]
fn a_mesos_go_executor_is_given_up_and_said_so() {
    // It does not subscribe again: its task cannot be kept.
    let mut machine = Machine::new();
    let executor = match mesos_go_executor(machine.folder.path()) {
        Ok(binary) => format!("{} json", binary.display()),
        Err(why) => return left_out(&why),
    };
    let started =
        machine.execute(&custom_task("go", &executor, &machine.wait_for_file("go-on")), "TASK_RUNNING");
    drop(machine.agent.take());
    machine.touch("go-on");
    machine.start_agent();
    let (said, code) = started.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("task `go` is TASK_"), "{said}");
}

#[test]
fn what_has_ended_is_shown_after_a_restart() {
    let mut machine = Machine::new();
    let task = |id: &str, command: &str| {
        format!(
            r#"--task={{"name":"{id}","task_id":{{"value":"{id}"}},"command":{{"value":"{command}"}},{RESOURCES}}}"#
        )
    };
    let (said, code) = machine.execute(&task("done", "exit 4"), "TASK_RUNNING").end();
    assert_eq!(code, Some(4), "{said}");
    wait_for("the framework to end", || machine.state().contains("\"frameworks\":[]").then_some(()));
    machine.kill_agent_and_start_it_again();
    let state = machine.state();
    let completed = state.split("\"completed_frameworks\":").nth(1).expect("it is there");
    assert!(completed.contains("\"done\""), "{state}");
}

/// The id of the only container.
fn container(machine: &Machine) -> String {
    let agent = machine.agent.as_ref().expect("it runs");
    let containers = agent.wait_for_body("/containers", |body| body.contains("\"container_id\":\""));
    let (_, rest) = containers.split_once("\"container_id\":\"").expect("there is one");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Listens to the container until this is said.
fn listen(machine: &Machine, container: &str, said: &str) {
    let agent = machine.agent.as_ref().expect("it runs").address();
    let call = format!(
        r#"{{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{{"container_id":{{"value":"{container}"}}}}}}"#
    );
    let until = format!(
        "curl -sN -d '{call}' -H 'Content-Type: application/json' -H 'Accept: application/json' \
                         http://{agent}/api/v1 | grep -q '{}'",
        STANDARD.encode(said)
    );
    let heard = run_to_end("timeout", &["60", "sh", "-c", &until]);
    assert_eq!(heard.code, Some(0), "{heard:?}");
}

#[test]
fn a_task_with_a_terminal_goes_on_and_is_attached_again() {
    let mut machine = Machine::new();
    let (marks, stop) = (machine.path("marks"), machine.path("stop"));
    let command = format!(
        "test -t 1 || exit 4; until test -e {}; do echo said; echo . >> {}; sleep 0.05; done; exit 3",
        stop.display(),
        marks.display()
    );
    let task = format!(
        r#"--task={{"name":"t","task_id":{{"value":"t"}},"command":{{"value":"{command}"}},{RESOURCES},
            "container":{{"type":"MESOS","tty_info":{{"window_size":{{"rows":24,"columns":80}}}}}}}}"#
    );
    let started = machine.execute(&task, "TASK_RUNNING");
    let id = container(&machine);
    listen(&machine, &id, "said\r\n");
    drop(machine.agent.take());
    // Far more than a terminal holds that nobody reads.
    let lines = || std::fs::read_to_string(&marks).unwrap_or_default().lines().count();
    let before = lines();
    wait_for("the task to go on alone", || (lines() > before + 20).then_some(()));
    machine.start_agent();
    listen(&machine, &id, "said\r\n");
    machine.touch("stop");
    let (said, code) = started.end();
    assert_eq!(code, Some(3), "{said}");
    let stdout = || std::fs::read_to_string(machine.sandbox().join("stdout")).unwrap_or_default();
    wait_for("all that was said to be kept", || (stdout().lines().count() == lines()).then_some(()));
}

#[test]
fn output_is_rotated_and_none_is_lost_while_the_agent_is_away() {
    let modules = r#"--modules={"libraries":[{"file":"liblogrotate_container_logger.so","modules":[{
        "name":"org_apache_mesos_LogrotateContainerLogger","parameters":[
            {"key":"max_stdout_size","value":"1MB"},{"key":"logrotate_stdout_options","value":"rotate 3"}]}]}]}"#;
    let mut machine =
        Machine::with(&[modules, "--container_logger=org_apache_mesos_LogrotateContainerLogger"]);
    let (half, go) = (machine.path("half"), machine.path("go"));
    // The task's own settings are smaller, and keep all of it: 120,000 bytes in files of 8,192.
    let command = format!(
        "seq -w 10000 | head -c 60000; touch {}; until test -e {}; do sleep 0.05; done; seq -w 10000 | head -c 60000; \
         echo the end >&2",
        half.display(),
        go.display()
    );
    let variable =
        |name: &str, value: &str| format!(r#"{{"name":"CONTAINER_LOGGER_{name}","value":"{value}"}}"#);
    let variables =
        [variable("MAX_STDOUT_SIZE", "8KB"), variable("LOGROTATE_STDOUT_OPTIONS", "rotate 100")].join(",");
    let task = format!(
        r#"--task={{"name":"t","task_id":{{"value":"t"}},{RESOURCES},
            "command":{{"value":"{command}","environment":{{"variables":[{variables}]}}}}}}"#
    );
    let started = machine.execute(&task, "TASK_RUNNING");
    wait_for("the first half", || half.exists().then_some(()));
    drop(machine.agent.take());
    machine.touch("go");
    let sandbox = machine.sandbox();
    let read = |name: &str| std::fs::read_to_string(sandbox.join(name));
    wait_for("the task to end alone", || read("stderr").ok().filter(|text| text.contains("the end")));
    machine.start_agent();
    let (said, code) = started.end();
    assert_eq!(code, Some(0), "{said}");
    let mut names = vec!["stdout".to_owned()];
    names.extend((1..).map(|number| format!("stdout.{number}")).take_while(|name| read(name).is_ok()));
    let all = || names.iter().rev().map(|name| read(name).unwrap_or_default()).collect::<String>();
    wait_for("the last words", || (all().len() == 120_000).then_some(()));
    assert!(
        names.len() >= 15 && names.iter().all(|name| read(name).is_ok_and(|text| text.len() <= 8192)),
        "{names:?}"
    );
    let expected: String =
        (1..=10_000).flat_map(|number| format!("{number:05}\n").into_bytes()).map(char::from).collect();
    assert_eq!(all(), format!("{0}{0}", &expected[..60_000]));
}

#[test]
fn settings_of_the_output_that_make_no_sense_fail_the_task_and_say_so() {
    let machine = Machine::with(&["--container_logger=org_apache_mesos_LogrotateContainerLogger"]);
    let task = format!(
        r#"--task={{"name":"t","task_id":{{"value":"t"}},{RESOURCES},"command":{{"value":"true","environment":{{
            "variables":[{{"name":"CONTAINER_LOGGER_MAX_STDOUT_SIZE","value":"lots"}}]}}}}}}"#
    );
    let (said, code) = machine.execute(&task, "TASK_FAILED").end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("Failed to load container logger settings: Failed to load flag 'max_stdout_size'"),
        "{said}"
    );
}
