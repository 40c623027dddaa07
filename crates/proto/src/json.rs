//! Mesos' JSON form of its messages.
//!
//! It is not protobuf's official mapping: names are in snake case, 64-bit integers are numbers, unset fields with a
//! declared default are shown, and reading forgives much. `write` and the generated code write, `binary` does the
//! same from the binary form; `parse` makes a flat
//! document of a text, and `read` turns that into the binary form, which prost then decodes.

mod base64;
pub(crate) mod binary;
pub(crate) mod document;
mod parse;
pub(crate) mod read;
pub(crate) mod write;

/// Which names JSON uses: those of the v1 API or those of Mesos' older endpoints.
///
/// They differ in `agent_id` and `slave_id`, in some enum values, and in a few fields that only v0 has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JsonDialect {
    /// The names of `mesos.v1`.
    V1 = 0,
    /// The names of `mesos`, which clients call v0.
    V0 = 1,
}

impl JsonDialect {
    /// The one of two that is for this dialect.
    pub(crate) fn pick<T>(self, v1: T, v0: T) -> T {
        match self {
            Self::V1 => v1,
            Self::V0 => v0,
        }
    }
}

/// A text that is not the JSON of the wanted message. The texts are those of Mesos.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is no JSON.
    #[error("{0}")]
    Syntax(String),
    /// The JSON does not fit the message.
    #[error("{0}")]
    Schema(String),
}

#[cfg(test)]
mod tests;
