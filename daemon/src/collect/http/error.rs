//! Why a request gave no answer. The sentences hold words of ours and names that were configured:
//! nothing that the other side sent.

use std::fmt;
use std::io;

use ccm_proto::SafeText;
use ccm_proto::model::Interval;

use super::credential::CredentialError;
use super::egress::Refused;
use super::redirect::RedirectError;
use super::request::RequestError;

/// What did not come in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The addresses of a name.
    Name,
    /// The connection.
    Connection,
    /// The TLS handshake.
    Handshake,
    /// The answer's end.
    Answer,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name service has no answer",
            Self::Connection => "connection is not made",
            Self::Handshake => "TLS handshake is not done",
            Self::Answer => "answer is not complete",
        })
    }
}

/// Why a request gave no answer: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The egress guard.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The credential is not sent.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A redirect that is not followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// A name without an address.
    #[error(
        "{host} has no address; check the spelling, and the name service of the daemon's machine"
    )]
    Name {
        /// The host.
        host: SafeText,
    },
    /// No connection.
    #[error("{host} cannot be reached ({cause}); see that the service runs and its port is open")]
    Connect {
        /// Host and port.
        host: SafeText,
        /// What the system answered.
        cause: &'static str,
    },
    /// No trusted connection.
    #[error(
        "{host} is not trusted ({cause}); have its certificate corrected, or name the authority that issued it"
    )]
    Tls {
        /// The host.
        host: SafeText,
        /// What is wrong.
        cause: &'static str,
    },
    /// Too slow.
    #[error("{host}: the {phase} after {limit}; raise the timeout, or see why it is so slow")]
    Timeout {
        /// The host.
        host: SafeText,
        /// What did not come.
        phase: Phase,
        /// The time it had.
        limit: Interval,
    },
    /// More bytes than there may be.
    #[error(
        "the answer of {host} is larger than {limit} bytes; ask for less, by a filter or pages"
    )]
    TooLarge {
        /// The host.
        host: SafeText,
        /// How many there may be.
        limit: u64,
    },
    /// A compressed answer that unfolds beyond measure.
    #[error(
        "the answer of {host} unfolds to more than {ratio} times its size and was not read further; see what answers there"
    )]
    Bomb {
        /// The host.
        host: SafeText,
        /// How many times there may be.
        ratio: u64,
    },
    /// A compression that is damaged or not known.
    #[error(
        "the answer of {host} is compressed in a way that cannot be undone; switch it off there"
    )]
    Encoding {
        /// The host.
        host: SafeText,
    },
    /// Too many or too large headers.
    #[error("the answer of {host} has too many or too large headers; see what answers there")]
    Headers {
        /// The host.
        host: SafeText,
    },
    /// Something that is not HTTP, or its middle only.
    #[error("{host} {what}; see what answers there, and its log")]
    Broken {
        /// The host.
        host: SafeText,
        /// What it did.
        what: &'static str,
    },
}

impl HttpError {
    /// Whether another attempt can only fail likewise until somebody changes something.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Refused(_) | Self::Credential(_))
    }

    /// The error as it may be shown.
    pub fn to_safe_text(&self) -> SafeText {
        SafeText::from(self.to_string())
    }

    /// What hyper found.
    pub(super) fn of(host: &SafeText, error: &hyper::Error) -> Self {
        let host = host.clone();
        if error.is_parse_too_large() {
            return Self::Headers { host };
        }
        let cause = std::error::Error::source(error);
        let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
        let what = if error.is_parse() || cause.is_some_and(is_of_syntax) {
            "does not speak HTTP properly"
        } else if error.is_incomplete_message() || cause.is_some_and(is_of_end) {
            "hung up before the answer was complete"
        } else {
            "broke the connection"
        };
        Self::Broken { host, what }
    }
}

/// Whether the reader of a body found something that is not HTTP. What the system reports has a
/// number, and some of it has the same kind: an invalid argument of a call on a connection that is
/// going away says nothing of what was read.
fn is_of_syntax(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::InvalidInput, io::ErrorKind::InvalidData];
    error.raw_os_error().is_none() && kinds.contains(&error.kind())
}

/// Whether the other side left in the middle.
fn is_of_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_tells_that_it_is_not_http() {
        assert!(is_of_syntax(&io::Error::new(io::ErrorKind::InvalidInput, "chunk size")));
        let invalid = rustix::io::Errno::INVAL;
        let of_system = io::Error::from_raw_os_error(invalid.raw_os_error());
        assert_eq!(of_system.kind(), io::ErrorKind::InvalidInput);
        assert!(!is_of_syntax(&of_system));
        assert!(is_of_end(&io::ErrorKind::UnexpectedEof.into()) && !is_of_end(&of_system));
    }
}
