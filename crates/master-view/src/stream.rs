//! The operator's event stream: what those hear who follow the cluster.
//!
//! A follower gets a snapshot (`operator/subscribe.rs`), and from then on an event for each change that the API has a word
//! for. Both come from this fold, so snapshot and events are one story: what a snapshot holds is not told again, and what
//! is told later follows from it. Who follows, and how events reach them, is the shell's.
//!
//! Events are collected only while somebody follows, in their binary form; JSON is made from that for those who want it.
//!
//! Compat: what is told, and when, is Mesos'. A framework's disconnection, an agent's, and the removal of an agent that is
//! unreachable or gone have no event of their own: of the last one hears by its tasks.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use tepui_master_core::{AgentRemoval, FrameworkEntity, FrameworkNews};
use tepui_proto::v1;
use tepui_proto::v1::master::Event;
use tepui_proto::v1::master::event::{
    AgentRemoved, FrameworkAdded, FrameworkRemoved, FrameworkUpdated, TaskUpdated, Type,
};
use tepui_proto::v1::master::response::get_frameworks;
use tepui_proto::v1::task_status::Reason;
use tepui_proto::{JsonDialect, MesosMessage as _};
use tepui_types::{AgentId, FrameworkId, TaskId, WallTime};

use crate::operator::encode_agent;
use crate::view::View;

/// Fields of `Event` whose contents are not decoded.
mod tag {
    pub(super) const TASK_ADDED: u32 = 3;
    pub(super) const AGENT_ADDED: u32 = 5;
}

/// What was not handed to the followers yet.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// Whether anybody follows.
    is_followed: bool,
    /// The binary forms of events, oldest first.
    events: Vec<Vec<u8>>,
    /// An agent that has just been added, with the tasks that it brought so far. It is announced in the same step.
    arriving: Option<(AgentId, Vec<(FrameworkId, TaskId)>)>,
}

impl View {
    /// Says whether anybody follows. As long as nobody does, no events are collected.
    pub fn set_followed(&mut self, is_followed: bool) {
        self.stream.is_followed = is_followed;
        if !is_followed {
            self.stream = Stream::default();
        }
    }

