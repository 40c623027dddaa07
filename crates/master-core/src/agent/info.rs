//! What an agent says of itself, kept small.

use std::ops::Deref;
use std::sync::Arc;

use prost::Message as _;
use tepui_proto::v1;

/// An `AgentInfo` in its binary form, with those parts beside it that are asked for often. A clone shares it all: the
/// master and its readers have one between them for each agent.
#[derive(Clone, Debug)]
pub struct PackedInfo(Arc<Parts>);

/// The parts of a [`PackedInfo`].
#[derive(Debug)]
pub struct Parts {
    /// The whole, as prost encodes it.
    pub encoded: Arc<[u8]>,
    /// `AgentInfo.hostname`.
    pub hostname: String,
    /// `AgentInfo.attributes`.
    pub attributes: Vec<v1::Attribute>,
    /// `AgentInfo.domain`.
    pub domain: Option<v1::DomainInfo>,
}

impl PackedInfo {
    /// Reads it in full.
    pub fn unpack(&self) -> v1::AgentInfo {
        v1::AgentInfo::decode(&*self.encoded).expect("it was encoded by us")
    }

    /// Tells whether it says just this.
    pub fn says(&self, info: &v1::AgentInfo) -> bool {
        self.hostname == info.hostname && *self.encoded == *info.encode_to_vec()
    }
}

impl From<v1::AgentInfo> for PackedInfo {
    fn from(info: v1::AgentInfo) -> Self {
        Self(Arc::new(Parts {
            encoded: info.encode_to_vec().into(),
            hostname: info.hostname,
            attributes: info.attributes,
            domain: info.domain,
        }))
    }
}

impl Deref for PackedInfo {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
