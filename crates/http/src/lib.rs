//! HTTP plumbing of the daemons: connections in, [`Request`]s to handlers, [`Response`]s out.
//!
//! What it is: the accept loop ([`serve()`]), a route table with libprocess' path rules ([`Router`]), the fixed order in
//! which an API call is refused or decoded ([`call`]), the responses that clients know ([`response`]), and event
//! streams ([`EventStream`]). What it is *not*: it holds no policy about frameworks, offers or tasks, and it does not
//! carry the messages between daemons (that is `tepui-link`; a daemon asks it first, then the router).
//!
//! Start reading at [`Router`]: its header explains how a path finds its handler.

mod body_stream;
pub mod call;
mod connection;
mod event_stream;
mod gzip;
mod limits;
mod parts;
mod query;
mod request;
mod request_body;
pub mod response;
mod response_body;
mod router;
mod serve;

pub use body_stream::{BodyCut, BodyStream};
pub use event_stream::{Block, EventSender, EventStream, SendError, StreamBroken, StreamWatch};
pub use limits::Limits;
pub use parts::{PartSender, Parts};
pub use query::Query;
pub use request::Request;
pub use request_body::RequestBody;
pub use response_body::{Response, ResponseBody, Unhurried};
pub use router::{Router, RouterBuilder};
pub use serve::serve;
pub use tepui_wire::ContentType;
