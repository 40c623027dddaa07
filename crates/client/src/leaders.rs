//! Hearing of new leaders.

use std::time::Duration;

use crate::masters::Kind;
use crate::{Address, Masters};

/// The leader of a group of masters, followed until this is dropped. Where masters are merely listed nothing is heard:
/// they are asked.
#[derive(Debug)]
pub(crate) enum Leaders {
    Listed,
    #[cfg(feature = "detection")]
    Watched(tepui_ha::Detection),
}

impl Leaders {
    /// Begins to follow. After `session_timeout` without word from the group there is no leader.
    #[cfg_attr(not(feature = "detection"), expect(unused_variables, reason = "only groups have sessions"))]
    pub(crate) fn follow(masters: &Masters, session_timeout: Duration) -> Self {
        match &masters.0 {
            Kind::Listed(_) => Self::Listed,
            #[cfg(feature = "detection")]
            Kind::Group { spec, .. } => {
                Self::Watched(tepui_ha::Detector::new(spec.clone(), session_timeout).detect())
            }
        }
    }

    /// Waits until there is another leader, or none. Nothing is lost if this is cut off.
    #[cfg_attr(
        not(feature = "detection"),
        expect(clippy::unused_async, clippy::needless_pass_by_ref_mut, reason = "only groups change")
    )]
    pub(crate) async fn changed(&mut self) -> Option<Address> {
        match self {
            Self::Listed => std::future::pending().await,
            #[cfg(feature = "detection")]
            Self::Watched(detection) => detection.changed().await.as_ref().and_then(address),
        }
    }

    /// The leader of a group, if one is known.
    #[cfg_attr(not(feature = "detection"), expect(clippy::unused_self, reason = "only groups have leaders"))]
    pub(crate) fn current(&self) -> Option<Address> {
        match self {
            Self::Listed => None,
            #[cfg(feature = "detection")]
            Self::Watched(detection) => detection.leader().as_ref().and_then(address),
        }
    }
}

/// Where a master that was elected listens.
#[cfg(feature = "detection")]
fn address(leader: &tepui_proto::v1::MasterInfo) -> Option<Address> {
    let pid = || leader.pid.as_deref()?.strip_prefix("master@")?.parse().ok();
    let Some(address) = &leader.address else { return pid() };
    let host = address.ip.as_ref().or(address.hostname.as_ref())?;
    Some(Address::new(host.clone(), u16::try_from(address.port).ok()?))
}

#[cfg(all(test, feature = "detection"))]
mod tests {
    use super::*;

    #[test]
    fn a_leader_s_address_is_what_it_says_of_itself() {
        let shown = |leader: &tepui_proto::v1::MasterInfo| address(leader).map(|address| address.to_string());
        let old =
            tepui_proto::v1::MasterInfo { pid: Some("master@10.0.0.1:5050".into()), ..Default::default() };
        assert_eq!(shown(&old).as_deref(), Some("10.0.0.1:5050"));
        let told =
            tepui_proto::v1::Address { hostname: Some("m".into()), ip: Some("10.0.0.2".into()), port: 5051 };
        let new = tepui_proto::v1::MasterInfo { address: Some(told), ..old };
        assert_eq!(shown(&new).as_deref(), Some("10.0.0.2:5051"));
        assert_eq!(shown(&tepui_proto::v1::MasterInfo::default()), None);
    }
}
