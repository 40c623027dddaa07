//! `GET_HEALTH`.

use tepui_proto::v1::master::response::{GetHealth, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_HEALTH`: whoever can answer is healthy.
    pub fn get_health(encoding: Encoding) -> Vec<u8> {
        let mut answer = response(Type::GetHealth);
        answer.get_health = Some(GetHealth { healthy: true });
        encode(encoding, &answer)
    }
}
