//! The executors as real processes, against an agent that the test plays: the command executor with real tasks, the default
//! executor with containers that are only told of.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking; clippy knows only `#[test]` functions as tests"
)]

mod default_executor;
mod fake_agent;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use fake_agent::{FakeAgent, Subscription, within_deadline};
use tempfile::TempDir;
use tepui_linux::ProcessTable;
use tepui_proto::v1::framework_info::{Capability, capability};
use tepui_proto::v1::{self, TaskState};
use tepui_types::duration_to_proto;

/// Not a test of its own: the tests start this program again, to be the executor.
#[test]
fn executor_process() {
    if std::env::var_os("MESOS_EXECUTOR_ID").is_some() {
        let name = std::env::var_os("EXECUTOR_UNDER_TEST").unwrap();
        std::process::exit(tepui_executor::status(&[name]).into());
    }
}

struct Setup {
    agent: FakeAgent,
    sandbox: TempDir,
    executor: Child,
}

impl Setup {
    async fn new(recovery: Option<&str>) -> Self {
        Self::of("command", recovery).await
    }

    /// Starts the executor of this name.
    async fn of(name: &str, recovery: Option<&str>) -> Self {
        let agent = FakeAgent::listen().await;
        let sandbox = tempfile::tempdir().unwrap();
        let file = |name| fs::File::create(sandbox.path().join(name)).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "executor_process", "--nocapture"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("MESOS_SLAVE_PID", format!("slave(1)@{}", agent.address()))
            .env("MESOS_AGENT_ENDPOINT", agent.address())
            .env("MESOS_FRAMEWORK_ID", "F")
            .env("MESOS_EXECUTOR_ID", "t")
            .env("TEPUI_EXECUTOR_LOG", "info")
            .env("EXECUTOR_UNDER_TEST", name)
            .env("MESOS_SANDBOX", sandbox.path())
            .env("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "2secs")
            .env("MESOS_CHECKPOINT", if recovery.is_some() { "1" } else { "0" })
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        if let Some(timeout) = recovery {
            command.env("MESOS_RECOVERY_TIMEOUT", timeout).env("MESOS_SUBSCRIPTION_BACKOFF_MAX", "50ms");
        }
        let executor = command.spawn().unwrap();
        Self { agent, sandbox, executor }
    }

    /// Subscribes the executor and launches a task.
    async fn launch(&mut self, task: v1::TaskInfo) -> Subscription {
        let subscription = self.agent.subscription().await;
        subscription.subscribed(framework());
        subscription.launch(task);
        subscription
    }

    /// The next update must have this state; it is acknowledged. Returns its message.
    async fn expect(&mut self, subscription: &Subscription, state: TaskState) -> String {
        let status = self.agent.update().await;
        assert_eq!(status.state(), state, "{status:?}\n{}", self.read("stderr"));
        assert_eq!(status.uuid.as_ref().map(Vec::len), Some(16));
        assert_eq!(status.source(), v1::task_status::Source::Executor);
        subscription.acknowledge(&status);
        status.message.unwrap_or_default()
    }

    async fn expect_running(&mut self, subscription: &Subscription) {
        self.expect(subscription, TaskState::TaskStarting).await;
        self.expect(subscription, TaskState::TaskRunning).await;
    }

    /// Waits until the task has written this line.
    async fn output(&self, line: &str) {
        let seen =
            || fs::read_to_string(self.sandbox.path().join("stdout")).unwrap().lines().any(|l| l == line);
        within_deadline("the task's output", seen).await;
    }

    async fn exit(&mut self) -> ExitStatus {
        let executor = std::cell::RefCell::new(&mut self.executor);
        within_deadline("the executor's exit", || executor.borrow_mut().try_wait().unwrap().is_some()).await;
        self.executor.wait().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = self.executor.kill();
        let _ = self.executor.wait();
    }
}

fn framework() -> v1::FrameworkInfo {
    let killing = Capability { r#type: Some(capability::Type::TaskKillingState.into()) };
    v1::FrameworkInfo {
        user: "root".into(),
        name: "f".into(),
        capabilities: vec![killing],
        ..Default::default()
    }
}

fn task(script: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: "t".into(),
        task_id: v1::TaskId { value: "t".into() },
        agent_id: v1::AgentId { value: "S0".into() },
        command: Some(v1::CommandInfo { value: Some(script.into()), ..Default::default() }),
        ..Default::default()
    }
}

fn policy(grace: Duration) -> v1::KillPolicy {
    v1::KillPolicy { grace_period: Some(duration_to_proto(grace)) }
}

fn is_alive(pid: u32) -> bool {
    ProcessTable::read_one(pid).is_some_and(|entry| !entry.is_zombie)
}

fn pid_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// How many open connections a process has to this address.
fn connections(pid: u32, address: &str) -> usize {
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets: Vec<_> = files.filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let is_ours = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let socket = format!("socket:[{}]", fields[9]);
        fields[2].ends_with(&format!(":{port:04X}"))
            && targets.iter().any(|target| target.as_os_str() == socket.as_str())
    };
    table.lines().skip(1).filter(is_ours).count()
}

