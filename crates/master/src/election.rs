//! How this master is elected and how it finds the leader: the settings, and what is alive of them for all terms.

use std::time::Duration;

use tepui_ha::{Candidacy, Candidate, Contender, Detection, Detector, Spec, SpecError};
use tepui_proto::v1::MasterInfo;
use tokio::sync::watch;

/// Where masters elect their leader.
#[derive(Clone, Debug)]
pub struct ElectionConfig {
    /// The group.
    pub spec: Spec,
    /// How long a silent leader keeps its place.
    pub session_timeout: Duration,
}

/// The means of election, for the whole life of the process.
#[derive(Debug)]
pub(crate) struct Election {
    contender: Contender,
    detected: watch::Receiver<Option<MasterInfo>>,
    /// Follows the leader while this lives; absent without an election.
    detection: Option<Detection>,
}

impl Election {
    /// Begins to follow the leader, if there is an election. Must be called within a tokio runtime.
    pub(crate) fn start(config: Option<&ElectionConfig>) -> Result<Self, SpecError> {
        let Some(ElectionConfig { spec, session_timeout }) = config.cloned() else {
            let (_, detected) = watch::channel(None);
            return Ok(Self { contender: Contender::standalone(), detected, detection: None });
        };
        let contender = Contender::new(spec.clone(), session_timeout)?;
        let detection = Detector::new(spec, session_timeout).detect();
        Ok(Self { contender, detected: detection.watch(), detection: Some(detection) })
    }

    /// True if there are other masters to take over.
    pub(crate) fn has_rivals(&self) -> bool {
        self.detection.is_some()
    }

    /// The leader that was detected.
    pub(crate) fn detected(&self) -> watch::Receiver<Option<MasterInfo>> {
        self.detected.clone()
    }

    /// Begins a candidacy.
    pub(crate) fn contend(&self, info: MasterInfo, registry: String) -> Candidacy {
        self.contender.contend(Candidate { info, registry })
    }
}
