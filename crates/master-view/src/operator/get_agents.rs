//! `GET_AGENTS`.

use tepui_proto::v1::agent_info::Capability;
use tepui_proto::v1::master::response::{GetAgents, Type, get_agents};

use super::{Encoding, encode, json, list, response};
use crate::agent::Agent;
use crate::view::View;
use tepui_model::json::Object;

impl View {
    /// Answers `GET_AGENTS`.
    pub fn get_agents(&self, encoding: Encoding) -> Vec<u8> {
        let content = self.gather_agents();
        match encoding {
            Encoding::Json => json(Type::GetAgents, "get_agents", |object| write_agents(object, &content)),
            Encoding::Protobuf => {
                let mut answer = response(Type::GetAgents);
                answer.get_agents = Some(content);
                encode(encoding, &answer)
            }
        }
    }

    pub(super) fn gather_agents(&self) -> GetAgents {
        GetAgents {
            agents: self.agents.values().map(agent).collect(),
            recovered_agents: self.recovered_agents.values().map(|info| (**info).clone()).collect(),
        }
    }
}

pub(super) fn write_agents(object: &mut Object<'_>, content: &GetAgents) {
    list(object, "agents", &content.agents);
    list(object, "recovered_agents", &content.recovered_agents);
}

fn agent(agent: &Agent) -> get_agents::Agent {
    let entity = &agent.entity;
    get_agents::Agent {
        agent_info: entity.info.clone(),
        active: entity.active,
        deactivated: Some(false),
        version: entity.version.clone(),
        pid: Some(entity.pid.to_string()),
        registered_time: Some(entity.registered.to_proto()),
        reregistered_time: entity.reregistered.map(tepui_types::WallTime::to_proto),
        total_resources: agent.total.to_protos_endpoint(),
        allocated_resources: agent.used_in_all().to_protos_endpoint(),
        offered_resources: agent.offered.to_protos_endpoint(),
        capabilities: entity
            .capabilities
            .iter()
            .map(|kind| Capability { r#type: Some(*kind as i32) })
            .collect(),
        resource_providers: Vec::new(),
        drain_info: None,
        estimated_drain_start_time: None,
    }
}
