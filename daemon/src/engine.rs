//! The engine: owns what is measured.
//!
//! [`Engine::step`] is the pure core: an [`Event`] goes in, [`Output`]s come out. It keeps the
//! newest reading of every source, appends every reading to the [`History`], and keeps the view of
//! every open feed up to date; for widgets that nobody looks at nothing is done. [`run`] is the
//! loop around it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::source::SourceType;
use ccm_proto::model::{
    Bucket, Name, Quality, Reading, SeriesKey, SourceSpec, Timestamp, ViewStatus, WidgetSpec,
};

use crate::history::{History, HistoryError, HistoryOutput, HistoryStats, QueryPlan};

mod derive;
mod derived;
pub mod event;
mod feed;
mod grid;
pub mod handle;
mod lines;
mod past;
pub mod run;
mod source;
mod trend;

use derived::Derived;
use event::{Asker, Assignment, Configuration, Event, Failure, FeedId, FeedKey, Output};
use feed::{Feed, Projected};
use past::Past;
use source::{Content, Source};

/// The most series that one query reads: a bound on the work and the memory of one question.
pub const QUERY_SERIES_MAX: usize = 512;

/// Figures about the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Open feeds.
    pub feeds: usize,
    /// Configured sources.
    pub sources: usize,
    /// What history keeps.
    pub history: HistoryStats,
}

/// See the module.
#[derive(Debug)]
pub struct Engine {
    configuration: Arc<Configuration>,
    /// The sources that were last asked to run.
    collected: Option<BTreeMap<Name, Assignment>>,
    sources: HashMap<Name, Source>,
    history: History,
    feeds: BTreeMap<FeedId, Feed>,
    /// The feeds that show a source.
    watchers: HashMap<Name, BTreeSet<FeedId>>,
    derived: Derived,
    past: Past,
    /// The number of the newest question to history.
    request: u64,
    /// Kept for its memory.
    kept: Vec<HistoryOutput>,
}

impl Engine {
    /// An engine without configuration on top of a history, which may hold something already.
    pub fn new(history: History) -> Self {
        Self {
            configuration: Arc::default(),
            collected: None,
            sources: HashMap::new(),
            history,
            feeds: BTreeMap::new(),
            watchers: HashMap::new(),
            derived: Derived::default(),
            past: Past::default(),
            request: 0,
            kept: Vec::new(),
        }
    }

    /// Takes one event in and appends what follows from it to `out`.
    pub fn step(&mut self, event: Event, now: Timestamp, out: &mut Vec<Output>) {
        match event {
            Event::Configured(configuration) => self.configure(configuration, now, out),
            Event::Read(reading) => self.read(reading, now, out),
            Event::Failed(failure) => self.fail(failure, now, out),
            Event::Opened(id, key) => self.open(id, key, now, out),
            Event::Closed(id) => self.close(id),
            Event::Backfilled { asker: Asker::Feed(feed), request, series } => {
                self.backfill(feed, request, &series, out);
            }
            Event::Backfilled { asker: Asker::Track(track), request, series } => {
                self.remember(track, request, &series, now, out);
            }
            Event::Stored(stored) => self.history.stored(stored),
            Event::Tick => self.tick(now, out),
        }
    }

    /// The series that a selector means, in order, and at most `limit` of them.
    pub fn list(&self, selector: &SeriesSelector, limit: usize) -> Vec<SeriesKey> {
        let mut keys = self.history.select(selector);
        keys.truncate(limit);
        keys
    }

    /// What must be read to answer a range query. Of the series that the selector means, the
    /// first [`QUERY_SERIES_MAX`] are answered.
    pub fn plan(&self, selector: &SeriesSelector, range: Range) -> Result<QueryPlan, HistoryError> {
        self.history.plan(&self.list(selector, QUERY_SERIES_MAX), range)
    }

    /// The status of every configured source, as a widget that shows all of it would have it.
    pub fn sources(&self) -> BTreeMap<Name, ViewStatus> {
        let status =
            |(name, source): (&Name, &Source)| (name.clone(), source.status(&Content::Present));
        self.sources.iter().map(status).collect()
    }

