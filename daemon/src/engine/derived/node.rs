//! One derived source: its document, and what it came to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::query::{Earlier, SeriesQuery};
use ccm_proto::model::{
    Interval, Labels, Name, Reading, Samples, SeriesKey, SourceSpec, Timestamp, Value,
};

use super::Derivation;
use crate::engine::event::{Failure, TrackId};
use crate::engine::past::{Past, Wish};
use crate::engine::source::Source;
use crate::query::expr::Lack;
use crate::query::{Input, Query, State, series};

/// How far readings of different sources may lie apart without the clock having been set back.
const CLOCK_SLACK: Interval = Interval::from_secs(60);

/// A result over series, and the tracks that it is computed from.
#[derive(Debug)]
pub(super) struct Needed {
    result: usize,
    spec: SeriesQuery,
    pub live: TrackId,
    pub earlier: Option<TrackId>,
}

/// A document and what it came to.
#[derive(Debug)]
pub(super) struct Computed {
    query: Query,
    state: State,
    pub series: Vec<Needed>,
}

/// One derived source.
#[derive(Debug)]
pub(super) struct Node {
    pub name: Name,
    pub spec: Arc<SourceSpec>,
    /// None with the reason why it can never be computed.
    pub computed: Result<Computed, String>,
    /// The definitions of its inputs as they were when it was made.
    pub inputs: Vec<(Name, Option<Arc<SourceSpec>>)>,
    /// Which inputs changed since it was computed.
    pub changed: Vec<bool>,
    /// The moment that its newest reading stands for.
    at: Timestamp,
    /// When results over series were computed.
    pub series_at: Option<Timestamp>,
    /// The shape that the keys are of.
    shape: Option<usize>,
    keys: Arc<[SeriesKey]>,
    /// The newest sample, which is kept when its interval is over.
    pub pending: Option<(Timestamp, Samples)>,
}

impl Node {
    pub(super) fn new(
        name: &Name,
        spec: &Arc<SourceSpec>,
        sources: &BTreeMap<Name, Arc<SourceSpec>>,
        circular: bool,
        past: &mut Past,
    ) -> Self {
        let config = spec.query.clone().unwrap_or_default();
        let computed = if circular {
            Err("its inputs lead back to itself; let one of them stand alone".to_owned())
        } else {
            let wrong = |problems: Vec<(String, String)>| {
                let first = problems.into_iter().next().unwrap_or_default();
                format!("query.{}: {}", first.0, first.1)
            };
            Query::compile(&config).map_err(wrong).map(|query| Computed::new(query, sources, past))
        };
        // What leads back to itself has nothing to wait for.
        let inputs = if circular { BTreeMap::new() } else { config.inputs };
        let inputs: Vec<(Name, Option<Arc<SourceSpec>>)> =
            inputs.into_values().map(|it| (it.clone(), sources.get(&it).cloned())).collect();
        Self {
            name: name.clone(),
            spec: Arc::clone(spec),
            computed,
            changed: vec![true; inputs.len()],
            inputs,
            at: Timestamp::EPOCH,
            series_at: None,
            shape: None,
            keys: Arc::from([]),
            pending: None,
        }
    }

    /// Takes note of the moment that its next reading stands for. It does not go back, unless the
    /// clock was set back.
    pub(super) fn touch(&mut self, at: Timestamp) {
        let back = self.at.since(at) > CLOCK_SLACK;
        self.at = if back { at } else { self.at.max(at) };
    }

    /// Whether it may go on as it is.
    pub(super) fn holds(
        &self,
        spec: &Arc<SourceSpec>,
        sources: &BTreeMap<Name, Arc<SourceSpec>>,
        circular: bool,
    ) -> bool {
        let same =
            |(name, was): &(Name, Option<Arc<SourceSpec>>)| sources.get(name) == was.as_ref();
        !circular && self.spec == *spec && self.inputs.iter().all(same)
    }

    pub(super) fn forget(self, past: &mut Past) {
        for needed in self.computed.into_iter().flat_map(|computed| computed.series) {
            past.forget(needed.live);
            needed.earlier.into_iter().for_each(|track| past.forget(track));
        }
    }

