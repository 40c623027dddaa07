//! `GET_FRAMEWORKS`.

use tepui_master_core::OfferEntity;
use tepui_proto::v1;
use tepui_proto::v1::master::response::{GetFrameworks, Type, get_frameworks};
use tepui_types::{Upid, WallTime};

use super::{Encoding, encode, json, list, response};
use crate::framework::Framework;
use crate::view::View;
use tepui_model::json::Object;

impl View {
    /// Answers `GET_FRAMEWORKS`.
    pub fn get_frameworks(&self, encoding: Encoding) -> Vec<u8> {
        let content = self.gather_frameworks();
        match encoding {
            Encoding::Json => {
                json(Type::GetFrameworks, "get_frameworks", |object| write_frameworks(object, &content))
            }
            Encoding::Protobuf => {
                let mut answer = response(Type::GetFrameworks);
                answer.get_frameworks = Some(content);
                encode(encoding, &answer)
            }
        }
    }

    pub(super) fn gather_frameworks(&self) -> GetFrameworks {
        GetFrameworks {
            frameworks: self.frameworks.values().map(|it| self.framework_message(it)).collect(),
            completed_frameworks: self
                .completed_frameworks
                .iter()
                .map(|it| self.framework_message(it))
                .collect(),
            ..Default::default()
        }
    }

    fn framework_message(&self, framework: &Framework) -> get_frameworks::Framework {
        let entity = &framework.entity;
        get_frameworks::Framework {
            framework_info: entity.info.clone(),
            active: entity.active,
            connected: entity.connected,
            recovered: entity.recovered,
            registered_time: time(entity.registered),
            reregistered_time: time(entity.reregistered),
            unregistered_time: framework.unregistered.and_then(time),
            offers: framework.offers.values().map(|offer| self.offer_message(offer)).collect(),
            inverse_offers: framework.inverse_offers.values().cloned().collect(),
            allocated_resources: framework.used.to_protos_endpoint(),
            offered_resources: framework.offered.to_protos_endpoint(),
            offer_constraints: Some(entity.offer_constraints.clone().unwrap_or_default()),
        }
    }

    fn offer_message(&self, offer: &OfferEntity) -> v1::Offer {
        let agent = self.agents.get(&offer.agent);
        let info = agent.map(|agent| agent.info_without_resources()).unwrap_or_default().into();
        let nowhere = || Upid::new("", ([0, 0, 0, 0], 0).into());
        let pid = agent.map_or_else(nowhere, |agent| agent.pid.clone());
        offer.to_proto(&info, &pid, offer.resources.to_protos())
    }
}

pub(super) fn write_frameworks(object: &mut Object<'_>, content: &GetFrameworks) {
    list(object, "frameworks", &content.frameworks);
    list(object, "completed_frameworks", &content.completed_frameworks);
}

/// A time that has been, if it has.
fn time(time: WallTime) -> Option<v1::TimeInfo> {
    (time != WallTime::default()).then(|| time.to_proto())
}