#[tokio::test]
async fn a_connection_for_calls_is_not_kept_for_nothing() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("while [ ! -e go-on ]; do sleep 0.01; done")).await;
    setup.expect_running(&subscription).await;
    let (pid, address) = (setup.executor.id(), setup.agent.address());
    within_deadline("the connection to be closed", || connections(pid, &address) == 1).await;
    fs::write(setup.sandbox.path().join("go-on"), "").unwrap();
    setup.expect(&subscription, TaskState::TaskFinished).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_task_runs_and_finishes() {
    let mut setup = Setup::new(None).await;
    let mut wanted = task("echo $GREETING in $(pwd) as $MESOS_ALLOCATION_ROLE");
    let variable = v1::environment::Variable {
        name: "GREETING".into(),
        value: Some("hello".into()),
        ..Default::default()
    };
    wanted.command.as_mut().unwrap().environment = Some(v1::Environment { variables: vec![variable] });
    wanted.resources.push(v1::Resource {
        allocation_info: Some(v1::resource::AllocationInfo { role: Some("ads".into()) }),
        ..Default::default()
    });
    let subscription = setup.launch(wanted).await;
    assert!(subscription.call().unacknowledged_tasks.is_empty());
    setup.expect_running(&subscription).await;
    let message = setup.expect(&subscription, TaskState::TaskFinished).await;
    assert_eq!(message, "Command exited with status 0");
    assert!(setup.exit().await.success());
    setup.output(&format!("hello in {} as ads", setup.sandbox.path().display())).await;
    assert!(setup.read("stderr").contains("Command exited with status 0 (pid: "), "{}", setup.read("stderr"));
}

