//! An operator who follows the event stream.

use std::net::SocketAddr;

use anyhow::Context as _;
use prost::Message as _;
use serde_json::{Value, json};
use tepui_proto::v1;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::{Answer, Connection, post, record};
use crate::events::{Item, Source, What, kind, part};
use crate::placeholders::Placeholders;
use crate::scheduler::Encoding;

/// The stream of an operator.
pub(crate) struct Watcher {
    pub(crate) name: String,
    /// Whether its stream is open.
    pub(crate) is_open: bool,
    /// Whether it has begun: SUBSCRIBED and the first HEARTBEAT came.
    pub(crate) has_begun: bool,
    /// What came, and was not shown yet.
    pub(crate) unshown: Vec<What>,
    reader: JoinSet<()>,
}

impl Watcher {
    /// Subscribes. The answer's body was read only if it is no stream.
    pub(crate) async fn subscribe(
        name: &str,
        encoding: Encoding,
        master: SocketAddr,
        (index, items): (usize, mpsc::UnboundedSender<Item>),
    ) -> anyhow::Result<(Self, Answer)> {
        let mut connection = Connection::open(master).await?;
        let headers = [("Content-Type", encoding.content_type()), ("Accept", encoding.content_type())];
        let body = match encoding {
            Encoding::Json => json!({"type": "SUBSCRIBE"}).to_string().into_bytes(),
            Encoding::Binary => {
                let kind = Some(v1::master::call::Type::Subscribe as i32);
                v1::master::Call { r#type: kind, ..Default::default() }.encode_to_vec()
            }
        };
        connection.send(&post("/api/v1", &headers, &body)).await?;
        let answer = connection.answer().await?.context("the master closed the connection")?;
        let mut reader = JoinSet::new();
        let is_open = answer.status == 200;
        if is_open {
            reader.spawn(async move {
                loop {
                    let what = read(&mut connection, encoding).await;
                    let is_last = matches!(what, What::Closed(_));
                    if items.send((Source::Watcher(index), what)).is_err() || is_last {
                        // A connection whose stream has ended stays open until the operator leaves.
                        return std::future::pending().await;
                    }
                }
            });
        }
        let watcher = Self { name: name.to_owned(), is_open, has_begun: false, unshown: Vec::new(), reader };
        Ok((watcher, answer))
    }

    /// Closes the connection.
    pub(crate) async fn leave(&mut self) {
        self.reader.shutdown().await;
        self.is_open = false;
    }
}

async fn read(connection: &mut Connection, encoding: Encoding) -> What {
    match connection.chunk().await {
        Ok(Some(chunk)) if chunk.is_empty() => What::Closed("end of stream".to_owned()),
        Ok(Some(chunk)) => {
            match record(&chunk).and_then(|record| encoding.decode::<v1::master::Event>(record)) {
                Ok(event) => What::Event(event),
                Err(error) => What::Closed(error.to_string()),
            }
        }
        Ok(None) => What::Closed("connection closed".to_owned()),
        Err(error) => What::Closed(error.to_string()),
    }
}

/// An event as it is shown; `None` if it is about something that is not the case's.
pub(crate) fn show(names: &mut Placeholders, watcher: &str, what: &What) -> Option<String> {
    let event = match what {
        What::Event(event) => event,
        What::Closed(how) => return Some(format!("{watcher}: {how}")),
        What::Message(_) => return None,
    };
    let mut shown = part(event).clone();
    if kind(event) == "SUBSCRIBED" {
        for list in shown["get_state"].as_object_mut()?.values_mut() {
            let list = list.as_object_mut()?;
            for items in list.values_mut().filter_map(Value::as_array_mut) {
                items.retain(|item| is_own(names, item));
                for fields in items.iter_mut().filter_map(Value::as_object_mut) {
                    // A real master makes offers in its own time.
                    fields.retain(|name, _| !name.starts_with("offer"));
                }
                for info in items.iter_mut().filter_map(|item| item["agent_info"].as_object_mut()) {
                    // In JSON Mesos shows a field that the API does not have: `docs/compat.md`.
                    info.remove("checkpoint");
                }
                items.sort_by_cached_key(Value::to_string);
            }
            // Only JSON shows empty lists.
            list.retain(|_, items| items.as_array().is_none_or(|items| !items.is_empty()));
        }
    } else if !shown.is_null() && !is_own(names, &shown) {
        return None;
    }
    names.hide_json(&mut shown);
    let shown = if shown.is_null() { String::new() } else { format!(" {shown}") };
    Some(format!("{watcher}: {}{shown}", kind(event)))
}

/// Whether a framework, agent, task or executor, or an event about one, is the case's.
fn is_own(names: &Placeholders, item: &Value) -> bool {
    let inner = item.get("framework").or_else(|| item.get("agent")).or_else(|| item.get("task"));
    let item = inner.unwrap_or(item);
    let id = ["framework_info", "agent_info"].into_iter().find_map(|info| item.get(info)?.get("id"));
    let of_executor = || item.get("executor_info")?.get("framework_id");
    let id = id.or_else(|| item.get("framework_id")).or_else(of_executor).or_else(|| item.get("agent_id"));
    let id = id.and_then(|id| id["value"].as_str()).map(|id| names.hide(id)).unwrap_or_default();
    id.starts_with("<agent:") || id.starts_with("<framework:")
}
