//! From the layers of a document to its value for one subject, with the reason for every part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ccm_proto::model::{Scope, Timestamp};
use serde_json::Value;

use super::path::{Mark, Path};
use super::rules::Rules;
use super::statement::{Bounds, Leaves, Pin, Say, Statement, assemble};

/// A layer on the subject's chain.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// Where it belongs.
    pub scope: Scope,
    /// Its revision; 0 is what is shipped, which has the last word everywhere.
    pub revision: u64,
    /// What it says.
    pub statement: Arc<Statement>,
}

/// Finds what a scope's layer said at a revision, for pins.
pub type Revisions<'a> = &'a dyn Fn(&Scope, u64) -> Option<Arc<Statement>>;

/// A document's value for one subject, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    /// The value.
    pub spec: Value,
    /// The same by place.
    pub leaves: Leaves,
    /// For every place that anyone says something of.
    pub explanations: BTreeMap<Path, Explanation>,
}

/// Why a place has its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Who says what, the root first.
    pub candidates: Vec<Candidate>,
    /// The winner's position among the candidates; none when the schema's default holds or every
    /// candidate was skipped.
    pub winner: Option<usize>,
    /// Why that one.
    pub reason: Reason,
}

/// What one layer says of a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The layer's position on the chain.
    pub layer: usize,
    /// The layer's scope.
    pub scope: Scope,
    /// The revision that was read; a pin may make it an older one.
    pub revision: u64,
    /// The statement.
    pub say: Say,
    /// The statement breaks an ancestor's bounds and does not count.
    pub out_of_bounds: bool,
}

/// Why a candidate won.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody else says anything.
    Only,
    /// It is mandatory; of several, the one closest to the root.
    Mandatory,
    /// It has the last word under the kind's strategy.
    Strategy,
    /// Nobody says anything that counts.
    Default,
    /// A winner from a stronger layer takes the place over as a whole, or splits it up.
    Displaced,
}

/// Resolves the layers of a document; `chain` begins with the root. Total and deterministic: it
/// depends on nothing but its arguments.
pub fn resolve(
    rules: &Rules,
    chain: &[Contribution],
    revisions: Revisions<'_>,
    now: Timestamp,
) -> Resolution {
    let pins = pins(chain, now);
    let bounds = bounds(chain);
    let read = Reader { chain, pins: &pins, revisions };
    let mut explanations = BTreeMap::new();
    for path in read.places() {
        let mut candidates = read.candidates(&path);
        judge(&path, &bounds, &mut candidates);
        let (winner, reason) = choose(rules, &path, &candidates);
        explanations.insert(path, Explanation { candidates, winner, reason });
    }
    displace(rules, &mut explanations);
    let mut leaves = Leaves::new();
    for (path, explanation) in &explanations {
        if let Some(value) = explanation.value() {
            leaves.insert(path.clone(), value.clone());
        }
    }
    for (path, value) in rules.defaults() {
        let said = explanations.get(&path).is_some_and(|e| e.winner.is_some());
        if !said {
            leaves.insert(path, value.clone());
        }
    }
    let orders = orders(rules, &explanations);
    Resolution { spec: assemble(&leaves, &orders), leaves, explanations }
}

impl Explanation {
    /// The winning candidate.
    pub fn winning(&self) -> Option<&Candidate> {
        self.winner.and_then(|index| self.candidates.get(index))
    }

    /// The value that holds; none when the place was taken away or the default holds.
    pub fn value(&self) -> Option<&Value> {
        self.winning().and_then(|candidate| candidate.say.value.as_ref())
    }
}

/// Pins by the position of the pinned ancestor on the chain; nearer layers' pins come last.
type Pins = BTreeMap<usize, Vec<(Path, Pin)>>;

fn pins(chain: &[Contribution], now: Timestamp) -> Pins {
    let mut pins = Pins::new();
    for (position, layer) in chain.iter().enumerate() {
        for (path, pin) in directives::<Pin>(&layer.statement, Mark::Pin) {
            let live = pin.expires.is_none_or(|expires| now < expires);
            let ancestor = chain
                .iter()
                .take(position)
                .position(|above| above.scope == pin.ancestor && above.revision > 0);
            if let Some(ancestor) = ancestor.filter(|_| live) {
                pins.entry(ancestor).or_default().push((path, pin));
            }
        }
    }
    pins
}

fn bounds(chain: &[Contribution]) -> Vec<(usize, Path, Bounds)> {
    let mut found = Vec::new();
    for (position, layer) in chain.iter().enumerate() {
        let stated = directives::<Bounds>(&layer.statement, Mark::Bounds);
        found.extend(stated.map(|(path, bounds)| (position, path, bounds)));
    }
    found
}

fn directives<T: serde::de::DeserializeOwned>(
    statement: &Statement,
    mark: Mark,
) -> impl Iterator<Item = (Path, T)> {
    statement.iter().filter(move |(path, _)| path.ending() == Some(mark)).filter_map(
        |(path, say)| {
            let value = serde_json::from_value(say.value.clone()?).ok()?;
            Some((path.parent()?, value))
        },
    )
}

/// Reads layers through pins.
struct Reader<'a> {
    chain: &'a [Contribution],
    pins: &'a Pins,
    revisions: Revisions<'a>,
}