#[tokio::test]
async fn a_failing_task_fails_with_its_status() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("exit 3")).await;
    setup.expect_running(&subscription).await;
    assert_eq!(setup.expect(&subscription, TaskState::TaskFailed).await, "Command exited with status 3");
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_the_task_by_name() {
    let mut setup = Setup::new(None).await;
    let mut wanted = task("/no/such/program");
    wanted.command.as_mut().unwrap().shell = Some(false);
    let subscription = setup.launch(wanted).await;
    setup.expect(&subscription, TaskState::TaskStarting).await;
    let message = setup.expect(&subscription, TaskState::TaskFailed).await;
    assert!(message.starts_with("Failed to execute `/no/such/program`: No such file"), "{message}");
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_killed_task_gets_sigterm_and_tells_it_is_being_killed() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("echo ready; sleep 1000 & wait")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    subscription.kill("t", None);
    setup.expect(&subscription, TaskState::TaskKilling).await;
    let message = setup.expect(&subscription, TaskState::TaskKilled).await;
    assert_eq!(message, "Command terminated with signal Terminated");
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_stubborn_task_gets_sigkill_after_the_grace_period() {
    let mut setup = Setup::new(None).await;
    let stubborn = "trap '' TERM; echo $$ >pid; echo ready; while :; do sleep 1000; done";
    // The policy of the kill wins over the task's.
    let wanted = v1::TaskInfo { kill_policy: Some(policy(Duration::from_secs(1000))), ..task(stubborn) };
    let subscription = setup.launch(wanted).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    subscription.kill("t", Some(policy(Duration::from_millis(100))));
    setup.expect(&subscription, TaskState::TaskKilling).await;
    assert_eq!(
        setup.expect(&subscription, TaskState::TaskKilled).await,
        "Command terminated with signal Killed"
    );
    assert!(setup.exit().await.success());
    assert!(!is_alive(pid_in(&setup.sandbox.path().join("pid")).unwrap()));
}

#[tokio::test]
async fn a_repeated_kill_shortens_the_grace_period() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("trap '' TERM; echo ready; while :; do sleep 1000; done")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    subscription.kill("other", None);
    subscription.kill("t", Some(policy(Duration::from_secs(1000))));
    setup.expect(&subscription, TaskState::TaskKilling).await;
    subscription.kill("t", Some(policy(Duration::ZERO)));
    setup.expect(&subscription, TaskState::TaskKilled).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_shutdown_kills_the_task_and_tells_of_it() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("trap '' TERM; echo ready; while :; do sleep 1000; done")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    subscription.shutdown();
    setup.expect(&subscription, TaskState::TaskKilling).await;
    setup.expect(&subscription, TaskState::TaskKilled).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_shutdown_before_any_task_is_the_end() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.agent.subscription().await;
    subscription.subscribed(framework());
    subscription.shutdown();
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_killed_and_fails() {
    let mut setup = Setup::new(None).await;
    let limited = v1::TaskInfo {
        max_completion_time: Some(duration_to_proto(Duration::from_millis(100))),
        ..task("sleep 1000")
    };
    let subscription = setup.launch(limited).await;
    setup.expect_running(&subscription).await;
    let status = setup.agent.update().await;
    assert_eq!(status.state(), TaskState::TaskFailed);
    assert_eq!(status.reason(), v1::task_status::Reason::MaxCompletionTimeReached);
    subscription.acknowledge(&status);
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_second_task_is_refused_and_does_not_disturb_the_first() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("exec sleep 1000")).await;
    setup.expect_running(&subscription).await;
    subscription.launch(v1::TaskInfo { task_id: v1::TaskId { value: "u".into() }, ..task("true") });
    let message = setup.expect(&subscription, TaskState::TaskFailed).await;
    assert_eq!(message, "Attempted to run multiple tasks using a \"command\" executor");
    subscription.kill("t", None);
    setup.expect(&subscription, TaskState::TaskKilling).await;
    setup.expect(&subscription, TaskState::TaskKilled).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn daemons_that_a_task_leaves_behind_are_killed() {
    let mut setup = Setup::new(None).await;
    let script = "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while ! test -s pid; do :; done";
    let subscription = setup.launch(task(script)).await;
    setup.expect_running(&subscription).await;
    setup.expect(&subscription, TaskState::TaskFinished).await;
    let daemon = pid_in(&setup.sandbox.path().join("pid")).unwrap();
    assert!(setup.exit().await.success());
    assert!(!is_alive(daemon));
}

#[tokio::test]
async fn a_task_does_not_outlive_its_executor() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("echo $$ >pid; echo ready; exec sleep 1000")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    setup.executor.kill().unwrap();
    let pid = pid_in(&setup.sandbox.path().join("pid")).unwrap();
    within_deadline("the task's end", || !is_alive(pid)).await;
}

