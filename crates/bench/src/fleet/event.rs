//! Events as far as the load needs them, out of protobuf and JSON.

use serde_json::Value as Json;
use tepui_proto::v1;

use crate::protobuf::{Fields, Value, find};

/// One event.
#[derive(Debug)]
pub(super) enum Event {
    Subscribed { framework: Vec<u8> },
    Offers(Vec<Offer>),
    Rescind(Vec<u8>),
    Update(Update),
    Failed(String),
    Other,
}

/// An offer.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) id: Vec<u8>,
    pub(super) agent: Vec<u8>,
    /// The number that the agent's host name ends with; none for agents that are not ours.
    pub(super) agent_number: Option<usize>,
    pub(super) cpus: f64,
}

/// An update of a task.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) task: Vec<u8>,
    pub(super) state: u64,
    pub(super) agent: Vec<u8>,
    pub(super) uuid: Vec<u8>,
    pub(super) message: Vec<u8>,
}

pub(super) fn decode(record: &[u8], is_json: bool) -> Event {
    if is_json { from_json(record) } else { from_protobuf(record) }
}

fn from_protobuf(record: &[u8]) -> Event {
    for (tag, value) in Fields(record) {
        let Value::Bytes(body) = value else { continue };
        return match tag {
            2 => Event::Subscribed { framework: find(body, &[1, 1]).unwrap_or_default().to_vec() },
            3 => Event::Offers(Fields(body).filter_map(|(_, value)| offer(value)).collect()),
            4 => Event::Rescind(find(body, &[1, 1]).unwrap_or_default().to_vec()),
            5 => Event::Update(update(find(body, &[1]).unwrap_or_default())),
            8 => Event::Failed(String::from_utf8_lossy(find(body, &[1]).unwrap_or_default()).into_owned()),
            _ => continue,
        };
    }
    Event::Other
}

fn offer(value: Value<'_>) -> Option<Offer> {
    let Value::Bytes(bytes) = value else { return None };
    let mut offer = Offer { id: Vec::new(), agent: Vec::new(), agent_number: None, cpus: 0.0 };
    for (tag, value) in Fields(bytes) {
        let Value::Bytes(field) = value else { continue };
        match tag {
            1 => offer.id = find(field, &[1])?.to_vec(),
            3 => offer.agent = find(field, &[1])?.to_vec(),
            4 => offer.agent_number = agent_number(field),
            5 if find(field, &[1]) == Some(b"cpus") => offer.cpus += scalar(field),
            _ => {}
        }
    }
    Some(offer)
}

fn scalar(resource: &[u8]) -> f64 {
    let scalar = find(resource, &[3]).unwrap_or_default();
    Fields(scalar)
        .find_map(|(_, value)| match value {
            Value::Fixed64(bits) => Some(f64::from_bits(bits)),
            Value::Number(_) | Value::Bytes(_) => None,
        })
        .unwrap_or(0.0)
}

fn agent_number(hostname: &[u8]) -> Option<usize> {
    std::str::from_utf8(hostname).ok()?.strip_prefix("agent-")?.parse().ok()
}

fn update(status: &[u8]) -> Update {
    let mut update = Update::default();
    for (tag, value) in Fields(status) {
        match (tag, value) {
            (1, Value::Bytes(id)) => update.task = find(id, &[1]).unwrap_or_default().to_vec(),
            (2, Value::Number(state)) => update.state = state,
            (4, Value::Bytes(message)) => update.message = message.to_vec(),
            (5, Value::Bytes(id)) => update.agent = find(id, &[1]).unwrap_or_default().to_vec(),
            (11, Value::Bytes(uuid)) => update.uuid = uuid.to_vec(),
            _ => {}
        }
    }
    update
}

fn from_json(record: &[u8]) -> Event {
    let Ok(event) = serde_json::from_slice::<Json>(record) else { return Event::Other };
    let text = |value: &Json| value.as_str().unwrap_or_default().as_bytes().to_vec();
    match event["type"].as_str() {
        Some("SUBSCRIBED") => {
            Event::Subscribed { framework: text(&event["subscribed"]["framework_id"]["value"]) }
        }
        Some("OFFERS") => {
            let offers = event["offers"]["offers"].as_array().map(Vec::as_slice).unwrap_or_default();
            let offer = |offer: &Json| Offer {
                id: text(&offer["id"]["value"]),
                agent: text(&offer["agent_id"]["value"]),
                agent_number: agent_number(&text(&offer["hostname"])),
                cpus: offer["resources"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default()
                    .iter()
                    .filter(|resource| resource["name"] == "cpus")
                    .filter_map(|resource| resource["scalar"]["value"].as_f64())
                    .sum(),
            };
            Event::Offers(offers.iter().map(offer).collect())
        }
        Some("RESCIND") => Event::Rescind(text(&event["rescind"]["offer_id"]["value"])),
        Some("UPDATE") => {
            let status = &event["update"]["status"];
            let state = status["state"].as_str().and_then(v1::TaskState::from_str_name);
            Event::Update(Update {
                task: text(&status["task_id"]["value"]),
                state: state.map_or(u64::MAX, |state| u64::try_from(state as i32).unwrap_or(u64::MAX)),
                agent: text(&status["agent_id"]["value"]),
                // It stays in its encoding: it goes back as it came.
                uuid: text(&status["uuid"]),
                message: text(&status["message"]),
            })
        }
        Some("ERROR") => {
            Event::Failed(String::from_utf8_lossy(&text(&event["error"]["message"])).into_owned())
        }
        _ => Event::Other,
    }
}
