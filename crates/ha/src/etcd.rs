//! The group in etcd.
//!
//! A member is a key `<prefix>/masters/<lease>` with the JSON of its `MasterInfo`, on a lease; the lowest create revision
//! leads. Its mark is the key `<prefix>/master-registries/<lease>`, written in the same transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use tepui_etcd::message::KeyValue;
use tepui_etcd::{Client, Config, Error, Spec, Txn, Watch};
use tepui_proto::v1::MasterInfo;
use tracing::{debug, warn};

use crate::group::{Fence, Group, Member};
use crate::{GroupError, from_json};

/// Where the group is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) spec: Spec,
    pub(crate) session_timeout: Duration,
}

/// A lease in etcd, or only a look at it.
#[derive(Debug)]
pub(crate) struct EtcdGroup {
    client: Client,
    prefix: String,
    /// Our lease, how long etcd keeps it, and the registry that our mark will name.
    lease: Option<i64>,
    lease_time: Duration,
    registry: String,
    watch: Option<Watch>,
    /// What the members wrote, as of the last reading.
    contents: BTreeMap<String, Vec<u8>>,
}

impl EtcdGroup {
    fn connect(place: &Place) -> Result<Self, GroupError> {
        // A call that takes longer than this could not renew a lease in time.
        let timeout = (place.session_timeout / 3).max(Duration::from_millis(500));
        let client = Client::new(Config { spec: place.spec.clone(), timeout })
            .map_err(|error| failure("connect to etcd", &error))?;
        Ok(Self {
            client,
            prefix: place.spec.prefix.clone(),
            lease: None,
            lease_time: place.session_timeout,
            registry: String::new(),
            watch: None,
            contents: BTreeMap::new(),
        })
    }

    fn masters(&self) -> String {
        format!("{}/masters/", self.prefix)
    }

    fn mark(&self, name: &str) -> String {
        format!("{}/master-registries/{name}", self.prefix)
    }

    fn read(&mut self, rows: Vec<KeyValue>) -> Vec<Member> {
        let folder = self.masters();
        self.contents.clear();
        let mut members = Vec::with_capacity(rows.len());
        for row in rows {
            let path = String::from_utf8_lossy(&row.key);
            if let Some(name) = path.strip_prefix(&folder) {
                members.push(Member { order: row.create_revision, name: name.to_owned() });
                self.contents.insert(name.to_owned(), row.value);
            }
        }
        members.sort_by(|one, other| (one.order, &one.name).cmp(&(other.order, &other.name)));
        members
    }
}

impl Group for EtcdGroup {
    type Place = Place;

    async fn observe(place: &Place) -> Result<Self, GroupError> {
        // What is not used would be an error of no await: the connection is made by the first reading.
        std::future::ready(Self::connect(place)).await
    }

    async fn enter(place: &Place, registry: &str) -> Result<Self, GroupError> {
        let mut group = Self::connect(place)?;
        let granted = group.client.grant(place.session_timeout).await;
        let (lease, time) = granted.map_err(|error| failure("make a lease", &error))?;
        group.lease = Some(lease);
        group.lease_time = time;
        registry.clone_into(&mut group.registry);
        Ok(group)
    }

    async fn join(&mut self, content: &[u8]) -> Result<(Member, Fence), GroupError> {
        const DOING: &str = "write our election key";
        let lease = self.lease.ok_or(GroupError::Ended { doing: DOING })?;
        let name = format!("{lease:016x}");
        let key = format!("{}{name}", self.masters());
        let txn = Txn::new().when_created_at(key.clone(), 0).put(key.clone(), content, lease).put(
            self.mark(&name),
            self.registry.as_bytes(),
            lease,
        );
        // If the key is there already, an earlier attempt took; either way the next reading says since when.
        self.client.txn(DOING, txn).await.map_err(|error| failure(DOING, &error))?;
        let written = self.client.get(DOING, key.clone()).await.map_err(|error| failure(DOING, &error))?;
        let order = written.ok_or(GroupError::Ended { doing: DOING })?.create_revision;
        Ok((Member { order, name }, Fence::Etcd { key: key.into_bytes(), create_revision: order }))
    }

    async fn resign(&mut self, member: &Member) -> Result<(), GroupError> {
        const DOING: &str = "remove our election key";
        let key = format!("{}{}", self.masters(), member.name);
        let txn = Txn::new().delete(key).delete(self.mark(&member.name));
        self.client.txn(DOING, txn).await.map_err(|error| failure(DOING, &error))?;
        Ok(())
    }

    async fn members(&mut self) -> Result<Vec<Member>, GroupError> {
        const DOING: &str = "read the group's members";
        let prefix = self.masters();
        self.watch = None;
        let (rows, revision) =
            self.client.get_prefix(DOING, prefix.as_bytes()).await.map_err(|error| failure(DOING, &error))?;
        let watch = self.client.watch_prefix(prefix.as_bytes(), revision + 1).await;
        self.watch = Some(watch.map_err(|error| failure(DOING, &error))?);
        Ok(self.read(rows))
    }

    async fn changed(&mut self) {
        let Some(watch) = &mut self.watch else { return std::future::pending().await };
        if let Err(error) = watch.changed().await {
            debug!(%error, "the watch of the masters ended");
            self.watch = None;
        }
    }

    async fn registry_of(&mut self, member: &Member) -> Result<Option<String>, GroupError> {
        const DOING: &str = "read a member's mark";
        let found = self.client.get(DOING, self.mark(&member.name)).await;
        let found = found.map_err(|error| failure(DOING, &error))?;
        Ok(found.map(|mark| String::from_utf8_lossy(&mark.value).into_owned()))
    }

    async fn info_of(&mut self, member: &Member) -> Result<Option<MasterInfo>, GroupError> {
        let parsed = self.contents.get(&member.name).map(|content| from_json(content));
        match std::future::ready(parsed).await {
            Some(Ok(info)) => Ok(Some(info)),
            Some(Err(error)) => {
                warn!(member = %member.name, %error, "a member cannot be understood");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    async fn renew(&mut self) -> Result<(), GroupError> {
        const DOING: &str = "renew our lease";
        let Some(lease) = self.lease else { return Ok(()) };
        // A lease that is not found has ended.
        self.client.keep_alive(lease).await.map_err(|error| failure(DOING, &error))
    }

    fn is_connected(&self) -> bool {
        self.watch.is_some()
    }

    fn lease_time(&self) -> Duration {
        self.lease_time
    }

    async fn leave(self) {
        if let Some(lease) = self.lease {
            // If this fails the lease runs out by itself.
            let _ = self.client.revoke(lease).await;
        }
    }
}

fn failure(doing: &'static str, error: &Error) -> GroupError {
    let reason = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } | Error::Full { .. } => {
            GroupError::Unreachable { doing, reason }
        }
        Error::NotFound { .. } => GroupError::Ended { doing },
        Error::Denied { .. } | Error::Refused { .. } | Error::TlsFile { .. } | Error::BadEndpoint { .. } => {
            GroupError::Refused { doing, reason }
        }
    }
}
