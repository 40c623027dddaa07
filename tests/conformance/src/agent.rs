//! An agent that does what it is told: it is registered like a real one, answers pings, and keeps what it gets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::{Value, json};
use tepui_http::{Limits, RequestBody, ResponseBody, response, serve};
use tepui_link::{Link, LinkConfig, LinkEvent, Upid, is_link_request};
use tepui_proto::{JsonDialect, LinkMessage, MesosMessage, internal};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::events::{Item, Source};
use crate::macros::agent_resources;

/// What a Mesos agent 1.11.0 can do.
const CAPABILITIES: &[&str] = &[
    "MULTI_ROLE",
    "HIERARCHICAL_ROLE",
    "RESERVATION_REFINEMENT",
    "RESOURCE_PROVIDER",
    "RESIZE_VOLUME",
    "AGENT_OPERATION_FEEDBACK",
    "AGENT_DRAINING",
    "TASK_RESOURCE_LIMITS",
];

/// The actor that an agent is.
const ACTOR: &str = "slave(1)";

/// The agent of a case.
pub(crate) struct Agent {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    /// Whether the master should think that it is there.
    pub(crate) is_registered: bool,
    /// What came and was not shown yet.
    pub(crate) unshown: Vec<LinkMessage>,
    /// What it says of itself, as JSON of v0.
    info: Value,
    capabilities: Value,
    address: SocketAddr,
    master: Upid,
    running: Option<Running>,
    mute: Arc<AtomicBool>,
}

/// What an agent has while it runs.
struct Running {
    link: Link,
    tasks: JoinSet<()>,
}

impl Agent {
    /// An agent with a port of its own, that is not registered yet.
    pub(crate) async fn start(
        name: &str,
        resources: &str,
        options: &Value,
        master: SocketAddr,
        items: (usize, mpsc::UnboundedSender<Item>),
    ) -> anyhow::Result<Self> {
        let mut info = json!({"hostname": format!("{name}.conformance"), "resources": agent_resources(resources)?, "checkpoint": true});
        let mut capabilities: Value = CAPABILITIES.iter().map(|name| json!({ "type": name })).collect();
        for (key, value) in options.as_object().into_iter().flatten() {
            match key.as_str() {
                "capabilities" => capabilities = value.clone(),
                key => info[key] = value.clone(),
            }
        }
        let mut agent = Self {
            name: name.to_owned(),
            id: None,
            is_registered: false,
            unshown: Vec::new(),
            info,
            capabilities,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            master: Upid::new("master", master),
            running: None,
            mute: Arc::default(),
        };
        agent.run(items).await?;
        agent.info["port"] = agent.address.port().into();
        Ok(agent)
    }

    /// Listens at its address.
    pub(crate) async fn run(
        &mut self,
        (index, items): (usize, mpsc::UnboundedSender<Item>),
    ) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.address).await.context("failed to listen as an agent")?;
        self.address = listener.local_addr()?;
        let (sender, mut events) = mpsc::channel(256);
        let link = Link::new(LinkConfig::new(self.address), sender);
        link.register(ACTOR);
        let mut tasks = JoinSet::new();
        let receiver = link.clone();
        let service = move |request: http::Request<RequestBody>, peer| {
            let link = receiver.clone();
            async move {
                let (head, body) = request.into_parts();
                if is_link_request(&head) {
                    link.receive(http::Request::from_parts(head, body), peer).await.map(ResponseBody::from)
                } else {
                    response::ok("text/plain", Bytes::from_static(b"an agent of the conformance suite"))
                }
            }
        };
        tasks.spawn(serve(listener, Limits::default(), service, std::future::pending()));
        let answerer = link.clone();
        let mute = Arc::clone(&self.mute);
        tasks.spawn(async move {
            while let Some(event) = events.recv().await {
                let LinkEvent::Received { from, name, body, .. } = event else { continue };
                if name == "mesos.internal.PingSlaveMessage" {
                    if !mute.load(Ordering::Relaxed) {
                        answerer.send(ACTOR, &from, "mesos.internal.PongSlaveMessage", b"");
                    }
                } else if let Ok(message) = LinkMessage::decode(&name, &body)
                    && items.send((Source::Agent(index), crate::events::What::Message(message))).is_err()
                {
                    return;
                }
            }
        });
        link.link(&self.master);
        self.running = Some(Running { link, tasks });
        Ok(())
    }

    /// Its own address, as others see it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> String {
        format!("{ACTOR}@{}", self.address)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Leaves pings unanswered from now on, or answers again.
    pub(crate) fn set_mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::Relaxed);
    }

    /// Ends all connections, and listens no more.
    pub(crate) async fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.tasks.shutdown().await;
        }
    }

    /// The message with which it registers, or re-registers with what it knows.
    pub(crate) fn registration(&self, with: Option<&Value>) -> Value {
        let mut message = json!({
            "slave": self.info, "version": "1.11.0", "agent_capabilities": self.capabilities,
            "resource_version_uuid": {"value": "AAECAwQFBgcICQoLDA0ODw=="},
        });
        if let Some(id) = &self.id {
            message["slave"]["id"] = json!({ "value": id });
        }
        for (key, value) in with.and_then(Value::as_object).into_iter().flatten() {
            if key == "slave" {
                for (key, value) in value.as_object().into_iter().flatten() {
                    message["slave"][key] = value.clone();
                }
            } else {
                message[key] = value.clone();
            }
        }
        message
    }

    /// Sends the master a message, given as JSON of v0.
    pub(crate) fn send(&self, name: &str, json: &Value) -> anyhow::Result<()> {
        let running = self.running.as_ref().context("the agent is stopped")?;
        let body = encode(name, json.to_string().as_bytes()).with_context(|| format!("in {json}"))?;
        running.link.send(ACTOR, &self.master, &format!("mesos.internal.{name}"), body);
        Ok(())
    }

    /// Waits until all that was sent is with the operating system.
    pub(crate) async fn flush(&self) {
        if let Some(running) = &self.running {
            running.link.flush(std::time::Duration::from_secs(2)).await;
        }
    }
}

