//! `ATTACH_CONTAINER_INPUT`: what is typed for a container, as it is typed.
//!
//! The body is a stream of calls. The first names the container; the others carry input, sizes of the window and heartbeats.
//! It is answered when the input or the container ends.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{Method, StatusCode};
use tepui_containerizer::ContainerInput;
use tepui_http::{BodyStream, Request, Response, call, response};
use tepui_proto::v1::agent::Call;
use tepui_proto::v1::agent::call::attach_container_input::Type as Step;
use tepui_proto::v1::agent::call::{AttachContainerInput, Type};
use tepui_proto::v1::agent::process_io::{self, control, data};
use tepui_types::ContainerId;
use tepui_wire::ContentType;
use tepui_wire::recordio::Decoder;

use super::attach_output::{Media, refuse};
use super::{container_id, invalid};
use crate::routes::Routes;

/// The longest call of a stream. Clients send what is typed, or files piece by piece.
const MAX_CALL_BYTES: usize = 4 << 20;

/// Passes what arrives on to a container.
pub(crate) async fn attach_input(routes: Routes, request: Request, body: BodyStream) -> Response {
    if let Some(refusal) = routes.refusal_while_recovering() {
        return refusal;
    }
    let (id, calls) = match begin(&request, body).await {
        Ok(begun) => begun,
        Err(refusal) => return *refusal,
    };
    let input = match routes.containerizer.attach_input(&id).await {
        Ok(input) => input,
        Err(error) => return refuse(&error),
    };
    tokio::select! {
        response = pass_on(&input, calls) => response,
        _ = routes.containerizer.wait(&id) => response::empty(StatusCode::OK),
    }
}

/// Reads the first call: it names the container.
async fn begin(request: &Request, body: BodyStream) -> Result<(ContainerId, Calls), Box<Response>> {
    let messages = messages(request)?;
    Media::negotiate(request)?;
    let mut calls = Calls { body, decoder: Decoder::new(MAX_CALL_BYTES), ready: VecDeque::new(), messages };
    let first = calls.next().await.map_err(|error| bad(&error))?;
    let first = first.ok_or_else(|| bad("Received EOF while reading request body"))?;
    Ok((target(first)?, calls))
}

/// How the calls of the stream are written.
fn messages(request: &Request) -> Result<ContentType, Box<Response>> {
    call::expect_method(request, &[Method::POST])?;
    let Some(given) = request.head.headers.get("message-content-type") else {
        return Err(bad("Expecting 'Message-Content-Type' to be set for streaming requests"));
    };
    given.to_str().ok().and_then(ContentType::from_header).ok_or_else(|| {
        let text = "Expecting 'Message-Content-Type' of application/json or application/x-protobuf";
        Box::new(response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
    })
}

/// The container that the first call names.
fn target(call: Call) -> Result<ContainerId, Box<Response>> {
    let wrong = |what: &str| Box::new(invalid(what));
    let Some(kind) = call.r#type.and_then(|kind| Type::try_from(kind).ok()) else {
        return Err(wrong("Expecting 'type' to be present"));
    };
    if kind != Type::AttachContainerInput {
        let text = format!(
            "Streaming 'Content-Type' application/recordio is not supported for {} call",
            kind.as_str_name()
        );
        return Err(Box::new(response::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)));
    }
    let name = "attach_container_input";
    let Some(attach) = call.attach_container_input else {
        return Err(wrong("Expecting 'attach_container_input' to be present"));
    };
    if attach.r#type.is_none() {
        return Err(wrong("Expecting 'attach_container_input.type' to be present"));
    }
    match attach.r#type() {
        Step::ContainerId => {}
        Step::Unknown => return Err(wrong("'attach_container_input.type' is unknown")),
        Step::ProcessIo => {
            return Err(bad("Expecting 'attach_container_input.type' to be CONTAINER_ID"));
        }
    }
    let id = attach.container_id.unwrap_or_default();
    container_id(&id, name).map_err(|error| wrong(&error))
}

