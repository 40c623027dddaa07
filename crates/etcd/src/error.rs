//! What can go wrong between us and etcd.

use tonic::Code;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No endpoint took the call, or the connection broke before the answer.
    #[error("failed to {doing}: etcd is unreachable at {endpoint}")]
    Unreachable {
        /// What the call was for.
        doing: &'static str,
        /// The endpoint that was asked last.
        endpoint: String,
        /// What the transport said.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The answer did not come in time; the call may still take effect.
    #[error("failed to {doing}: etcd at {endpoint} did not answer in {seconds:.1} s")]
    Timeout {
        /// What the call was for.
        doing: &'static str,
        /// The endpoint that was asked last.
        endpoint: String,
        /// The deadline.
        seconds: f64,
    },
    /// etcd has no room, or too many requests.
    #[error("failed to {doing}: etcd is full: {message}")]
    Full {
        /// What the call was for.
        doing: &'static str,
        /// etcd's words.
        message: String,
    },
    /// The lease, key or revision is not there any more.
    #[error("failed to {doing}: {message}")]
    NotFound {
        /// What the call was for.
        doing: &'static str,
        /// etcd's words.
        message: String,
    },
    /// The user, password or permission is wrong.
    #[error("failed to {doing}: etcd refuses us: {message}")]
    Denied {
        /// What the call was for.
        doing: &'static str,
        /// etcd's words.
        message: String,
    },
    /// Anything else that etcd refuses.
    #[error("failed to {doing}: etcd refuses the request: {message}")]
    Refused {
        /// What the call was for.
        doing: &'static str,
        /// etcd's words.
        message: String,
    },
    /// A file that TLS needs cannot be read.
    #[error("failed to read `{path}` for TLS")]
    TlsFile {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The client cannot be made with this configuration.
    #[error("`{endpoint}` is no endpoint of etcd: {message}")]
    BadEndpoint {
        /// As it was given.
        endpoint: String,
        /// Why not.
        message: String,
    },
}

impl Error {
    pub(crate) fn from_status(doing: &'static str, endpoint: &str, status: tonic::Status) -> Self {
        let message = status.message().to_owned();
        match status.code() {
            Code::ResourceExhausted => Self::Full { doing, message },
            Code::NotFound | Code::OutOfRange => Self::NotFound { doing, message },
            Code::Unauthenticated | Code::PermissionDenied => Self::Denied { doing, message },
            // etcd answers a wrong password with this code.
            Code::InvalidArgument if message.contains("auth") => Self::Denied { doing, message },
            Code::InvalidArgument | Code::FailedPrecondition | Code::Unimplemented | Code::AlreadyExists => {
                Self::Refused { doing, message }
            }
            Code::Ok
            | Code::Cancelled
            | Code::Unknown
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss => {
                Self::Unreachable { doing, endpoint: endpoint.to_owned(), source: Box::new(status) }
            }
        }
    }

    /// True if the same call may succeed later or elsewhere, and may already have taken effect.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Full { .. }
            | Self::NotFound { .. }
            | Self::Denied { .. }
            | Self::Refused { .. }
            | Self::TlsFile { .. }
            | Self::BadEndpoint { .. } => false,
        }
    }
}
