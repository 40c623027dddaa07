//! `RegisterSlaveMessage`: a new agent.

use std::collections::BTreeMap;

use tepui_proto::{internal, v1};
use tepui_types::{AgentId, Upid};

use super::reregister::shut_down;
use super::{AgentDescription, Capabilities, Removal, Standing};
use crate::change::Change;
use crate::master::{Master, Pending};
use crate::registry::RegistryWrite;
use crate::turn::Turn;
use crate::validation;

/// What an agent is told that comes from a machine that operators took down.
pub(super) const MACHINE_DOWN: &str = "Machine is `DOWN`";

/// A registration that waits for the registry.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) id: AgentId,
    pub(crate) agent: AgentDescription,
}

impl Master {
    /// Admits an agent. What makes no sense is dropped: the agent repeats its message, and its operator sees the logs.
    pub(crate) fn register(
        &mut self,
        from: Upid,
        message: internal::RegisterSlaveMessage,
        turn: &mut Turn<'_>,
    ) {
        turn.count("master/messages_register_slave");
        if self.maintenance.is_down(&message.slave, &from) {
            return shut_down(&from, MACHINE_DOWN, turn);
        }
        let version = message.version.unwrap_or_default();
        let domain = message.slave.domain.as_ref();
        let acceptable = validation::agent::validate_version(&version)
            .and_then(|()| validation::agent::validate_domain(domain, &self.config))
            .and_then(|()| {
                validation::agent::validate_checkpointed(&message.slave, &message.checkpointed_resources)
            })
            .and_then(|()| validation::agent::total(&message.slave, &message.checkpointed_resources));
        let total = match acceptable {
            Ok(total) => total,
            Err(error) => {
                tracing::debug!(%from, error, "dropping the registration of an agent");
                return;
            }
        };
        if self.agents.registering.contains(&from) || self.registry_is_busy() {
            return;
        }
        if let Some(agent) = self.agents.by_pid.get(&from).and_then(|id| self.agents.registered.get(id)) {
            // An agent repeats itself until it is answered. One that has re-registered knows its id: if it does not, it is
            // another process, and what the last one said late was not true any more. It shall not get that one's id.
            let is_another = agent.reregistered.is_some()
                && !is_of_same_process(
                    agent.resource_version.as_ref(),
                    message.resource_version_uuid.as_ref(),
                );
            if agent.connected && !is_another {
                self.send_registered(agent, turn);
                return;
            }
            let id = agent.id.clone();
            self.begin_removal(&id, Removal::Replaced, turn);
        }
        let id = self.new_agent_id();
        let mut info = message.slave;
        info.id = Some(id.to_proto());
        self.agents.registering.insert(from.clone());
        let write = RegistryWrite::AdmitAgent(Standing::default().row(&info));
        let agent = AgentDescription {
            info,
            pid: from,
            version,
            capabilities: Capabilities::of(&message.agent_capabilities),
            total,
            checkpointed: message.checkpointed_resources,
            resource_version: message.resource_version_uuid,
        };
        self.store(vec![write], Pending::Register(Box::new(Registration { id, agent })), turn);
    }

    /// The registry holds the new agent: it can be told so.
    pub(crate) fn registered(&mut self, registration: Registration, turn: &mut Turn<'_>) {
        let Registration { id, agent } = registration;
        self.agents.registering.remove(&agent.pid);
        turn.count("master/slave_registrations");
        self.add_agent(&id, agent, Standing::default(), None, &BTreeMap::new(), turn);
        turn.change(Change::AgentAnnounced { id: id.clone(), recovered: Vec::new() });
        if let Some(agent) = self.agents.registered.get(&id) {
            self.send_registered(agent, turn);
        }
    }
}

/// Tells whether two versions of an agent's resources come from one process. Those of Mesos' agents are then the same;
/// ours have a new second half in each report.
fn is_of_same_process(left: Option<&v1::Uuid>, right: Option<&v1::Uuid>) -> bool {
    let process = |version: &v1::Uuid| version.value.iter().take(8).copied().collect::<Vec<u8>>();
    left.map(process) == right.map(process)
}
