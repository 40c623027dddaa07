//! Taking part in an election.

use std::time::Duration;

use tepui_proto::v1::MasterInfo;

use crate::{Candidacy, Spec, SpecError};

/// Who contends.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What everyone reads of us.
    pub info: MasterInfo,
    /// Names our registry: the same text for all masters that share one.
    pub registry: String,
}

/// A way to be elected.
#[derive(Clone, Debug)]
pub struct Contender {
    spec: Option<Spec>,
    session_timeout: Duration,
}

impl Contender {
    /// A contender without rivals.
    pub fn standalone() -> Self {
        Self { spec: None, session_timeout: Duration::ZERO }
    }

    /// A contender in a group; `session_timeout` is how long a silent leader keeps its place.
    ///
    /// # Errors
    /// The spec names no group, or one that this build does not know.
    pub fn new(spec: Spec, session_timeout: Duration) -> Result<Self, SpecError> {
        match &spec {
            #[cfg(feature = "zookeeper")]
            Spec::ZooKeeper(_) => {}
            #[cfg(feature = "etcd")]
            Spec::Etcd(_) => {}
            #[cfg(not(feature = "zookeeper"))]
            Spec::ZooKeeper(_) => return Err(SpecError::NotBuilt("zookeeper")),
            Spec::Masters(_) => return Err(SpecError::NoGroup),
        }
        Ok(Self { spec: Some(spec), session_timeout })
    }

    /// Begins a candidacy. Must be called within a tokio runtime.
    pub fn contend(&self, candidate: Candidate) -> Candidacy {
        match self.spec.clone() {
            #[cfg(feature = "zookeeper")]
            Some(Spec::ZooKeeper(url)) => {
                let place = crate::zookeeper::Place { url, session_timeout: self.session_timeout };
                Candidacy::start::<crate::zookeeper::ZooKeeperGroup>(place, candidate)
            }
            #[cfg(feature = "etcd")]
            Some(Spec::Etcd(spec)) => {
                let place = crate::etcd::Place { spec, session_timeout: self.session_timeout };
                Candidacy::start::<crate::etcd::EtcdGroup>(place, candidate)
            }
            #[cfg(not(feature = "zookeeper"))]
            Some(Spec::ZooKeeper(_)) => unreachable!("`new` refuses it"),
            Some(Spec::Masters(_)) | None => Candidacy::alone(),
        }
    }
}
