//! What an agent says that it understands.

use tepui_proto::v1::agent_info::Capability;
use tepui_proto::v1::agent_info::capability::Type;

/// The known capabilities of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Capabilities(Vec<Type>);

impl Capabilities {
    /// Reads the list; what we do not know is ignored.
    pub(crate) fn of(capabilities: &[Capability]) -> Self {
        let mut known: Vec<Type> = capabilities
            .iter()
            .filter_map(|capability| Type::try_from(capability.r#type?).ok())
            .filter(|capability| *capability != Type::Unknown)
            .collect();
        known.sort_unstable();
        known.dedup();
        Self(known)
    }

    /// Tells whether the agent has this capability.
    pub(crate) fn has(&self, capability: Type) -> bool {
        self.0.contains(&capability)
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<Type> {
        self.0.clone()
    }
}
