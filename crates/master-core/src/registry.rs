//! What masters keep beyond their own lives: the rows of the registry, and the changes of them.
//!
//! The core neither reads nor writes a store: it is given all rows once, at recovery, and emits [`RegistryWrite`]s, each
//! of which is atomic. The rows are Mesos' own registry messages, so what is kept beside an agent (its drain, its
//! deactivation) moves with it when it becomes unreachable and comes back.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::internal::registry::{GoneSlave, Slave, UnreachableSlave};
use tepui_proto::v1;
use tepui_types::{AgentId, FrameworkId};

/// A change of the registry. Each puts whole rows, or removes them.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistryWrite {
    /// Admit an agent, or replace its row: its info, drain or deactivation changed.
    AdmitAgent(Box<Slave>),
    /// Mark an agent unreachable, or replace the row of one that is.
    MarkUnreachable(UnreachableSlave),
    /// An unreachable agent is back, or one that we did not know.
    MarkReachable(Box<Slave>),
    /// Mark an agent gone for ever.
    MarkGone(GoneSlave),
    /// Forget an agent, whether it is admitted, unreachable or gone.
    RemoveAgent(AgentId),
    /// Remember that a framework was removed, and when: its id may not come back.
    RemoveFramework(FrameworkId, v1::TimeInfo),
    /// Forget a removed framework.
    ForgetFramework(FrameworkId),
    /// Set a role's quota.
    SetQuota(Box<v1::quota::QuotaConfig>),
    /// A role has no quota any more.
    RemoveQuota(String),
    /// Set a role's weight.
    SetWeight(v1::WeightInfo),
    /// A role has the default weight again.
    RemoveWeight(String),
    /// Set a machine's maintenance mode.
    SetMachine(Box<v1::MachineInfo>),
    /// A machine is not under maintenance any more.
    RemoveMachine(v1::MachineId),
    /// Replace the maintenance schedule; none has no windows.
    SetSchedule(Option<Box<v1::maintenance::Schedule>>),
    /// A master must have this capability to read the registry from here on.
    RequireCapability(String),
    /// It need not any more.
    ReleaseCapability(String),
}

/// All rows of the registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// Agents that were admitted.
    pub agents: BTreeMap<AgentId, Slave>,
    /// Agents that were marked unreachable.
    pub unreachable: BTreeMap<AgentId, UnreachableSlave>,
    /// Agents that were marked gone, and when.
    pub gone: BTreeMap<AgentId, v1::TimeInfo>,
    /// Frameworks that were removed, and when.
    pub frameworks: BTreeMap<FrameworkId, v1::TimeInfo>,
    /// Quotas, by role.
    pub quotas: BTreeMap<String, v1::quota::QuotaConfig>,
    /// Weights, by role.
    pub weights: BTreeMap<String, f64>,
    /// Machines under maintenance, by host name and address.
    pub machines: BTreeMap<(String, String), v1::MachineInfo>,
    /// The maintenance schedule.
    pub schedule: Option<v1::maintenance::Schedule>,
    /// What a master must be able to do to read this registry.
    pub minimum_capabilities: BTreeSet<String>,
}

impl Registry {
    /// Makes a change: what any store does with it.
    pub fn write(&mut self, write: RegistryWrite) {
        match write {
            RegistryWrite::AdmitAgent(row) | RegistryWrite::MarkReachable(row) => {
                let id = agent_id(&row);
                self.unreachable.remove(&id);
                self.agents.insert(id, *row);
            }
            RegistryWrite::MarkUnreachable(row) => {
                let id = AgentId::from(&row.id);
                self.agents.remove(&id);
                self.unreachable.insert(id, row);
            }
            RegistryWrite::MarkGone(row) => {
                let id = AgentId::from(&row.id);
                self.agents.remove(&id);
                self.unreachable.remove(&id);
                self.gone.insert(id, row.timestamp);
            }
            RegistryWrite::RemoveAgent(id) => {
                self.agents.remove(&id);
                self.unreachable.remove(&id);
                self.gone.remove(&id);
            }
            RegistryWrite::RemoveFramework(id, at) => drop(self.frameworks.insert(id, at)),
            RegistryWrite::ForgetFramework(id) => drop(self.frameworks.remove(&id)),
            RegistryWrite::SetQuota(quota) => drop(self.quotas.insert(quota.role.clone(), *quota)),
            RegistryWrite::RemoveQuota(role) => drop(self.quotas.remove(&role)),
            RegistryWrite::SetWeight(weight) => {
                self.weights.insert(weight.role.unwrap_or_default(), weight.weight);
            }
            RegistryWrite::RemoveWeight(role) => drop(self.weights.remove(&role)),
            RegistryWrite::SetMachine(machine) => {
                self.machines.insert(machine_key(&machine.id), *machine);
            }
            RegistryWrite::RemoveMachine(id) => drop(self.machines.remove(&machine_key(&id))),
            RegistryWrite::SetSchedule(schedule) => self.schedule = schedule.map(|schedule| *schedule),
            RegistryWrite::RequireCapability(name) => drop(self.minimum_capabilities.insert(name)),
            RegistryWrite::ReleaseCapability(name) => drop(self.minimum_capabilities.remove(&name)),
        }
    }
}

/// The id of a row of admitted agents.
pub(crate) fn agent_id(row: &Slave) -> AgentId {
    row.info.id.as_ref().map_or_else(|| AgentId::new(""), AgentId::from)
}

/// How a machine is called in the registry.
pub fn machine_key(id: &v1::MachineId) -> (String, String) {
    (id.hostname.clone().unwrap_or_default(), id.ip.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> Slave {
        let id = Some(v1::AgentId { value: id.to_owned() });
        Slave { info: v1::AgentInfo { id, ..Default::default() }, ..Default::default() }
    }

    #[test]
    fn an_agent_is_in_one_place() {
        let mut registry = Registry::default();
        let id = AgentId::new("S0");
        let places =
            |registry: &Registry| (registry.agents.len(), registry.unreachable.len(), registry.gone.len());
        registry.write(RegistryWrite::AdmitAgent(Box::new(row("S0"))));
        assert_eq!(places(&registry), (1, 0, 0));
        let unreachable = UnreachableSlave { id: id.to_proto(), ..Default::default() };
        registry.write(RegistryWrite::MarkUnreachable(unreachable));
        assert_eq!(places(&registry), (0, 1, 0));
        registry.write(RegistryWrite::MarkReachable(Box::new(row("S0"))));
        assert_eq!(places(&registry), (1, 0, 0));
        registry.write(RegistryWrite::MarkGone(GoneSlave { id: id.to_proto(), ..Default::default() }));
        assert_eq!(places(&registry), (0, 0, 1));
        registry.write(RegistryWrite::RemoveAgent(id));
        assert_eq!(places(&registry), (0, 0, 0));
    }
}
