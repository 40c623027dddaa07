//! A session with ZooKeeper that is made anew when it has ended.

use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::timeout;
use zookeeper_client::{Acl, Acls, Client, Error};

use super::ZooKeeperConfig;
use crate::StorageError;

/// Anyone may read, and whoever made a node may do all: what Mesos gives its nodes when it has credentials.
static READ_AND_CREATOR_ALL: std::sync::LazyLock<Vec<Acl>> = std::sync::LazyLock::new(|| {
    Acls::anyone_read().iter().chain(Acls::creator_all().iter()).cloned().collect()
});

/// The session and what makes it.
#[derive(Debug)]
pub(super) struct Connection {
    config: ZooKeeperConfig,
    client: Mutex<Option<Client>>,
}

impl Connection {
    /// Does not connect yet.
    pub(super) fn new(config: ZooKeeperConfig) -> Self {
        Self { config, client: Mutex::new(None) }
    }

    /// The rights of what we make.
    pub(super) fn acls(&self) -> Acls<'static> {
        if self.config.credentials.is_some() { Acls::new(&READ_AND_CREATOR_ALL) } else { Acls::anyone_all() }
    }

    /// A client whose session has not ended, and which sees all that was committed before.
    pub(super) async fn client(&self, doing: &str) -> Result<Client, StorageError> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.state().is_terminated()) {
            return Ok(client.clone());
        }
        *held = None;
        let mut connector = Client::connector().with_session_timeout(self.config.session_timeout);
        if let Some(credentials) = &self.config.credentials {
            connector = connector.with_auth("digest", credentials.as_bytes());
        }
        let client = self
            .within(doing, connector.connect(&self.config.servers))
            .await?
            .map_err(|error| failure(doing, error))?;
        // The server that we reached may lag behind what another session wrote.
        self.within(doing, client.sync("/")).await?.map_err(|error| failure(doing, error))?;
        *held = Some(client.clone());
        Ok(client)
    }

    /// Waits for an answer, as long as one request may take.
    pub(super) async fn within<T>(
        &self,
        doing: &str,
        answer: impl Future<Output = T> + Send,
    ) -> Result<T, StorageError> {
        timeout(self.config.timeout, answer).await.map_err(|_| StorageError::Slow {
            doing: doing.to_owned(),
            seconds: self.config.timeout.as_secs_f64(),
        })
    }
}

/// Says what an error of ZooKeeper means to a store.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and long")]
pub(super) fn failure(doing: &str, error: Error) -> StorageError {
    let doing = doing.to_owned();
    match error {
        Error::Timeout
        | Error::NoHosts
        | Error::SessionExpired
        | Error::SessionMoved
        | Error::ConnectionLoss
        | Error::NotReadOnly
        | Error::ClientClosed => StorageError::Gone { doing, source: Arc::new(error) },
        Error::QuotaExceeded | Error::Throttled => StorageError::Full { doing, source: Arc::new(error) },
        error => StorageError::Refused { doing, source: Arc::new(error) },
    }
}
