//! What can go wrong in an election.

/// A failure to speak with the group, or the end of our place in it.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The servers cannot be reached, or did not answer in time.
    #[error("failed to {doing}: {reason}")]
    Unreachable {
        /// What we were doing.
        doing: &'static str,
        /// What the client library said.
        reason: String,
    },
    /// Our session or lease has ended.
    #[error("failed to {doing}: our session has ended")]
    Ended {
        /// What we were doing.
        doing: &'static str,
    },
    /// The servers refuse us.
    #[error("failed to {doing}: refused: {reason}")]
    Refused {
        /// What we were doing.
        doing: &'static str,
        /// What the client library said.
        reason: String,
    },
}
