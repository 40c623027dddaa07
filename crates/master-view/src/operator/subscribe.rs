//! `SUBSCRIBE`: the snapshot with which a follower's stream begins.

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use tepui_model::json::document;
use tepui_proto::v1::master::Event;
use tepui_proto::v1::master::event::{Subscribed, Type};

use super::Encoding;
use crate::view::View;

/// The field of `Event`.
const SUBSCRIBED: u32 = 2;

impl View {
    /// Formats SUBSCRIBED: the cluster as it is, and how often a heartbeat will come.
    pub fn subscribed(&self, encoding: Encoding, heartbeat_interval_seconds: f64) -> Vec<u8> {
        match encoding {
            Encoding::Json => document(|event| {
                event.field("type", Type::Subscribed.as_str_name());
                event.object("subscribed", |subscribed| {
                    subscribed.object("get_state", |state| self.write_get_state(state));
                    subscribed.field("heartbeat_interval_seconds", heartbeat_interval_seconds);
                });
            }),
            Encoding::Protobuf => {
                let interval = Some(heartbeat_interval_seconds);
                let rest = Subscribed { heartbeat_interval_seconds: interval, ..Subscribed::default() };
                let (state, rest) = (self.encode_state_content(), rest.encode_to_vec());
                let length = 1 + encoded_len_varint(state.len() as u64) + state.len() + rest.len();
                let event = Event { r#type: Some(Type::Subscribed as i32), ..Event::default() };
                let mut out = event.encode_to_vec();
                out.reserve_exact(length + 12);
                encode_key(SUBSCRIBED, WireType::LengthDelimited, &mut out);
                encode_varint(length as u64, &mut out);
                super::append(1, &state, &mut out);
                out.extend_from_slice(&rest);
                out
            }
        }
    }
}
