//! `/`: what this is, and where to go next.

use bytes::Bytes;
use tepui_http::{Response, response};

const PAGE: &str = include_str!("index.html");

/// Shows the page.
pub(super) fn index() -> Response {
    response::ok("text/html", Bytes::from_static(PAGE.as_bytes()))
}
