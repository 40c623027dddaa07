//! Maintenance: which machines operators say will be unavailable, and when.
//!
//! The schedule is what counts, and one row of the registry; a machine that it names is *draining*, or *down* if the
//! registry says so. A machine is told by host name, whatever its case, *and* address, as an agent's registration has
//! them: a schedule that leaves one of them out is about no agent.

mod schedule;

use std::collections::BTreeMap;

use tepui_proto::v1;
use tepui_proto::v1::machine_info::Mode;
use tepui_proto::v1::maintenance::Schedule;
use tepui_types::{AgentId, Upid};

use crate::agent::Agent;
use crate::change::Change;
use crate::master::Master;
use crate::registry::Registry;
use crate::turn::Turn;

/// A machine, as keys compare it.
type MachineKey = (Option<String>, Option<String>);

/// The machines of a schedule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maintenance {
    schedule: Schedule,
    machines: BTreeMap<MachineKey, v1::MachineInfo>,
}

impl Maintenance {
    /// What the registry holds. Only machines of its schedule are under maintenance.
    pub(crate) fn recovered(registry: &mut Registry) -> Self {
        let rows = std::mem::take(&mut registry.machines).into_values();
        let rows = Self {
            schedule: Schedule::default(),
            machines: rows.map(|info| (key(&info.id), info)).collect(),
        };
        rows.with(registry.schedule.take().unwrap_or_default())
    }

    /// The maintenance of another schedule: machines that it names anew are draining, others stay what they are.
    pub(crate) fn with(&self, schedule: Schedule) -> Self {
        let mut machines = BTreeMap::new();
        for window in &schedule.windows {
            for id in &window.machine_ids {
                let key = key(id);
                let known = self.machines.get(&key).cloned();
                let mut info =
                    known.unwrap_or_else(|| v1::MachineInfo { id: id.clone(), ..v1::MachineInfo::default() });
                if info.mode != Some(Mode::Down as i32) {
                    info.mode = Some(Mode::Draining as i32);
                }
                info.unavailability = Some(window.unavailability);
                machines.insert(key, info);
            }
        }
        Self { schedule, machines }
    }

    /// The machine of an agent as the schedule names it, if it does.
    pub(crate) fn machine(&self, agent: &Agent) -> Option<&v1::MachineId> {
        self.find(&agent.info.hostname, &agent.pid).map(|machine| &machine.id)
    }

    /// When the machine of an agent will be unavailable, if it will.
    pub(crate) fn unavailability(&self, agent: &Agent) -> Option<v1::Unavailability> {
        self.find(&agent.info.hostname, &agent.pid)?.unavailability
    }

    /// Tells whether a machine is down: no agent may come from there.
    pub(crate) fn is_down(&self, info: &v1::AgentInfo, pid: &Upid) -> bool {
        self.find(&info.hostname, pid).is_some_and(|machine| machine.mode == Some(Mode::Down as i32))
    }

    /// Finds the machine of an agent. Asked for each offer, and mostly nothing is under maintenance.
    fn find(&self, hostname: &str, pid: &Upid) -> Option<&v1::MachineInfo> {
        if self.machines.is_empty() {
            return None;
        }
        self.machines.get(&key_of(hostname, pid))
    }
}

impl Master {
    /// Takes over what the registry says about maintenance.
    pub(crate) fn recover_maintenance(&mut self, registry: &mut Registry, turn: &mut Turn<'_>) {
        self.maintenance = Maintenance::recovered(registry);
        self.planned_maintenance = self.maintenance.clone();
        if !self.maintenance.machines.is_empty() {
            self.publish_maintenance(turn);
        }
    }

    /// Lets another maintenance hold: where agents will be unavailable at other times than before, all offers of them are
    /// rescinded, and who holds something there is asked to leave, also who has answered already.
    pub(crate) fn set_maintenance(&mut self, maintenance: Maintenance, turn: &mut Turn<'_>) {
        let before = std::mem::replace(&mut self.maintenance, maintenance);
        self.publish_maintenance(turn);
        let changed: Vec<AgentId> = self
            .agents
            .registered
            .values()
            .filter(|agent| before.unavailability(agent) != self.maintenance.unavailability(agent))
            .map(|agent| agent.id.clone())
            .collect();
        for id in changed {
            self.rescind_offers_of_agent(&id, turn);
            turn.change(Change::InverseOfferAnswersForgotten(id.clone()));
            self.tell_allocator_of_maintenance(&id);
        }
    }

    /// Tells the allocator whether an agent will be unavailable.
    pub(crate) fn tell_allocator_of_maintenance(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.registered.get(id) else { return };
        let unavailable = self.maintenance.unavailability(agent).is_some();
        self.allocator.set_unavailable(id, unavailable);
    }

    fn publish_maintenance(&self, turn: &mut Turn<'_>) {
        turn.change(Change::MaintenanceChanged {
            schedule: Box::new(self.maintenance.schedule.clone()),
            machines: self.maintenance.machines.values().cloned().collect(),
        });
    }
}

fn key(id: &v1::MachineId) -> MachineKey {
    (id.hostname.as_ref().map(|hostname| hostname.to_ascii_lowercase()), id.ip.clone())
}

fn key_of(hostname: &str, pid: &Upid) -> MachineKey {
    (Some(hostname.to_ascii_lowercase()), Some(pid.ip_text()))
}
