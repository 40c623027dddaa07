//! The outstanding offers.

mod entity;
mod make;
mod remove;

use std::sync::Arc;

use tepui_types::{AgentId, FrameworkId, OfferId, Resources};

pub use entity::OfferEntity;
pub(crate) use entity::agent_url;
pub(crate) use remove::refuse_duration;

/// The number in an offer's id.
pub(crate) type OfferNumber = u64;

/// Resources of one agent that one framework may use now.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) id: OfferId,
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
    pub(crate) role: Arc<str>,
    /// Allocated to the role.
    pub(crate) resources: Resources,
}

/// The id of an offer.
pub(crate) fn offer_id(master_id: &str, number: OfferNumber) -> OfferId {
    OfferId::new([master_id, "-O", &number.to_string()].concat())
}

/// Reads an offer's id; `None` if this master never gave it.
pub(crate) fn offer_number(master_id: &str, id: &str) -> Option<OfferNumber> {
    let digits = id.strip_prefix(master_id)?.strip_prefix("-O")?;
    // Other spellings of a number, such as `007` and `+7`, are other ids.
    let is_spelled_as_given =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| is_spelled_as_given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_ids_are_read() {
        for number in [0, 7, 10, u64::MAX] {
            assert_eq!(offer_number("m", offer_id("m", number).as_str()), Some(number));
        }
        for id in ["m-O00", "m-O07", "m-O+7", "m-O", "n-O7", "m-S7", "", "m-O99999999999999999999"] {
            assert_eq!(offer_number("m", id), None, "{id}");
        }
    }
}
