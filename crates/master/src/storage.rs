//! Where the registry is kept.
//!
//! `--registry=in_memory`: the writes are remembered for as long as the process lives, and are durable as soon as they
//! are made. This module is the seam for the stores that outlive it.

use std::collections::BTreeMap;

use tepui_master_core::{Registry, RegistryWrite};
use tepui_proto::v1;
use tepui_types::AgentId;

/// The registry of a master.
#[derive(Debug, Default)]
pub(crate) struct Storage {
    agents: BTreeMap<AgentId, v1::AgentInfo>,
    unreachable: BTreeMap<AgentId, v1::TimeInfo>,
}

impl Storage {
    /// Reads all that is kept.
    pub(crate) fn recover(&self) -> Registry {
        Registry {
            agents: self.agents.values().cloned().collect(),
            unreachable: self.unreachable.iter().map(|(id, since)| (id.to_proto(), *since)).collect(),
            gone: Vec::new(),
        }
    }

    /// Makes these writes, together and at once.
    pub(crate) fn store(&mut self, writes: Vec<RegistryWrite>) {
        for write in writes {
            match write {
                RegistryWrite::AdmitAgent(info) | RegistryWrite::MarkReachable(info) => {
                    if let Some(id) = info.id.as_ref().map(AgentId::from) {
                        self.unreachable.remove(&id);
                        self.agents.insert(id, *info);
                    }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_agent_comes_back() {
        let info = v1::AgentInfo { id: Some(v1::AgentId { value: "S0".to_owned() }), ..Default::default() };
        let id = AgentId::new("S0");
        let mut storage = Storage::default();
        storage.store(vec![RegistryWrite::AdmitAgent(Box::new(info.clone()))]);
        assert_eq!(storage.recover().agents.len(), 1);
        storage.store(vec![RegistryWrite::MarkUnreachable(id.clone(), v1::TimeInfo { nanoseconds: 7 })]);
        assert_eq!((storage.recover().agents.len(), storage.recover().unreachable.len()), (0, 1));
        storage.store(vec![RegistryWrite::MarkReachable(Box::new(info))]);
        assert_eq!((storage.recover().agents.len(), storage.recover().unreachable.len()), (1, 0));
        storage.store(vec![RegistryWrite::RemoveAgent(id)]);
        assert_eq!(storage.recover().agents.len(), 0);
    }
}
