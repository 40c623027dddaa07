//! The group in ZooKeeper.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::Duration;

use tepui_proto::v1::MasterInfo;
use tokio::time::timeout;
use tracing::warn;
use zookeeper_client::{Acl, Acls, Client, CreateMode, Error, SessionState, StateWatcher};

use crate::group::{Fence, Group, Member};
use crate::{GroupError, ZooKeeperUrl, from_json, from_pid, master_info};

/// What the election nodes of masters since Mesos 0.24 are called.
const LABEL: &str = "json.info";

/// What they were called when their content was the binary message.
const BINARY_LABEL: &str = "info";

/// Anyone may read, and whoever made a node may do all: what Mesos gives its nodes when it has credentials.
static READ_AND_CREATOR_ALL: LazyLock<Vec<Acl>> =
    LazyLock::new(|| Acls::anyone_read().iter().chain(Acls::creator_all().iter()).cloned().collect());

/// Where the group is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) url: ZooKeeperUrl,
    pub(crate) session_timeout: Duration,
}

/// A session with ZooKeeper. When it has expired it is over, and so are its watches: another one must be opened.
pub(crate) struct ZooKeeperGroup {
    client: Client,
    states: StateWatcher,
    /// Tells of the members' next change, once.
    watch: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    path: String,
    acls: Acls<'static>,
    patience: Duration,
    /// Whose registry a member has, for those that we asked about; a mark never changes while its member lives.
    registries: BTreeMap<String, Option<String>>,
    /// Our own node, whose presence a renewal checks.
    own: Option<String>,
}

impl ZooKeeperGroup {
    async fn connect(place: &Place) -> Result<Self, GroupError> {
        const DOING: &str = "connect to ZooKeeper";
        let url = &place.url;
        let mut connector = Client::connector().with_session_timeout(place.session_timeout);
        if let Some(credentials) = &url.credentials {
            connector = connector.with_auth("digest", credentials.as_bytes());
        }
        let connected = timeout(place.session_timeout, connector.connect(&url.servers)).await;
        let client = connected
            .map_err(|_| unreachable(DOING, "no answer in time"))?
            .map_err(|error| failure(DOING, error))?;
        let acls = match &url.credentials {
            Some(_) => Acls::new(&READ_AND_CREATOR_ALL),
            None => Acls::anyone_all(),
        };
        let group = Self {
            states: client.state_watcher(),
            watch: None,
            path: url.path.clone(),
            acls,
            patience: client.session_timeout().min(place.session_timeout),
            registries: BTreeMap::new(),
            own: None,
            client,
        };
        make_folder(&group.client, group.acls, group.patience, &group.path).await?;
        Ok(group)
    }

    fn node(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    fn marks(&self) -> String {
        format!("{}/tepui/masters", self.path)
    }

    /// A member that our session owns.
    async fn owned(&mut self) -> Result<Option<Member>, GroupError> {
        const DOING: &str = "look for our election node";
        let session = self.client.session_id().0;
        for member in self.members().await? {
            let path = self.node(&member.name);
            let stat = within(self.patience, DOING, self.client.check_stat(&path)).await?;
            if stat.is_some_and(|stat| stat.ephemeral_owner == session) {
                return Ok(Some(member));
            }
        }
        Ok(None)
    }
}

impl Group for ZooKeeperGroup {
    type Place = Place;

    async fn observe(place: &Place) -> Result<Self, GroupError> {
        Self::connect(place).await
    }

    async fn enter(place: &Place, registry: &str) -> Result<Self, GroupError> {
        const DOING: &str = "leave our mark in ZooKeeper";
        let group = Self::connect(place).await?;
        let marks = group.marks();
        make_folder(&group.client, group.acls, group.patience, &marks).await?;
        let path = format!("{marks}/{}", session_name(group.client.session_id().0));
        let options = CreateMode::Ephemeral.with_acls(group.acls);
        within(group.patience, DOING, group.client.create(&path, registry.as_bytes(), &options)).await?;
        Ok(group)
    }

    async fn join(&mut self, content: &[u8]) -> Result<(Member, Fence), GroupError> {
        const DOING: &str = "create our election node";
        let member = if let Some(member) = self.owned().await? {
            member
        } else {
            let prefix = format!("{}/{LABEL}_", self.path);
            let options = CreateMode::EphemeralSequential.with_acls(self.acls);
            let created = within(self.patience, DOING, self.client.create(&prefix, content, &options)).await;
            match created {
                Ok((_, sequence)) => {
                    let order = sequence.into_i64();
                    Member { order, name: format!("{LABEL}_{order:010}") }
                }
                // The answer was lost, and the node may be there.
                Err(error @ GroupError::Unreachable { .. }) => self.owned().await?.ok_or(error)?,
                Err(error) => return Err(error),
            }
        };
        let path = self.node(&member.name);
        self.own = Some(path.clone());
        Ok((member, Fence::ZooKeeper { path }))
    }

    async fn resign(&mut self, member: &Member) -> Result<(), GroupError> {
        let path = self.node(&member.name);
        self.own = None;
        within_some(self.patience, "remove our election node", self.client.delete(&path, None)).await?;
        Ok(())
    }

    async fn members(&mut self) -> Result<Vec<Member>, GroupError> {
        const DOING: &str = "read the group's members";
        let (children, watch) =
            within(self.patience, DOING, self.client.list_and_watch_children(&self.path)).await?;
        self.watch = Some(Box::pin(async move { drop(watch.changed().await) }));
        let mut members: Vec<Member> = children.iter().filter_map(|name| member(name)).collect();
        members.sort_by(|one, other| (one.order, &one.name).cmp(&(other.order, &other.name)));
        self.registries.retain(|name, _| members.iter().any(|member| member.name == *name));
        Ok(members)
    }

