//! What operators say.

use tepui_master_core::{Input, OperatorCall, RequestId};
use tepui_proto::google::protobuf::Duration;
use tepui_proto::v1;
use tepui_proto::v1::maintenance::{Schedule, Window};
use tepui_proto::v1::master::call::{self, Type};

use super::{AGENTS, World, agent};
use crate::grammar;
use crate::source::Source;

/// The machine of agent N.
pub(super) fn machine(number: u8) -> v1::MachineId {
    v1::MachineId {
        hostname: Some(format!("Host{number}")),
        ip: Some(agent::pid(number).address.ip().to_string()),
    }
}

/// A window for each machine, by number and beginning in seconds.
pub(super) fn schedule(machines: &[(u8, u8)]) -> Schedule {
    let window = |(number, start): &(u8, u8)| Window {
        machine_ids: vec![machine(*number)],
        unavailability: v1::Unavailability {
            start: v1::TimeInfo { nanoseconds: i64::from(*start) * 1_000_000_000 },
            duration: None,
        },
    };
    Schedule { windows: machines.iter().map(window).collect() }
}

impl World {
    /// A call about an agent or a framework, or any.
    pub(super) fn operator_call(&mut self, source: &mut Source<'_>) -> Input {
        let agent_id = self.agent(source).unwrap_or_default();
        let call = |kind: Type| v1::master::Call { r#type: Some(kind.into()), ..v1::master::Call::default() };
        let call = match source.below(6) {
            0 => {
                let teardown = call::Teardown { framework_id: self.framework(source) };
                v1::master::Call { teardown: Some(teardown), ..call(Type::Teardown) }
            }
            1 => {
                let mark_agent_gone = Some(call::MarkAgentGone { agent_id });
                v1::master::Call { mark_agent_gone, ..call(Type::MarkAgentGone) }
            }
            2 => {
                let seconds = i64::from(source.byte()) - 5;
                let drain_agent = Some(call::DrainAgent {
                    agent_id,
                    max_grace_period: source.once_in(2).then_some(Duration { seconds, nanos: 0 }),
                    mark_gone: Some(source.once_in(2)),
                });
                v1::master::Call { drain_agent, ..call(Type::DrainAgent) }
            }
            3 => {
                let deactivate_agent = Some(call::DeactivateAgent { agent_id });
                v1::master::Call { deactivate_agent, ..call(Type::DeactivateAgent) }
            }
            4 => {
                let reactivate_agent = Some(call::ReactivateAgent { agent_id });
                v1::master::Call { reactivate_agent, ..call(Type::ReactivateAgent) }
            }
            _ => grammar::decoded(source, &self.known).unwrap_or_default(),
        };
        Self::operator_input(grammar::embellished(source, call, &self.known))
    }

    /// Machines that will be unavailable, some of them named twice.
    pub(super) fn update_schedule(&mut self, source: &mut Source<'_>) -> Input {
        let machines: Vec<(u8, u8)> =
            (0..source.below(4)).map(|_| (source.byte() % AGENTS, source.byte() % 4)).collect();
        let update = call::UpdateMaintenanceSchedule { schedule: schedule(&machines) };
        let call = v1::master::Call {
            r#type: Some(Type::UpdateMaintenanceSchedule.into()),
            update_maintenance_schedule: Some(update),
            ..v1::master::Call::default()
        };
        Self::operator_input(grammar::embellished(source, call, &self.known))
    }

    fn operator_input(call: v1::master::Call) -> Input {
        // The step gives it its number.
        Input::OperatorCall(Box::new(OperatorCall { request: RequestId(0), call, principal: None }))
    }
}
