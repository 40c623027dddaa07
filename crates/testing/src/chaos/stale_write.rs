//! A write that reaches a master while it is stopped, and that it finds when it goes on.
//!
//! The write is the teardown of a framework, called on its own subscription. A master that was deposed meanwhile must
//! not acknowledge it, and the framework must be there afterwards.

use std::time::Duration;

use tepui_client::scheduler::{Calls, Events};
use tepui_client::{CallError, Masters};
use tepui_proto::v1::FrameworkId;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{Verdict, throwaway};

/// How long a master that goes on may take to answer or to hang up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A framework that is subscribed, and will be torn down.
#[derive(Debug)]
pub(crate) struct Victim {
    id: FrameworkId,
    calls: Calls,
    /// Kept, because the subscription ends with it; not asked, so that it stays where it is.
    _events: Events,
}

impl Victim {
    /// Subscribes, while a master leads.
    pub(crate) fn subscribe(runtime: &Handle, masters: Masters) -> Option<Self> {
        let (calls, events) = runtime.block_on(throwaway::come(masters, None, PATIENCE * 2))?;
        Some(Self { id: calls.framework_id()?, calls, _events: events })
    }

    /// Calls the teardown, at a master that is stopped by now.
    pub(crate) fn tear_down(self, runtime: &Handle) -> StaleWrite {
        let Self { id, calls, _events: events } = self;
        let answer = runtime.spawn(async move {
            let answer = calls.teardown().await;
            drop(events);
            answer
        });
        StaleWrite { id, answer }
    }
}

/// The write, on its way.
#[derive(Debug)]
pub(crate) struct StaleWrite {
    id: FrameworkId,
    answer: JoinHandle<Result<(), CallError>>,
}

impl StaleWrite {
    /// Whether it was acknowledged, which it must not be once somebody else leads; gives the framework's id.
    pub(crate) fn check(self, runtime: &Handle) -> Verdict<FrameworkId> {
        match runtime.block_on(self.answer) {
            Ok(Ok(())) => Err("a master that was stopped and deposed acknowledged a teardown".to_owned()),
            Ok(Err(_)) | Err(_) => Ok(self.id),
        }
    }
}