    /// The newest reading of a source that is pushed to or derived, or why there is none. A
    /// derived one whose definition is not the one in effect is computed from the newest readings
    /// of its inputs, and from nothing of the past.
    pub fn newest(
        &self,
        name: &Name,
        spec: &Arc<SourceSpec>,
        now: Timestamp,
    ) -> Result<Reading, SafeText> {
        let Some(source) = self.sources.get(name).filter(|source| source.spec == *spec) else {
            return match spec.source_type {
                SourceType::Query => {
                    derived::once(name, spec, &self.configuration.sources, &self.sources, now)
                }
                _ => Err(SafeText::new("nobody can report to it before it is applied")),
            };
        };
        let status = source.status(&Content::Present);
        match (&source.reading, status.quality) {
            (Some(reading), quality) if quality != Quality::Error => {
                let computed = self.derived.samples(name).cloned();
                let samples = computed.unwrap_or_else(|| reading.samples.clone());
                Ok(Reading { samples, ..Reading::clone(reading) })
            }
            _ => Err(status.cause.unwrap_or_else(|| {
                SafeText::new(match source.spec.source_type {
                    SourceType::Query => "no input has a reading yet",
                    _ => "nobody has reported to it yet; ccm push does",
                })
            })),
        }
    }

    /// Figures about the engine.
    pub fn stats(&self) -> EngineStats {
        EngineStats {
            feeds: self.feeds.len(),
            sources: self.sources.len(),
            history: self.history.stats(),
        }
    }

    fn configure(&mut self, new: Arc<Configuration>, now: Timestamp, out: &mut Vec<Output>) {
        let old = std::mem::replace(&mut self.configuration, new);
        self.configure_sources(out);
        let new = Arc::clone(&self.configuration);
        self.derived.configure(&new.sources, &mut self.past, now);
        let changed = |feed: &Feed| {
            let name = &feed.key.widget;
            let source = |spec: Option<&Arc<WidgetSpec>>| spec.map(|widget| widget.source.clone());
            let (was, is) = (old.widgets.get(name), new.widgets.get(name));
            was != is
                || source(is).is_some_and(|name| old.sources.get(&name) != new.sources.get(&name))
        };
        let affected: Vec<FeedId> =
            self.feeds.iter().filter(|(_, feed)| changed(feed)).map(|(id, _)| *id).collect();
        for id in affected {
            self.show(id, now, out);
        }
        self.question(now, out);
        self.inherit_all(out);
        self.derive(now, out);
    }

    fn configure_sources(&mut self, out: &mut Vec<Output>) {
        let configured = &self.configuration.sources;
        self.sources.retain(|name, _| configured.contains_key(name));
        for (name, spec) in configured {
            match self.sources.get_mut(name) {
                Some(source) if source.spec == *spec => {}
                Some(source) => source.redefine(Arc::clone(spec)),
                None => {
                    self.sources.insert(name.clone(), Source::new(Arc::clone(spec)));
                }
            }
        }
        let running = self.configuration.assignments();
        if self.collected.as_ref() != Some(&running) {
            self.collected = Some(running.clone());
            out.push(Output::Collect(running));
        }
    }

    /// Readings of sources that are not configured (any more) are dropped, and so are those that
    /// someone gives for a source that is derived.
    fn read(&mut self, reading: Reading, now: Timestamp, out: &mut Vec<Output>) {
        if self.sources.get(&reading.source).is_some_and(Source::is_derived) {
            return;
        }
        self.take(reading, out);
        self.derive(now, out);
    }

    /// Takes a reading over, whoever gave it.
    fn take(&mut self, reading: Reading, out: &mut Vec<Output>) {
        let Some(source) = self.sources.get_mut(&reading.source).filter(|it| it.spec.enabled)
        else {
            return;
        };
        self.history.append(reading.at, &reading.samples, &mut self.kept);
        out.extend(self.kept.drain(..).map(Output::History));
        self.past.read(&reading);
        let reading = Arc::new(reading);
        let recovered = !source.is_well();
        source.read(Arc::clone(&reading));
        let mut projected = Projected::default();
        for id in self.watchers.get(&reading.source).into_iter().flatten() {
            if let Some(feed) = self.feeds.get_mut(id) {
                feed.recall(&self.past, reading.at);
                feed.read(&reading, source, &mut projected, out);
            }
        }
        self.derived.changed(&reading.source, reading.at);
        if recovered {
            self.inherit(&reading.source, out);
        }
    }

