//! What the engine does for sources that are derived, and for what needs the past of series.

use std::sync::Arc;

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Bucket, Name, Reading, SeriesKey, Timestamp};

use super::Engine;
use super::derived::Derivation;
use super::event::{Asker, Output, TrackId};
use super::feed::Feed;
use super::source::{Content, Source};
use crate::collect::SourceStatus;

impl Engine {
    /// What every derived source is doing, by name. How long computing takes is not measured.
    pub fn derived(&self) -> Vec<SourceStatus> {
        let mut names = self.derived.names();
        names.sort();
        let status =
            |name: Name| self.sources.get(&name).map(|source| derived_status(name, source));
        names.into_iter().filter_map(status).collect()
    }

    /// Computes what the event at hand changed, each source once.
    pub(super) fn derive(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while !self.derived.is_settled() {
            for derivation in self.derived.next(&self.sources, &self.past, now) {
                self.settle(derivation, out);
            }
        }
    }

    pub(super) fn settle(&mut self, derivation: Derivation, out: &mut Vec<Output>) {
        match derivation {
            Derivation::Read(reading) => self.take(reading, out),
            Derivation::Keep(reading) => self.keep(&reading, out),
            Derivation::Failed(failure) => self.give_up(failure, out),
        }
    }

    /// Keeps samples that come apart from what is shown.
    fn keep(&mut self, reading: &Reading, out: &mut Vec<Output>) {
        let Some(source) = self.sources.get_mut(&reading.source) else { return };
        source.counts.series = reading.samples.keys.len() as u64;
        self.history.append(reading.at, &reading.samples, &mut self.kept);
        out.extend(self.kept.drain(..).map(Output::History));
        self.past.read(reading);
        let source = &*source;
        for id in self.watchers.get(&reading.source).into_iter().flatten() {
            if let Some(feed) = self.feeds.get_mut(id) {
                feed.draw(reading, source, out);
            }
        }
    }

    /// Tells what has a source as input of that source's state, and what has that as input.
    pub(super) fn inherit(&mut self, source: &Name, out: &mut Vec<Output>) {
        let mut waiting = self.derived.dependents(source);
        while let Some(name) = waiting.pop() {
            if self.inherit_one(&name, out) {
                waiting.extend(self.derived.dependents(&name));
            }
        }
    }

    /// Tells everything that is derived of the state of its inputs.
    pub(super) fn inherit_all(&mut self, out: &mut Vec<Output>) {
        for name in self.derived.names() {
            self.inherit_one(&name, out);
        }
    }

    fn inherit_one(&mut self, name: &Name, out: &mut Vec<Output>) -> bool {
        let inherited = self.derived.inherited(name, &self.sources);
        let Some(source) = self.sources.get_mut(name) else { return false };
        let changed = source.inherit(inherited);
        if changed {
            self.refresh(name, out);
        }
        changed
    }

    /// Asks history for what is needed of the past.
    pub(super) fn question(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        for question in self.past.questions(&self.history, now) {
            let (asker, request) = (Asker::Track(question.track), question.request);
            let range = question.range;
            match self.history.plan(&question.keys, range) {
                Ok(plan) => {
                    out.push(Output::Backfill { asker, request, range, plan: Arc::new(plan) });
                }
                // A window that history does not answer begins with what arrives live.
                Err(_) => self.remember(question.track, request, &[], now, out),
            }
        }
    }

    /// Shows a feed's number beside an earlier one that has become known.
    fn compare_anew(&mut self, track: TrackId, out: &mut Vec<Output>) {
        let own = |feed: &&mut Feed| feed.trend.as_ref().is_some_and(|trend| trend.track == track);
        let Some(feed) = self.feeds.values_mut().find(own) else { return };
        let source = feed.widget().and_then(|widget| self.sources.get(&widget.source));
        if let Some(reading) = source.and_then(|source| source.reading.as_ref()) {
            feed.recall(&self.past, reading.at);
            feed.review(source, out);
        }
    }

    /// Takes over what history holds of what is computed with.
    pub(super) fn remember(
        &mut self,
        track: TrackId,
        request: u64,
        series: &[(SeriesKey, Vec<Bucket>)],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if self.past.answer(track, request, series) {
            self.compare_anew(track, out);
            self.derived.answered(track, now);
            self.derive(now, out);
        }
    }
}

fn derived_status(name: Name, source: &Source) -> SourceStatus {
    let status = source.status(&Content::Present);
    let counts = source.counts;
    SourceStatus {
        quality: status.quality,
        cause: status.cause,
        last_success: status.sampled_at,
        last_attempt: counts.last,
        readings: counts.readings,
        failures: counts.failures,
        failures_in_row: counts.failures_in_row,
        series: counts.series,
        ..SourceStatus::new(name, SourceType::Query, source.spec.effective_interval())
    }
}
