//! `/redirect`: where the leading master is.

use tepui_http::{Request, Response, response};

use crate::front::Handles;

/// Sends the client to the leader.
pub(super) async fn redirect(handles: Handles, _: Request) -> Response {
    let (host, port) = &handles.leader;
    response::redirect_to_leader(host, *port, "")
}
