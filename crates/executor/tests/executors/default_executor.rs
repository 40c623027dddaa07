//! The default executor.

use std::time::Duration;

use tepui_proto::v1::TaskState;
use tepui_proto::v1::agent::call::Type;
use tepui_proto::v1::{self};

use crate::fake_agent::AgentCall;
use crate::{Setup, Subscription, framework, policy, task};

impl Setup {
    /// Subscribes the executor and launches a group of tasks with these ids; all containers run.
    async fn run_group(&mut self, ids: &[&str]) -> Subscription {
        let subscription = self.agent.subscription().await;
        subscription.subscribed(framework());
        subscription.launch_group(ids.iter().map(|id| named(id)).collect());
        for _ in ids {
            self.expect(&subscription, TaskState::TaskStarting).await;
        }
        for _ in ids {
            let launch = self.call(Type::LaunchContainer).await;
            launch.accept();
            self.expect(&subscription, TaskState::TaskRunning).await;
        }
        subscription
    }

    /// The next call, which must be of this type.
    async fn call(&mut self, kind: Type) -> AgentCall {
        let call = self.agent.call().await;
        assert_eq!(call.call.r#type(), kind, "{:?}\n{}", call.call, self.read("stderr"));
        call
    }

    /// The waits for so many containers.
    async fn waits(&mut self, count: usize) -> Vec<AgentCall> {
        let mut waits = Vec::new();
        for _ in 0..count {
            waits.push(self.call(Type::WaitContainer).await);
        }
        waits
    }

    /// The next signal: of which container, and which.
    async fn signal(&mut self) -> (String, i32) {
        let call = self.call(Type::KillContainer).await;
        let kill = call.call.kill_container.clone().unwrap();
        call.accept();
        (kill.container_id.value, kill.signal.unwrap())
    }
}

fn named(id: &str) -> v1::TaskInfo {
    v1::TaskInfo { task_id: v1::TaskId { value: id.to_owned() }, ..task("true") }
}

fn container(wait: &AgentCall) -> v1::ContainerId {
    wait.call.wait_container.clone().unwrap().container_id
}

#[tokio::test]
async fn a_group_runs_in_containers_and_the_executor_exits_when_all_is_known() {
    let mut setup = Setup::of("default", None).await;
    let subscription = setup.run_group(&["a"]).await;
    let wait = setup.waits(1).await.remove(0);
    let id = container(&wait);
    assert_eq!(id.parent.unwrap().value, "executor");
    let link = setup.sandbox.path().join("tasks/a");
    let target = std::fs::read_link(link).unwrap();
    assert_eq!(target, setup.sandbox.path().join("containers").join(&id.value));
    wait.ended(0);
    setup.expect(&subscription, TaskState::TaskFinished).await;
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn the_agent_s_absence_changes_nothing_for_the_tasks() {
    let mut setup = Setup::of("default", Some("15mins")).await;
    let subscription = setup.run_group(&["a", "b"]).await;
    let before: Vec<_> = setup.waits(2).await.iter().map(container).collect();
    setup.agent.go_away(subscription).await;
    setup.agent.come_back().await;
    let subscription = setup.agent.subscription().await;
    subscription.subscribed(framework());
    let waits = setup.waits(2).await;
    let after: Vec<_> = waits.iter().map(container).collect();
    assert_eq!(before, after);
    for wait in waits {
        wait.ended(0);
        setup.expect(&subscription, TaskState::TaskFinished).await;
    }
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_launch_that_the_agent_did_not_answer_is_repeated_with_the_same_container() {
    let mut setup = Setup::of("default", Some("15mins")).await;
    let subscription = setup.agent.subscription().await;
    subscription.subscribed(framework());
    subscription.launch_group(vec![named("a")]);
    setup.expect(&subscription, TaskState::TaskStarting).await;
    let launch = |call: &AgentCall| call.call.launch_container.clone().unwrap().container_id;
    let first = setup.call(Type::LaunchContainer).await;
    setup.agent.go_away(subscription).await;
    setup.agent.come_back().await;
    let subscription = setup.agent.subscription().await;
    assert_eq!(subscription.call().unacknowledged_updates.len(), 0, "it was acknowledged");
    subscription.subscribed(framework());
    let second = setup.call(Type::LaunchContainer).await;
    assert_eq!(launch(&first), launch(&second));
    second.accept();
    setup.expect(&subscription, TaskState::TaskRunning).await;
}

#[tokio::test]
async fn a_wait_that_the_agent_cannot_answer_yet_is_repeated() {
    let mut setup = Setup::of("default", None).await;
    let subscription = setup.run_group(&["a"]).await;
    setup.waits(1).await.remove(0).refuse(503, "Agent has not finished recovery");
    setup.waits(1).await.remove(0).ended(3 << 8);
    let message = setup.expect(&subscription, TaskState::TaskFailed).await;
    assert_eq!(message, "Command exited with status 3");
}

#[tokio::test]
async fn a_kill_reaches_the_container_and_is_escalated() {
    let mut setup = Setup::of("default", None).await;
    let subscription = setup.run_group(&["a"]).await;
    let wait = setup.waits(1).await.remove(0);
    let id = container(&wait).value;
    subscription.kill("a", Some(policy(Duration::from_millis(50))));
    setup.expect(&subscription, TaskState::TaskKilling).await;
    assert_eq!(setup.signal().await, (id.clone(), 15));
    assert_eq!(setup.signal().await, (id, 9));
    wait.ended(9);
    let message = setup.expect(&subscription, TaskState::TaskKilled).await;
    assert_eq!(message, "Command terminated with signal Killed");
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn a_refused_launch_fails_its_task_in_the_agent_s_words() {
    let mut setup = Setup::of("default", None).await;
    let subscription = setup.agent.subscription().await;
    subscription.subscribed(framework());
    subscription.launch_group(vec![named("a")]);
    setup.expect(&subscription, TaskState::TaskStarting).await;
    setup.call(Type::LaunchContainer).await.refuse(400, "no such image");
    assert_eq!(setup.expect(&subscription, TaskState::TaskFailed).await, "no such image");
    assert!(setup.exit().await.success());
}

#[tokio::test]
async fn the_end_of_the_agent_is_the_end_without_checkpoints() {
    let mut setup = Setup::of("default", None).await;
    let subscription = setup.run_group(&["a"]).await;
    let _waits = setup.waits(1).await;
    setup.agent.go_away(subscription).await;
    assert!(setup.exit().await.success());
}
