//! `UPDATE_MAINTENANCE_SCHEDULE`: which machines will be unavailable, and when.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use prost::Message as _;
use tepui_proto::v1::machine_info::Mode;
use tepui_proto::v1::maintenance::{Schedule, Window};
use tepui_proto::{JsonDialect, MesosMessage, v1};

use super::{Maintenance, key};
use crate::effect::{RejectionKind, Response};
use crate::input::RequestId;
use crate::master::{Master, Pending};
use crate::operator::refuse;
use crate::registry::RegistryWrite;
use crate::turn::Turn;

/// A schedule is one row of the registry, and this is about half of what stores take; ten thousand machines need less.
const MAX_SCHEDULE_BYTES: usize = 512 * 1024;

impl Master {
    /// Replaces the schedule: first in the registry.
    pub(crate) fn update_maintenance_schedule(
        &mut self,
        request: RequestId,
        schedule: Schedule,
        turn: &mut Turn<'_>,
    ) {
        let bytes = schedule.encoded_len();
        if bytes > MAX_SCHEDULE_BYTES {
            let message = format!("The schedule has {bytes} bytes; the limit is {MAX_SCHEDULE_BYTES}");
            return refuse(request, RejectionKind::BadRequest, message, turn);
        }
        // What is on its way to the registry will hold by then.
        if let Err(message) = validate(&schedule, &self.planned_maintenance) {
            return refuse(request, RejectionKind::BadRequest, message, turn);
        }
        let planned = self.planned_maintenance.with(schedule);
        let row = (!planned.schedule.windows.is_empty()).then(|| Box::new(planned.schedule.clone()));
        self.planned_maintenance = planned.clone();
        let then = Pending::Maintain { request, maintenance: Box::new(planned) };
        self.store(vec![RegistryWrite::SetSchedule(row)], then, turn);
    }

    /// The registry holds another schedule.
    pub(crate) fn maintenance_stored(
        &mut self,
        request: RequestId,
        maintenance: Maintenance,
        turn: &mut Turn<'_>,
    ) {
        self.set_maintenance(maintenance, turn);
        turn.respond(request, Response::Ok);
    }
}

fn validate(schedule: &Schedule, before: &Maintenance) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for window in &schedule.windows {
        validate_window(window)?;
        for id in &window.machine_ids {
            validate_machine(id)?;
            if !seen.insert(key(id)) {
                return Err(format!("Machine '{}' appears more than once in the schedule", show(id)));
            }
        }
    }
    let down = before.machines.iter().filter(|(_, info)| info.mode == Some(Mode::Down as i32));
    for (key, info) in down {
        if !seen.contains(key) {
            let machine = show(&info.id);
            return Err(format!(
                "Machine '{machine}' is deactivated and cannot be removed from the schedule"
            ));
        }
    }
    Ok(())
}

fn validate_window(window: &Window) -> Result<(), String> {
    if window.machine_ids.is_empty() {
        return Err("List of machines in the maintenance window is empty".to_owned());
    }
    if window.unavailability.duration.is_some_and(|duration| duration.nanoseconds < 0) {
        return Err("Unavailability 'duration' is negative".to_owned());
    }
    Ok(())
}

fn validate_machine(id: &v1::MachineId) -> Result<(), String> {
    if id.hostname().is_empty() && id.ip().is_empty() {
        return Err("Both 'hostname' and 'ip' for a machine are empty".to_owned());
    }
    if !id.ip().is_empty() && id.ip().parse::<Ipv4Addr>().is_err() {
        return Err(format!("Failed to parse IPv4: {}", id.ip()));
    }
    Ok(())
}

fn show(id: &v1::MachineId) -> String {
    String::from_utf8_lossy(&id.to_json(JsonDialect::V0)).into_owned()
}
