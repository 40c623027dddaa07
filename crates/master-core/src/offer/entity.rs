//! An offer as readers see it.

use std::sync::Arc;

use tepui_proto::v1;
use tepui_types::{AgentId, ExecutorId, FrameworkId, OfferId, Resources, Upid};

use crate::agent::PackedInfo;

/// An offer. What it says of its agent is not here: readers know the agent.
#[derive(Clone, Debug)]
pub struct OfferEntity {
    /// Which.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkId,
    /// Of which agent.
    pub agent: AgentId,
    /// In which role of the framework.
    pub role: Arc<str>,
    /// What, allocated to the role.
    pub resources: Resources,
    /// The framework's executors on the agent.
    pub executors: Vec<ExecutorId>,
    /// When the agent will be unavailable, if it will.
    pub unavailability: Option<v1::Unavailability>,
}

impl OfferEntity {
    /// The offer as the API shows it, of an agent that registered as `info` from `pid`. `resources` are those of the
    /// offer, in the format of the reader.
    pub fn to_proto(&self, info: &PackedInfo, pid: &Upid, resources: Vec<v1::Resource>) -> v1::Offer {
        v1::Offer {
            id: self.id.to_proto(),
            framework_id: self.framework.to_proto(),
            agent_id: self.agent.to_proto(),
            hostname: info.hostname.clone(),
            url: Some(agent_url(&info.hostname, pid)),
            domain: info.domain.clone(),
            resources,
            attributes: info.attributes.clone(),
            executor_ids: self.executors.iter().map(ExecutorId::to_proto).collect(),
            unavailability: self.unavailability,
            allocation_info: Some(v1::resource::AllocationInfo { role: Some(self.role.as_ref().to_owned()) }),
        }
    }
}

/// Where schedulers reach an agent.
pub(crate) fn agent_url(hostname: &str, pid: &Upid) -> v1::Url {
    v1::Url {
        scheme: "http".to_owned(),
        address: v1::Address {
            hostname: Some(hostname.to_owned()),
            ip: Some(pid.ip_text()),
            port: i32::from(pid.address.port()),
        },
        path: Some(["/", &pid.id].concat()),
        ..v1::Url::default()
    }
}
