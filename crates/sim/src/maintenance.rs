//! The operator who takes machines down, and what schedulers answer.

use std::time::Duration;

use tepui_master_core::{Input, OperatorCall, RequestId};
use tepui_proto::v1;
use tepui_proto::v1::maintenance::{Schedule, Window};
use tepui_proto::v1::master::call::{Type, UpdateMaintenanceSchedule};
use tepui_types::Time;

use crate::cluster::Cluster;
use crate::fault::Fault;

/// Seeds below this one tell stories without maintenance: they are cited, and must stay what they were.
const FIRST_SEED: u64 = 1_000;

/// No other request has this number.
const REQUEST: RequestId = RequestId(u64::MAX);

/// Plans which machines will be unavailable when. Its choices are of no matter to any others.
pub(crate) fn plan(seed: u64, agents: usize, from: Time, to: Time) -> Vec<(Time, Fault)> {
    if seed < FIRST_SEED {
        return Vec::new();
    }
    let mut random = fastrand::Rng::with_seed(!seed);
    let span = u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX).max(1);
    let count = random.usize(0..6);
    (0..count)
        .map(|_| {
            let at = from + Duration::from_millis(random.u64(..span));
            let starts = (0..agents).map(|_| random.bool().then(|| random.i64(1..3))).collect();
            (at, Fault::ScheduleChanges { starts })
        })
        .collect()
}

impl Cluster {
    /// The operator tells the leader, if there is one, which agents' machines go, and when.
    pub(crate) fn change_schedule(&mut self, starts: &[Option<i64>]) {
        let leads = |master: &usize| {
            let host = &self.masters[*master];
            host.is_up && host.core.is_some() && host.paused_until.is_none()
        };
        let Some(master) = (0..self.masters.len()).find(leads) else { return };
        let window = |(agent, start): (usize, &Option<i64>)| {
            let host = &self.agents[agent];
            let start = (*start)?;
            // Agents are named after their address.
            let address = Some(host.pid.address.ip().to_string());
            Some(Window {
                machine_ids: vec![v1::MachineId { hostname: address.clone(), ip: address }],
                unavailability: v1::Unavailability {
                    start: v1::TimeInfo { nanoseconds: start },
                    duration: None,
                },
            })
        };
        let schedule = Schedule { windows: starts.iter().enumerate().filter_map(window).collect() };
        let call = v1::master::Call {
            r#type: Some(Type::UpdateMaintenanceSchedule.into()),
            update_maintenance_schedule: Some(UpdateMaintenanceSchedule { schedule }),
            ..v1::master::Call::default()
        };
        let call = OperatorCall { request: REQUEST, call, principal: None };
        self.step_master(master, Input::OperatorCall(Box::new(call)));
    }
}
