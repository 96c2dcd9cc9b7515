//! Frames of the stream.

use super::{ConvertError, each, long, optional_text, optional_time, required};
use crate::SafeText;
use crate::model::{Document, DocumentId, Interval, Notice, Timestamp, ViewDelta};
use crate::wire;

/// A frame, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameContents {
    /// The daemon's clock when the frame was made.
    pub now: Timestamp,
    /// The daemon's greeting, in a stream's first frame.
    pub welcome: Option<Welcome>,
    /// Answers to feed watches.
    pub bindings: Vec<Binding>,
    /// Documents that changed; none where there is no such document (any more).
    pub documents: Vec<(DocumentId, Option<Document>)>,
    /// Feeds that changed.
    pub feeds: Vec<FeedChange>,
    /// Notices raised or withdrawn.
    pub notices: Vec<Notice>,
    /// The newest watch that has been answered in full; 0 for none.
    pub watch_serial: u32,
    /// Feeds of which versions were passed over, and how many.
    pub skipped: Vec<(u64, u32)>,
    /// The daemon is going away.
    pub goodbye: Option<Goodbye>,
}

/// The daemon's greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The protocol it speaks.
    pub protocol: u32,
    /// Name and version.
    pub daemon: SafeText,
    /// The machine it runs on.
    pub hostname: SafeText,
    /// Changes with every start.
    pub epoch: u64,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Who it takes the client to be.
    pub identity: SafeText,
    /// The longest silence of a healthy stream.
    pub heartbeat: Interval,
}

/// Why the daemon is going away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    /// One sentence.
    pub reason: SafeText,
}

/// Ties a client's slot to a feed, or says why it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The client's number.
    pub slot: u32,
    /// The feed, or why there is none.
    pub feed: Result<u64, SafeText>,
}

/// A new version of a feed.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedChange {
    /// The feed.
    pub feed: u64,
    /// The version that the change leads to.
    pub version: u64,
    /// The version that it applies to; none when it is the whole view.
    pub base: Option<u64>,
    /// The change.
    pub delta: ViewDelta,
}

impl TryFrom<wire::Frame> for FrameContents {
    type Error = ConvertError;

    fn try_from(frame: wire::Frame) -> Result<Self, ConvertError> {
        Ok(Self {
            now: Timestamp::from_millis(frame.now_ms),
            welcome: frame.welcome.map(Into::into),
            bindings: frame.bindings.into_iter().map(Into::into).collect(),
            documents: documents(frame.documents)?,
            feeds: each("feeds", frame.feeds)?,
            notices: frame.notices.into_iter().map(Into::into).collect(),
            watch_serial: frame.watch_serial,
            skipped: frame.skipped.iter().map(|skipped| (skipped.feed, skipped.count)).collect(),
            goodbye: frame
                .goodbye
                .map(|goodbye| Goodbye { reason: SafeText::new(&goodbye.reason) }),
        })
    }
}

fn documents(
    updates: Vec<wire::DocumentUpdate>,
) -> Result<Vec<(DocumentId, Option<Document>)>, ConvertError> {
    let convert = |update: wire::DocumentUpdate| {
        let id = required("id", update.id)?;
        let document = update.document.map(Document::try_from).transpose();
        Ok((id, document.map_err(|error| error.within("document"))?))
    };
    let numbered = |(index, update)| {
        convert(update).map_err(|error: ConvertError| error.within(format!("documents[{index}]")))
    };
    updates.into_iter().enumerate().map(numbered).collect()
}

impl From<wire::Welcome> for Welcome {
    fn from(welcome: wire::Welcome) -> Self {
        Self {
            protocol: welcome.protocol,
            daemon: SafeText::new(&welcome.daemon),
            hostname: SafeText::new(&welcome.hostname),
            epoch: welcome.epoch,
            started_at: optional_time(welcome.started_at_ms),
            identity: SafeText::new(&welcome.identity),
            heartbeat: long(welcome.heartbeat_ms),
        }
    }
}

impl From<wire::FeedBinding> for Binding {
    fn from(binding: wire::FeedBinding) -> Self {
        let error = optional_text(&binding.error);
        Self { slot: binding.slot, feed: error.map_or(Ok(binding.feed), Err) }
    }
}

impl TryFrom<wire::FeedUpdate> for FeedChange {
    type Error = ConvertError;

    fn try_from(update: wire::FeedUpdate) -> Result<Self, ConvertError> {
        if update.version == 0 {
            return Err(ConvertError::missing("version"));
        }
        Ok(Self {
            feed: update.feed,
            version: update.version,
            base: (update.base != 0).then_some(update.base),
            delta: required("delta", update.delta)?,
        })
    }
}
