//! Which offers may be accepted together.

use std::collections::BTreeSet;

use tepui_proto::v1;
use tepui_types::FrameworkId;

use crate::master::Master;
use crate::offer::{OfferNumber, offer_number};

/// Checks the offers of one ACCEPT, and names them.
pub(crate) fn validate(
    master: &Master,
    framework: &FrameworkId,
    ids: &[v1::OfferId],
) -> Result<Vec<OfferNumber>, String> {
    if ids.is_empty() {
        return Err("No offers specified".to_owned());
    }
    let mut seen = BTreeSet::new();
    if let Some(id) = ids.iter().find(|id| !seen.insert(id.value.as_str())) {
        return Err(format!("Duplicate offer {} in offer list", id.value));
    }
    let mut offers = Vec::with_capacity(ids.len());
    for id in ids {
        let found = offer_number(&master.id, &id.value)
            .and_then(|number| Some((number, master.offers.get(&number)?)));
        let (number, offer) = found.ok_or_else(|| format!("Offer {} is no longer valid", id.value))?;
        offers.push((id, number, offer));
    }
    for (id, _, offer) in &offers {
        if offer.framework != *framework {
            return Err(format!(
                "Offer {} has invalid framework {} while framework {framework} is expected",
                id.value, offer.framework
            ));
        }
    }
    let (_, _, first) = offers[0];
    for (id, _, offer) in &offers {
        if offer.role != first.role {
            // Compat: Mesos forgets two quotes here.
            return Err(format!(
                "Aggregated offers must be allocated to the same role. Offer {} uses role '{} but another is using \
                 role '{}",
                id.value, offer.role, first.role
            ));
        }
    }
    for (id, _, offer) in &offers {
        if offer.agent != first.agent {
            return Err(format!(
                "Aggregated offers must belong to one single agent. Offer {} uses agent {} and agent {}",
                id.value, offer.agent, first.agent
            ));
        }
    }
    Ok(offers.into_iter().map(|(_, number, _)| number).collect())
}
