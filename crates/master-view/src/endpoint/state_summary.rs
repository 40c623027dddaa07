//! `/state-summary`.

use std::collections::{BTreeMap, BTreeSet};

use tepui_proto::v1::TaskState;
use tepui_types::{AgentId, FrameworkId};

use crate::model::agent::agent;
use crate::model::framework::framework_summary;
use crate::view::View;
use tepui_model::json::{Object, document};

/// The states that are counted, in their order.
const STATES: [TaskState; 10] = [
    TaskState::TaskStaging,
    TaskState::TaskStarting,
    TaskState::TaskRunning,
    TaskState::TaskKilling,
    TaskState::TaskFinished,
    TaskState::TaskKilled,
    TaskState::TaskFailed,
    TaskState::TaskLost,
    TaskState::TaskError,
    TaskState::TaskUnreachable,
];

/// Counts of tasks by their state.
type States = BTreeMap<TaskState, usize>;

/// Who has tasks where, and how many in each state.
#[derive(Default)]
struct Tally<'a> {
    of_framework: BTreeMap<&'a FrameworkId, (States, BTreeSet<&'a AgentId>)>,
    on_agent: BTreeMap<&'a AgentId, (States, BTreeSet<&'a FrameworkId>)>,
}

impl View {
    /// Renders `/state-summary`.
    pub fn state_summary(&self) -> Vec<u8> {
        let tally = self.tally();
        document(|object| {
            let hostname = self.leader.as_ref().map_or("", |leader| leader.info.hostname());
            object.field("hostname", hostname);
            if let Some(cluster) = &self.settings.cluster {
                object.field("cluster", cluster);
            }
            object.array("slaves", |array| {
                for (id, shown) in &self.agents {
                    array.object(|object| {
                        agent(object, shown);
                        let here = tally.on_agent.get(id);
                        write_states(object, here.map(|(states, _)| states));
                        write_ids(
                            object,
                            "framework_ids",
                            here.iter().flat_map(|(_, ids)| ids).map(|id| id.as_str()),
                        );
                    });
                }
            });
            object.array("frameworks", |array| {
                for (id, shown) in &self.frameworks {
                    array.object(|object| {
                        framework_summary(object, shown);
                        let its = tally.of_framework.get(id);
                        write_states(object, its.map(|(states, _)| states));
                        write_ids(
                            object,
                            "slave_ids",
                            its.iter().flat_map(|(_, ids)| ids).map(|id| id.as_str()),
                        );
                    });
                }
            });
        })
    }

    fn tally(&self) -> Tally<'_> {
        let mut tally = Tally::default();
        for (id, framework) in &self.frameworks {
            for task in framework.all_tasks() {
                let (states, agents) = tally.of_framework.entry(id).or_default();
                *states.entry(task.state()).or_default() += 1;
                agents.insert(task.agent());
                let (states, frameworks) = tally.on_agent.entry(task.agent()).or_default();
                *states.entry(task.state()).or_default() += 1;
                frameworks.insert(id);
            }
        }
        tally
    }
}

fn write_states(object: &mut Object<'_>, states: Option<&States>) {
    for state in STATES {
        let count = states.and_then(|states| states.get(&state)).copied().unwrap_or_default();
        object.field(state.as_str_name(), count);
    }
}

fn write_ids<'a>(object: &mut Object<'_>, name: &str, ids: impl Iterator<Item = &'a str>) {
    object.array(name, |array| {
        for id in ids {
            array.element(id);
        }
    });
}
