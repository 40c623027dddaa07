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

#[cfg(test)]
mod recorded;

#[cfg(test)]
mod tests {
    use tepui_proto::v1::scheduler::{Event, event};

    use super::{BodyError, ContentType, decode, encode};

    #[test]
    fn content_types_are_compared_whole() {
        assert_eq!(ContentType::from_header("application/json"), Some(ContentType::Json));
        assert_eq!(ContentType::from_header("application/x-protobuf"), Some(ContentType::Protobuf));
        for other in
            ["", "text/plain", "application/json; charset=utf-8", "Application/JSON", "application/recordio"]
        {
            assert_eq!(ContentType::from_header(other), None, "{other}");
        }
        assert_eq!(ContentType::Protobuf.to_string(), "application/x-protobuf");
    }

    #[test]
    fn both_encodings_give_the_message_back() {
        let event = Event {
            r#type: Some(event::Type::Error as i32),
            error: Some(event::Error { message: "no \"such\" thing".to_owned() }),
            ..Event::default()
        };
        for content_type in [ContentType::Json, ContentType::Protobuf] {
            assert_eq!(decode::<Event>(content_type, &encode(content_type, &event)), Ok(event.clone()));
        }
        let json = encode(ContentType::Json, &event);
        assert_eq!(&json[..], br#"{"type":"ERROR","error":{"message":"no \"such\" thing"}}"#);
    }

    #[test]
    fn errors_name_the_message_without_its_package() {
        let error = decode::<event::Error>(ContentType::Protobuf, b"").unwrap_err();
        assert_eq!(error, BodyError::Protobuf { message: "Error" });
        let error = decode::<event::Error>(ContentType::Json, b"{}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Failed to convert JSON into Error protobuf: Missing required fields: message"
        );
    }
}
