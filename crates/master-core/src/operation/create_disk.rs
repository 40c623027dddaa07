//! `CREATE_DISK`: a disk of a resource provider.

use tepui_proto::v1::agent_info::capability::Type as AgentCapability;
use tepui_proto::v1::offer::Operation;
use tepui_types::Resources;

use crate::master::Master;
use crate::scheduler::Accepted;
use crate::validation;

impl Master {
    /// Refuses: no resources of resource providers are offered, so none can be consumed.
    pub(super) fn create_disk(&self, accepted: &Accepted, operation: Operation) -> Result<(), String> {
        self.check_provider_capability(accepted)?;
        let create = operation.create_disk.unwrap_or_default();
        validation::operation::create_disk::validate(&create)
            .map_err(|error| self.on_agent(accepted, &error))?;
        refuse_source(accepted, "CREATE_DISK", &[create.source])
    }

    pub(super) fn check_provider_capability(&self, accepted: &Accepted) -> Result<(), String> {
        let (_, agent) = self.parties(accepted)?;
        if agent.capabilities.has(AgentCapability::ResourceProvider) {
            return Ok(());
        }
        Err(format!(
            "Not supported on agent {} because it does not have RESOURCE_PROVIDER capability",
            self.describe_agent(&accepted.agent)
        ))
    }
}

/// The source is of a resource provider, and offers hold nothing of those.
pub(super) fn refuse_source(
    accepted: &Accepted,
    name: &str,
    source: &[tepui_proto::v1::Resource],
) -> Result<(), String> {
    let source = Resources::from_protos(source).map_err(|error| error.to_string())?;
    let remaining = &accepted.remaining;
    if remaining.contains(&source) {
        return Err("Resource providers are not supported by this master".to_owned());
    }
    Err(format!("Invalid {name} Operation: {remaining} does not contain {source}"))
}
