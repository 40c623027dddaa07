//! `ATTACH_CONTAINER_OUTPUT`: what a container says, as it says it.

use std::time::Duration;

use http::header::ACCEPT;
use http::{HeaderValue, StatusCode};
use tepui_containerizer::{AttachError, OutputPiece, OutputStream};
use tepui_http::{EventSender, Request, Response, response};
use tepui_proto::v1::agent::ProcessIo;
use tepui_proto::v1::agent::call::AttachContainerOutput;
use tepui_proto::v1::agent::process_io::{self, Control, Data, control, data};
use tepui_types::duration_to_proto;
use tepui_wire::{ContentType, recordio};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::{container_id, expect, invalid};
use crate::routes::Routes;

/// The type of an answer that is a stream of records.
const RECORDIO: &str = "application/recordio";

/// How much may wait for a slow reader.
const LIMIT_BYTES: usize = 1 << 20;

/// Answers with what a container says from now on.
pub(crate) async fn attach_output(
    routes: &Routes,
    request: &Request,
    call: Option<AttachContainerOutput>,
) -> Response {
    let media = match Media::negotiate(request) {
        Ok(media) => media,
        Err(refusal) => return *refusal,
    };
    let name = "attach_container_output";
    let id = match expect(call, name).and_then(|call| container_id(&call.container_id, name)) {
        Ok(id) => id,
        Err(wrong) => return invalid(&wrong),
    };
    let output = match routes.containerizer.attach_output(&id).await {
        Ok(output) => output,
        Err(error) => return refuse(&error),
    };
    let (sender, response) = media.answer();
    let stream = media.stream(sender, routes.settings.heartbeat_interval);
    // It ends with the container, or with the client.
    tokio::spawn(async move { stream.run(output).await });
    response
}

/// The answer to whoever cannot be attached.
pub(super) fn refuse(error: &AttachError) -> Response {
    let status = match error {
        AttachError::Unknown(_) => StatusCode::NOT_FOUND,
        AttachError::InputTaken => StatusCode::CONFLICT,
        AttachError::Disabled | AttachError::Ended => StatusCode::INTERNAL_SERVER_ERROR,
    };
    response::text(status, error.to_string())
}

/// How a stream is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    /// The type of the answer.
    header: &'static str,
    /// How its records are written.
    messages: ContentType,
}

impl Media {
    /// What the client accepts; or the refusal.
    ///
    /// Compat: records come also to clients that accept JSON or protobuf and know nothing of records.
    pub(super) fn negotiate(request: &Request) -> Result<Self, Box<Response>> {
        let header =
            |name: &str| request.head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let refuse = |text: &str| Err(Box::new(response::text(StatusCode::NOT_ACCEPTABLE, text)));
        let accept = header(ACCEPT.as_str());
        let messages = header("message-accept");
        if let Some(plain) = tepui_wire::negotiate(accept) {
            if messages.is_some() {
                return refuse("Expecting 'Message-Accept' to be not set for non-streaming responses");
            }
            return Ok(Self { header: plain.name(), messages: plain });
        }
        if !tepui_wire::accept::accepts(accept, RECORDIO) {
            return refuse(
                "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio",
            );
        }
        match tepui_wire::negotiate(messages) {
            Some(messages) => Ok(Self { header: RECORDIO, messages }),
            None => refuse("Expecting 'Message-Accept' to allow application/json or application/x-protobuf"),
        }
    }

    /// Begins the answer.
    pub(super) fn answer(self) -> (EventSender, Response) {
        let (sender, mut response) = response::event_stream(self.header, None, LIMIT_BYTES);
        if self.header == RECORDIO {
            response
                .headers_mut()
                .insert("message-content-type", HeaderValue::from_static(self.messages.name()));
        }
        (sender, response)
    }

    /// The stream behind an answer.
    pub(super) fn stream(self, sender: EventSender, heartbeat: Duration) -> ProcessStream {
        ProcessStream { sender, messages: self.messages, heartbeat }
    }
}

/// A client that listens to a container.
pub(super) struct ProcessStream {
    sender: EventSender,
    messages: ContentType,
    heartbeat: Duration,
}

impl ProcessStream {
    /// Sends all that comes, and heartbeats. `false` if the client went away before the end.
    pub(super) async fn run(self, mut output: mpsc::Receiver<OutputPiece>) -> bool {
        let mut heartbeats = tokio::time::interval(self.heartbeat.max(Duration::from_millis(1)));
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeats.reset();
        loop {
            tokio::select! {
                piece = output.recv() => {
                    let Some(piece) = piece else {
                        self.sender.close();
                        return true;
                    };
                    self.send(&said(piece));
                    // A slow reader is waited for, and the container with it.
                    self.sender.drained().await;
                }
                () = self.sender.disconnected() => return false,
                _ = heartbeats.tick() => self.send(&heartbeat(self.heartbeat)),
            }
        }
    }

    fn send(&self, message: &ProcessIo) {
        // A client that is gone is noticed in `run`.
        let _ = self.sender.send(recordio::encode(&tepui_wire::encode(self.messages, message)));
    }
}

fn said(piece: OutputPiece) -> ProcessIo {
    let kind = match piece.stream {
        OutputStream::Stdout => data::Type::Stdout,
        OutputStream::Stderr => data::Type::Stderr,
    };
    ProcessIo {
        r#type: Some(process_io::Type::Data.into()),
        data: Some(Data { r#type: Some(kind.into()), data: Some(piece.data) }),
        ..ProcessIo::default()
    }
}

fn heartbeat(interval: Duration) -> ProcessIo {
    let heartbeat = control::Heartbeat { interval: Some(duration_to_proto(interval)) };
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
