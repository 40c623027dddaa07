//! Who follows the event stream from the beginning knows each framework, agent and task that the view has, and hears of
//! nothing before it hears whose it is.

use std::collections::BTreeSet;

use tepui_master_view::View;
use tepui_proto::MesosMessage as _;
use tepui_proto::v1::master::Event;
use tepui_proto::v1::master::event::Type;

/// What a follower of one master has heard of.
#[derive(Debug, Default)]
pub(crate) struct FollowersKnow {
    frameworks: BTreeSet<String>,
    agents: BTreeSet<String>,
    tasks: BTreeSet<(String, String)>,
}

impl FollowersKnow {
    /// Hears what the view has to tell after a step, and compares.
    pub(crate) fn hear(&mut self, view: &mut View) {
        let events = view.take_events();
        for event in &events {
            let event = Event::decode_checked(event).expect("the view writes what can be read");
            self.apply(event);
        }
        if events.is_empty() {
            return;
        }
        for id in view.agent_ids() {
            assert!(self.agents.contains(id.as_str()), "agent {id} was not announced");
        }
        let frameworks: BTreeSet<String> = view.framework_ids().iter().map(ToString::to_string).collect();
        assert_eq!(self.frameworks, frameworks, "the frameworks of a follower and the view");
    }

    fn apply(&mut self, event: Event) {
        match event.r#type() {
            Type::FrameworkAdded => {
                let info = event.framework_added.expect("its part").framework.framework_info;
                let is_new = self.frameworks.insert(info.id.expect("its id").value);
                assert!(is_new, "a framework was added twice");
            }
            Type::FrameworkUpdated => {
                let info = event.framework_updated.expect("its part").framework.framework_info;
                assert!(self.frameworks.contains(&info.id.expect("its id").value), "an unknown framework");
            }
            Type::FrameworkRemoved => {
                let info = event.framework_removed.expect("its part").framework_info;
                assert!(self.frameworks.remove(&info.id.expect("its id").value), "an unknown framework");
            }
            Type::AgentAdded => {
                let info = event.agent_added.expect("its part").agent.agent_info;
                self.agents.insert(info.id.expect("its id").value);
            }
            Type::AgentRemoved => {
                let id = event.agent_removed.expect("its part").agent_id.value;
                assert!(self.agents.remove(&id), "an unknown agent was removed");
            }
            Type::TaskAdded => {
                let task = event.task_added.expect("its part").task;
                assert!(self.frameworks.contains(&task.framework_id.value), "a task of an unknown framework");
                self.tasks.insert((task.framework_id.value, task.task_id.value));
            }
            Type::TaskUpdated => {
                let update = event.task_updated.expect("its part");
                let task = (update.framework_id.value, update.status.task_id.value);
                assert!(self.tasks.contains(&task), "an update of an unknown task: {task:?}");
            }
            Type::Unknown | Type::Subscribed | Type::Heartbeat => panic!("not the view's to tell"),
        }
    }
}
