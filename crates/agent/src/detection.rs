//! Following the leading master: what the detector finds becomes inputs of the core.

use tepui_agent_core::Input;
use tepui_ha::Detection;
use tepui_proto::v1::MasterInfo;
use tepui_types::Upid;
use tokio::sync::mpsc;
use tracing::warn;

use crate::inbox::Work;

/// Tells the core of each leader, and of there being none, until the core ends.
pub(crate) async fn follow(mut detection: Detection, inbox: mpsc::Sender<Work>) {
    let mut leader = Some(detection.found().await);
    loop {
        let master = leader.as_ref().and_then(pid);
        if inbox.send(Work::Input(Input::Detected(master))).await.is_err() {
            return;
        }
        leader = detection.changed().await;
    }
}

/// The leader's address on the link.
fn pid(leader: &MasterInfo) -> Option<Upid> {
    let pid = leader.pid.as_deref().and_then(|pid| pid.parse().ok());
    if pid.is_none() {
        warn!(?leader, "the leading master has no address that can be read");
    }
    pid
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leaders_own_name_of_itself_counts() {
        let leader = |pid: Option<&str>| MasterInfo { pid: pid.map(str::to_owned), ..Default::default() };
        assert_eq!(
            pid(&leader(Some("master@10.0.0.1:5050"))),
            Some(Upid::new("master", "10.0.0.1:5050".parse().unwrap()))
        );
        assert_eq!(pid(&leader(Some("nonsense"))), None);
        assert_eq!(pid(&leader(None)), None);
    }
}
