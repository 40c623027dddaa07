//! What the master does: every effect is well-formed and goes where something waits for it, and peers learn from it.

use tepui_master_core::{Effect, Response};
use tepui_proto::v1::scheduler::{Event, event};
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage as _, v1};

use prost::Message as _;
use tepui_types::Upid;

use super::{Stream, World};

/// How much peers remember of each kind.
const MEMORY: usize = 16;

impl World {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Respond { request, response } => {
                let waits = self.waiting.iter().position(|waiting| *waiting == request);
                let at = waits.unwrap_or_else(|| panic!("{request:?} is answered twice, or was never asked"));
                self.waiting.swap_remove(at);
                if let Response::Subscribed { stream, stream_id } = response {
                    assert!(stream.0 >= self.next_stream, "{stream:?} was given before");
                    self.next_stream = stream.0 + 1;
                    self.streams.insert(stream, Stream { stream_id, framework: None });
                }
            }
            Effect::SendEvent { stream, event } => {
                check_event(&event);
                // One whose client went away may get what was on its way.
                if let Some(open) = self.streams.get_mut(&stream)
                    && let Some(subscribed) = &event.subscribed
                {
                    open.framework = Some(subscribed.framework_id.clone());
                }
                self.learn(&event);
            }
            Effect::CloseStream(stream) => drop(self.streams.remove(&stream)),
            Effect::SendLink { message, to, .. } => {
                let name = message.name();
                let body = message.encode();
                let decoded = LinkMessage::decode(name, &body);
                assert!(decoded.is_ok(), "{decoded:?}: {message:?}");
                self.learn_message(message, to);
            }
            Effect::Store { id, .. } => self.stores.push_back(id),
            _ => {}
        }
    }

    fn learn(&mut self, event: &Event) {
        if let Some(subscribed) = &event.subscribed {
            self.drivers.remove(&subscribed.framework_id.value);
            self.learn_framework(&subscribed.framework_id);
        }
        for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
            self.learn_offer(offer.clone());
        }
        for offer in event.inverse_offers.iter().flat_map(|offers| &offers.inverse_offers) {
            self.know(&offer.id.value);
            self.inverse_offers.push_back(offer.clone());
            self.inverse_offers.drain(..self.inverse_offers.len().saturating_sub(MEMORY));
        }
        if let Some(update) = &event.update {
            self.learn_update(update.status.clone());
        }
    }

    /// What an agent or a driver learns.
    fn learn_message(&mut self, message: LinkMessage, to: Upid) {
        match message {
            LinkMessage::SlaveRegistered(registered) => self.learn_agent(&registered.slave_id),
            LinkMessage::FrameworkRegistered(registered) => {
                self.drivers.insert(registered.framework_id.value.clone(), to);
                self.learn_framework(&registered.framework_id);
            }
            LinkMessage::FrameworkReregistered(registered) => {
                self.drivers.insert(registered.framework_id.value.clone(), to);
                self.learn_framework(&registered.framework_id);
            }
            LinkMessage::ResourceOffers(offers) => {
                offers.offers.into_iter().for_each(|offer| self.learn_offer(offer));
            }
            LinkMessage::StatusUpdate(update) => self.learn_update(update.update.status),
            LinkMessage::ApplyOperation(operation) => {
                self.operations.push_back(*operation);
                self.operations.drain(..self.operations.len().saturating_sub(MEMORY));
            }
            _ => {}
        }
    }

    fn learn_framework(&mut self, id: &v1::FrameworkId) {
        if !self.frameworks.contains(id) {
            self.frameworks.push(id.clone());
            self.know(&id.value);
        }
    }

    fn learn_offer(&mut self, offer: v1::Offer) {
        self.know(&offer.id.value);
        self.offers.push_back(offer);
        self.offers.drain(..self.offers.len().saturating_sub(MEMORY));
    }

    fn learn_update(&mut self, status: v1::TaskStatus) {
        self.updates.push_back(status);
        self.updates.drain(..self.updates.len().saturating_sub(MEMORY));
    }

    pub(super) fn learn_agent(&mut self, id: &v1::AgentId) {
        if !self.agents.contains(id) {
            self.agents.push(id.clone());
            self.know(&id.value);
        }
    }

    fn know(&mut self, text: &str) {
        if self.known.len() < 4 * MEMORY {
            self.known.push(text.to_owned());
        }
    }
}

/// Clients of both encodings can read it.
fn check_event(event: &Event) {
    let binary = event.encode_to_vec();
    let decoded = Event::decode_checked(&binary);
    assert!(decoded.is_ok(), "{decoded:?}: {event:?}");
    let json = event.to_json(JsonDialect::V1);
    let read = Event::from_json(JsonDialect::V1, &json);
    // A double that is no number is `null`, and its field may be required.
    let has_null = json.windows(4).any(|part| part == b"null");
    assert!(has_null || read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(&json));
    assert!(event.r#type() != event::Type::Unknown, "an event without a type");
}
