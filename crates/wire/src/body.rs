//! A message as the body of a request or a response, in the names of the v1 API.

use bytes::Bytes;
use tepui_proto::{JsonDialect, JsonError, MesosMessage};

/// How a message is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// JSON in Mesos' mapping.
    Json,
    /// Protobuf's binary form.
    Protobuf,
}

impl ContentType {
    /// The media type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// The encoding that a `Content-Type` header names.
    ///
    /// Compat: Mesos compares the whole value, so neither a parameter nor another case is understood.
    pub fn from_header(value: &str) -> Option<Self> {
        [Self::Json, Self::Protobuf].into_iter().find(|content_type| content_type.name() == value)
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A body that is not the wanted message. The texts are those that Mesos answers with status 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is not protobuf, or lacks required fields.
    #[error("Failed to parse body into {message} protobuf")]
    Protobuf {
        /// The message's name without its package.
        message: &'static str,
    },
    /// The body is not JSON.
    #[error("Failed to parse body into JSON: {reason}")]
    JsonSyntax {
        /// Where and what.
        reason: String,
    },
    /// The body is JSON, but not of this message.
    #[error("Failed to convert JSON into {message} protobuf: {reason}")]
    JsonSchema {
        /// The message's name without its package.
        message: &'static str,
        /// Which fields, and why.
        reason: String,
    },
}

/// Encodes a message.
pub fn encode<T: MesosMessage>(content_type: ContentType, message: &T) -> Bytes {
    match content_type {
        ContentType::Json => message.to_json(JsonDialect::V1).into(),
        ContentType::Protobuf => message.encode_to_vec().into(),
    }
}

/// Decodes a body, which need not be trusted.
///
/// # Errors
/// The body is malformed or lacks required fields.
pub fn decode<T: MesosMessage>(content_type: ContentType, body: &[u8]) -> Result<T, BodyError> {
    let message = T::full_name().rsplit('.').next().unwrap_or_default();
    match content_type {
        ContentType::Json => T::from_json(JsonDialect::V1, body).map_err(|error| match error {
            JsonError::Syntax(reason) => BodyError::JsonSyntax { reason },
            JsonError::Schema(reason) => BodyError::JsonSchema { message, reason },
        }),
        ContentType::Protobuf => T::decode_checked(body).map_err(|_| BodyError::Protobuf { message }),
    }
}
