//! What documents need of each other: layouts need widgets and a theme, widgets a source, themes the
//! theme that they inherit from.

use std::collections::{BTreeMap, BTreeSet};

use ccm_proto::model::DocumentId;

use super::check::Spec;
use super::diagnostic::nearest;
use super::request::Break;
use super::snapshot::Snapshot;

/// References to what was there before and would not be there after.
pub(super) fn breaks(before: &Snapshot, after: &Snapshot) -> Vec<Break> {
    let gone: BTreeSet<&DocumentId> =
        before.specs.keys().filter(|id| !after.specs.contains_key(id)).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let mut breaks = Vec::new();
    for (from, spec) in &after.specs {
        let lost = spec.references().into_iter().filter(|to| gone.contains(to));
        breaks.extend(lost.map(|to| Break { from: from.clone(), to }));
    }
    breaks
}

/// The way from a document back to itself, if its references lead there.
pub(super) fn circle(snapshot: &Snapshot, start: &DocumentId) -> Option<Vec<DocumentId>> {
    let mut from: BTreeMap<DocumentId, DocumentId> = BTreeMap::new();
    let mut waiting = vec![start.clone()];
    while let Some(id) = waiting.pop() {
        for next in snapshot.specs.get(&id).map(Spec::references).unwrap_or_default() {
            if next == *start {
                let mut way = vec![next, id.clone()];
                let mut at = id;
                while let Some(earlier) = from.get(&at) {
                    way.push(earlier.clone());
                    at = earlier.clone();
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(&next) {
                from.insert(next.clone(), id.clone());
                waiting.push(next);
            }
        }
    }
    None
}

/// Warnings of references that lead nowhere yet.
pub(super) fn missing(snapshot: &Snapshot, id: &DocumentId) -> Vec<String> {
    let references = snapshot.specs.get(id).map(Spec::references).unwrap_or_default();
    let absent = references.into_iter().filter(|to| !snapshot.specs.contains_key(to));
    absent
        .map(|to| {
            let names = snapshot.specs.keys().filter(|known| known.kind == to.kind);
            match nearest(to.name.as_str(), names.map(|known| known.name.as_str())) {
                Some(near) => {
                    format!("{id} needs {to}, which does not exist; did you mean {near}?")
                }
                None => format!("{id} needs {to}, which does not exist yet"),
            }
        })
        .collect()
}
