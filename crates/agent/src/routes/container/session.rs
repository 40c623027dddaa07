//! `LAUNCH_NESTED_CONTAINER_SESSION`: a container that looks into another one, and whose output is the answer.
//!
//! The container shares its parent's environment and folder; executors check their tasks with it, people look around. It is
//! destroyed when its client goes away.

use std::io;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use tepui_containerizer::{ContainerClass, Containerizer, NestedLaunch};
use tepui_http::{EventSender, Request, Response, response};
use tepui_proto::v1::agent::ProcessIo;
use tepui_proto::v1::agent::call::LaunchNestedContainerSession;
use tepui_proto::v1::agent::process_io::{self, Control, Data, control, data};
use tepui_types::ContainerId;
use tepui_wire::{ContentType, recordio};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tracing::debug;

use super::launch::{nested, started};
use super::{expect, invalid, nested_id};
use crate::routes::Routes;

/// What the answer is.
const RECORDIO: &str = "application/recordio";

/// How often the output is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How often the client is told that we are there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How much is read at a time, and how much may wait for a slow reader.
const CHUNK_BYTES: usize = 16 << 10;
const LIMIT_BYTES: usize = 1 << 20;

/// Runs a container within another, and answers with what it says until it ends.
pub(crate) async fn session(
    routes: &Routes,
    request: &Request,
    call: Option<LaunchNestedContainerSession>,
) -> Response {
    let header = |name: &str| request.head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if !tepui_wire::accept::accepts(header("accept"), RECORDIO) {
        return not_acceptable("Expecting 'Accept' to allow 'application/recordio'");
    }
    let Some(content_type) = tepui_wire::negotiate(header("message-accept")) else {
        let text = "Expecting 'Message-Accept' to allow 'application/x-protobuf' or 'application/json'";
        return not_acceptable(text);
    };
    let name = "launch_nested_container_session";
    let checked = expect(call, name).and_then(|call| Ok((nested_id(&call.container_id, name)?, call)));
    let (id, call) = match checked {
        Ok(checked) => checked,
        Err(wrong) => return invalid(&wrong),
    };
    let launch = NestedLaunch {
        class: ContainerClass::Debug,
        ..nested(routes, id.clone(), call.command, call.container)
    };
    if let Err(refusal) = started(routes, launch).await {
        return *refusal;
    }
    let Some(config) = routes.containerizer.config(&id) else {
        return response::text(StatusCode::INTERNAL_SERVER_ERROR, "The container is gone".to_owned());
    };
    let (sender, response) = response::event_stream(RECORDIO, None, LIMIT_BYTES);
    let containerizer = routes.containerizer.clone();
    // It ends with the container, or with the client.
    tokio::spawn(async move {
        let session = Session { id, sender, content_type };
        session.run(&containerizer, &config.sandbox).await;
    });
    response
}

fn not_acceptable(text: &str) -> Response {
    response::text(StatusCode::NOT_ACCEPTABLE, text.to_owned())
}

struct Session {
    id: ContainerId,
    sender: EventSender,
    content_type: ContentType,
}

impl Session {
    async fn run(self, containerizer: &Containerizer, sandbox: &Path) {
        let mut outputs = [
            Output::new(sandbox, "stdout", data::Type::Stdout),
            Output::new(sandbox, "stderr", data::Type::Stderr),
        ];
        let mut ended = std::pin::pin!(containerizer.wait(&self.id));
        let mut looks = tokio::time::interval(LOOK);
        let mut heartbeats = tokio::time::interval(HEARTBEAT);
        loop {
            let has_ended = tokio::select! {
                _ = &mut ended => true,
                () = self.sender.disconnected() => {
                    debug!(container = %self.id, "the client of a session is gone");
                    containerizer.destroy(&self.id).await;
                    return;
                }
                _ = looks.tick() => false,
                _ = heartbeats.tick() => {
                    self.send(&heartbeat());
                    false
                }
            };
            for output in &mut outputs {
                if let Err(error) = self.pass_on(output).await {
                    debug!(container = %self.id, %error, "failed to read a session's output");
                }
            }
            if has_ended {
                self.sender.close();
                return;
            }
        }
    }

    /// Sends what is new.
    async fn pass_on(&self, output: &mut Output) -> io::Result<()> {
        loop {
            let piece = output.read().await?;
            if piece.is_empty() {
                return Ok(());
            }
            let data = Data { r#type: Some(output.kind.into()), data: Some(piece) };
            self.send(&ProcessIo {
                r#type: Some(process_io::Type::Data.into()),
                data: Some(data),
                ..ProcessIo::default()
            });
            // A slow reader is waited for; the output is in a file meanwhile.
            self.sender.drained().await;
        }
    }

    fn send(&self, message: &ProcessIo) {
        // A client that is gone is noticed in `run`.
        let _ = self.sender.send(recordio::encode(&tepui_wire::encode(self.content_type, message)));
    }
}

fn heartbeat() -> ProcessIo {
    let heartbeat = control::Heartbeat { interval: None };
    ProcessIo {
        r#type: Some(process_io::Type::Control.into()),
        control: Some(Control {
            r#type: Some(control::Type::Heartbeat.into()),
            heartbeat: Some(heartbeat),
            ..Control::default()
        }),
        ..ProcessIo::default()
    }
}

/// One of the container's outputs, a file.
struct Output {
    path: std::path::PathBuf,
    file: Option<File>,
    kind: data::Type,
}

impl Output {
    fn new(sandbox: &Path, name: &str, kind: data::Type) -> Self {
        Self { path: sandbox.join(name), file: None, kind }
    }

    /// What is new in it.
    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&self.path).await?),
        };
        let mut piece = vec![0; CHUNK_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok(piece)
    }
}