    /// Hands over what has happened since the last call, oldest first: the binary forms of `mesos.v1.master.Event`.
    pub fn take_events(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.stream.events)
    }

    /// Formats the JSON of an event from its binary form.
    pub fn event_json(event: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(event.len() * 3);
        Event::write_json_of(JsonDialect::V1, event, &mut out);
        out
    }

    /// The binary form of HEARTBEAT.
    pub fn heartbeat_event() -> Vec<u8> {
        event(Type::Heartbeat).encode_to_vec()
    }

    /// An agent is added, and its tasks follow.
    pub(crate) fn tell_of_arrival(&mut self, id: &AgentId) {
        if self.stream.is_followed {
            self.stream.arriving = Some((id.clone(), Vec::new()));
        }
    }

    /// An agent is complete. Compat: first come the tasks of frameworks that are known, then the agent, then those
    /// frameworks that it made known, each with its tasks.
    pub(crate) fn tell_of_agent(&mut self, id: &AgentId, recovered: &[FrameworkId]) {
        let Some((_, tasks)) = self.stream.arriving.take() else { return };
        for (framework, task) in tasks.iter().filter(|(framework, _)| !recovered.contains(framework)) {
            self.tell_task_added(framework, task);
        }
        if let Some(agent) = self.agents.get(id) {
            let mut content = Vec::new();
            encode_agent(agent, &mut content);
            self.stream.events.push(wrapped(Type::AgentAdded, tag::AGENT_ADDED, &content));
        }
        for framework in recovered {
            self.tell_of_framework(framework, FrameworkNews::Added);
            for (_, task) in tasks.iter().filter(|(owner, _)| owner == framework) {
                self.tell_task_added(framework, task);
            }
        }
    }

    /// Compat: only those are said to be removed that said goodbye, or whose place another one took.
    pub(crate) fn tell_of_removed_agent(&mut self, id: &AgentId, why: AgentRemoval) {
        match why {
            AgentRemoval::Unregistered | AgentRemoval::Replaced if self.agents.contains_key(id) => {
                self.tell(|| Event {
                    agent_removed: Some(AgentRemoved { agent_id: id.to_proto() }),
                    ..event(Type::AgentRemoved)
                });
            }
            AgentRemoval::Unregistered
            | AgentRemoval::Replaced
            | AgentRemoval::Unreachable
            | AgentRemoval::Gone => {}
        }
    }

    pub(crate) fn tell_of_framework(&mut self, id: &FrameworkId, news: FrameworkNews) {
        let Some(framework) = self.frameworks.get(id).filter(|_| self.stream.is_followed) else { return };
        let shown = shown(&framework.entity);
        self.tell(|| match news {
            FrameworkNews::Added => Event {
                framework_added: Some(FrameworkAdded { framework: shown }),
                ..event(Type::FrameworkAdded)
            },
            FrameworkNews::Updated => Event {
                framework_updated: Some(FrameworkUpdated { framework: shown }),
                ..event(Type::FrameworkUpdated)
            },
        });
    }

    pub(crate) fn tell_of_removed_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id).filter(|_| self.stream.is_followed) else { return };
        let framework_info = framework.entity.info.clone();
        self.tell(|| Event {
            framework_removed: Some(FrameworkRemoved { framework_info }),
            ..event(Type::FrameworkRemoved)
        });
    }

    pub(crate) fn tell_of_task(&mut self, framework: &FrameworkId, task: &TaskId, agent: &AgentId) {
        if !self.stream.is_followed {
            return;
        }
        match &mut self.stream.arriving {
            Some((arriving, tasks)) if arriving == agent => tasks.push((framework.clone(), task.clone())),
            Some(_) | None => self.tell_task_added(framework, task),
        }
    }

    fn tell_task_added(&mut self, framework: &FrameworkId, task: &TaskId) {
        let Some(task) = self.frameworks.get(framework).and_then(|owner| owner.tasks.get(task)) else {
            return;
        };
        let mut content = Vec::new();
        task.encode(framework.as_str(), &mut content);
        self.stream.events.push(wrapped(Type::TaskAdded, tag::TASK_ADDED, &content));
    }

    /// A task has the state `state`, and got a status. `is_change` tells whether the status before had another state; the
    /// outcomes of checks are told in any case.
    pub(crate) fn tell_of_status(
        &mut self,
        framework: &FrameworkId,
        status: v1::TaskStatus,
        state: v1::TaskState,
        is_change: bool,
    ) {
        let is_check =
            matches!(status.reason(), Reason::TaskCheckStatusUpdated | Reason::TaskHealthCheckStatusUpdated);
        if is_change || is_check {
            self.tell(|| Event {
                task_updated: Some(TaskUpdated {
                    framework_id: framework.to_proto(),
                    status,
                    state: state as i32,
                }),
                ..event(Type::TaskUpdated)
            });
        }
    }

    fn tell(&mut self, make: impl FnOnce() -> Event) {
        if self.stream.is_followed {
            self.stream.events.push(make().encode_to_vec());
        }
    }
}

/// An event of this type, yet without content.
fn event(kind: Type) -> Event {
    Event { r#type: Some(kind as i32), ..Event::default() }
}

/// The binary form of an event whose part `tag` holds one message, in field 1.
fn wrapped(kind: Type, tag: u32, content: &[u8]) -> Vec<u8> {
    let mut out = event(kind).encode_to_vec();
    let length = 1 + encoded_len_varint(content.len() as u64) + content.len();
    out.reserve_exact(length + 12);
    encode_key(tag, WireType::LengthDelimited, &mut out);
    encode_varint(length as u64, &mut out);
    encode_key(1, WireType::LengthDelimited, &mut out);
    encode_varint(content.len() as u64, &mut out);
    out.extend_from_slice(content);
    out
}

/// Compat: unlike in `GET_FRAMEWORKS` times that have not been are shown, and offers and resources are not.
fn shown(entity: &FrameworkEntity) -> get_frameworks::Framework {
    get_frameworks::Framework {
        framework_info: entity.info.clone(),
        active: entity.active,
        connected: entity.connected,
        recovered: entity.recovered,
        registered_time: Some(entity.registered.to_proto()),
        reregistered_time: Some(entity.reregistered.to_proto()),
        unregistered_time: Some(WallTime::default().to_proto()),
        ..get_frameworks::Framework::default()
    }
}
