//! The closed list of messages that travel over the link.

use bytes::Bytes;
use prost::Message as _;

use crate::message::MesosMessage as _;

/// A message that the link delivered and that we cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkMessageError {
    /// No message of this name exists.
    #[error("unknown message `{0}`")]
    UnknownName(String),
    /// The body is not a well-formed message of that name, or lacks a required field.
    #[error("{0}")]
    Malformed(String),
}

macro_rules! link_messages {
    ($($variant:ident($path:ty) = $name:literal,)*) => {
        /// Everything that masters, agents, old drivers and old executors say to each other.
        ///
        /// One variant a message of `mesos.internal`, named after it without the `Message`.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is named after its message")]
        pub enum LinkMessage {
            $($variant(Box<$path>),)*
        }

        impl LinkMessage {
            /// The full protobuf name, which is the last segment of the path that it is sent to.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// The binary body.
            pub fn encode(&self) -> Bytes {
                match self {
                    $(Self::$variant(message) => message.encode_to_vec().into(),)*
                }
            }

            /// Decodes the body of the message called `name`.
            ///
            /// # Errors
            /// The name is unknown, or the body is malformed.
            pub fn decode(name: &str, body: &[u8]) -> Result<Self, LinkMessageError> {
                match name {
                    $($name => <$path>::decode_checked(body)
                        .map(|message| Self::$variant(Box::new(message)))
                        .map_err(|error| LinkMessageError::Malformed(error.to_string())),)*
                    _ => Err(LinkMessageError::UnknownName(name.to_owned())),
                }
            }
        }

        $(impl From<$path> for LinkMessage {
            fn from(message: $path) -> Self {
                Self::$variant(Box::new(message))
            }
        })*
    };
}

include!(concat!(env!("OUT_DIR"), "/link_message.rs"));
