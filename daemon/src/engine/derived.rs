//! Sources whose readings are computed from those of others.
//!
//! They stand in an order in which each comes after its inputs. Whatever changes an input marks
//! them, and [`Derived::next`] computes what is marked, first things first: a source that two ways
//! lead to is computed once. The readings go the way of all others.
//!
//! A result is shown as soon as it is computed. Of each interval one sample is kept, the last, and
//! it stands for the beginning of the interval: when several inputs change at the same moment, the
//! results in between are no part of the past.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::SourceType;
use ccm_proto::model::source::query::{Earlier, SeriesQuery};
use ccm_proto::model::{
    Interval, Labels, Name, Quality, Reading, Samples, SeriesKey, SourceSpec, Timestamp, Value,
};

use super::event::{Failure, TrackId};
use super::past::{Past, Wish};
use super::source::{Content, Source};
use crate::query::expr::Lack;
use crate::query::graph::Order;
use crate::query::{Input, Query, State, series};

/// How far readings of different sources may lie apart without the clock having been set back.
const CLOCK_SLACK: Interval = Interval::from_secs(60);

/// What came of computing.
#[derive(Debug)]
pub(super) enum Derivation {
    /// A new reading; it has no samples.
    Read(Reading),
    /// The samples of an interval that is over.
    Keep(Reading),
    /// Nothing could be computed.
    Failed(Failure),
}

/// A result over series, and the tracks that it is computed from.
#[derive(Debug)]
struct Needed {
    result: usize,
    spec: SeriesQuery,
    live: TrackId,
    earlier: Option<TrackId>,
}

/// A document and what it came to.
#[derive(Debug)]
struct Computed {
    query: Query,
    state: State,
    series: Vec<Needed>,
}

/// One derived source.
#[derive(Debug)]
struct Node {
    name: Name,
    spec: Arc<SourceSpec>,
    /// None with the reason why it can never be computed.
    computed: Result<Computed, String>,
    /// The definitions of its inputs as they were when it was made.
    inputs: Vec<(Name, Option<Arc<SourceSpec>>)>,
    /// Which inputs changed since it was computed.
    changed: Vec<bool>,
    /// The moment that its newest reading stands for.
    at: Timestamp,
    /// When results over series were computed.
    series_at: Option<Timestamp>,
    metrics: Vec<String>,
    keys: Arc<[SeriesKey]>,
    /// The newest sample, which is kept when its interval is over.
    pending: Option<(Timestamp, Samples)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Derived {
    /// In the order of computing.
    nodes: Vec<Node>,
    positions: HashMap<Name, usize>,
    /// Positions of the derived sources that have a source as input.
    dependents: HashMap<Name, Vec<usize>>,
    /// Positions of what is to be computed.
    marked: BTreeSet<usize>,
}

impl Derived {
    /// Takes changed definitions over. What did not change, and whose inputs did not, goes on as
    /// it was.
    pub(super) fn configure(
        &mut self,
        sources: &BTreeMap<Name, Arc<SourceSpec>>,
        past: &mut Past,
        now: Timestamp,
    ) {
        let derived = |spec: &SourceSpec| spec.enabled && spec.source_type == SourceType::Query;
        let own: BTreeMap<&Name, &Arc<SourceSpec>> =
            sources.iter().filter(|(_, spec)| derived(spec)).collect();
        let needs: BTreeMap<&Name, BTreeSet<&Name>> = own
            .iter()
            .map(|(name, spec)| (*name, spec.query.iter().flat_map(|q| q.sources()).collect()))
            .collect();
        let order = Order::of(&needs);
        let mut old: HashMap<Name, Node> =
            self.nodes.drain(..).map(|node| (node.name.clone(), node)).collect();
        self.marked.clear();
        self.positions.clear();
        self.dependents.clear();
        let circular = order.circular.iter().map(|name| (*name, true));
        let all = order.levels.iter().flatten().map(|name| (*name, false)).chain(circular);
        for (name, circular) in all {
            let Some(spec) = own.get(name) else { continue };
            let same = old.remove(name).filter(|node| node.holds(spec, sources, circular));
            let (node, new) = match same {
                Some(node) => (node, false),
                None => (Node::new(name, spec, sources, circular, past), true),
            };
            let position = self.nodes.len();
            for (input, _) in &node.inputs {
                let dependents = self.dependents.entry(input.clone()).or_default();
                if dependents.last() != Some(&position) {
                    dependents.push(position);
                }
            }
            self.positions.insert(node.name.clone(), position);
            self.nodes.push(node);
            if new {
                self.touch(position, now);
            }
        }
        for node in old.into_values() {
            node.forget(past);
        }
    }

    /// Marks what a source is an input of.
    pub(super) fn changed(&mut self, source: &Name, at: Timestamp) {
        let Some(dependents) = self.dependents.get(source) else { return };
        for position in dependents {
            let Some(node) = self.nodes.get_mut(*position) else { continue };
            for (changed, (input, _)) in node.changed.iter_mut().zip(&node.inputs) {
                *changed |= input == source;
            }
            node.touch(at);
            self.marked.insert(*position);
        }
    }

    /// Whether anything is to be computed.
    pub(super) fn is_settled(&self) -> bool {
        self.marked.is_empty()
    }

    /// Marks what moves with time, and what a track is computed from.
    pub(super) fn answered(&mut self, track: TrackId, now: Timestamp) {
        let has = |node: &Node| match &node.computed {
            Ok(computed) => computed
                .series
                .iter()
                .any(|needed| needed.live == track || needed.earlier == Some(track)),
            Err(_) => false,
        };
        if let Some(position) = self.nodes.iter().position(has) {
            if let Some(node) = self.nodes.get_mut(position) {
                node.series_at = None;
            }
            self.touch(position, now);
        }
    }

