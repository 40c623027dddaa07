//! The connection to a cluster of etcds, and its calls.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prost::Message;
use tokio::sync::RwLock;
use tokio::time::timeout;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};

use crate::call;
use crate::message::{
    AuthenticateRequest, AuthenticateResponse, DeleteRangeRequest, DeleteRangeResponse, KeyValue,
    LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveRequest, LeaseKeepAliveResponse, LeaseRevokeRequest,
    LeaseRevokeResponse, RangeRequest, RangeResponse, ResponseHeader, TxnRequest, TxnResponse,
    WatchCreateRequest, WatchRequest, watch_request,
};
use crate::ops::prefix_end;
use crate::{Error, Spec, Tls, Txn, Watch};

/// How many keys one page of a listing has.
pub(crate) const PAGE: i64 = 1000;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a quiet connection is tried; etcd refuses clients that do so more often than every five seconds.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// Whom to call, as whom, and how long to wait.
#[derive(Clone, Debug)]
pub struct Config {
    /// The endpoints and credentials.
    pub spec: Spec,
    /// How long one call may take.
    pub timeout: Duration,
}

/// A client of etcd; clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoints: Vec<(String, Channel)>,
    /// The endpoint that answered last.
    current: AtomicUsize,
    credentials: Option<(String, String)>,
    token: RwLock<Option<String>>,
    timeout: Duration,
}

impl Client {
    /// Makes a client. Connections are made when they are needed, so this must be called within a tokio runtime, and does
    /// not fail because etcd is down.
    ///
    /// # Errors
    /// An endpoint cannot be read.
    pub fn new(config: Config) -> Result<Self, Error> {
        let tls = config.spec.tls.as_ref().map(tls_config).transpose()?;
        let mut endpoints = Vec::new();
        for host in &config.spec.endpoints {
            let bad = |message: String| Error::BadEndpoint { endpoint: host.clone(), message };
            if host.contains("://") {
                return Err(bad("expected `host:port`".to_owned()));
            }
            let scheme = if tls.is_some() { "https" } else { "http" };
            let mut endpoint = Endpoint::from_shared(format!("{scheme}://{host}"))
                .map_err(|error| bad(error.to_string()))?;
            if let Some(tls) = &tls {
                endpoint = endpoint.tls_config(tls.clone()).map_err(|error| bad(error.to_string()))?;
            }
            let endpoint = endpoint
                .connect_timeout(CONNECT_TIMEOUT.min(config.timeout))
                .http2_keep_alive_interval(PING_INTERVAL)
                .keep_alive_while_idle(true);
            endpoints.push((host.clone(), endpoint.connect_lazy()));
        }
        Ok(Self {
            inner: Arc::new(Inner {
                endpoints,
                current: AtomicUsize::new(0),
                credentials: config.spec.credentials,
                token: RwLock::new(None),
                timeout: config.timeout,
            }),
        })
    }

    /// Reads one key.
    pub async fn get(&self, doing: &'static str, key: impl Into<Vec<u8>>) -> Result<Option<KeyValue>, Error> {
        let request = RangeRequest { key: key.into(), ..Default::default() };
        Ok(self.range(doing, request).await?.kvs.into_iter().next())
    }

    /// Reads what etcd says of itself with an answer; the key need not exist.
    pub async fn header(
        &self,
        doing: &'static str,
        key: impl Into<Vec<u8>>,
    ) -> Result<ResponseHeader, Error> {
        let request = RangeRequest { key: key.into(), count_only: true, ..Default::default() };
        Ok(self.range(doing, request).await?.header.unwrap_or_default())
    }

    /// Reads all keys that begin with `prefix`, as of one revision, in pages; gives that revision too.
    pub async fn get_prefix(
        &self,
        doing: &'static str,
        prefix: &[u8],
    ) -> Result<(Vec<KeyValue>, i64), Error> {
        let (mut key, range_end) = (prefix.to_vec(), prefix_end(prefix));
        let (mut found, mut revision) = (Vec::new(), 0);
        loop {
            let request = RangeRequest {
                key: key.clone(),
                range_end: range_end.clone(),
                limit: PAGE,
                revision,
                ..Default::default()
            };
            let page = self.range(doing, request).await?;
            if revision == 0 {
                revision = page.header.map_or(0, |header| header.revision);
            }
            if let Some(last) = page.kvs.last() {
                key.clone_from(&last.key);
                key.push(0);
            }
            let more = page.more && !page.kvs.is_empty();
            found.extend(page.kvs);
            if !more {
                return Ok((found, revision));
            }
        }
    }

    async fn range(&self, doing: &'static str, request: RangeRequest) -> Result<RangeResponse, Error> {
        self.call(doing, "/etcdserverpb.KV/Range", request).await
    }

    /// Makes a transaction.
    pub async fn txn(&self, doing: &'static str, txn: Txn) -> Result<TxnResponse, Error> {
        let request: TxnRequest = txn.into_request();
        self.call(doing, "/etcdserverpb.KV/Txn", request).await
    }

    /// Deletes all keys that begin with `prefix`; says how many there were.
    pub async fn delete_prefix(&self, doing: &'static str, prefix: &[u8]) -> Result<i64, Error> {
        let request = DeleteRangeRequest { key: prefix.to_vec(), range_end: prefix_end(prefix) };
        let answer: DeleteRangeResponse = self.call(doing, "/etcdserverpb.KV/DeleteRange", request).await?;
        Ok(answer.deleted)
    }

