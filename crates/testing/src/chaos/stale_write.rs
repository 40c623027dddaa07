//! What reaches a master while it is stopped, and what it finds when it goes on.
//!
//! A framework asks what became of a task, which has its effect without the store, and is torn down, which must be
//! stored. Both calls are sent on the framework's own subscription once no thread of the master runs. If the master was
//! deposed meanwhile, it must neither answer the question nor acknowledge the teardown, and the framework must be there
//! afterwards: before its first effect, it has to look at its lease.

use std::time::Duration;

use tepui_client::scheduler::{Calls, Event, Events};
use tepui_client::{CallError, Masters};
use tepui_proto::v1;
use tepui_proto::v1::FrameworkId;
use tepui_proto::v1::scheduler::call::reconcile;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Verdict, throwaway};

/// How long a master that leads may take to subscribe a framework, and one that goes on to answer or to hang up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A framework that is subscribed, and will be torn down.
#[derive(Debug)]
pub(crate) struct Victim {
    id: FrameworkId,
    calls: Calls,
    events: Events,
}

impl Victim {
    /// Subscribes at a master, while it leads.
    pub(crate) fn subscribe(runtime: &Handle, master: Masters) -> Option<Self> {
        let (calls, events) = runtime.block_on(throwaway::come(master, None, PATIENCE))?;
        Some(Self { id: calls.framework_id()?, calls, events })
    }

    /// Asks, and calls the teardown, at a master that is stopped by now.
    pub(crate) fn call(self, runtime: &Handle) -> StaleWrite {
        let Self { id, calls, events } = self;
        let watcher =
            runtime.spawn(async move { tokio::time::timeout(PATIENCE * 2, first_answer(events)).await });
        let answer = runtime.spawn(async move {
            let task =
                reconcile::Task { task_id: v1::TaskId { value: "no-such-task".to_owned() }, agent_id: None };
            // Whoever answers it does so by an event.
            let asking = calls.reconcile(vec![task]);
            let tearing_down = calls.teardown();
            let (_, answer) = tokio::join!(asking, tearing_down);
            answer
        });
        StaleWrite { id, answer, events: watcher }
    }
}

/// What the subscription brings before it ends: an update is an answer.
async fn first_answer(mut events: Events) -> Option<v1::TaskStatus> {
    loop {
        match events.next().await {
            Ok(Event::Update(status)) => return Some(*status),
            Ok(Event::Disconnected { .. }) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// The calls, on their way.
#[derive(Debug)]
pub(crate) struct StaleWrite {
    id: FrameworkId,
    answer: JoinHandle<Result<(), CallError>>,
    events: JoinHandle<Result<Option<v1::TaskStatus>, tokio::time::error::Elapsed>>,
}

impl StaleWrite {
    /// Whether anything was answered, which must not be once somebody else leads; gives the framework's id.
    pub(crate) fn check(self, runtime: &Handle) -> Verdict<FrameworkId> {
        if let Ok(Ok(())) = runtime.block_on(self.answer) {
            return Err("a master that was stopped and deposed acknowledged a teardown".to_owned());
        }
        match runtime.block_on(self.events) {
            Ok(Ok(Some(status))) => Err(format!(
                "a master that was stopped and deposed answered a question: {:?}",
                status.state()
            )),
            Ok(Ok(None)) => Ok(self.id),
            Ok(Err(_)) | Err(_) => {
                Err("a master that was stopped and deposed keeps its subscriptions".to_owned())
            }
        }
    }
}
