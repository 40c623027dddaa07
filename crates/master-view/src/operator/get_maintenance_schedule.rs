//! `GET_MAINTENANCE_SCHEDULE`.

use tepui_proto::v1::master::response::{GetMaintenanceSchedule, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_MAINTENANCE_SCHEDULE`.
    pub fn get_maintenance_schedule(&self, encoding: Encoding) -> Vec<u8> {
        let schedule = self.maintenance.schedule.clone();
        let mut answer = response(Type::GetMaintenanceSchedule);
        answer.get_maintenance_schedule = Some(GetMaintenanceSchedule { schedule });
        encode(encoding, &answer)
    }
}