impl Reader<'_> {
    /// Every place with a value in any layer, now or at a pinned revision.
    fn places(&self) -> BTreeSet<Path> {
        let mut places = BTreeSet::new();
        let mut collect = |statement: &Statement| {
            let valued = statement.iter().filter(|(path, say)| {
                say.value.is_some() && !path.ending().is_some_and(Mark::is_directive)
            });
            places.extend(valued.map(|(path, _)| path.clone()));
        };
        for (position, layer) in self.chain.iter().enumerate() {
            collect(&layer.statement);
            for (_, pin) in self.pins.get(&position).into_iter().flatten() {
                if let Some(old) = (self.revisions)(&layer.scope, pin.at_revision) {
                    collect(&old);
                }
            }
        }
        places
    }

    fn candidates(&self, path: &Path) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (position, layer) in self.chain.iter().enumerate() {
            let current = said(&layer.statement, path);
            let pinned = self.pinned(position, path);
            let (say, revision) = match (current, pinned) {
                // A pin never hides what is mandatory.
                (Some(say), _) if say.mandatory => (Some(say), layer.revision),
                (_, Some((say, revision))) => (say, revision),
                (say, None) => (say, layer.revision),
            };
            if let Some(say) = say {
                let scope = layer.scope.clone();
                candidates.push(Candidate {
                    layer: position,
                    scope,
                    revision,
                    say,
                    out_of_bounds: false,
                });
            }
        }
        candidates
    }

    /// What a pin makes of a layer's say: none when no pin applies.
    fn pinned(&self, position: usize, path: &Path) -> Option<(Option<Say>, u64)> {
        let pins = self.pins.get(&position)?;
        let (_, pin) = pins.iter().rev().find(|(prefix, _)| prefix.covers(path))?;
        let layer = self.chain.get(position)?;
        // A revision that cannot be read any more pins nothing.
        let old = (self.revisions)(&layer.scope, pin.at_revision)?;
        Some((said(&old, path).filter(|say| !say.mandatory), pin.at_revision))
    }
}

/// What a layer says of a place: its value there, or that the place or one above it is taken away.
fn said(statement: &Statement, path: &Path) -> Option<Say> {
    if let Some(say) = statement.get(path) {
        return Some(say.clone());
    }
    let mut above = path.parent();
    while let Some(place) = above {
        if let Some(say) = statement.get(&place).filter(|say| say.value.is_none()) {
            return Some(say.clone());
        }
        above = place.parent();
    }
    None
}

fn judge(path: &Path, bounds: &[(usize, Path, Bounds)], candidates: &mut [Candidate]) {
    for candidate in candidates {
        let Some(value) = &candidate.say.value else { continue };
        candidate.out_of_bounds = bounds.iter().any(|(position, place, bounds)| {
            *position < candidate.layer && place == path && !bounds.admit(value)
        });
    }
}

fn choose(rules: &Rules, path: &Path, candidates: &[Candidate]) -> (Option<usize>, Reason) {
    let counting = || candidates.iter().enumerate().filter(|(_, c)| !c.out_of_bounds);
    if let Some((index, _)) = counting().find(|(_, candidate)| candidate.say.mandatory) {
        return (Some(index), Reason::Mandatory);
    }
    let winner = counting().max_by_key(|(_, candidate)| weight(rules, path, candidate));
    match winner {
        None => (None, Reason::Default),
        Some((index, _)) if candidates.len() == 1 => (Some(index), Reason::Only),
        Some((index, _)) => (Some(index), Reason::Strategy),
    }
}

/// How much a candidate's word counts; what is shipped counts least.
fn weight(rules: &Rules, path: &Path, candidate: &Candidate) -> (bool, usize) {
    (candidate.revision > 0, rules.strategy(path).weight(candidate.scope.depth()))
}

/// A place can win as a whole in one layer while another wins places within it. Only one of the two
/// can be: the winner from the stronger layer stays.
fn displace(rules: &Rules, explanations: &mut BTreeMap<Path, Explanation>) {
    let valued = |explanation: &Explanation| explanation.value().is_some();
    let whole: Vec<Path> = explanations
        .iter()
        .filter(|(path, e)| path.ending().is_none() && valued(e))
        .map(|(path, _)| path.clone())
        .collect();
    for place in whole {
        let strength = |path: &Path, explanations: &BTreeMap<Path, Explanation>| {
            let winner = explanations.get(path)?.winning()?;
            winner.say.value.as_ref()?;
            // Mandatory first, then the closest to the root; else by the place's strategy.
            let rank = if winner.say.mandatory { usize::MAX - winner.layer } else { 0 };
            Some((rank, weight(rules, &place, winner)))
        };
        let Some(own) = strength(&place, explanations) else { continue };
        let within: Vec<Path> = explanations
            .range(place.clone()..)
            .skip(1)
            .take_while(|(path, _)| place.covers(path))
            .map(|(path, _)| path.clone())
            .collect();
        let strongest = within.iter().filter_map(|path| strength(path, explanations)).max();
        let losers = match strongest {
            None => continue,
            Some(strongest) if strongest > own => vec![place],
            Some(_) => within,
        };
        for loser in losers {
            if let Some(explanation) = explanations.get_mut(&loser) {
                explanation.winner = None;
                explanation.reason = Reason::Displaced;
            }
        }
    }
}

/// Every stated order of each keyed list that is still there, the most important first.
fn orders(
    rules: &Rules,
    explanations: &BTreeMap<Path, Explanation>,
) -> BTreeMap<Path, Vec<Vec<String>>> {
    let mut orders = BTreeMap::new();
    for (path, explanation) in explanations {
        if path.ending() != Some(Mark::Order) || explanation.value().is_none() {
            continue;
        }
        let mut stated: Vec<&Candidate> =
            explanation.candidates.iter().filter(|c| c.say.value.is_some()).collect();
        stated.sort_by_key(|candidate| std::cmp::Reverse(weight(rules, path, candidate)));
        let read = |c: &Candidate| serde_json::from_value(c.say.value.clone()?).ok();
        let stated: Vec<Vec<String>> = stated.into_iter().filter_map(read).collect();
        orders.insert(path.parent().unwrap_or_default(), stated);
    }
    orders
}

#[cfg(test)]
mod tests;
