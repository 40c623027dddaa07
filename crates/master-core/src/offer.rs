//! The outstanding offers.

mod make;
mod remove;

use tepui_types::{AgentId, FrameworkId, OfferId, Resources};

pub(crate) use make::agent_url;
pub(crate) use remove::refuse_duration;

/// The number in an offer's id.
pub(crate) type OfferNumber = u64;

/// Resources of one agent that one framework may use now.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) framework: FrameworkId,
    pub(crate) agent: AgentId,
    pub(crate) role: String,
    /// Allocated to the role.
    pub(crate) resources: Resources,
}

/// The id of an offer.
pub(crate) fn offer_id(master_id: &str, number: OfferNumber) -> OfferId {
    OfferId::new(format!("{master_id}-O{number}"))
}

/// Reads an offer's id; `None` if this master never gave it.
pub(crate) fn offer_number(master_id: &str, id: &str) -> Option<OfferNumber> {
    let digits = id.strip_prefix(master_id)?.strip_prefix("-O")?;
    let number = digits.parse().ok()?;
    // Other spellings of a number, such as `007`, are other ids.
    (offer_id(master_id, number).as_str() == id).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_ids_are_read() {
        assert_eq!(offer_number("m", "m-O7"), Some(7));
        for id in ["m-O07", "m-O+7", "m-O", "n-O7", "m-S7", "", "m-O99999999999999999999"] {
            assert_eq!(offer_number("m", id), None, "{id}");
        }
    }
}
