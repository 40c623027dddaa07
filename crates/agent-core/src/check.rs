//! What always holds between two steps.

use std::collections::BTreeSet;

use tepui_types::{TaskId, is_terminal};

use crate::agent::{Agent, State};
use crate::change::ExecutorState;
use crate::executor::{Executor, MAX_COMPLETED_TASKS_PER_EXECUTOR};
use crate::framework::{Framework, MAX_COMPLETED_FRAMEWORKS};
use crate::timers::Timer;

impl Agent {
    /// Panics if an invariant is broken. Run after every step in tests and in the simulator.
    pub fn check(&self) {
        self.check_gate();
        self.assert_registration();
        for framework in self.frameworks.values() {
            self.assert_framework(framework);
        }
        for (stream, (framework, executor)) in &self.streams {
            let owner =
                self.frameworks.get(framework).and_then(|framework| framework.executors.get(executor));
            assert!(
                owner.is_some_and(|owner| owner.stream == Some(*stream)),
                "stream {stream:?} has no owner"
            );
        }
        for (container, (framework, executor)) in &self.containers {
            let owner =
                self.frameworks.get(framework).and_then(|framework| framework.executors.get(executor));
            assert!(
                owner.is_some_and(|owner| owner.container == *container),
                "{container:?} has no executor"
            );
        }
        for timer in self.timers.all() {
            self.assert_timer(timer);
        }
        assert!(self.completed_frameworks.len() <= MAX_COMPLETED_FRAMEWORKS, "too many completed frameworks");
    }

    fn assert_registration(&self) {
        let registering = self.state == State::Disconnected && self.master.is_some();
        assert_eq!(
            self.timers.runs(&Timer::Register),
            registering,
            "attempts to register are not planned right"
        );
        let running = self.state == State::Running;
        assert_eq!(self.timers.runs(&Timer::Ping), running, "a registered agent waits for pings");
        assert!(
            !running || self.master.is_some() && self.id.is_some(),
            "registered without a master or an id"
        );
        for uuid in self.operations.keys() {
            let planned = self.timers.runs(&Timer::OperationRetry(*uuid));
            assert_eq!(
                planned, running,
                "statuses of operations are repeated while a master listens, {uuid}"
            );
        }
        let total = crate::resources::total(&self.info.resources, &self.checkpointed);
        assert!(total.is_ok(), "what is reserved is made of our resources");
        for (framework, task) in self.updates.pending() {
            let planned = self.timers.runs(&Timer::Retry(framework.clone(), task.clone()));
            assert_eq!(planned, running, "updates are repeated while a master listens, {task:?}");
        }
    }

    fn assert_framework(&self, framework: &Framework) {
        let idle = framework.executors.is_empty() && !self.updates.has_framework(&framework.id);
        assert!(!idle, "an idle framework was kept, {:?}", framework.id);
        let mut tasks = BTreeSet::new();
        for executor in framework.executors.values() {
            self.assert_executor(executor);
            let queued = executor.queued.tasks().map(|task| TaskId::from(&task.task_id));
            let rest = executor.launched.keys().chain(executor.terminated.keys()).cloned();
            for task in queued.chain(rest) {
                assert_eq!(framework.tasks.get(&task), Some(&executor.id), "{task:?} is not in the index");
                assert!(tasks.insert(task), "a task is in two places");
            }
        }
        assert_eq!(tasks.len(), framework.tasks.len(), "the index knows tasks that no executor has");
    }

    fn assert_executor(&self, executor: &Executor) {
        let id = &executor.id;
        let gone = executor.state == ExecutorState::Terminated;
        assert_eq!(self.containers.contains_key(&executor.container), !gone, "container of {id:?}");
        assert!(!gone || executor.stream.is_none() && executor.queued.is_empty(), "{id:?} is gone but hears");
        let registering = self.timers.runs(&Timer::ExecutorRegistration(executor.container.clone()));
        assert_eq!(registering, executor.state == ExecutorState::Registering, "registration timer of {id:?}");
        let connected = executor.stream.is_some_and(|stream| self.streams.contains_key(&stream));
        assert_eq!(connected, executor.stream.is_some(), "stream of {id:?}");
        let connected = connected || executor.driver.is_some();
        let waits = connected && executor.state == ExecutorState::Running && !executor.queued.is_empty();
        assert!(!waits, "tasks of {id:?} wait though it listens");
        assert!(
            executor.launched.values().all(|task| !is_terminal(task.state())),
            "an ended task is launched"
        );
        assert!(executor.completed.len() <= MAX_COMPLETED_TASKS_PER_EXECUTOR, "too many completed tasks");
    }

    fn assert_timer(&self, timer: &Timer) {
        let lives = match timer {
            Timer::Register | Timer::Ping => true,
            Timer::ExecutorRegistration(container)
            | Timer::ExecutorReconnect(container)
            | Timer::ExecutorShutdown(container) => self.containers.contains_key(container),
            Timer::OperationRetry(uuid) => self.operations.contains_key(uuid),
            Timer::Heartbeat(stream) => self.streams.contains_key(stream),
            Timer::Retry(framework, task) => {
                self.updates.get(framework, task).is_some_and(|stream| stream.head().is_some())
            }
        };
        assert!(lives, "{timer:?} runs for nothing");
    }
}
