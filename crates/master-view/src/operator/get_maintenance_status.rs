//! `GET_MAINTENANCE_STATUS`: which machines are draining, and what frameworks answered; and which are down.

use tepui_proto::v1;
use tepui_proto::v1::machine_info::Mode;
use tepui_proto::v1::maintenance::ClusterStatus;
use tepui_proto::v1::maintenance::cluster_status::DrainingMachine;
use tepui_proto::v1::master::response::{GetMaintenanceStatus, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_MAINTENANCE_STATUS`.
    pub fn get_maintenance_status(&self, encoding: Encoding) -> Vec<u8> {
        let mut status = ClusterStatus::default();
        for machine in &self.maintenance.machines {
            match machine.mode() {
                Mode::Up => {}
                Mode::Draining => status.draining_machines.push(self.draining(&machine.id)),
                Mode::Down => status.down_machines.push(machine.id.clone()),
            }
        }
        let mut answer = response(Type::GetMaintenanceStatus);
        answer.get_maintenance_status = Some(GetMaintenanceStatus { status });
        encode(encoding, &answer)
    }

    fn draining(&self, id: &v1::MachineId) -> DrainingMachine {
        let is_there = |agent: &crate::agent::Agent| {
            agent.info_without_resources().hostname.eq_ignore_ascii_case(id.hostname())
                && agent.pid.address.ip().to_string() == id.ip()
        };
        let answers = self.maintenance.answers.iter();
        let of_machine =
            answers.filter(|(agent, _)| self.agents.get(*agent).is_some_and(|agent| is_there(agent)));
        let statuses = of_machine.flat_map(|(_, answers)| answers.values().cloned());
        DrainingMachine { id: id.clone(), statuses: statuses.collect() }
    }
}
