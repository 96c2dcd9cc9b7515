//! What is known of one source.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Interval, Quality, Reading, SourceSpec, Timestamp, Value, ViewStatus};

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
    /// What the inputs of a derived source make of its quality.
    inherited: Option<(Quality, SafeText)>,
    /// What came so far.
    pub counts: Counts,
}

/// What came of a source since it was configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub readings: u64,
    pub failures: u64,
    pub failures_in_row: u32,
    /// Series in what was kept last.
    pub series: u64,
    /// When it was last tried.
    pub last: Option<Timestamp>,
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
        let counts = Counts::default();
        Self { spec, reading: None, failure: None, stale: false, inherited: None, counts }
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
        self.counts.readings += 1;
        self.counts.failures_in_row = 0;
        self.counts.last = Some(reading.at);
        self.reading = Some(reading);
        self.failure = None;
        self.stale = false;
    }

    /// Whether it has a reading, as fresh as it should be.
    pub(super) fn is_well(&self) -> bool {
        self.reading.is_some() && self.failure.is_none() && !self.stale
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.counts.failures += 1;
        self.counts.failures_in_row = self.counts.failures_in_row.saturating_add(1);
        self.counts.last = Some(failure.at);
        self.failure = Some(failure);
    }

    /// Takes over what the inputs make of its quality; true when that changed.
    pub(super) fn inherit(&mut self, inherited: Option<(Quality, SafeText)>) -> bool {
        let changed = self.inherited != inherited;
        self.inherited = inherited;
        changed
    }

    /// Whether its readings are derived from those of others.
    pub(super) fn is_derived(&self) -> bool {
        self.spec.source_type == SourceType::Query
    }

    /// Decides whether the newest reading is too old; true when that changed. What is derived is
    /// as old as its inputs.
    pub(super) fn age(&mut self, now: Timestamp) -> bool {
        if self.is_derived() {
            return false;
        }
        let limit = self.patience();
        let old = |reading: &Arc<Reading>| !limit.is_zero() && now.since(reading.at) > limit;
        let stale = self.reading.as_ref().is_some_and(old);
        std::mem::replace(&mut self.stale, stale) != stale
    }

    /// Why a derived source lacks the first of some results, given in words.
    pub(super) fn reason(&self, missing: &[String]) -> Option<SafeText> {
        let reading = self.reading.as_ref().filter(|_| self.is_derived())?;
        let Some(Value::Map(reasons)) = reading.value.at("reasons") else { return None };
        let of = |words: &String| {
            let result = words.replace(' ', "_");
            let named = |(name, _): &(&_, &Value)| {
                let name: &str = AsRef::<str>::as_ref(*name);
                result
                    .strip_prefix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            };
            let (name, reason) = reasons.iter().filter(named).max_by_key(|(name, _)| name.len())?;
            Some(SafeText::from(format!("{name}: {}", reason.as_text()?)))
        };
        missing.iter().find_map(of)
    }

    /// How old a reading may get. What others report is as old as its document allows.
    fn patience(&self) -> Interval {
        match self.spec.source_type {
            SourceType::Push => self.spec.push.clone().unwrap_or_default().max_age,
            _ => self.spec.effective_interval().times(STALE_INTERVALS),
        }
    }

    /// The status of a view of this source.
    pub(super) fn status(&self, content: &Content) -> ViewStatus {
        let (quality, cause) = self.quality(content);
        ViewStatus {
            quality,
            cause,
            sampled_at: self.reading.as_ref().map(|reading| reading.at),
            interval: self.promised(),
            next_at: self.failure.as_ref().and_then(|failure| failure.next_at),
            backfilling: false,
        }
    }

    /// How often there is something new, as far as that is promised. What is derived comes when its
    /// inputs do, and its age is told with theirs.
    fn promised(&self) -> Interval {
        match self.spec.source_type {
            SourceType::Push | SourceType::Query => Interval::ZERO,
            _ => self.spec.effective_interval(),
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
        let inherited = |wanted: Quality| {
            let worst = self.inherited.as_ref().filter(|(quality, _)| *quality == wanted);
            worst.map(|(_, cause)| cause.clone())
        };
        if let Some(cause) = inherited(Quality::Error) {
            return (Quality::Error, Some(cause));
        }
        match content {
            _ if self.reading.is_none() => (Quality::Loading, None),
            Content::Absent(_) if inherited(Quality::Loading).is_some() => (Quality::Loading, None),
            Content::Absent(cause) => (Quality::Absent, Some(cause.clone())),
            _ if self.stale => (Quality::Stale, None),
            _ if inherited(Quality::Stale).is_some() => (Quality::Stale, inherited(Quality::Stale)),
            Content::Awaited => (Quality::Loading, None),
            Content::Present => (Quality::Live, None),
        }
    }
}