#[tokio::test]
async fn without_checkpointing_the_loss_of_the_agent_is_the_end() {
    let mut setup = Setup::new(None).await;
    let subscription = setup.launch(task("echo $$ >pid; echo ready; exec sleep 1000")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    let pid = pid_in(&setup.sandbox.path().join("pid")).unwrap();
    drop(subscription);
    assert!(!setup.exit().await.success());
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn with_checkpointing_the_executor_comes_back_with_what_is_unacknowledged() {
    let mut setup = Setup::new(Some("1mins")).await;
    let subscription = setup.launch(task("echo ready; while ! test -e go; do sleep 0.01; done")).await;
    // Nothing is acknowledged.
    let starting = setup.agent.update().await;
    let running = setup.agent.update().await;
    setup.output("ready").await;
    drop(subscription);
    let subscription = setup.agent.subscription().await;
    let call = subscription.call();
    assert_eq!(call.unacknowledged_tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["t"]);
    let uuids: Vec<_> = call.unacknowledged_updates.iter().map(|update| update.status.uuid.clone()).collect();
    assert_eq!(uuids, [starting.uuid.clone(), running.uuid.clone()]);
    subscription.subscribed(framework());
    subscription.acknowledge(&starting);
    subscription.acknowledge(&running);
    fs::write(setup.sandbox.path().join("go"), "").unwrap();
    setup.expect(&subscription, TaskState::TaskFinished).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn an_end_while_the_agent_is_away_is_told_when_it_is_back() {
    let mut setup = Setup::new(Some("1mins")).await;
    let subscription =
        setup.launch(task("echo ready; while ! test -e go; do sleep 0.01; done; echo over")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    // The acknowledgements are on their way before the end of the stream is.
    setup.agent.go_away(subscription).await;
    fs::write(setup.sandbox.path().join("go"), "").unwrap();
    setup.output("over").await;
    within_deadline("the executor's notice", || setup.read("stderr").contains("Command exited")).await;
    setup.agent.come_back().await;
    let subscription = setup.agent.subscription().await;
    let updates = subscription.call().unacknowledged_updates;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].status.state(), TaskState::TaskFinished);
    subscription.subscribed(framework());
    subscription.acknowledge(&updates[0].status);
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn an_agent_that_stays_away_is_given_up() {
    let mut setup = Setup::new(Some("200ms")).await;
    let subscription = setup.launch(task("echo $$ >pid; echo ready; exec sleep 1000")).await;
    setup.expect_running(&subscription).await;
    setup.output("ready").await;
    let pid = pid_in(&setup.sandbox.path().join("pid")).unwrap();
    setup.agent.go_away(subscription).await;
    assert!(!setup.exit().await.success());
    assert!(!is_alive(pid));
}

fn with_health(task: v1::TaskInfo, script: &str) -> v1::TaskInfo {
    let check = v1::HealthCheck {
        r#type: Some(v1::health_check::Type::Command.into()),
        command: Some(v1::CommandInfo { value: Some(script.into()), ..Default::default() }),
        delay_seconds: Some(0.0),
        interval_seconds: Some(0.01),
        grace_period_seconds: Some(0.0),
        consecutive_failures: Some(3),
        ..Default::default()
    };
    v1::TaskInfo { health_check: Some(Box::new(check)), ..task }
}

#[tokio::test]
async fn a_task_is_healthy_until_it_is_not_and_then_killed() {
    let mut setup = Setup::new(None).await;
    let task = with_health(task("sleep 1000"), "test ! -e sick");
    let subscription = setup.launch(task).await;
    setup.expect_running(&subscription).await;
    let healthy = setup.agent.update().await;
    subscription.acknowledge(&healthy);
    assert_eq!((healthy.state(), healthy.healthy), (TaskState::TaskRunning, Some(true)));
    assert_eq!(healthy.reason(), v1::task_status::Reason::TaskHealthCheckStatusUpdated);
    fs::write(setup.sandbox.path().join("sick"), "").unwrap();
    for _ in 0..3 {
        let unhealthy = setup.agent.update().await;
        subscription.acknowledge(&unhealthy);
        assert_eq!((unhealthy.state(), unhealthy.healthy), (TaskState::TaskRunning, Some(false)));
    }
    setup.expect(&subscription, TaskState::TaskKilling).await;
    let killed = setup.agent.update().await;
    assert_eq!((killed.state(), killed.healthy), (TaskState::TaskKilled, Some(false)));
    subscription.acknowledge(&killed);
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn each_update_tells_of_the_check() {
    let mut setup = Setup::new(None).await;
    let check = v1::CheckInfo {
        r#type: Some(v1::check_info::Type::Command.into()),
        command: Some(v1::check_info::Command {
            command: v1::CommandInfo { value: Some("exit 3".into()), ..Default::default() },
        }),
        delay_seconds: Some(0.0),
        ..Default::default()
    };
    let task = v1::TaskInfo { check: Some(Box::new(check)), ..task("sleep 1000") };
    let subscription = setup.launch(task).await;
    let code = |status: &v1::TaskStatus| {
        status.check_status.as_ref().and_then(|check| check.command.as_ref()).expect("a status").exit_code
    };
    for expected in [None, None, Some(3)] {
        let status = setup.agent.update().await;
        subscription.acknowledge(&status);
        assert_eq!(code(&status), expected, "{status:?}");
    }
}

#[tokio::test]
async fn a_probe_that_is_under_way_ends_with_the_task() {
    let mut setup = Setup::new(None).await;
    let task = with_health(task("until test -e probe; do :; done; exit 0"), "echo $$ > probe; sleep 1000");
    let subscription = setup.launch(task).await;
    setup.expect_running(&subscription).await;
    setup.expect(&subscription, TaskState::TaskFinished).await;
    assert!(setup.exit().await.success());
    let pid = pid_in(&setup.sandbox.path().join("probe")).unwrap();
    within_deadline("the probe's end", || !is_alive(pid)).await;
}
