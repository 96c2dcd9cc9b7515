//! What this source needs of HTTP.

use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use futures_util::future::BoxFuture;

use crate::collect::{CollectError, Retry};

/// Gets what an address serves, within the daemon's rules and bounds.
pub trait Get: Send + Sync {
    /// The answer to a path and query below the source's address.
    fn get<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Answered, CollectError>>;
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The whole address.
    pub url: String,
    /// What may be answered.
    pub accept: &'static str,
    /// Whether the answer may be compressed.
    pub compressed: bool,
    /// The most bytes of the answer.
    pub bytes_max: u64,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: Option<String>,
    /// How long the other side asks to be left alone.
    pub retry_after: Option<Interval>,
    /// The credential that went with the question.
    pub credential: Option<Arc<str>>,
    /// The body.
    pub body: Bytes,
}

impl Answered {
    /// Whether the status says that this is what was asked for.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The error of a status that is no success.
    pub(super) fn refused(&self, url: &str) -> CollectError {
        let remedy = match (self.status, &self.credential) {
            (401, Some(name)) => {
                format!("it refuses the credential {name}: set it anew by `ccm cred rotate`")
            }
            (403, Some(name)) => format!("give the credential {name} the right to this there"),
            (401 | 403, None) => "name a credential that it accepts".to_owned(),
            (404 | 405, _) => "correct url or path".to_owned(),
            (429, _) => "ask less often, by a longer interval".to_owned(),
            (500.., _) => "see the log of what answers there".to_owned(),
            _ => "see what answers there".to_owned(),
        };
        let cause = format!("{url} answers {}; {remedy}", self.status);
        let retry = match (self.status, self.retry_after) {
            (_, Some(wait)) => Retry::After(wait),
            (401 | 403, None) => Retry::Hold,
            _ => Retry::Backoff,
        };
        CollectError::Source { cause: SafeText::from(cause), retry }
    }
}

/// An error of the source, worth trying again later.
pub(super) fn failed(cause: String) -> CollectError {
    CollectError::Source { cause: SafeText::from(cause), retry: Retry::Backoff }
}

/// A path below an address that may have a path of its own.
pub(super) fn below(url: &str, path: &str) -> String {
    format!("{}{path}", url.trim_end_matches('/'))
}
