//! `GET_MASTER`.

use tepui_proto::v1::master::response::{GetMaster, Type};

use super::{Encoding, encode, response};
use crate::view::View;

impl View {
    /// Answers `GET_MASTER`.
    pub fn get_master(&self, encoding: Encoding) -> Vec<u8> {
        let mut answer = response(Type::GetMaster);
        answer.get_master = Some(match &self.leader {
            Some(leader) => GetMaster {
                master_info: Some(leader.info.clone()),
                start_time: Some(leader.started.as_secs_f64()),
                elected_time: Some(leader.elected.as_secs_f64()),
            },
            None => GetMaster::default(),
        });
        encode(encoding, &answer)
    }
}
