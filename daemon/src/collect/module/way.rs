//! The way to a module: what its watcher and its sources need of HTTP.

use std::sync::Arc;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::module::ModuleSpec;
use ccm_proto::model::{Interval, Name};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

/// The most bytes of an answer: the contract's bound.
pub const BODY_MAX: u64 = 4 << 20;

/// The most bytes of what one module answers another.
pub const BRIDGE_BODY_MAX: u64 = 256 << 10;

/// A request to a module.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks: a source, another module, or the module itself where it is looked at.
    pub source: Name,
    /// The module that is asked.
    pub module: Name,
    /// Its document: where it is, and which credential it is sent.
    pub spec: Arc<ModuleSpec>,
    /// Path and query, encoded.
    pub path: String,
    /// What is wanted: a media type.
    pub accept: &'static str,
    /// How long the answer may take.
    pub timeout: Interval,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a request to a module is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A source's data.
    Data,
    /// A look at the module, which is taken however often it failed before.
    Check,
    /// Another module asks; `source` is that one.
    Ask {
        /// How many modules the ask has passed with this one.
        hops: u8,
    },
    /// The answer of another module, whose name is `source`, to the one that asked it.
    Reply,
    /// An event of another module, whose name is `source`.
    Delivery {
        /// How many modules have told it because of one another.
        hops: u8,
    },
}

impl Purpose {
    /// Whether it goes from one module to another.
    pub const fn is_bridged(&self) -> bool {
        !matches!(self, Self::Data | Self::Check)
    }

    /// How many modules it has passed, where that is counted.
    pub const fn hops(&self) -> Option<u8> {
        match self {
            Self::Ask { hops } | Self::Delivery { hops } => Some(*hops),
            _ => None,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type, empty when there is none.
    pub content_type: String,
    /// When to ask again, by `Retry-After`.
    pub retry_after: Option<Interval>,
    /// The body, unfolded.
    pub body: Bytes,
    /// From the request to the answer's end.
    pub latency: Interval,
}

/// The bytes of an answer that does not end, as they come.
pub type Chunks = BoxStream<'static, Result<Bytes, WayError>>;

/// Why there is no answer: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WayError {
    /// Nothing listens there.
    #[error("{0}")]
    NotListening(SafeText),
    /// Anything else.
    #[error("{0}")]
    Failed(SafeText),
}

/// Reaches modules.
pub trait Way: Send + Sync {
    /// Asks, and waits for the whole answer, whatever its status; at most [`BODY_MAX`] of it.
    fn get(&self, asked: Asked) -> BoxFuture<'_, Result<Answer, WayError>>;

    /// Brings JSON, and waits for the answer, whatever its status.
    fn post(&self, asked: Asked, body: Bytes) -> BoxFuture<'_, Result<Answer, WayError>>;

    /// Opens a stream of events after the one with this id. The status is good when there are
    /// chunks; an answer is an error of the module's.
    fn open(
        &self,
        asked: Asked,
        last_id: Option<String>,
    ) -> BoxFuture<'_, Result<Result<Chunks, Answer>, WayError>>;

    /// Hears that a module is back: what it failed before counts no more.
    fn welcome(&self, _: &Name) {}
}
