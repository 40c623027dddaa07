//! Calls as bytes, in both encodings.

use std::io::Write as _;

use prost::Message as _;
use tepui_proto::v1;

use super::event::{Offer, Update};
use crate::plan::Plan;
use crate::protobuf::{self, bytes, double, id, number};
use crate::swarm::slot;

/// Writes the calls of one framework.
pub(super) struct Calls {
    is_json: bool,
    /// What stands before the length of the body in each request.
    head: Vec<u8>,
    framework: Vec<u8>,
    task_tail: Vec<u8>,
    json_tail: String,
    refuse_seconds: f64,
    checkpoint: bool,
    body: Vec<u8>,
}

/// One with no resources of its own is refused for good.
/// Mesos takes a year at the most.
const FOR_EVER: f64 = 3e7;

impl Calls {
    pub(super) fn new(is_json: bool, plan: &Plan) -> Self {
        let tail = v1::TaskInfo {
            name: "load".to_owned(),
            resources: slot().to_vec(),
            command: Some(v1::CommandInfo { value: Some(plan.command.clone()), ..Default::default() }),
            ..Default::default()
        };
        let tail =
            [2, 3].iter().fold(tail.encode_to_vec(), |tail, tag| crate::swarm::without_field(&tail, *tag));
        let resources: Vec<String> = slot()
            .iter()
            .map(|it| {
                let value = it.scalar.as_ref().map_or(0.0, |scalar| scalar.value);
                format!(r#"{{"name":"{}","type":"SCALAR","scalar":{{"value":{value}}}}}"#, it.name)
            })
            .collect();
        let command = serde_json::json!({ "value": plan.command });
        let json_tail = format!(r#""name":"load","resources":[{}],"command":{command}"#, resources.join(","));
        let mut calls = Self {
            is_json,
            head: Vec::new(),
            framework: Vec::new(),
            task_tail: tail,
            json_tail,
            refuse_seconds: plan.refuse_seconds,
            checkpoint: plan.checkpoint,
            body: Vec::new(),
        };
        calls.set_stream_id(b"");
        calls
    }

    pub(super) fn set_stream_id(&mut self, stream_id: &[u8]) {
        let kind = if self.is_json { "application/json" } else { "application/x-protobuf" };
        let mut head = format!(
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: master\r\nContent-Type: {kind}\r\nAccept: {kind}\r\n"
        )
        .into_bytes();
        if !stream_id.is_empty() {
            head.extend_from_slice(b"Mesos-Stream-Id: ");
            head.extend_from_slice(stream_id);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"Content-Length: ");
        self.head = head;
    }

    pub(super) fn set_framework(&mut self, id: &[u8]) {
        self.framework = id.to_vec();
    }

    fn request(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        write!(out, "{}\r\n\r\n", self.body.len()).expect("a vector takes all");
        out.extend_from_slice(&self.body);
    }

    /// Begins a call of this type; JSON is closed by [`Calls::finish`].
    fn begin(&mut self, kind: u64, name: &str) {
        self.body.clear();
        if self.is_json {
            let framework = String::from_utf8_lossy(&self.framework);
            write!(self.body, r#"{{"type":"{name}","framework_id":{{"value":"{framework}"}}"#)
                .expect("a vector takes all");
        } else {
            id(&mut self.body, 1, &self.framework);
            number(&mut self.body, 2, kind);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.is_json {
            self.body.push(b'}');
        }
        self.request(out);
    }

    pub(super) fn subscribe(&mut self, index: usize, role: usize) -> Vec<u8> {
        let role = if role == 0 { "*".to_owned() } else { format!("role{role}") };
        self.body.clear();
        if self.is_json {
            let known = String::from_utf8_lossy(&self.framework);
            let (outer, inner) = match self.framework.as_slice() {
                [] => (String::new(), String::new()),
                _ => (
                    format!(r#""framework_id":{{"value":"{known}"}},"#),
                    format!(r#""id":{{"value":"{known}"}},"#),
                ),
            };
            write!(
                self.body,
                r#"{{"type":"SUBSCRIBE",{outer}"subscribe":{{"framework_info":{{{inner}"user":"root","name":"load-{index}","role":"{role}","checkpoint":{}}}}}}}"#,
                self.checkpoint
            )
            .expect("a vector takes all");
        } else {
            let framework = &self.framework;
            if !framework.is_empty() {
                id(&mut self.body, 1, framework);
            }
            number(&mut self.body, 2, 1);
            protobuf::message(&mut self.body, 3, |out| {
                protobuf::message(out, 1, |out| {
                    bytes(out, 1, b"root");
                    bytes(out, 2, format!("load-{index}").as_bytes());
                    if !framework.is_empty() {
                        id(out, 3, framework);
                    }
                    number(out, 5, u64::from(self.checkpoint));
                    bytes(out, 6, role.as_bytes());
                });
            });
        }
        let mut out = Vec::new();
        self.request(&mut out);
        out
    }

    pub(super) fn accept(&mut self, out: &mut Vec<u8>, offer: &Offer, tasks: impl Iterator<Item = String>) {
        self.begin(3, "ACCEPT");
        let (tail, json_tail, refuse) = (&self.task_tail, &self.json_tail, self.refuse_seconds);
        if self.is_json {
            let (offer_id, agent) =
                (String::from_utf8_lossy(&offer.id), String::from_utf8_lossy(&offer.agent));
            let tasks: Vec<String> = tasks
                .map(|task| {
                    format!(
                        r#"{{"task_id":{{"value":"{task}"}},"agent_id":{{"value":"{agent}"}},{json_tail}}}"#
                    )
                })
                .collect();
            write!(
                self.body,
                r#","accept":{{"offer_ids":[{{"value":"{offer_id}"}}],"operations":[{{"type":"LAUNCH","launch":{{"task_infos":[{}]}}}}],"filters":{{"refuse_seconds":{refuse}}}}}"#,
                tasks.join(",")
            )
            .expect("a vector takes all");
        } else {
            protobuf::message(&mut self.body, 4, |out| {
                id(out, 1, &offer.id);
                protobuf::message(out, 2, |out| {
                    number(out, 1, 1);
                    protobuf::message(out, 2, |out| {
                        for task in tasks {
                            protobuf::message(out, 1, |out| {
                                id(out, 2, task.as_bytes());
                                id(out, 3, &offer.agent);
                                out.extend_from_slice(tail);
                            });
                        }
                    });
                });
                protobuf::message(out, 3, |out| double(out, 1, refuse));
            });
        }
        self.finish(out);
    }

    pub(super) fn decline(&mut self, out: &mut Vec<u8>, offers: &[Vec<u8>]) {
        // Long lists are cut: a call is a small message.
        for offers in offers.chunks(1000) {
            self.begin(4, "DECLINE");
            if self.is_json {
                let offers: Vec<String> = offers
                    .iter()
                    .map(|id| format!(r#"{{"value":"{}"}}"#, String::from_utf8_lossy(id)))
                    .collect();
                write!(
                    self.body,
                    r#","decline":{{"offer_ids":[{}],"filters":{{"refuse_seconds":{FOR_EVER}}}}}"#,
                    offers.join(",")
                )
                .expect("a vector takes all");
            } else {
                protobuf::message(&mut self.body, 5, |out| {
                    for offer in offers {
                        id(out, 1, offer);
                    }
                    protobuf::message(out, 2, |out| double(out, 1, FOR_EVER));
                });
            }
            self.finish(out);
        }
    }

    pub(super) fn acknowledge(&mut self, out: &mut Vec<u8>, update: &Update) {
        self.begin(8, "ACKNOWLEDGE");
        if self.is_json {
            let text = |bytes| String::from_utf8_lossy(bytes);
            write!(
                self.body,
                r#","acknowledge":{{"agent_id":{{"value":"{}"}},"task_id":{{"value":"{}"}},"uuid":"{}"}}"#,
                text(&update.agent),
                text(&update.task),
                text(&update.uuid)
            )
            .expect("a vector takes all");
        } else {
            protobuf::message(&mut self.body, 8, |out| {
                id(out, 1, &update.agent);
                id(out, 2, &update.task);
                bytes(out, 3, &update.uuid);
            });
        }
        self.finish(out);
    }

    pub(super) fn suppress(&mut self, out: &mut Vec<u8>) {
        self.begin(12, "SUPPRESS");
        self.finish(out);
    }

    pub(super) fn revive(&mut self, out: &mut Vec<u8>) {
        self.begin(5, "REVIVE");
        self.finish(out);
    }

    /// Asks for tasks that nobody knows: `task i`, without an agent.
    pub(super) fn reconcile(&mut self, out: &mut Vec<u8>, tasks: usize) {
        let call = v1::scheduler::Call {
            framework_id: Some(v1::FrameworkId {
                value: String::from_utf8_lossy(&self.framework).into_owned(),
            }),
            r#type: Some(v1::scheduler::call::Type::Reconcile as i32),
            reconcile: Some(v1::scheduler::call::Reconcile {
                tasks: (0..tasks)
                    .map(|index| v1::scheduler::call::reconcile::Task {
                        task_id: v1::TaskId { value: format!("task {index}") },
                        agent_id: None,
                    })
                    .collect(),
            }),
            ..Default::default()
        };
        if self.is_json {
            let tasks: Vec<String> =
                (0..tasks).map(|index| format!(r#"{{"task_id":{{"value":"task {index}"}}}}"#)).collect();
            self.begin(9, "RECONCILE");
            write!(self.body, r#","reconcile":{{"tasks":[{}]}}"#, tasks.join(","))
                .expect("a vector takes all");
            self.finish(out);
        } else {
            self.body = call.encode_to_vec();
            self.request(out);
        }
    }
}
