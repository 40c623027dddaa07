//! `GET_FLAGS`.

use tepui_proto::v1::Flag;
use tepui_proto::v1::master::response::{GetFlags, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_FLAGS`.
    pub fn get_flags(&self, encoding: Encoding) -> Vec<u8> {
        let flag = |(name, value): &(String, String)| Flag { name: name.clone(), value: Some(value.clone()) };
        let mut answer = response(Type::GetFlags);
        answer.get_flags = Some(GetFlags { flags: self.settings.flags.iter().map(flag).collect() });
        encode(encoding, &answer)
    }
}
