//! What the executor does, as a list of short lines.

use tepui_proto::Raw;
use tepui_proto::v1::agent::response::WaitContainer;
use tepui_proto::v1::executor::event::Subscribed;
use tepui_proto::v1::framework_info::Capability;
use tepui_types::duration_to_proto;

use super::*;

struct Executor {
    core: Core,
    now: Duration,
    containers: Vec<(String, v1::ContainerId)>,
    /// Which of our updates the agent has not acknowledged.
    unacknowledged: usize,
}

impl Executor {
    fn new() -> Self {
        let core = Core::new(1, "10.0.0.1".to_owned());
        Self { core, now: Duration::from_secs(100), containers: Vec::new(), unacknowledged: 0 }
    }

    fn subscribed() -> Self {
        let mut executor = Self::new();
        executor.check(Executor::subscribe, &["resume checks"]);
        executor
    }

    fn take(&mut self, event: Event) {
        self.core.take(self.now, event, self.unacknowledged);
    }

    fn subscribe(&mut self) {
        let killing = Capability { r#type: Some(capability::Type::TaskKillingState.into()) };
        self.take(Event::Subscribed(Box::new(Subscribed {
            framework_info: v1::FrameworkInfo { capabilities: vec![killing], ..Default::default() },
            container_id: Some(v1::ContainerId { value: "executor".into(), parent: None }),
            ..Default::default()
        })));
    }

    fn launch(&mut self, tasks: Vec<v1::TaskInfo>) {
        let tasks = tasks.into_iter().map(Raw::from).collect();
        self.take(Event::LaunchGroup(Box::new(v1::TaskGroupInfo { tasks })));
    }

    fn container(&self, task: &str) -> v1::ContainerId {
        self.containers.iter().rev().find(|(id, _)| id == task).expect("it was launched").1.clone()
    }

    fn launched(&mut self, task: &str) {
        let container = self.container(task);
        self.core.launched(self.now, &container, Launched::Done);
    }

    fn ended(&mut self, task: &str, waited: WaitContainer) {
        let container = self.container(task);
        self.core.waited(self.now, &container, Waited::Ended(Box::new(waited)));
    }

    fn exited(&mut self, task: &str, code: i32) {
        self.ended(task, WaitContainer { exit_status: Some(code << 8), ..Default::default() });
    }

    fn kill(&mut self, task: &str, grace_seconds: Option<u64>) {
        let kill_policy = grace_seconds.map(|seconds| v1::KillPolicy {
            grace_period: Some(duration_to_proto(Duration::from_secs(seconds))),
        });
        self.take(Event::Kill { task_id: v1::TaskId { value: task.into() }, kill_policy });
    }

    fn acknowledge_all(&mut self) {
        self.unacknowledged = 0;
        self.take(Event::Acknowledged { task_id: v1::TaskId::default(), uuid: Vec::new() });
    }

    /// Lets time pass until something is due.
    fn expire(&mut self) {
        self.now = self.core.deadline().expect("something is due");
        self.core.expire(self.now);
    }

    fn check(&mut self, act: impl FnOnce(&mut Self), expected: &[&str]) {
        act(self);
        let effects = self.core.take_effects();
        let shown: Vec<String> = effects.iter().map(|effect| self.show(effect)).collect();
        assert_eq!(shown, expected);
    }

    fn show(&mut self, effect: &Effect) -> String {
        match effect {
            Effect::Update(status) => {
                self.unacknowledged += 1;
                show_status(status)
            }
            Effect::Launch(launch) => {
                let task = launch.command.as_ref().and_then(|command| command.value.clone()).unwrap();
                assert_eq!(launch.container_id.parent.as_ref().unwrap().value, "executor");
                self.containers.push((task.clone(), launch.container_id.clone()));
                format!("launch {task}")
            }
            Effect::Wait(container) => format!("wait {}", self.task_of(container)),
            Effect::WaitLater(container) => format!("wait later {}", self.task_of(container)),
            Effect::Signal(container, signal) => format!("{signal:?} {}", self.task_of(container)),
            Effect::LinkSandbox { task_id, .. } => format!("link {}", task_id.value),
            Effect::BeginChecks(task, _) => format!("check {}", task.task_id.value),
            Effect::StopChecks(task_id) => format!("stop checks {}", task_id.value),
            Effect::PauseChecks => "pause checks".into(),
            Effect::ResumeChecks => "resume checks".into(),
            Effect::Exit => "exit".into(),
        }
    }

    fn task_of(&self, container: &v1::ContainerId) -> String {
        self.containers.iter().find(|(_, id)| id == container).expect("it was launched").0.clone()
    }
}

fn show_status(status: &v1::TaskStatus) -> String {
    let reason =
        status.reason.map_or_else(String::new, |reason| format!(" {:?}", Reason::try_from(reason).unwrap()));
    let healthy = status.healthy.map_or("", |healthy| if healthy { " healthy" } else { " unhealthy" });
    let message = status.message.as_ref().map_or_else(String::new, |message| format!(" \"{message}\""));
    let state = tepui_types::task_state_name(status.state());
    format!("{} {state}{reason}{healthy}{message}", status.task_id.value)
}

/// A task whose command is its id, so that its container can be told.
fn task(id: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: v1::TaskId { value: id.into() },
        command: Some(v1::CommandInfo { value: Some(id.into()), ..Default::default() }),
        ..Default::default()
    }
}

