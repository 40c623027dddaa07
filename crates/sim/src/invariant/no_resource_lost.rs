//! No resource is lost or invented: without its reservations and volumes an agent always has what its machine has, and
//! in the end whoever wants everything is offered all that nobody uses.

use std::collections::BTreeMap;

use tepui_master_core::{AgentEntity, Change};
use tepui_types::{AgentId, Resource, Resources, Scalar};

use crate::agent_host::AgentHost;
use crate::master_host::MasterHost;

/// Which machine an agent is on.
#[derive(Debug, Default)]
pub(crate) struct NoResourceLost {
    places: BTreeMap<AgentId, usize>,
}

impl NoResourceLost {
    pub(crate) fn changed(&mut self, change: &Change, hosts: &[AgentHost]) {
        if let Change::AgentAdded(entity) | Change::AgentUpdated(entity) = change {
            self.agent_is(entity, hosts);
        }
    }

    fn agent_is(&mut self, entity: &AgentEntity, hosts: &[AgentHost]) {
        let id = entity.id.clone();
        let Some(host) = hosts.iter().position(|host| host.pid == entity.pid) else {
            panic!("{id} is on no machine of ours")
        };
        let total: Resources = entity.total.iter().map(Resource::without_checkpoint).collect();
        assert_eq!(total, hosts[host].total, "what {id} has");
        self.places.insert(id, host);
    }

    /// The machine of an agent.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// In the end, when somebody has been there for a while who wants everything.
    pub(crate) fn settled(host: &MasterHost) {
        let view = &host.view;
        for (id, book) in
            view.agent_ids().into_iter().filter_map(|id| Some((id.clone(), view.agent_book(&id)?)))
        {
            let mut held: Resources = book.used.values().chain(book.offers.values()).sum();
            held.unallocate();
            let rest = book.total.non_shared() - held.non_shared();
            let of = |name: &str| rest.named(name).iter().filter_map(Resource::scalar).sum::<Scalar>();
            // What is below the least offer stays where it is.
            let least = host.settings.has_least_offer;
            let is_small =
                of("cpus") < Scalar::from_thousandths(10) && of("mem") < Scalar::from_thousandths(32_000);
            assert!(rest.is_empty() || (least && is_small), "{rest} of {id} is offered to nobody");
        }
    }
}