    /// Time has passed: windows move on, and intervals end. The samples of those that are over
    /// come out.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Derivation> {
        let mut over = Vec::new();
        for position in 0..self.nodes.len() {
            let Some(node) = self.nodes.get_mut(position) else { continue };
            if node.pending.as_ref().is_some_and(|(at, _)| *at + node.spec.interval <= now) {
                over.extend(node.keep());
            }
            if node.is_due(now) {
                self.touch(position, now);
            }
        }
        over
    }

    fn touch(&mut self, position: usize, at: Timestamp) {
        if let Some(node) = self.nodes.get_mut(position) {
            node.touch(at);
            self.marked.insert(position);
        }
    }

    /// Computes the first of what is marked; empty when nothing is.
    pub(super) fn next(
        &mut self,
        sources: &HashMap<Name, Source>,
        past: &Past,
        now: Timestamp,
    ) -> Vec<Derivation> {
        let Some(position) = self.marked.pop_first() else { return Vec::new() };
        self.nodes
            .get_mut(position)
            .map(|node| node.compute(sources, past, now))
            .unwrap_or_default()
    }

    /// Names of the derived sources that have a source as input.
    pub(super) fn dependents(&self, source: &Name) -> Vec<Name> {
        let positions = self.dependents.get(source).into_iter().flatten();
        positions.filter_map(|at| self.nodes.get(*at)).map(|node| node.name.clone()).collect()
    }

    /// Names of all derived sources, in the order of computing.
    pub(super) fn names(&self) -> Vec<Name> {
        self.nodes.iter().map(|node| node.name.clone()).collect()
    }

    /// What the inputs of a derived source make of its quality: the worst of theirs, and whose.
    pub(super) fn inherited(
        &self,
        name: &Name,
        sources: &HashMap<Name, Source>,
    ) -> Option<(Quality, SafeText)> {
        let node = self.nodes.get(*self.positions.get(name)?)?;
        let of = |(input, _): &(Name, Option<Arc<SourceSpec>>)| {
            let Some(source) = sources.get(input) else {
                let cause = format!("there is no source {input}; apply a document source/{input}");
                return Some((Quality::Error, SafeText::from(cause)));
            };
            let status = source.status(&Content::Present);
            let cause = status.cause.map(|cause| cause.to_string()).unwrap_or_default();
            let (quality, cause) = match status.quality {
                Quality::Live => return None,
                Quality::Loading => (Quality::Loading, format!("{input} has no reading yet")),
                Quality::Stale if cause.is_empty() => (Quality::Stale, format!("{input} is stale")),
                Quality::Stale => (Quality::Stale, cause),
                Quality::Error | Quality::Absent => (Quality::Error, format!("{input}: {cause}")),
            };
            Some((quality, SafeText::from(cause)))
        };
        node.inputs.iter().filter_map(of).max_by_key(|(quality, _)| *quality)
    }
}

impl Node {
    fn new(
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
            metrics: Vec::new(),
            keys: Arc::from([]),
            pending: None,
        }
    }

    /// Takes note of the moment that its next reading stands for. It does not go back, unless the
    /// clock was set back.
    fn touch(&mut self, at: Timestamp) {
        let back = self.at.since(at) > CLOCK_SLACK;
        self.at = if back { at } else { self.at.max(at) };
    }

    /// Whether it may go on as it is.
    fn holds(
        &self,
        spec: &Arc<SourceSpec>,
        sources: &BTreeMap<Name, Arc<SourceSpec>>,
        circular: bool,
    ) -> bool {
        let same =
            |(name, was): &(Name, Option<Arc<SourceSpec>>)| sources.get(name) == was.as_ref();
        !circular && self.spec == *spec && self.inputs.iter().all(same)
    }

    fn forget(self, past: &mut Past) {
        for needed in self.computed.into_iter().flat_map(|computed| computed.series) {
            past.forget(needed.live);
            needed.earlier.into_iter().for_each(|track| past.forget(track));
        }
    }

    /// Whether results over series are to be computed anew.
    fn is_due(&self, now: Timestamp) -> bool {
        let some = self.computed.as_ref().is_ok_and(|computed| !computed.series.is_empty());
        // A clock that was set back must not stop them.
        let due = |at: Timestamp| now >= at + self.spec.interval || now < at;
        some && self.series_at.is_none_or(due)
    }

    fn compute(
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
        let stamp = self.at.floor(self.spec.interval);
        let metrics = computed.query.metrics(&computed.state);
        if metrics != self.metrics {
            let key = |metric: &String| SeriesKey {
                source: self.name.clone(),
                metric: metric.as_str().into(),
                labels: Labels::none(),
            };
            self.keys = metrics.iter().map(key).collect();
            self.metrics = metrics;
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

    fn keep(&mut self) -> Option<Derivation> {
        let (at, samples) = self.pending.take()?;
        let (source, value) = (self.name.clone(), Value::Absent);
        Some(Derivation::Keep(Reading { source, at, value, samples }))
    }
}

impl Computed {
    fn new(query: Query, sources: &BTreeMap<Name, Arc<SourceSpec>>, past: &mut Past) -> Self {
        let mut needed = Vec::new();
        for (result, spec, source, metric) in query.series() {
            let interval = sources.get(source).map_or(Interval::from_secs(1), |it| it.interval);
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
