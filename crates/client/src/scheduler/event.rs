//! The events of a scheduler, as one enum.

use tepui_proto::v1;
use tepui_proto::v1::scheduler::Event as ProtoEvent;
use tepui_proto::v1::scheduler::event::{Failure, Message, Subscribed, Type};

/// What a scheduler is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The framework is subscribed: first, and again after each loss.
    Subscribed(Box<Subscribed>),
    /// The subscription was lost and is being made again. Told by this library.
    Disconnected {
        /// What happened.
        reason: String,
    },
    /// Resources to use or to decline.
    Offers(Vec<v1::Offer>),
    /// Resources that are asked back.
    InverseOffers(Vec<v1::InverseOffer>),
    /// An offer that is not valid any more.
    Rescind(v1::OfferId),
    /// An inverse offer that is not valid any more.
    RescindInverseOffer(v1::OfferId),
    /// The state of a task. It is repeated until acknowledged, if it has a uuid.
    Update(Box<v1::TaskStatus>),
    /// The state of an operation.
    UpdateOperationStatus(Box<v1::OperationStatus>),
    /// Data from an executor, delivered at most once.
    Message(Message),
    /// An agent or an executor is gone.
    Failure(Failure),
    /// The subscription has ended for good.
    Error(String),
    /// The master is there.
    Heartbeat,
}

impl Event {
    /// `None` for a type that is newer than this library, and for an event without the part that its type promises.
    pub(super) fn from_proto(proto: ProtoEvent) -> Option<Self> {
        Some(match proto.r#type() {
            Type::Unknown => return None,
            Type::Subscribed => Self::Subscribed(Box::new(proto.subscribed?)),
            Type::Offers => Self::Offers(proto.offers?.offers),
            Type::InverseOffers => Self::InverseOffers(proto.inverse_offers?.inverse_offers),
            Type::Rescind => Self::Rescind(proto.rescind?.offer_id),
            Type::RescindInverseOffer => {
                Self::RescindInverseOffer(proto.rescind_inverse_offer?.inverse_offer_id)
            }
            Type::Update => Self::Update(Box::new(proto.update?.status)),
            Type::UpdateOperationStatus => {
                Self::UpdateOperationStatus(Box::new(proto.update_operation_status?.status))
            }
            Type::Message => Self::Message(proto.message?),
            Type::Failure => Self::Failure(proto.failure?),
            Type::Error => Self::Error(proto.error?.message),
            Type::Heartbeat => Self::Heartbeat,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_the_type_promises_may_be_absent_without_harm() {
        for number in 0..14 {
            let proto = ProtoEvent { r#type: Some(number), ..ProtoEvent::default() };
            let event = Event::from_proto(proto);
            assert_eq!(event, (number == i32::from(Type::Heartbeat)).then_some(Event::Heartbeat), "{number}");
        }
    }
}
