//! Reservations and volumes survive their framework: only operations change them, and what the master knows of them in
//! the end is what the agents have.

use std::collections::BTreeMap;

use tepui_agent_core::Change;
use tepui_master_view::View;
use tepui_proto::v1;
use tepui_types::{Resource, Resources};

use crate::invariant::no_resource_lost::NoResourceLost;

/// What agents have reserved, as they say themselves.
#[derive(Debug, Default)]
pub(crate) struct ReservationsSurvive {
    reserved: BTreeMap<usize, Resources>,
}

impl ReservationsSurvive {
    /// An agent made a step because of this message, if it was one.
    pub(crate) fn stepped(&mut self, agent: usize, message: Option<&'static str>, changes: &[Change]) {
        for change in changes {
            let Change::Checkpointed(resources) = change else { continue };
            let new = read(resources);
            let old = self.reserved.insert(agent, new.clone()).unwrap_or_default();
            let may = message.is_none_or(|name| OPERATIONS.contains(&name));
            assert!(old == new || may, "{message:?} turned {old} into {new}");
        }
    }

    /// In the end.
    pub(crate) fn settled(&self, view: &View, places: &NoResourceLost) {
        for id in view.agent_ids() {
            let Some(book) = view.agent_book(&id) else { continue };
            let known = book.total.filter(Resource::needs_checkpointing);
            let there = places.agent(&id).and_then(|agent| self.reserved.get(&agent)).cloned();
            assert_eq!(known, there.unwrap_or_default(), "what {id} has reserved");
        }
    }
}

/// The messages that may change what an agent has reserved.
const OPERATIONS: [&str; 2] =
    ["mesos.internal.ApplyOperationMessage", "mesos.internal.CheckpointResourcesMessage"];

fn read(resources: &[v1::Resource]) -> Resources {
    resources.iter().map(|it| Resource::from_proto(it).expect("agents keep valid resources")).collect()
}
