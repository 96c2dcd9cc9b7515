//! What is known of one source.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Quality, Reading, SourceSpec, Timestamp, ViewStatus};

use super::event::Failure;

/// A value is stale when it is older than this many intervals: one late reading is no news.
const STALE_INTERVALS: u64 = 3;

/// The newest state of a source.
#[derive(Debug)]
pub(super) struct Source {
    pub spec: Arc<SourceSpec>,
    /// The newest good reading.
    pub reading: Option<Arc<Reading>>,
    /// Why the attempts since failed.
    failure: Option<Failure>,
    stale: bool,
}

/// What a widget has to say about the values that its source gave.
pub(super) enum Content {
    /// There is something to show.
    Present,
    /// History is being asked.
    Awaited,
    /// The source answered, and there is nothing to show.
    Absent(SafeText),
}

impl Source {
    pub(super) fn new(spec: Arc<SourceSpec>) -> Self {
        Self { spec, reading: None, failure: None, stale: false }
    }

    /// Takes a changed definition over; false when nothing of the old readings holds any more.
    pub(super) fn redefine(&mut self, spec: Arc<SourceSpec>) {
        if spec.source_type != self.spec.source_type {
            self.reading = None;
        }
        if spec.source_type != self.spec.source_type || !spec.enabled {
            self.failure = None;
        }
        self.spec = spec;
        self.stale = false;
    }

    pub(super) fn read(&mut self, reading: Arc<Reading>) {
        self.reading = Some(reading);
        self.failure = None;
        self.stale = false;
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failure = Some(failure);
    }

    /// Decides whether the newest reading is too old; true when that changed.
    pub(super) fn age(&mut self, now: Timestamp) -> bool {
        let limit = self.spec.interval.times(STALE_INTERVALS);
        let old = |reading: &Arc<Reading>| !limit.is_zero() && now.since(reading.at) > limit;
        let stale = self.reading.as_ref().is_some_and(old);
        std::mem::replace(&mut self.stale, stale) != stale
    }

    /// The status of a view of this source.
    pub(super) fn status(&self, content: &Content) -> ViewStatus {
        let (quality, cause) = self.quality(content);
        ViewStatus {
            quality,
            cause,
            sampled_at: self.reading.as_ref().map(|reading| reading.at),
            interval: self.spec.interval,
            next_at: self.failure.as_ref().and_then(|failure| failure.next_at),
            backfilling: false,
        }
    }

    fn quality(&self, content: &Content) -> (Quality, Option<SafeText>) {
        if !self.spec.enabled {
            let cause = "its source is switched off; set enabled = true in the source's document";
            return (Quality::Absent, Some(SafeText::from(cause)));
        }
        if let Some(failure) = &self.failure {
            return (Quality::Error, Some(failure.cause.clone()));
        }
        match content {
            _ if self.reading.is_none() => (Quality::Loading, None),
            Content::Absent(cause) => (Quality::Absent, Some(cause.clone())),
            _ if self.stale => (Quality::Stale, None),
            Content::Awaited => (Quality::Loading, None),
            Content::Present => (Quality::Live, None),
        }
    }
}
