//! Calls that are answered by a stream.

use std::time::Instant;

use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Collected, Limited};
use tepui_proto::v1::agent;

use super::Operator;
use crate::CallError;
use crate::caller::Outgoing;
use crate::connection::Connection;

/// Longest text of a refusal to open a stream.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

impl Operator {
    /// Makes a call of the agent's API that is answered by a stream, such as `LAUNCH_NESTED_CONTAINER_SESSION`, and reads the
    /// stream to its end. What is in it is dropped.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn agent_session(&mut self, call: &agent::Call) -> Result<(), CallError> {
        let body = tepui_wire::encode(self.content_type, call);
        let mut outgoing = Outgoing::post(self.path.as_str(), self.content_type, body)
            .with(http::header::AUTHORIZATION, self.authorization.clone());
        outgoing.headers.insert(http::header::ACCEPT, HeaderValue::from_static("application/recordio"));
        let messages = HeaderValue::from_static(self.content_type.name());
        outgoing.headers.insert(HeaderName::from_static("message-accept"), messages);
        let address = self.find(Instant::now()).await?;
        let mut connection = Connection::open(&address).await?;
        let response = connection.send(outgoing.for_host(&address)).await?;
        let (head, mut body) = response.into_parts();
        let lost =
            |source: hyper::Error| CallError::Answer { address: address.clone(), source: source.into() };
        if !head.status.is_success() {
            let text = Limited::new(body, MAX_REFUSAL_BYTES).collect().await;
            let text = text.map(Collected::to_bytes).unwrap_or_default();
            let message = String::from_utf8_lossy(&text).trim().to_owned();
            return Err(CallError::Refused { address: address.clone(), status: head.status, message });
        }
        while let Some(frame) = body.frame().await {
            frame.map_err(lost)?;
        }
        Ok(())
    }
}
