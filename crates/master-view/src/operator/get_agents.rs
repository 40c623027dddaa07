//! `GET_AGENTS`.

use prost::Message as _;
use tepui_proto::v1::agent_info::Capability;
use tepui_proto::v1::master::response::{Type, get_agents};
use tepui_proto::wire_format::WireFields;
use tepui_proto::{JsonDialect, MesosMessage, v1};

use super::{Encoding, append, json, protobuf};
use crate::agent::Agent;
use crate::view::View;
use tepui_model::json::Object;

/// The field of `Response`.
const GET_AGENTS: u32 = 10;

impl View {
    /// Answers `GET_AGENTS`.
    pub fn get_agents(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => json(Type::GetAgents, "get_agents", |object| self.write_agents(object)),
            Encoding::Protobuf => protobuf(Type::GetAgents, GET_AGENTS, &self.encode_agents()),
        }
    }

    /// The binary form of `GetAgents`.
    pub(super) fn encode_agents(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.each_agent(|agent| append(1, agent, &mut out));
        for info in self.recovered_agents.values() {
            append(2, &info.encode_to_vec(), &mut out);
        }
        out
    }

    pub(super) fn write_agents(&self, object: &mut Object<'_>) {
        object.array("agents", |array| {
            self.each_agent(|agent| {
                array.raw(|out| get_agents::Agent::write_json_of(JsonDialect::V1, agent, out));
            });
        });
        object.array("recovered_agents", |array| {
            for info in self.recovered_agents.values() {
                array.raw(|out| v1::AgentInfo::write_json(info, JsonDialect::V1, out));
            }
        });
    }

    /// Calls `then` with the binary form of each agent.
    fn each_agent(&self, mut then: impl FnMut(&[u8])) {
        let mut encoded = Vec::new();
        for agent in self.agents.values() {
            encoded.clear();
            encode_agent(agent, &mut encoded);
            then(&encoded);
        }
    }
}

/// Appends the binary form of `GetAgents.Agent`.
pub(crate) fn encode_agent(agent: &Agent, out: &mut Vec<u8>) {
    append(1, &agent.info, out);
    encode_rest(agent, out);
}

/// Appends all fields but `agent_info`, which is the first.
fn encode_rest(agent: &Agent, out: &mut Vec<u8>) {
    let capability = |kind: &_| Capability { r#type: Some(*kind as i32) };
    let rest = get_agents::Agent {
        active: agent.active,
        deactivated: Some(agent.deactivated),
        version: agent.version.to_string(),
        pid: Some(agent.pid.to_string()),
        registered_time: Some(agent.registered.to_proto()),
        reregistered_time: agent.reregistered.map(tepui_types::WallTime::to_proto),
        total_resources: agent.total.to_protos_endpoint(),
        allocated_resources: agent.used_in_all().to_protos_endpoint(),
        offered_resources: agent.offered.to_protos_endpoint(),
        capabilities: agent.capabilities.iter().map(capability).collect(),
        drain_info: agent.drain,
        estimated_drain_start_time: agent.drain_started.map(tepui_types::WallTime::to_proto),
        ..Default::default()
    };
    let encoded = rest.encode_to_vec();
    let first = WireFields::new(&encoded).next().and_then(Result::ok).map_or(0, |field| field.bytes.len());
    out.extend_from_slice(&encoded[first..]);
}
