//! A scheduler that does what it is told.

use std::net::SocketAddr;

use anyhow::Context as _;
use prost::Message as _;
use serde_json::{Value, json};
use tepui_proto::{JsonDialect, MesosMessage, v1};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::{Answer, Connection, ask, post, record};
use crate::events::{Item, Source, What};

/// Where schedulers post.
const PATH: &str = "/api/v1/scheduler";

/// How a scheduler writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON, as most cases do.
    Json,
    /// Protobuf.
    Binary,
}

impl Encoding {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Binary => "application/x-protobuf",
        }
    }

    fn encode(self, call: &Value) -> anyhow::Result<Vec<u8>> {
        let json = call.to_string().into_bytes();
        Ok(match self {
            Self::Json => json,
            Self::Binary => v1::scheduler::Call::from_json(JsonDialect::V1, &json)?.encode_to_vec(),
        })
    }

    /// Reads a record that holds an event of this kind.
    pub(crate) fn decode<M: MesosMessage>(self, record: &[u8]) -> anyhow::Result<Value> {
        let decoded;
        let json = match self {
            Self::Json => record,
            Self::Binary => {
                decoded = M::decode_checked(record)?.to_json(JsonDialect::V1);
                &decoded
            }
        };
        serde_json::from_slice(json).context("an event is no JSON")
    }
}

/// The scheduler of a case, with its stream.
pub(crate) struct Scheduler {
    pub(crate) name: String,
    pub(crate) framework_id: Option<String>,
    /// Whether its stream is open.
    pub(crate) is_open: bool,
    pub(crate) is_subscribed: bool,
    /// What came, and was not shown yet, besides offers.
    pub(crate) unshown: Vec<What>,
    /// The offers that came and were not shown yet.
    pub(crate) offers: Vec<Value>,
    /// The inverse offers that came and were not shown yet.
    pub(crate) inverse_offers: Vec<Value>,
    stream_id: Option<String>,
    encoding: Encoding,
    master: SocketAddr,
    reader: JoinSet<()>,
}

impl Scheduler {
    /// Subscribes. The answer's body was read only if it is no stream.
    pub(crate) async fn subscribe(
        name: &str,
        call: &Value,
        encoding: Encoding,
        master: SocketAddr,
        (index, items): (usize, mpsc::UnboundedSender<Item>),
    ) -> anyhow::Result<(Self, Answer)> {
        let mut connection = Connection::open(master).await?;
        let headers = [("Content-Type", encoding.content_type()), ("Accept", encoding.content_type())];
        connection.send(&post(PATH, &headers, &encoding.encode(call)?)).await?;
        let answer = connection.answer().await?.context("the master closed the connection")?;
        let mut scheduler = Self {
            name: name.to_owned(),
            framework_id: None,
            is_open: answer.status == 200,
            is_subscribed: false,
            unshown: Vec::new(),
            offers: Vec::new(),
            inverse_offers: Vec::new(),
            stream_id: answer.header("Mesos-Stream-Id").map(str::to_owned),
            encoding,
            master,
            reader: JoinSet::new(),
        };
        if scheduler.is_open {
            scheduler.reader.spawn(async move {
                loop {
                    let what = read(&mut connection, encoding).await;
                    let is_last = matches!(what, What::Closed(_));
                    if items.send((Source::Scheduler(index), what)).is_err() || is_last {
                        // A connection whose stream has ended stays open until the scheduler leaves.
                        return std::future::pending().await;
                    }
                }
            });
        }
        Ok((scheduler, answer))
    }

    /// Posts a call with its stream's id.
    pub(crate) async fn post(&self, call: &Value) -> anyhow::Result<Answer> {
        let mut headers =
            vec![("Content-Type", self.encoding.content_type()), ("Accept", self.encoding.content_type())];
        if let Some(id) = &self.stream_id {
            headers.push(("Mesos-Stream-Id", id));
        }
        let request = post(PATH, &headers, &self.encoding.encode(call)?);
        ask(self.master, &request).await?.context("the master closed the connection")
    }

    /// A call of its framework, with the part that belongs to its type.
    pub(crate) fn call(&self, kind: &str, part: Option<Value>) -> Value {
        let mut call = json!({ "type": kind });
        if let Some(id) = &self.framework_id {
            call["framework_id"] = json!({ "value": id });
        }
        if let Some(part) = part {
            call[kind.to_lowercase()] = part;
        }
        call
    }

    pub(crate) fn stream_id(&self) -> Option<&str> {
        self.stream_id.as_deref()
    }

    /// Closes the connection of its stream.
    pub(crate) async fn disconnect(&mut self) {
        self.reader.shutdown().await;
        self.is_open = false;
    }
}

/// The next of a stream: each chunk must be exactly one record.
async fn read(connection: &mut Connection, encoding: Encoding) -> What {
    let chunk = match connection.chunk().await {
        Ok(Some(chunk)) if chunk.is_empty() => return What::Closed("end of stream".to_owned()),
        Ok(Some(chunk)) => chunk,
        Ok(None) => return What::Closed("connection closed".to_owned()),
        Err(error) => return What::Closed(error.to_string()),
    };
    match record(&chunk).and_then(|record| encoding.decode::<v1::scheduler::Event>(record)) {
        Ok(event) => What::Event(event),
        Err(error) => What::Closed(error.to_string()),
    }
}