    fn fail(&mut self, failure: Failure, now: Timestamp, out: &mut Vec<Output>) {
        self.give_up(failure, out);
        self.derive(now, out);
    }

    fn give_up(&mut self, failure: Failure, out: &mut Vec<Output>) {
        let name = failure.source.clone();
        let Some(source) = self.sources.get_mut(&name).filter(|it| it.spec.enabled) else { return };
        source.fail(failure);
        self.refresh(&name, out);
        self.inherit(&name, out);
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.history.maintain(now, &mut self.kept);
        out.extend(self.kept.drain(..).map(Output::History));
        let mut aged: Vec<Name> = self
            .sources
            .iter_mut()
            .filter_map(|(name, source)| source.age(now).then(|| name.clone()))
            .collect();
        aged.sort();
        for name in aged {
            self.refresh(&name, out);
            self.inherit(&name, out);
        }
        for over in self.derived.tick(now) {
            self.settle(over, out);
        }
        self.question(now, out);
        self.derive(now, out);
    }

    /// Publishes the status of a source to the feeds that show it.
    fn refresh(&mut self, name: &Name, out: &mut Vec<Output>) {
        let source = self.sources.get(name);
        for id in self.watchers.get(name).into_iter().flatten() {
            if let Some(feed) = self.feeds.get_mut(id) {
                feed.refresh(source, out);
            }
        }
    }

    fn open(&mut self, id: FeedId, key: FeedKey, now: Timestamp, out: &mut Vec<Output>) {
        self.close(id);
        self.feeds.insert(id, Feed::new(id, key));
        self.show(id, now, out);
        self.question(now, out);
    }

    fn close(&mut self, id: FeedId) {
        let Some(feed) = self.feeds.remove(&id) else { return };
        if let Some(trend) = &feed.trend {
            self.past.forget(trend.track);
        }
        if let Some(widget) = feed.widget() {
            self.unwatch(&widget.source.clone(), id);
        }
    }

    fn unwatch(&mut self, source: &Name, id: FeedId) {
        let Some(feeds) = self.watchers.get_mut(source) else { return };
        feeds.remove(&id);
        if feeds.is_empty() {
            self.watchers.remove(source);
        }
    }

    /// Makes a feed show its widget as it is configured now.
    fn show(&mut self, id: FeedId, now: Timestamp, out: &mut Vec<Output>) {
        let Some(feed) = self.feeds.get(&id) else { return };
        let was = feed.widget().map(|widget| widget.source.clone());
        let widget = self.configuration.widgets.get(&feed.key.widget).cloned();
        if let Some(was) = was {
            self.unwatch(&was, id);
        }
        if let Some(widget) = &widget {
            self.watchers.entry(widget.source.clone()).or_default().insert(id);
        }
        let source = widget.as_ref().and_then(|widget| self.sources.get(&widget.source));
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        feed.follow(widget.as_ref(), source, &mut self.past);
        self.request += 1;
        if let Some(range) = feed.show(widget, source, self.request, now, out) {
            self.ask(id, range, out);
        }
    }

    /// Asks history for the past of a feed's tracks.
    fn ask(&mut self, feed: FeedId, range: Range, out: &mut Vec<Output>) {
        let request = self.request;
        let keys = match self.feeds.get(&feed).and_then(Feed::lines) {
            Some(lines) => lines.plan().series(&self.history),
            None => Vec::new(),
        };
        match self.history.plan(&keys, range) {
            Ok(plan) => {
                let asker = Asker::Feed(feed);
                out.push(Output::Backfill { asker, request, range, plan: Arc::new(plan) });
            }
            // A window that history does not answer begins with what arrives live.
            Err(_) => self.backfill(feed, request, &[], out),
        }
    }

    fn backfill(
        &mut self,
        id: FeedId,
        request: u64,
        series: &[(SeriesKey, Vec<Bucket>)],
        out: &mut Vec<Output>,
    ) {
        let Some(feed) = self.feeds.get_mut(&id) else { return };
        let source = feed.widget().and_then(|widget| self.sources.get(&widget.source));
        feed.backfill(request, series, source, out);
    }
}

#[cfg(test)]
mod tests;