    /// Whether results over series are to be computed anew.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let some = self.computed.as_ref().is_ok_and(|computed| !computed.series.is_empty());
        // A clock that was set back must not stop them.
        let due = |at: Timestamp| now >= at + self.spec.effective_interval() || now < at;
        some && self.series_at.is_none_or(due)
    }

    pub(super) fn compute(
        &mut self,
        sources: &HashMap<Name, Source>,
        past: &Past,
        now: Timestamp,
    ) -> Vec<Derivation> {
        let due = self.is_due(now);
        let at = self.at;
        let computed = match &mut self.computed {
            Ok(computed) => computed,
            Err(cause) => {
                let cause = SafeText::from(cause.as_str());
                let source = self.name.clone();
                return vec![Derivation::Failed(Failure { source, at, cause, next_at: None })];
            }
        };
        let readings: Vec<Option<Arc<Reading>>> = self
            .inputs
            .iter()
            .map(|(name, _)| sources.get(name).and_then(|source| source.reading.clone()))
            .collect();
        // Before anything is known there is nothing to tell.
        if readings.iter().all(Option::is_none) {
            return Vec::new();
        }
        let inputs: Vec<Input<'_>> = readings
            .iter()
            .zip(&self.changed)
            .map(|(reading, changed)| Input {
                value: reading.as_ref().map(|reading| &reading.value),
                changed: *changed,
            })
            .collect();
        let series = if due { computed.series(past, now) } else { Vec::new() };
        computed.query.compute(&mut computed.state, &inputs, series);
        self.changed.fill(false);
        if due {
            self.series_at = Some(now);
        }
        if let Some(cause) = computed.query.failure(&computed.state) {
            let (source, cause) = (self.name.clone(), SafeText::from(cause));
            return vec![Derivation::Failed(Failure { source, at, cause, next_at: None })];
        }
        let value = computed.query.tree(&computed.state);
        let mut out = Vec::with_capacity(2);
        out.extend(self.sample());
        let samples = Samples::none();
        out.push(Derivation::Read(Reading { source: self.name.clone(), at, value, samples }));
        out
    }

    /// Puts the newest numbers in the place of those of the same interval; those of an earlier one
    /// come out to be kept.
    fn sample(&mut self) -> Option<Derivation> {
        let computed = self.computed.as_ref().ok()?;
        let stamp = self.at.floor(self.spec.effective_interval());
        let shape = computed.query.shape(&computed.state);
        if self.shape != Some(shape) {
            let key = |metric: String| SeriesKey {
                source: self.name.clone(),
                metric: metric.into(),
                labels: Labels::none(),
            };
            self.keys = computed.query.metrics(&computed.state).into_iter().map(key).collect();
            self.shape = Some(shape);
        }
        if self.keys.is_empty() {
            return None;
        }
        let values = computed.query.numbers(&computed.state);
        let samples = Samples { keys: Arc::clone(&self.keys), values };
        let over = self.pending.as_ref().is_some_and(|(at, _)| *at != stamp);
        let kept = if over { self.keep() } else { None };
        self.pending = Some((stamp, samples));
        kept
    }

    pub(super) fn keep(&mut self) -> Option<Derivation> {
        let (at, samples) = self.pending.take()?;
        let (source, value) = (self.name.clone(), Value::Absent);
        Some(Derivation::Keep(Reading { source, at, value, samples }))
    }
}

impl Computed {
    fn new(query: Query, sources: &BTreeMap<Name, Arc<SourceSpec>>, past: &mut Past) -> Self {
        let mut needed = Vec::new();
        for (result, spec, source, metric) in query.series() {
            let interval =
                sources.get(source).map_or(Interval::from_secs(1), |it| it.effective_interval());
            let window = spec.effective_window();
            let wish = Wish {
                source: source.clone(),
                metric: metric.into(),
                labels: Labels::new(spec.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()))),
                window,
                shift: Interval::ZERO,
                counter: spec.effective_function().is_of_counter(),
                interval,
            };
            // What comes right before is in a window twice as long.
            let (live, earlier) = match spec.compare {
                None => (past.want(wish), None),
                Some(Earlier::Previous) => {
                    let both = past.want(Wish { window: window.times(2), ..wish });
                    (both, Some(both))
                }
                Some(earlier) => {
                    let shift = earlier.shift(window);
                    (past.want(wish.clone()), Some(past.want(Wish { shift, ..wish })))
                }
            };
            needed.push(Needed { result, spec: spec.clone(), live, earlier });
        }
        let state = query.begin();
        Self { query, state, series: needed }
    }

    /// Computes the results over series.
    fn series(&self, past: &Past, now: Timestamp) -> Vec<(usize, Result<Value, Lack>)> {
        let compute = |needed: &Needed| {
            let tracks = || std::iter::once(needed.live).chain(needed.earlier);
            if tracks().any(|track| past.is_crowded(track)) {
                let sentence = format!(
                    "{} means more series than there are windows for; give labels",
                    needed.spec.of
                );
                return (needed.result, Err(Lack::Failed(sentence)));
            }
            let earlier = needed.earlier.into_iter().flat_map(|track| past.windows(track));
            let value = series::compute(&needed.spec, past.windows(needed.live), earlier, now);
            let value = value.map_err(|lack| match lack {
                Lack::Absent(_) if !tracks().all(|track| past.is_whole(track)) => {
                    Lack::Absent("its past is being read".to_owned())
                }
                lack => lack,
            });
            (needed.result, value)
        };
        self.series.iter().map(compute).collect()
    }
}
