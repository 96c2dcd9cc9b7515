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
use ccm_proto::model::{Name, Quality, Reading, Samples, SourceSpec, Timestamp};

use super::event::{Failure, TrackId};
use super::past::Past;
use super::source::{Content, Source};
use crate::query::graph::Order;

mod node;

use node::Node;

/// Computes a source once, beside whatever runs, from the newest readings of its inputs. What it
/// computes over the past is absent.
pub(super) fn once(
    name: &Name,
    spec: &Arc<SourceSpec>,
    definitions: &BTreeMap<Name, Arc<SourceSpec>>,
    sources: &HashMap<Name, Source>,
    now: Timestamp,
) -> Result<Reading, SafeText> {
    let mut past = Past::default();
    let mut node = Node::new(name, spec, definitions, false, &mut past);
    node.touch(now);
    let mut derivations = node.compute(sources, &past, now);
    match derivations.pop() {
        Some(Derivation::Read(reading)) => {
            let samples = node.pending.map_or_else(Samples::none, |(_, samples)| samples);
            Ok(Reading { samples, ..reading })
        }
        Some(Derivation::Failed(failure)) => Err(failure.cause),
        Some(Derivation::Keep(_)) | None => Err(SafeText::new("no input has a reading yet")),
    }
}

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
            if node
                .pending
                .as_ref()
                .is_some_and(|(at, _)| *at + node.spec.effective_interval() <= now)
            {
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

    /// The newest samples of a derived source.
    pub(super) fn samples(&self, name: &Name) -> Option<&Samples> {
        let node = self.nodes.get(*self.positions.get(name)?)?;
        node.pending.as_ref().map(|(_, samples)| samples)
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
