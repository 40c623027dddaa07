//! `DESTROY_DISK`: the end of a disk of a resource provider.

use tepui_proto::v1::offer::Operation;

use super::create_disk::refuse_source;
use crate::master::Master;
use crate::scheduler::Accepted;
use crate::validation;

impl Master {
    /// Refuses: no resources of resource providers are offered, so none can be consumed.
    pub(super) fn destroy_disk(&self, accepted: &Accepted, operation: Operation) -> Result<(), String> {
        self.check_provider_capability(accepted)?;
        let destroy = operation.destroy_disk.unwrap_or_default();
        validation::operation::destroy_disk::validate(&destroy)
            .map_err(|error| self.on_agent(accepted, &error))?;
        refuse_source(accepted, "DESTROY_DISK", &[destroy.source])
    }
}
