//! Promises are kept: when a master says that an agent is admitted, or that a task is lost with its agent, that is in
//! the registry; and a framework that is in the registry as removed does not come back under any master.
//!
//! A deposed master may still say what was true in its term; nobody holds the registry of a later one against it.

use tepui_master_core::{Change, Effect};
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{LinkMessage, v1};
use tepui_types::{AgentId, FrameworkId};

use crate::registry::Store;

/// What has been said holds.
#[derive(Debug, Default)]
pub(crate) struct PromisesAreKept;

impl PromisesAreKept {
    /// A master does something.
    #[expect(clippy::unused_self, reason = "as the other invariants")]
    pub(crate) fn said(&self, effect: &Effect, store: &Store, is_leader: bool) {
        if !is_leader {
            return;
        }
        match effect {
            Effect::SendLink { message: LinkMessage::SlaveRegistered(message), .. } => {
                admitted(&message.slave_id, store);
            }
            Effect::SendLink { message: LinkMessage::SlaveReregistered(message), .. } => {
                admitted(&message.slave_id, store);
            }
            Effect::SendEvent { event, .. } => {
                let status = event.update.as_ref().map(|update| &update.status);
                let removed = status.filter(|status| status.reason() == Reason::AgentRemoved);
                if let Some(agent) = removed.and_then(|status| status.agent_id.as_ref()) {
                    let id = AgentId::from(agent);
                    assert!(
                        !store.rows().agents.contains_key(&id),
                        "{id} is said to be removed, and is admitted"
                    );
                }
            }
            Effect::Respond { .. }
            | Effect::CloseStream(_)
            | Effect::CutOff(_)
            | Effect::SendLink { .. }
            | Effect::OpenLink(_)
            | Effect::CloseLink(_)
            | Effect::Store { .. }
            | Effect::Abdicate { .. } => {}
        }
    }

    /// A master's journal grew.
    #[expect(clippy::unused_self, reason = "as the other invariants")]
    pub(crate) fn changed(&self, changes: &[Change], store: &Store, is_leader: bool) {
        for change in changes {
            let Change::FrameworkAdded(entity) = change else { continue };
            let Some(id) = entity.info.id.as_ref().map(FrameworkId::from) else { continue };
            let is_removed = store.rows().frameworks.contains_key(&id);
            assert!(!is_leader || !is_removed, "{id} was removed, and is back");
        }
    }
}

fn admitted(id: &v1::AgentId, store: &Store) {
    let id = AgentId::from(id);
    assert!(store.rows().agents.contains_key(&id), "{id} was told that it is admitted, and is not");
}
