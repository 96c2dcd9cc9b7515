//! Calls, and what comes of them.

use std::fmt;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Name, Timestamp};

use super::super::cache::Caching;
use super::super::calls::Hit;
use super::super::credential::Attached;
use super::super::error::HttpError;
use super::super::queue::Priority;
use super::super::quota::{Quota, QuotaHeaders};
use super::super::request::Request;
use super::super::response::{Limits, Response, Timing};
use super::ApiLimits;
use crate::collect::{CollectError, Retry};

/// Refusals of one credential after which it is not tried again until it is replaced: services
/// lock accounts after a few more.
pub const REFUSALS_MAX: u32 = 3;

/// Which answers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// Those of success; others are errors.
    #[default]
    Good,
    /// All of them: whoever asks wants to know what is answered.
    Any,
}

/// A call that is to be made. Clones share all that is large.
#[derive(Clone, Debug)]
pub struct Call {
    /// The source that it is for.
    pub source: Name,
    /// What shares limits, quota and circuit breaker; the host where nothing else is named.
    /// Different services must not share a name, or the failure of one stops the others.
    pub api: Arc<str>,
    /// For whom; owners take turns.
    pub owner: Arc<str>,
    /// The circle of those who may share the answer, such as `platform` or `tenant:acme`.
    pub shared_by: Arc<str>,
    /// What it is for.
    pub priority: Priority,
    /// The request.
    pub request: Arc<Request>,
    /// The credential that goes with it.
    pub credential: Option<Attached>,
    /// Whether the answer may be kept.
    pub caching: Caching,
    /// Which answers count.
    pub answers: Answers,
    /// How often the API is called.
    pub limits: ApiLimits,
    /// Which headers tell the quota; not looked at when nothing is named.
    pub quota: Option<Arc<QuotaHeaders>>,
    /// Bounds of the request and its answer.
    pub bounds: Limits,
}

impl Call {
    /// A scheduled call without a credential or limits of its own, for the platform.
    pub fn new(source: Name, request: Arc<Request>) -> Self {
        let platform: Arc<str> = "platform".into();
        Self {
            source,
            api: request.target().to_string().into(),
            owner: Arc::clone(&platform),
            shared_by: platform,
            priority: Priority::Scheduled,
            request,
            credential: None,
            caching: Caching::default(),
            answers: Answers::default(),
            limits: ApiLimits::default(),
            quota: None,
            bounds: Limits::default(),
        }
    }
}

/// An answer to a call.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The answer.
    pub response: Arc<Response>,
    /// Where it came from.
    pub hit: Hit,
    /// How long it took; nothing but zeros when it was there.
    pub timing: Timing,
    /// When it came from the API, or was confirmed by it.
    pub at: Timestamp,
    /// What the API said about its quota with this answer.
    pub quota: Option<Quota>,
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// The API asked for it.
    Asked,
    /// No call is left until the quota is renewed.
    Quota,
    /// It failed too often.
    Circuit,
    /// Too many wait before it.
    Queue,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asks for fewer calls; call it less often",
            Self::Quota => "has no calls left in its quota; call it less often",
            Self::Circuit => "failed too often and is left alone for now; see its last error",
            Self::Queue => "has more calls waiting than its limits let through; raise them, or call it less often",
        })
    }
}

/// Why a call gave nothing: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Not now.
    #[error("{api} {wait} (next attempt after {})", whole_seconds(*after))]
    TryLater {
        /// The API.
        api: SafeText,
        /// How long it is left alone.
        after: Interval,
        /// Why.
        wait: Wait,
    },
    /// The API does not let us.
    #[error("{api} refuses {} (status {status}); {}", refused(credential.as_ref()), remedy(*status))]
    Refused {
        /// The API.
        api: SafeText,
        /// The status.
        status: u16,
        /// The credential, if one was sent.
        credential: Option<Arc<str>>,
        /// Refusals of this credential in a row. At [`REFUSALS_MAX`] it is not tried again.
        tries: u32,
    },
    /// Another answer than success.
    #[error("{api} answered with status {status}; see that the URL is right, and its log")]
    Status {
        /// The API.
        api: SafeText,
        /// The status.
        status: u16,
    },
    /// Whoever made the call did not wait for its end.
    #[error(
        "the call to {api} was given up before its own time was over; raise the source's timeout, or see why it is so slow"
    )]
    GivenUp {
        /// The API.
        api: SafeText,
    },
}

/// A wait as people say it: no millisecond of it matters from one second on.
fn whole_seconds(wait: Interval) -> Interval {
    match wait.as_millis() {
        millis if millis > 1_000 => Interval::from_secs(millis.div_ceil(1_000)),
        _ => wait,
    }
}

fn refused(credential: Option<&Arc<str>>) -> String {
    match credential {
        Some(name) => format!("the credential {name}"),
        None => "a call without a credential".to_owned(),
    }
}

const fn remedy(status: u16) -> &'static str {
    match status {
        401 => "set the credential anew by `ccm cred set`",
        402 => "see whether its subscription is paid",
        _ => "give the credential the right to this there",
    }
}

impl FetchError {
    /// How long to leave the API alone, when it is known.
    pub fn after(&self) -> Option<Interval> {
        match self {
            Self::TryLater { after, .. } => Some(*after),
            _ => None,
        }
    }

    /// Whether another attempt can only fail likewise until somebody changes something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Http(error) => error.is_lasting(),
            Self::Refused { tries, .. } => *tries >= REFUSALS_MAX,
            Self::TryLater { .. } | Self::Status { .. } | Self::GivenUp { .. } => false,
        }
    }

    /// The error as it may be shown.
    pub fn to_safe_text(&self) -> SafeText {
        SafeText::from(self.to_string())
    }

    /// The error as a collector's, with when it is worth trying again.
    pub fn to_collect_error(&self) -> CollectError {
        let retry = match self {
            Self::TryLater { after, .. } => Retry::After(*after),
            Self::Refused { .. } => Retry::Hold,
            Self::Http(error) if error.is_lasting() => Retry::Hold,
            Self::Http(_) | Self::Status { .. } | Self::GivenUp { .. } => Retry::Backoff,
        };
        CollectError::Source { cause: self.to_safe_text(), retry }
    }

    /// The error with the refusals in a row, where it is one.
    pub(super) fn with_tries(mut self, so_far: u32) -> Self {
        if let Self::Refused { tries, .. } = &mut self {
            *tries = so_far.max(1);
        }
        self
    }

    pub(super) const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Status { status, .. } => Some(*status),
            Self::Http(_) | Self::TryLater { .. } | Self::GivenUp { .. } => None,
        }
    }
}