fn binary<T: MesosMessage>(json: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(T::from_json(JsonDialect::V0, json)?.encode_to_vec())
}

/// The binary form of a message that an agent sends.
fn encode(name: &str, json: &[u8]) -> anyhow::Result<Vec<u8>> {
    match name {
        "RegisterSlaveMessage" => binary::<internal::RegisterSlaveMessage>(json),
        "ReregisterSlaveMessage" => binary::<internal::ReregisterSlaveMessage>(json),
        "UnregisterSlaveMessage" => binary::<internal::UnregisterSlaveMessage>(json),
        "UpdateSlaveMessage" => binary::<internal::UpdateSlaveMessage>(json),
        "StatusUpdateMessage" => binary::<internal::StatusUpdateMessage>(json),
        "ExitedExecutorMessage" => binary::<internal::ExitedExecutorMessage>(json),
        "ExecutorToFrameworkMessage" => binary::<internal::ExecutorToFrameworkMessage>(json),
        "UpdateOperationStatusMessage" => binary::<internal::UpdateOperationStatusMessage>(json),
        other => bail!("agents of the suite do not send `{other}`"),
    }
}

/// A message that an agent got: its name without package, and its JSON of v0.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all others are not for agents, and are shown as they are"
)]
pub(crate) fn decoded(message: &LinkMessage) -> (String, Value) {
    fn json<T: MesosMessage>(message: &T) -> Value {
        serde_json::from_slice(&message.to_json(JsonDialect::V0)).unwrap_or_default()
    }
    let name = message.name().rsplit('.').next().unwrap_or_default().to_owned();
    let value = match message {
        LinkMessage::SlaveRegistered(message) => json(message),
        LinkMessage::SlaveReregistered(message) => json(message),
        LinkMessage::RunTask(message) => json(message),
        LinkMessage::RunTaskGroup(message) => json(message),
        LinkMessage::KillTask(message) => json(message),
        LinkMessage::ShutdownExecutor(message) => json(message),
        LinkMessage::ShutdownFramework(message) => json(message),
        LinkMessage::UpdateFramework(message) => json(message),
        LinkMessage::FrameworkToExecutor(message) => json(message),
        LinkMessage::CheckpointResources(message) => json(message),
        LinkMessage::ApplyOperation(message) => json(message),
        LinkMessage::ReconcileOperations(message) => json(message),
        LinkMessage::StatusUpdateAcknowledgement(message) => json(message),
        LinkMessage::AcknowledgeOperationStatus(message) => json(message),
        LinkMessage::DrainSlave(message) => json(message),
        LinkMessage::Shutdown(message) => json(message),
        other => Value::String(format!("{other:?}")),
    };
    (name, value)
}
