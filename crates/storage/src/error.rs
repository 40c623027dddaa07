//! What can go wrong with a store.

use std::sync::Arc;

/// The cause below an error of ours; shared, because one failed write answers many.
pub(crate) type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A failed operation. Unless [`Self::is_ambiguous`], nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// Another leader was elected since this term began, or another master wrote.
    #[error("failed to {doing}: this master does not lead any more: {reason}")]
    Fenced {
        /// What we were doing, and to what.
        doing: String,
        /// What the store compared.
        reason: String,
    },
    /// The store, or the disk below it, has no room.
    #[error("failed to {doing}: the store is full")]
    Full {
        /// What we were doing, and to what.
        doing: String,
        /// What the store said.
        #[source]
        source: Cause,
    },
    /// The store did not answer in time; the write may still take effect.
    #[error("failed to {doing}: the store did not answer in {seconds:.1} s")]
    Slow {
        /// What we were doing, and to what.
        doing: String,
        /// The deadline.
        seconds: f64,
    },
    /// The store cannot be reached; a write that was on its way may still take effect.
    #[error("failed to {doing}: the store is not reachable")]
    Gone {
        /// What we were doing, and to what.
        doing: String,
        /// What the transport said.
        #[source]
        source: Cause,
    },
    /// The store holds what is not ours, or what cannot be read.
    #[error("failed to {doing}: the store holds garbage at `{place}`")]
    Garbage {
        /// What we were doing.
        doing: String,
        /// The file or key.
        place: String,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// Another process has the embedded store open.
    #[error(
        "failed to open `{path}`: another process has it open (does another master use this work folder?)"
    )]
    InUse {
        /// The file.
        path: String,
    },
    /// The store refuses us, or refuses this request for good.
    #[error("failed to {doing}: the store refuses it")]
    Refused {
        /// What we were doing, and to what.
        doing: String,
        /// What the store said.
        #[source]
        source: Cause,
    },
    /// The disk failed.
    #[error("failed to {doing}: input or output failed")]
    Io {
        /// What we were doing, and to what.
        doing: String,
        /// What the system said.
        #[source]
        source: Cause,
    },
}

impl StorageError {
    /// True if the operation may have taken effect, or may still do so.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Slow { .. } | Self::Gone { .. } => true,
            Self::Fenced { .. }
            | Self::Full { .. }
            | Self::Garbage { .. }
            | Self::InUse { .. }
            | Self::Refused { .. }
            | Self::Io { .. } => false,
        }
    }

    /// True if the same operation can succeed later without anyone's doing but the store's.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Slow { .. }
            | Self::Gone { .. }
            | Self::Full { .. }
            | Self::Io { .. }
            | Self::InUse { .. } => true,
            Self::Fenced { .. } | Self::Garbage { .. } | Self::Refused { .. } => false,
        }
    }
}

/// A cause that is only a text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Text(pub(crate) String);

/// Makes a cause of a text.
pub(crate) fn text(words: impl Into<String>) -> Cause {
    Arc::new(Text(words.into()))
}