/// Does what the calls say until there are no more of them.
async fn pass_on(input: &ContainerInput, mut calls: Calls) -> Response {
    loop {
        let call = match calls.next().await {
            Ok(Some(call)) => call,
            Ok(None) => return response::empty(StatusCode::OK),
            Err(error) => return response::bad_request(&error),
        };
        let step = match Input::of(call.attach_container_input) {
            Ok(step) => step,
            Err(wrong) => return response::bad_request(&wrong),
        };
        match step {
            Input::Heartbeat => {}
            Input::Window { rows, columns } => {
                if let Err(error) = input.set_window_size(rows, columns).await {
                    return response::bad_request(&format!("Unable to set the window size: {error}"));
                }
            }
            Input::Data(data) => {
                if let Err(error) = input.write(&data).await {
                    let text = format!("Failed writing to stdin: {error}");
                    return response::text(StatusCode::INTERNAL_SERVER_ERROR, text);
                }
            }
        }
    }
}

/// What a call of the stream says.
#[derive(Debug, PartialEq, Eq)]
enum Input {
    Heartbeat,
    Window {
        rows: u32,
        columns: u32,
    },
    /// Nothing at all is the end of the input.
    Data(Vec<u8>),
}

impl Input {
    /// Reads a call; what is wrong with it is said in Mesos' words.
    fn of(call: Option<AttachContainerInput>) -> Result<Self, String> {
        let expect = |name: &str| format!("Expecting '{name}' to be present");
        let call = call.ok_or_else(|| expect("attach_container_input"))?;
        if call.r#type() != Step::ProcessIo {
            let found = call.r#type().as_str_name();
            return Err(format!(
                "Expecting 'attach_container_input.type' to be 'PROCESS_IO' instead of: '{found}'"
            ));
        }
        let message = call.process_io.ok_or_else(|| expect("attach_container_input.process_io"))?;
        message.r#type.ok_or_else(|| expect("process_io.type"))?;
        match message.r#type() {
            process_io::Type::Unknown => Err("'process_io.type' is unknown".to_owned()),
            process_io::Type::Data => {
                let data = message.data.ok_or_else(|| expect("process_io.data"))?;
                data.r#type.ok_or_else(|| expect("process_io.data.type"))?;
                if data.r#type() != data::Type::Stdin {
                    return Err("Expecting 'process_io.data.type' to be 'STDIN'".to_owned());
                }
                data.data.map(Self::Data).ok_or_else(|| expect("process_io.data.data"))
            }
            process_io::Type::Control => {
                let control = message.control.ok_or_else(|| expect("process_io.control"))?;
                control.r#type.ok_or_else(|| expect("process_io.control.type"))?;
                match control.r#type() {
                    control::Type::Unknown => Err("'process_io.control.type' is unknown".to_owned()),
                    control::Type::Heartbeat => match control.heartbeat {
                        Some(_) => Ok(Self::Heartbeat),
                        None => Err(expect("process_io.control.heartbeat")),
                    },
                    control::Type::TtyInfo => {
                        let info = control.tty_info.ok_or_else(|| expect("process_io.control.tty_info"))?;
                        let size = info.window_size.ok_or_else(|| expect("tty_info.window_size"))?;
                        Ok(Self::Window { rows: size.rows, columns: size.columns })
                    }
                }
            }
        }
    }
}

/// The calls of a stream.
struct Calls {
    body: BodyStream,
    decoder: Decoder,
    ready: VecDeque<Bytes>,
    messages: ContentType,
}

impl Calls {
    /// The next call; none at the end.
    async fn next(&mut self) -> Result<Option<Call>, String> {
        while self.ready.is_empty() {
            let piece = match self.body.next().await {
                None if self.decoder.is_between_records() => return Ok(None),
                None => return Err("The stream ends within a record".to_owned()),
                Some(piece) => piece.map_err(|error| error.to_string())?,
            };
            self.ready.extend(self.decoder.decode(&piece).map_err(|error| error.to_string())?);
        }
        let record = self.ready.pop_front().unwrap_or_default();
        tepui_wire::decode(self.messages, &record).map(Some).map_err(|error| error.to_string())
    }
}

fn bad(text: &str) -> Box<Response> {
    Box::new(response::bad_request(text))
}
