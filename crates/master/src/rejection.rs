//! The one table from the core's refusals to status codes.

use http::StatusCode;
use tepui_http::{Response, response};
use tepui_master_core::{Rejection, RejectionKind};

/// Makes the response of a refusal.
pub(crate) fn refuse(rejection: &Rejection) -> Response {
    response::text(status(rejection.kind), rejection.message.as_str())
}

fn status(kind: RejectionKind) -> StatusCode {
    match kind {
        RejectionKind::BadRequest => StatusCode::BAD_REQUEST,
        RejectionKind::Forbidden => StatusCode::FORBIDDEN,
        RejectionKind::NotFound => StatusCode::NOT_FOUND,
        RejectionKind::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        RejectionKind::Conflict => StatusCode::CONFLICT,
        RejectionKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        RejectionKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
