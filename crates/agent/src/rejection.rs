//! How refusals of the core are answered.

use http::StatusCode;
use tepui_agent_core::{Rejection, RejectionKind};
use tepui_http::{Response, response};

/// The response for a refusal.
pub(crate) fn refuse(rejection: Rejection) -> Response {
    let status = match rejection.kind {
        RejectionKind::BadRequest => StatusCode::BAD_REQUEST,
        RejectionKind::Forbidden => StatusCode::FORBIDDEN,
        RejectionKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        RejectionKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        RejectionKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    };
    response::text(status, rejection.message)
}