/// An executor with a group of two running tasks.
fn running() -> Executor {
    let mut executor = Executor::subscribed();
    executor.check(
        |executor| executor.launch(vec![task("a"), task("b")]),
        &["a TASK_STARTING", "launch a", "b TASK_STARTING", "launch b"],
    );
    executor.check(|executor| executor.launched("a"), &["link a", "a TASK_RUNNING", "wait a"]);
    executor.check(|executor| executor.launched("b"), &["link b", "b TASK_RUNNING", "wait b"]);
    executor
}

#[test]
fn a_group_runs_and_the_executor_exits_when_all_is_acknowledged() {
    let mut executor = running();
    executor.check(
        |executor| executor.exited("a", 0),
        &["stop checks a", "a TASK_FINISHED \"Command exited with status 0\""],
    );
    executor.check(
        |executor| executor.exited("b", 0),
        &["stop checks b", "b TASK_FINISHED \"Command exited with status 0\""],
    );
    executor.check(Executor::acknowledge_all, &["exit"]);
}

#[test]
fn a_task_that_fails_takes_its_group_along_and_no_other() {
    let mut executor = running();
    executor.check(|executor| executor.launch(vec![task("c")]), &["c TASK_STARTING", "launch c"]);
    executor.check(|executor| executor.launched("c"), &["link c", "c TASK_RUNNING", "wait c"]);
    executor.check(
        |executor| executor.exited("a", 1),
        &[
            "stop checks a",
            "a TASK_FAILED \"Command exited with status 1\"",
            "stop checks b",
            "b TASK_KILLING",
            "Term b",
        ],
    );
    executor.check(Executor::expire, &["Kill b"]);
    executor.check(
        |executor| executor.ended("b", WaitContainer { exit_status: Some(9), ..Default::default() }),
        &["stop checks b", "b TASK_KILLED \"Command terminated with signal Killed\""],
    );
    executor.check(Executor::acknowledge_all, &[]);
}

#[test]
fn a_kill_is_escalated_after_its_grace_which_later_kills_shorten() {
    let mut executor = running();
    executor.check(|executor| executor.kill("a", Some(20)), &["stop checks a", "a TASK_KILLING", "Term a"]);
    executor.check(|executor| executor.kill("a", Some(30)), &[]);
    assert_eq!(executor.core.deadline(), Some(Duration::from_mins(2)));
    executor.check(|executor| executor.kill("a", Some(5)), &[]);
    assert_eq!(executor.core.deadline(), Some(Duration::from_secs(105)));
    executor.check(Executor::expire, &["Kill a"]);
    let container = executor.container("a");
    let failed =
        |executor: &mut Executor| executor.core.signal_failed(executor.now, &container, Signal::Kill, "no");
    executor.check(failed, &[]);
    executor.check(Executor::expire, &["Kill a"]);
}

