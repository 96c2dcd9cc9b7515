//! Changes of a layer: ownership by manager, and the three-way merge of concurrent changes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::layer::Managed;
use super::path::{Mark, Path};
use super::statement::{Say, Statement};

/// A place that belongs to another manager, who says something else there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The place.
    pub path: Path,
    /// The owner.
    pub manager: String,
}

/// A place that was changed differently by two writers.
#[derive(Clone, Debug, PartialEq)]
pub struct Collision {
    /// The place.
    pub path: Path,
    /// What both began with.
    pub base: Option<Value>,
    /// What it is now.
    pub current: Option<Value>,
    /// What was to be written.
    pub proposed: Option<Value>,
}

/// What `manager` wants the layer to say, laid over what it says: what the manager said before and
/// says no longer goes, what others say and the manager does not mention stays.
pub fn propose(
    statement: &Statement,
    managed: &Managed,
    manager: &str,
    intent: &Statement,
) -> Statement {
    let mut proposed = statement.clone();
    let mine = managed.get(manager);
    for path in mine.into_iter().flatten().filter(|path| !intent.contains_key(path)) {
        let shared = managed.iter().any(|(other, paths)| other != manager && paths.contains(path));
        if !shared {
            proposed.remove(path);
        }
    }
    proposed.extend(intent.iter().map(|(path, say)| (path.clone(), say.clone())));
    proposed
}

/// The places where a proposal contradicts what other managers own.
pub fn contested(
    statement: &Statement,
    managed: &Managed,
    manager: &str,
    proposed: &Statement,
) -> Vec<Owned> {
    let mut contested = Vec::new();
    for (owner, paths) in managed.iter().filter(|(owner, _)| *owner != manager) {
        for path in paths {
            if statement.get(path) != proposed.get(path) {
                contested.push(Owned { path: path.clone(), manager: owner.clone() });
            }
        }
    }
    contested
}

/// Who owns what after a change: the manager owns all of its intent; whoever is overruled loses the
/// place, and so does everyone where nothing is said any more.
pub fn own(
    before: &Statement,
    after: &Statement,
    managed: &Managed,
    manager: &str,
    intent: &Statement,
) -> Managed {
    let mut next = Managed::new();
    for (owner, paths) in managed.iter().filter(|(owner, _)| *owner != manager) {
        let kept: BTreeSet<Path> = paths
            .iter()
            .filter(|path| after.contains_key(path) && before.get(path) == after.get(path))
            .cloned()
            .collect();
        if !kept.is_empty() {
            next.insert(owner.clone(), kept);
        }
    }
    let mine: BTreeSet<Path> =
        intent.keys().filter(|path| after.contains_key(path)).cloned().collect();
    if !mine.is_empty() {
        next.insert(manager.to_owned(), mine);
    }
    next
}

/// What differs between two statements: for each place, what the second one says.
pub fn difference<'a>(
    from: &'a Statement,
    to: &'a Statement,
) -> BTreeMap<&'a Path, Option<&'a Say>> {
    let changed = to.iter().filter(|(path, say)| from.get(path) != Some(say));
    let gone = from.keys().filter(|path| !to.contains_key(path));
    changed.map(|(path, say)| (path, Some(say))).chain(gone.map(|path| (path, None))).collect()
}

/// Lays the change from `base` to `proposed` over `current`, which has also been changed since
/// `base`. Fails where both changed the same place, or a place and one within it, differently.
pub fn rebase(
    base: &Statement,
    current: &Statement,
    proposed: &Statement,
) -> Result<Statement, Vec<Collision>> {
    let theirs = difference(base, current);
    let mine = difference(base, proposed);
    let mut merged = current.clone();
    let mut collisions = Vec::new();
    for (path, say) in &mine {
        let clash = theirs.iter().find(|(other, said)| collides(path, *say, other, **said));
        let order = clash.and_then(|_| merge_orders(path, base, current, proposed));
        match (clash, order, say) {
            (_, Some(order), _) => {
                merged.insert((*path).clone(), order);
            }
            (Some((other, _)), None, _) => {
                let at = |statement: &Statement, path: &Path| statement.get(path)?.value.clone();
                collisions.push(Collision {
                    path: (*path).clone(),
                    base: at(base, path),
                    current: at(current, path).or_else(|| at(current, other)),
                    proposed: at(proposed, path),
                });
            }
            (None, None, Some(say)) => {
                merged.insert((*path).clone(), (*say).clone());
            }
            (None, None, None) => {
                merged.remove(*path);
            }
        }
    }
    if collisions.is_empty() { Ok(merged) } else { Err(collisions) }
}

fn collides(path: &Path, say: Option<&Say>, other: &Path, said: Option<&Say>) -> bool {
    if path == other {
        return say != said;
    }
    // Marks stand beside what they mark. A removal covers everything below it.
    let plain = path.ending().is_none() && other.ending().is_none();
    plain && path.overlaps(other) && (say.is_some() || said.is_some())
}

/// Merges two changes of a keyed list's order, when only one of them moves items that were there:
/// items are added and removed by both.
fn merge_orders(
    path: &Path,
    base: &Statement,
    current: &Statement,
    proposed: &Statement,
) -> Option<Say> {
    if path.ending() != Some(Mark::Order) {
        return None;
    }
    let read = |statement: &Statement| -> Option<(Vec<String>, bool)> {
        let say = statement.get(path)?;
        Some((serde_json::from_value(say.value.clone()?).ok()?, say.mandatory))
    };
    let (current, mandatory) = read(current)?;
    let (proposed, _) = read(proposed)?;
    let (base, _) = read(base).unwrap_or_default();
    let moved = |list: &[String]| {
        let common = |a: &[String], b: &[String]| -> Vec<String> {
            a.iter().filter(|key| b.contains(key)).cloned().collect()
        };
        common(list, &base) != common(&base, list)
    };
    let (mut order, other) = match (moved(&current), moved(&proposed)) {
        (true, true) => return None,
        (true, false) => (current, proposed),
        (false, true) => (proposed, current),
        // Neither moves anything: both ways round must give the same.
        (false, false) => (current.clone().min(proposed.clone()), current.max(proposed)),
    };
    order.retain(|key| other.contains(key) || !base.contains(key));
    for (index, key) in other.iter().enumerate() {
        if order.contains(key) || base.contains(key) {
            continue;
        }
        let before = other.get(..index).unwrap_or_default();
        let after = before.iter().rev().find_map(|key| order.iter().position(|k| k == key));
        order.insert(after.map_or(0, |position| position + 1), key.clone());
    }
    let value = order.into_iter().map(Value::String).collect();
    Some(Say { value: Some(value), mandatory })
}

#[cfg(test)]
mod tests;