    /// Makes a lease; gives its id and the time that etcd granted.
    pub async fn grant(&self, time: Duration) -> Result<(i64, Duration), Error> {
        // etcd counts in whole seconds.
        let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let seconds = i64::try_from(whole.max(1)).unwrap_or(i64::MAX);
        let request = LeaseGrantRequest { ttl: seconds, id: 0 };
        let answer: LeaseGrantResponse =
            self.call("make a lease", "/etcdserverpb.Lease/LeaseGrant", request).await?;
        Ok((answer.id, Duration::from_secs(answer.ttl.max(0).unsigned_abs())))
    }

    /// Ends a lease, and the keys that hang on it.
    pub async fn revoke(&self, lease: i64) -> Result<(), Error> {
        let request = LeaseRevokeRequest { id: lease };
        let _: LeaseRevokeResponse =
            self.call("end a lease", "/etcdserverpb.Lease/LeaseRevoke", request).await?;
        Ok(())
    }

    /// Renews a lease, once.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the lease has ended.
    pub async fn keep_alive(&self, lease: i64) -> Result<(), Error> {
        const DOING: &str = "renew a lease";
        let request = LeaseKeepAliveRequest { id: lease };
        let path = "/etcdserverpb.Lease/LeaseKeepAlive";
        let answer: LeaseKeepAliveResponse = self
            .everywhere(DOING, |channel, token| async move {
                let mut answers = call::stream(channel, path, token, request).await?;
                answers.message().await?.ok_or_else(|| Status::unavailable("the stream ended"))
            })
            .await?;
        if answer.ttl > 0 {
            Ok(())
        } else {
            Err(Error::NotFound { doing: DOING, message: "the lease has ended".to_owned() })
        }
    }

    /// Follows the changes of all keys that begin with `prefix`, from a revision on.
    pub async fn watch_prefix(&self, prefix: &[u8], start_revision: i64) -> Result<Watch, Error> {
        let create = WatchCreateRequest {
            key: prefix.to_vec(),
            range_end: prefix_end(prefix),
            start_revision,
            progress_notify: false,
        };
        let request =
            WatchRequest { request_union: Some(watch_request::RequestUnion::CreateRequest(create)) };
        let stream = self
            .everywhere("watch keys", |channel, token| {
                call::stream(channel, "/etcdserverpb.Watch/Watch", token, request.clone())
            })
            .await?;
        Ok(Watch::new(stream, self.endpoint().to_owned()))
    }

    async fn call<Q, A>(&self, doing: &'static str, path: &'static str, message: Q) -> Result<A, Error>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        self.everywhere(doing, |channel, token| call::unary(channel, path, token, message.clone())).await
    }

    fn endpoint(&self) -> &str {
        let inner = &self.inner;
        &inner.endpoints[inner.current.load(Ordering::Relaxed) % inner.endpoints.len()].0
    }

    /// Makes a call at the endpoint that answered last, then at the others in turn while they are unreachable.
    async fn everywhere<A, F>(
        &self,
        doing: &'static str,
        call: impl Fn(Channel, Option<String>) -> F,
    ) -> Result<A, Error>
    where
        F: Future<Output = Result<A, Status>> + Send,
    {
        let inner = &self.inner;
        let mut failure = None;
        for _ in 0..inner.endpoints.len() {
            let at = inner.current.load(Ordering::Relaxed);
            let (host, channel) = &inner.endpoints[at % inner.endpoints.len()];
            let answer = timeout(inner.timeout, self.authenticated(channel, &call)).await;
            let error = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(status)) => Error::from_status(doing, host, status),
                Err(_) => {
                    Error::Timeout { doing, endpoint: host.clone(), seconds: inner.timeout.as_secs_f64() }
                }
            };
            if !error.is_transient() {
                return Err(error);
            }
            // Another call may have moved on already.
            let _ =
                inner.current.compare_exchange(at, at.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
            failure = Some(error);
        }
        Err(failure.unwrap_or_else(|| Error::BadEndpoint {
            endpoint: String::new(),
            message: "there are no endpoints".to_owned(),
        }))
    }

    /// Makes a call with our token, and once more with a new one if that one is refused.
    async fn authenticated<A, F>(
        &self,
        channel: &Channel,
        call: &impl Fn(Channel, Option<String>) -> F,
    ) -> Result<A, Status>
    where
        F: Future<Output = Result<A, Status>> + Send,
    {
        let Some((user, password)) = &self.inner.credentials else {
            return call(channel.clone(), None).await;
        };
        let known = self.inner.token.read().await.clone();
        if let Some(token) = known {
            match call(channel.clone(), Some(token)).await {
                Err(status) if status.code() == Code::Unauthenticated => {}
                answer => return answer,
            }
        }
        let request = AuthenticateRequest { name: user.clone(), password: password.clone() };
        let answer: AuthenticateResponse =
            call::unary(channel.clone(), "/etcdserverpb.Auth/Authenticate", None, request).await?;
        *self.inner.token.write().await = Some(answer.token.clone());
        call(channel.clone(), Some(answer.token)).await
    }
}

/// Reads the files that TLS needs.
fn tls_config(tls: &Tls) -> Result<ClientTlsConfig, Error> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| Error::TlsFile { path: path.display().to_string(), source })
    };
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(&tls.ca)?));
    if let Some((cert, key)) = &tls.identity {
        config = config.identity(Identity::from_pem(read(cert)?, read(key)?));
    }
    Ok(config)
}
