//! Following the leader.

use std::time::{Duration, Instant};

use tepui_proto::v1::MasterInfo;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::group::Group;
use crate::redirect::leader_known_to;
use crate::{GroupError, Spec};

/// How long to wait before a session is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often the members are read though nothing was heard of a change: a lost watch must not hide a leader for ever.
const READ_ANYWAY: Duration = Duration::from_mins(1);

/// A way to find the leader.
#[derive(Clone, Debug)]
pub struct Detector {
    spec: Spec,
    session_timeout: Duration,
}

/// The leader, followed until this is dropped.
#[derive(Debug)]
pub struct Detection {
    leader: watch::Receiver<Option<MasterInfo>>,
    task: JoinHandle<()>,
}

impl Detector {
    /// A detector; after `session_timeout` without word from the group it knows no leader.
    pub fn new(spec: Spec, session_timeout: Duration) -> Self {
        Self { spec, session_timeout }
    }

    /// Begins to follow the leader. Must be called within a tokio runtime.
    pub fn detect(&self) -> Detection {
        let (sender, leader) = watch::channel(None);
        let task = match self.spec.clone() {
            #[cfg(feature = "zookeeper")]
            Spec::ZooKeeper(url) => {
                let place = crate::zookeeper::Place { url, session_timeout: self.session_timeout };
                tokio::spawn(follow::<crate::zookeeper::ZooKeeperGroup>(place, self.session_timeout, sender))
            }
            #[cfg(not(feature = "zookeeper"))]
            Spec::ZooKeeper(_) => tokio::spawn(async move {
                warn!("this build has no `zookeeper`: no leader will be found");
                sender.closed().await;
            }),
            #[cfg(feature = "etcd")]
            Spec::Etcd(spec) => {
                let place = crate::etcd::Place { spec, session_timeout: self.session_timeout };
                tokio::spawn(follow::<crate::etcd::EtcdGroup>(place, self.session_timeout, sender))
            }
            Spec::Masters(masters) => tokio::spawn(ask(masters, sender)),
        };
        Detection { leader, task }
    }
}

impl Detection {
    /// The leader, if one is known.
    pub fn leader(&self) -> Option<MasterInfo> {
        self.leader.borrow().clone()
    }

    /// The leader as others may follow it, for as long as this lives.
    pub fn watch(&self) -> watch::Receiver<Option<MasterInfo>> {
        self.leader.clone()
    }

    /// Waits until the leader is another, or none.
    pub async fn changed(&mut self) -> Option<MasterInfo> {
        if self.leader.changed().await.is_err() {
            // The task ended; nothing will change any more.
            std::future::pending::<()>().await;
        }
        self.leader.borrow_and_update().clone()
    }

    /// Waits until there is a leader.
    pub async fn found(&mut self) -> MasterInfo {
        loop {
            if let Some(leader) = self.leader.borrow_and_update().clone() {
                return leader;
            }
            self.changed().await;
        }
    }
}

impl Drop for Detection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Leader = watch::Sender<Option<MasterInfo>>;

fn publish(leader: &Leader, found: Option<MasterInfo>) {
    leader.send_if_modified(|known| {
        if *known == found {
            return false;
        }
        if let Some(found) = &found {
            info!(leader = %found.pid.as_deref().unwrap_or(&found.id), "a new leader is detected");
        } else {
            info!("no leader is known");
        }
        *known = found;
        true
    });
}

/// One master leads without being asked; of several, one that answers says who.
async fn ask(masters: Vec<MasterInfo>, leader: Leader) {
    if let [only] = masters.as_slice() {
        publish(&leader, Some(only.clone()));
        leader.closed().await;
        return;
    }
    loop {
        let mut found = None;
        for master in &masters {
            found = leader_known_to(master).await;
            if found.is_some() {
                break;
            }
        }
        publish(&leader, found);
        sleep(RETRY).await;
    }
}

/// Follows the leader of a group, session after session.
async fn follow<G: Group>(place: G::Place, session_timeout: Duration, leader: Leader) {
    let mut heard = Instant::now();
    loop {
        let error = match G::observe(&place).await {
            Ok(mut group) => watch_members(&mut group, session_timeout, &leader, &mut heard).await,
            Err(error) => error,
        };
        if heard.elapsed() >= session_timeout {
            publish(&leader, None);
        }
        warn!(%error, "the group of masters cannot be watched");
        sleep(RETRY.min(session_timeout / 4)).await;
    }
}

/// Follows the leader until the session ends, and says why it did.
async fn watch_members<G: Group>(
    group: &mut G,
    session_timeout: Duration,
    leader: &Leader,
    heard: &mut Instant,
) -> GroupError {
    loop {
        match leading(group).await {
            Ok(found) => {
                *heard = Instant::now();
                publish(leader, found);
            }
            Err(error) => return error,
        }
        let read = Instant::now();
        while timeout(session_timeout / 4, group.changed()).await.is_err() {
            if group.is_connected() {
                *heard = Instant::now();
            } else if heard.elapsed() >= session_timeout {
                // Whoever leads by now, we cannot know it.
                publish(leader, None);
            }
            if read.elapsed() >= READ_ANYWAY {
                break;
            }
        }
    }
}

async fn leading<G: Group>(group: &mut G) -> Result<Option<MasterInfo>, GroupError> {
    let members = group.members().await?;
    debug!(members = members.len(), "the group of masters was read");
    match members.first() {
        Some(lowest) => group.info_of(lowest).await,
        None => Ok(None),
    }
}
