//! `/redirect`: where the leading master is.

use tepui_http::{Request, Response, response};

use crate::front::Handles;

/// Sends the client to the leader.
pub(super) async fn redirect(handles: Handles, request: Request) -> Response {
    if !request.rest.is_empty() {
        // Compat: what is below `/redirect` would be redirected to itself for ever.
        return response::not_found();
    }
    handles.leading.redirect("")
}
