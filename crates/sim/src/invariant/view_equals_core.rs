//! The view equals the core: after each step in what the step's changes name, and in everything now and then.

use std::collections::BTreeSet;

use tepui_master_core::{Change, Master};
use tepui_master_view::View;
use tepui_types::{AgentId, FrameworkId};

/// Everything is compared every so many steps.
const EVERY: u64 = 64;

/// What a step touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    agents: BTreeSet<AgentId>,
    frameworks: BTreeSet<FrameworkId>,
}

/// Counts the steps.
#[derive(Debug, Default)]
pub(crate) struct ViewEqualsCore {
    steps: u64,
}

impl ViewEqualsCore {
    /// What these changes name.
    pub(crate) fn touched(changes: &[Change]) -> Touched {
        let mut touched = Touched::default();
        for change in changes {
            touched.add(change);
        }
        touched
    }

    /// Compares what was touched, or everything if it is time for that.
    pub(crate) fn compare(&mut self, core: &Master, view: &View, touched: Touched) {
        self.steps += 1;
        if self.steps.is_multiple_of(EVERY) {
            Self::compare_all(core, view);
            return;
        }
        for id in touched.agents {
            assert_eq!(core.agent_book(&id), view.agent_book(&id), "core and view of agent {id}");
        }
        for id in touched.frameworks {
            assert_eq!(core.framework_book(&id), view.framework_book(&id), "core and view of framework {id}");
        }
    }

    /// Compares everything.
    pub(crate) fn compare_all(core: &Master, view: &View) {
        assert_eq!(core.agent_ids(), view.agent_ids(), "the agents of core and view");
        assert_eq!(core.framework_ids(), view.framework_ids(), "the frameworks of core and view");
        for id in core.agent_ids() {
            assert_eq!(core.agent_book(&id), view.agent_book(&id), "core and view of agent {id}");
        }
        for id in core.framework_ids() {
            assert_eq!(core.framework_book(&id), view.framework_book(&id), "core and view of framework {id}");
        }
    }
}

impl Touched {
    fn add(&mut self, change: &Change) {
        match change {
            Change::FrameworkAdded(framework) | Change::FrameworkUpdated(framework) => {
                self.frameworks.extend(framework.info.id.as_ref().map(FrameworkId::from));
            }
            Change::FrameworkCompleted { id, .. } => drop(self.frameworks.insert(id.clone())),
            Change::AgentAdded(agent) | Change::AgentUpdated(agent) => {
                self.agents.insert(agent.id.clone());
            }
            Change::AgentRemoved { id, .. } => drop(self.agents.insert(id.clone())),
            Change::TaskUpdated { framework, .. } | Change::TaskRemoved { framework, .. } => {
                self.frameworks.insert(framework.clone());
            }
            Change::TaskAdded { agent, framework, .. }
            | Change::ExecutorAdded { agent, framework, .. }
            | Change::ExecutorRemoved { agent, framework, .. } => {
                self.frameworks.insert(framework.clone());
                self.agents.insert(agent.clone());
            }
            Change::OfferAdded(offer) => {
                self.frameworks.insert(offer.framework.clone());
                self.agents.insert(offer.agent.clone());
            }
            Change::Elected { .. }
            | Change::FrameworkForgotten(_)
            | Change::FrameworkAnnounced { .. }
            | Change::AgentAnnounced { .. }
            | Change::AgentReachable(_)
            | Change::AgentForgotten(_)
            | Change::AgentUnreachable(..)
            | Change::AgentRecovered(_)
            | Change::OfferRemoved(_)
            | Change::InverseOfferAdded(_)
            | Change::InverseOfferRemoved(_)
            | Change::InverseOfferAnswered { .. }
            | Change::InverseOfferAnswersForgotten(_)
            | Change::MaintenanceChanged { .. }
            | Change::Counted(_) => {}
        }
    }
}
