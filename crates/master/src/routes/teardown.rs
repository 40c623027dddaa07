//! `POST /teardown`: an operator ends a framework, in the form of the older API.

use http::Method;
use tepui_http::{Query, Request, Response, call, response};
use tepui_proto::v1;

use super::operator::change;
use crate::front::Handles;

/// Removes the framework that the form in the body names.
pub(super) async fn teardown(handles: Handles, request: Request) -> Response {
    if let Err(refusal) = call::expect_method(&request, &[Method::POST]) {
        return refusal;
    }
    let form = match Query::parse(&String::from_utf8_lossy(&request.body)) {
        Ok(form) => form,
        Err(error) => return response::bad_request(&format!("Unable to decode query string: {error}")),
    };
    let Some(id) = form.value("frameworkId") else {
        return response::bad_request("Missing 'frameworkId' query parameter in the request body");
    };
    let framework_id = v1::FrameworkId { value: id.to_owned() };
    let call = v1::master::Call {
        r#type: Some(v1::master::call::Type::Teardown as i32),
        teardown: Some(v1::master::call::Teardown { framework_id }),
        ..v1::master::Call::default()
    };
    change(&handles, call).await
}