#[test]
fn a_kill_that_comes_before_the_container_runs_is_not_forgotten() {
    let mut executor = Executor::subscribed();
    executor.check(|executor| executor.launch(vec![task("a")]), &["a TASK_STARTING", "launch a"]);
    executor.check(|executor| executor.kill("a", None), &["stop checks a", "a TASK_KILLING"]);
    executor.check(|executor| executor.launched("a"), &["link a", "a TASK_RUNNING", "wait a", "Term a"]);
}

#[test]
fn a_refused_launch_is_told_and_ends_the_group() {
    let mut executor = Executor::subscribed();
    executor.check(
        |executor| executor.launch(vec![task("a"), task("b")]),
        &["a TASK_STARTING", "launch a", "b TASK_STARTING", "launch b"],
    );
    executor.check(|executor| executor.launched("a"), &["link a", "a TASK_RUNNING", "wait a"]);
    let container = executor.container("b");
    executor.check(
        |executor| {
            executor.core.launched(executor.now, &container, Launched::Refused("no such image".into()));
        },
        &["stop checks b", "b TASK_FAILED \"no such image\"", "stop checks a", "a TASK_KILLING", "Term a"],
    );
}

#[test]
fn what_was_under_way_is_done_again_when_the_agent_is_back() {
    let mut executor = running();
    executor.check(|executor| executor.kill("b", Some(20)), &["stop checks b", "b TASK_KILLING", "Term b"]);
    executor.check(|executor| executor.launch(vec![task("c")]), &["c TASK_STARTING", "launch c"]);
    executor
        .check(|executor| executor.take(Event::Disconnected { reason: "gone".into() }), &["pause checks"]);
    let container = executor.container("c");
    executor.check(|executor| executor.core.launched(executor.now, &container, Launched::Unknown), &[]);
    executor.check(Executor::expire, &[]);
    executor.check(Executor::subscribe, &["wait a", "wait b", "Kill b", "launch c", "resume checks"]);
    assert_eq!(executor.container("c"), container, "it keeps its id, so that it is not run twice");
    let container = executor.container("a");
    executor.check(
        |executor| executor.core.waited(executor.now, &container, Waited::Unavailable),
        &["wait later a"],
    );
}

#[test]
fn the_agent_knows_best_why_a_container_ended() {
    let mut executor = running();
    let waited = WaitContainer {
        exit_status: Some(9),
        state: Some(TaskState::TaskFailed.into()),
        reason: Some(Reason::ContainerLimitationMemory.into()),
        message: Some("Memory limit exceeded".into()),
        limitation: Some(v1::TaskResourceLimitation::default()),
    };
    executor.check(
        |executor| executor.ended("a", waited),
        &[
            "stop checks a",
            "a TASK_FAILED ContainerLimitationMemory \"Command terminated with signal Killed: Memory limit exceeded\"",
            "stop checks b",
            "b TASK_KILLING",
            "Term b",
        ],
    );
    let container = executor.container("b");
    executor.check(
        |executor| executor.core.waited(executor.now, &container, Waited::NotFound),
        &["stop checks b", "b TASK_KILLED"],
    );
}