    async fn changed(&mut self) {
        let Some(watch) = &mut self.watch else {
            self.states.changed().await;
            return;
        };
        tokio::select! {
            () = watch => self.watch = None,
            _ = self.states.changed() => {}
        }
    }

    async fn registry_of(&mut self, member: &Member) -> Result<Option<String>, GroupError> {
        const DOING: &str = "read a member's mark";
        if let Some(known) = self.registries.get(&member.name) {
            return Ok(known.clone());
        }
        let path = self.node(&member.name);
        let Some(stat) = within(self.patience, DOING, self.client.check_stat(&path)).await? else {
            return Ok(None);
        };
        let mark = format!("{}/{}", self.marks(), session_name(stat.ephemeral_owner));
        let found = within_some(self.patience, DOING, self.client.get_data(&mark)).await?;
        let registry = found.map(|(registry, _)| String::from_utf8_lossy(&registry).into_owned());
        self.registries.insert(member.name.clone(), registry.clone());
        Ok(registry)
    }

    async fn info_of(&mut self, member: &Member) -> Result<Option<MasterInfo>, GroupError> {
        let path = self.node(&member.name);
        let found = within_some(self.patience, "read a member", self.client.get_data(&path)).await?;
        let Some((content, _)) = found else { return Ok(None) };
        let parsed = match member.name.rsplit_once('_').map(|(label, _)| label) {
            Some(LABEL) => from_json(&content).map_err(|error| error.to_string()),
            Some(BINARY_LABEL) => master_info::from_binary(&content).map_err(|error| error.to_string()),
            None => from_pid(&String::from_utf8_lossy(&content)).map_err(|error| error.to_string()),
            Some(label) => Err(format!("failed to parse data of unknown label '{label}'")),
        };
        match parsed {
            Ok(info) => Ok(Some(info)),
            Err(error) => {
                warn!(member = %member.name, %error, "a member cannot be understood");
                Ok(None)
            }
        }
    }

    async fn renew(&mut self) -> Result<(), GroupError> {
        const DOING: &str = "renew our session";
        let path = self.own.as_ref().unwrap_or(&self.path);
        match within(self.patience, DOING, self.client.check_stat(path)).await? {
            Some(_) => Ok(()),
            None => Err(GroupError::Ended { doing: DOING }),
        }
    }

    fn is_connected(&self) -> bool {
        match self.client.state() {
            SessionState::SyncConnected | SessionState::ConnectedReadOnly => true,
            SessionState::Disconnected
            | SessionState::AuthFailed
            | SessionState::Expired
            | SessionState::Closed => false,
        }
    }

    fn lease_time(&self) -> Duration {
        self.client.session_timeout()
    }

    async fn leave(self) {
        // The session ends when its client is dropped; the node is removed first, so that nobody waits for that.
        if let Some(path) = &self.own {
            // If this fails the session's end removes the node.
            let _ = timeout(Duration::from_secs(1), self.client.delete(path, None)).await;
        }
    }
}

/// Makes a path whose nodes may be there already.
async fn make_folder(
    client: &Client,
    acls: Acls<'static>,
    patience: Duration,
    path: &str,
) -> Result<(), GroupError> {
    const DOING: &str = "create the group's path in ZooKeeper";
    let options = CreateMode::Persistent.with_acls(acls);
    match within(patience, DOING, client.mkdir(path, &options)).await {
        // A path that others made, in which we may do what we need, need not be ours.
        Err(refused @ GroupError::Refused { .. }) => {
            let there = within(patience, DOING, client.check_stat(path)).await?;
            if there.is_some() { Ok(()) } else { Err(refused) }
        }
        made => made,
    }
}

/// Waits for an answer, as long as one request may take.
async fn within<T>(
    patience: Duration,
    doing: &'static str,
    answer: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, GroupError> {
    timeout(patience, answer)
        .await
        .map_err(|_| unreachable(doing, "no answer in time"))?
        .map_err(|error| failure(doing, error))
}

/// As [`within`], and nothing if the node is not there.
async fn within_some<T>(
    patience: Duration,
    doing: &'static str,
    answer: impl Future<Output = Result<T, Error>> + Send,
) -> Result<Option<T>, GroupError> {
    let answer = async {
        match answer.await {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(error),
        }
    };
    within(patience, doing, answer).await
}

fn session_name(session: i64) -> String {
    format!("{session:016x}")
}

/// Reads a child's name as Mesos does: a number, perhaps with a label before it. Others are none of the election's.
fn member(name: &str) -> Option<Member> {
    let number = name.rsplit_once('_').map_or(name, |(_, number)| number);
    let order: i32 = number.parse().ok()?;
    Some(Member { order: i64::from(order), name: name.to_owned() })
}

fn unreachable(doing: &'static str, reason: &str) -> GroupError {
    GroupError::Unreachable { doing, reason: reason.to_owned() }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and long")]
fn failure(doing: &'static str, error: Error) -> GroupError {
    match error {
        Error::SessionExpired | Error::ClientClosed | Error::SessionMoved => GroupError::Ended { doing },
        Error::NoAuth
        | Error::AuthFailed
        | Error::InvalidAcl
        | Error::QuotaExceeded
        | Error::BadArguments(_) => GroupError::Refused { doing, reason: error.to_string() },
        error => unreachable(doing, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_children_are_members() {
        let order = |name: &str| member(name).map(|member| member.order);
        assert_eq!(order("json.info_0000000012"), Some(12));
        assert_eq!(order("info_0000000003"), Some(3));
        assert_eq!(order("0000000004"), Some(4));
        for other in ["log_replicas", "tepui", "json.info", "json.info_", "x_99999999999"] {
            assert_eq!(order(other), None, "{other}");
        }
    }
}
