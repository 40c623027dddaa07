//! RecordIO framing, protobuf and JSON bodies: bytes in, messages out.
//!
//! - [`body`]: a request's or response's body in the encoding its `Content-Type` names;
//! - [`accept`]: what the `Accept` header of a request allows;
//! - [`recordio`]: how several messages follow each other in one body.
//!
//! Nothing here knows HTTP beyond the values of those two headers.

pub mod accept;
pub mod body;
pub mod recordio;

pub use accept::negotiate;
pub use body::{BodyError, ContentType, decode, encode};