#[test]
fn a_task_may_run_for_so_long_only() {
    let mut executor = Executor::subscribed();
    let limited =
        v1::TaskInfo { max_completion_time: Some(duration_to_proto(Duration::from_secs(7))), ..task("a") };
    executor.check(|executor| executor.launch(vec![limited]), &["a TASK_STARTING", "launch a"]);
    executor.check(|executor| executor.launched("a"), &["link a", "a TASK_RUNNING", "wait a"]);
    assert_eq!(executor.core.deadline(), Some(Duration::from_secs(107)));
    executor.check(Executor::expire, &["stop checks a", "Term a", "Kill a"]);
    executor.check(
        |executor| executor.ended("a", WaitContainer { exit_status: Some(9), ..Default::default() }),
        &[
            "stop checks a",
            "a TASK_FAILED MaxCompletionTimeReached \"Command terminated with signal Killed\"",
        ],
    );
}

#[test]
fn an_unhealthy_task_is_told_and_killed_in_the_end() {
    let mut executor = Executor::subscribed();
    let checked = v1::TaskInfo { health_check: Some(Box::default()), ..task("a") };
    executor.check(|executor| executor.launch(vec![checked]), &["a TASK_STARTING", "launch a"]);
    executor.check(|executor| executor.launched("a"), &["link a", "a TASK_RUNNING", "check a", "wait a"]);
    let report = |report: Report| {
        let id = v1::TaskId { value: "a".into() };
        move |executor: &mut Executor| executor.core.checked(executor.now, &id, report)
    };
    executor.check(report(Report::Healthy), &["a TASK_RUNNING TaskHealthCheckStatusUpdated healthy"]);
    executor.check(
        report(Report::Unhealthy { kill: true }),
        &[
            "a TASK_RUNNING TaskHealthCheckStatusUpdated unhealthy",
            "stop checks a",
            "a TASK_KILLING",
            "Term a",
        ],
    );
    executor.check(report(Report::Unhealthy { kill: true }), &[]);
    executor.check(
        |executor| executor.ended("a", WaitContainer { exit_status: Some(15), ..Default::default() }),
        &["stop checks a", "a TASK_KILLED unhealthy \"Command terminated with signal Terminated\""],
    );
}

#[test]
fn a_shutdown_kills_all_and_exits_when_all_is_told() {
    let mut executor = running();
    executor.check(
        |executor| executor.take(Event::Shutdown),
        &["stop checks a", "a TASK_KILLING", "Term a", "stop checks b", "b TASK_KILLING", "Term b"],
    );
    executor.check(
        |executor| executor.exited("a", 0),
        &["stop checks a", "a TASK_KILLED \"Command exited with status 0\""],
    );
    executor.check(
        |executor| executor.exited("b", 0),
        &["stop checks b", "b TASK_KILLED \"Command exited with status 0\""],
    );
    executor.check(Executor::expire, &["exit"]);
}

#[test]
fn a_shutdown_without_the_agent_is_the_end() {
    let mut executor = running();
    executor
        .check(|executor| executor.take(Event::Disconnected { reason: "gone".into() }), &["pause checks"]);
    executor.check(|executor| executor.take(Event::Shutdown), &["exit"]);
}

#[test]
fn persistent_volumes_are_found_through_the_executor() {
    let disk = v1::resource::DiskInfo {
        volume: Some(v1::Volume { container_path: "data".into(), ..Default::default() }),
        ..Default::default()
    };
    let with_disk = v1::TaskInfo {
        resources: vec![v1::Resource { disk: Some(Box::new(disk)), ..Default::default() }],
        ..task("a")
    };
    let child = Child::new(with_disk, 1, v1::ContainerId::default());
    let launch = launch_call(&child, "10.0.0.1");
    let volume = &launch.container.unwrap().volumes[0];
    let path = volume.source.as_ref().unwrap().sandbox_path.as_ref().unwrap();
    assert_eq!((volume.container_path.as_str(), path.path.as_str()), ("data", "data"));
    let names: Vec<_> = launch
        .command
        .unwrap()
        .environment
        .unwrap()
        .variables
        .into_iter()
        .map(|variable| variable.name)
        .collect();
    assert_eq!(names, ["MESOS_CONTAINER_IP", "MESOS_ALLOCATION_ROLE"]);
}
