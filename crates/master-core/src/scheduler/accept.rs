//! ACCEPT: a framework uses offers.
//!
//! The offers' resources are put together, and the operations work on them in order: what one leaves is there for the
//! next. What is left in the end goes back, with the call's filters. The call itself was answered before all this;
//! what is wrong is told by status updates.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tepui_proto::v1;
use tepui_proto::v1::TaskState;
use tepui_proto::v1::offer::Operation;
use tepui_proto::v1::offer::operation::Type;
use tepui_proto::v1::scheduler::call;
use tepui_proto::v1::task_status::Reason;
use tepui_types::{AgentId, FrameworkId, Resources, TaskId};

use crate::change::{Change, Counter, OfferFate};
use crate::master::Master;
use crate::offer::{OfferNumber, offer_number, refuse_duration};
use crate::task::StatusDraft;
use crate::turn::Turn;
use crate::validation;

/// What the operations of one call work on.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
    pub(crate) role: Arc<str>,
    /// What the offers held.
    offered: Resources,
    /// What is left, for the next operation.
    pub(crate) remaining: Resources,
    /// What resized volumes became. Later operations of the call cannot use it.
    pub(crate) resized: Resources,
    /// The shared resources of which tasks may take copies.
    pub(crate) shared: Resources,
}

impl Accepted {
    /// What the next task may use.
    pub(crate) fn available(&self) -> Cow<'_, Resources> {
        if self.shared.is_empty() {
            return Cow::Borrowed(&self.remaining);
        }
        Cow::Owned(self.remaining.non_shared() + &self.shared)
    }
}

impl Master {
    /// Applies the operations to the offers.
    pub(crate) fn accept(&mut self, framework: &FrameworkId, accept: call::Accept, turn: &mut Turn<'_>) {
        for launch in accept.operations.iter().filter(|operation| operation.r#type() == Type::Launch) {
            let empty = launch.launch.as_ref().is_none_or(|launch| launch.task_infos.is_empty());
            turn.count(if empty { "master/messages_decline_offers" } else { "master/messages_launch_tasks" });
        }
        let refuse = refuse_duration(accept.filters.as_ref());
        match validation::offer::validate(self, framework, &accept.offer_ids) {
            Ok(offers) => {
                let Some(mut accepted) = self.take_offers(framework, &offers, turn) else { return };
                accepted.offered = accepted.remaining.clone();
                accepted.shared = accepted.remaining.shared();
                // Compat: what is malformed is told before anything is applied.
                let operations: Vec<_> = accept
                    .operations
                    .into_iter()
                    .filter_map(|operation| self.prepare_operation(&accepted, operation, turn))
                    .collect();
                for operation in operations {
                    self.apply_operation(&mut accepted, operation, turn);
                }
                self.return_leftovers(accepted, refuse, turn);
            }
            Err(error) => {
                self.discard_valid_offers(framework, &accept.offer_ids, turn);
                for operation in accept.operations {
                    self.drop_for_invalid_offers(framework, operation, &error, turn);
                }
            }
        }
    }

    /// Returns what is left: what was offered is refused for a while, what operations made can be offered at once.
    fn return_leftovers(&mut self, accepted: Accepted, refuse: Duration, turn: &mut Turn<'_>) {
        let Accepted { framework, agent, offered, remaining, resized, .. } = accepted;
        if remaining.is_empty() && resized.is_empty() {
            return;
        }
        let left = remaining + resized;
        let converted = &left - &offered;
        let declined = left - &converted;
        for (part, refuse) in [(converted, None), (declined, Some(refuse))] {
            if !part.is_empty() {
                self.allocator.recover(turn.now.time, &framework, &agent, &part, refuse);
            }
        }
    }

    /// Takes valid offers of one agent and role off the books, and puts their resources together.
    fn take_offers(
        &mut self,
        framework: &FrameworkId,
        offers: &[OfferNumber],
        turn: &mut Turn<'_>,
    ) -> Option<Accepted> {
        let mut accepted: Option<Accepted> = None;
        for number in offers {
            let Some(offer) = self.remove_offer(*number, turn) else { continue };
            match &mut accepted {
                Some(accepted) => accepted.remaining += &offer.resources,
                None => {
                    accepted = Some(Accepted {
                        framework: offer.framework,
                        agent: offer.agent,
                        role: offer.role,
                        offered: Resources::new(),
                        remaining: offer.resources,
                        resized: Resources::new(),
                        shared: Resources::new(),
                    });
                }
            }
        }
        let count = offers.len() as u64;
        turn.change(Change::Counted(Counter::Offers(framework.clone(), OfferFate::Accepted, count)));
        accepted
    }

    /// One invalid offer makes the others of the call unusable too. They are refused, if only for a moment: who gets its
    /// calls wrong would be offered the same again at wire speed.
    fn discard_valid_offers(&mut self, framework: &FrameworkId, ids: &[v1::OfferId], turn: &mut Turn<'_>) {
        let numbers: BTreeSet<OfferNumber> =
            ids.iter().filter_map(|id| offer_number(&self.id, &id.value)).collect();
        for number in numbers {
            if self.offers.get(&number).is_some_and(|offer| offer.framework == *framework) {
                self.discard_offer(number, Some(Duration::ZERO), turn);
            }
        }
    }

    fn drop_for_invalid_offers(
        &self,
        framework: &FrameworkId,
        operation: Operation,
        error: &str,
        turn: &mut Turn<'_>,
    ) {
        let Some(owner) = self.frameworks.registered.get(framework) else { return };
        let aware = owner.capabilities.partition_aware;
        let state = if aware { TaskState::TaskDropped } else { TaskState::TaskLost };
        let tasks = match operation.r#type() {
            Type::Launch => operation.launch.map(|launch| launch.task_infos),
            Type::LaunchGroup => operation.launch_group.map(|group| group.task_group.tasks),
            Type::Unknown => None,
            Type::Reserve
            | Type::Unreserve
            | Type::Create
            | Type::Destroy
            | Type::GrowVolume
            | Type::ShrinkVolume
            | Type::CreateDisk
            | Type::DestroyDisk => {
                let message = format!("Operation attempted with invalid offers: {error}");
                return self.drop_operation(framework, &operation, message, turn);
            }
        };
        for task in tasks.unwrap_or_default() {
            let draft = StatusDraft {
                state,
                reason: Reason::InvalidOffers,
                message: format!("Task launched with invalid offers: {error}"),
            };
            let agent = AgentId::from(&task.agent_id);
            let status = draft.status(&TaskId::from(&task.task_id), Some(&agent), turn.now.wall);
            self.refuse_task(framework, status, turn);
        }
    }
}
