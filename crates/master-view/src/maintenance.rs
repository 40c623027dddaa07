//! Maintenance as the view holds it: the schedule, its machines, and what frameworks answered to inverse offers.

use std::collections::BTreeMap;

use tepui_proto::v1;
use tepui_proto::v1::allocator::InverseOfferStatus;
use tepui_proto::v1::maintenance::Schedule;
use tepui_types::{AgentId, FrameworkId};

/// What is known of maintenance.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// As the operator gave it.
    pub(crate) schedule: Schedule,
    /// The machines of the schedule.
    pub(crate) machines: Vec<v1::MachineInfo>,
    /// The last answer of each framework, by agent.
    pub(crate) answers: BTreeMap<AgentId, BTreeMap<FrameworkId, InverseOfferStatus>>,
}

impl Maintenance {
    /// Another schedule holds.
    pub(crate) fn set(&mut self, schedule: Schedule, machines: Vec<v1::MachineInfo>) {
        (self.schedule, self.machines) = (schedule, machines);
    }

    /// A framework answered whether it leaves an agent.
    pub(crate) fn answer(&mut self, agent: AgentId, status: InverseOfferStatus) {
        let framework = FrameworkId::from(&status.framework_id);
        self.answers.entry(agent).or_default().insert(framework, status);
    }

    /// What was answered about an agent counts no more.
    pub(crate) fn forget_answers(&mut self, agent: &AgentId) {
        self.answers.remove(agent);
    }

    /// A framework was removed.
    pub(crate) fn forget_framework(&mut self, framework: &FrameworkId) {
        self.answers.retain(|_, answers| {
            answers.remove(framework);
            !answers.is_empty()
        });
    }
}
