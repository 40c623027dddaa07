//! Resources as the journal tells them.

use tepui_proto::v1;
use tepui_types::{Resource, Resources};

/// Parses the resources of an entity. The core has validated them; what is malformed all the same is left out, since a
/// reader must not be able to stop the master.
pub(crate) fn parse_resources(protos: &[v1::Resource]) -> Resources {
    protos.iter().filter_map(|proto| Resource::from_proto(proto).ok()).collect()
}
