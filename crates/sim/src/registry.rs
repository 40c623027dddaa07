//! The master's registry: a store that outlives it, and is slow.

use std::collections::{BTreeMap, VecDeque};

use tepui_master_core::{Registry, RegistryWrite, StoreId};
use tepui_proto::v1;
use tepui_types::AgentId;

/// What is durable, and what is about to be.
#[derive(Debug, Default)]
pub(crate) struct Store {
    agents: BTreeMap<AgentId, v1::AgentInfo>,
    unreachable: BTreeMap<AgentId, v1::TimeInfo>,
    pending: VecDeque<(StoreId, Vec<RegistryWrite>)>,
}

impl Store {
    /// Takes a batch that becomes durable after those before it.
    pub(crate) fn begin(&mut self, id: StoreId, writes: Vec<RegistryWrite>) {
        self.pending.push_back((id, writes));
    }

    /// Makes the next batch durable.
    pub(crate) fn finish(&mut self) -> Option<StoreId> {
        let (id, writes) = self.pending.pop_front()?;
        for write in writes {
            self.write(write);
        }
        Some(id)
    }

    /// The master is gone: some of what it had begun became durable.
    pub(crate) fn cut(&mut self, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(..=self.pending.len()) {
            self.finish();
        }
        self.pending.clear();
    }

    pub(crate) fn recover(&self) -> Registry {
        Registry {
            agents: self.agents.values().cloned().collect(),
            unreachable: self.unreachable.iter().map(|(id, since)| (id.to_proto(), *since)).collect(),
            gone: Vec::new(),
        }
    }

    fn write(&mut self, write: RegistryWrite) {
        match write {
            RegistryWrite::AdmitAgent(info) | RegistryWrite::MarkReachable(info) => {
                let id = info.id.as_ref().map(AgentId::from).expect("the master admits agents by their ids");
                self.unreachable.remove(&id);
                self.agents.insert(id, *info);
            }
            RegistryWrite::MarkUnreachable(id, since) => {
                self.agents.remove(&id);
                self.unreachable.insert(id, since);
            }
            RegistryWrite::RemoveAgent(id) => {
                self.agents.remove(&id);
                self.unreachable.remove(&id);
            }
        }
    }
}
