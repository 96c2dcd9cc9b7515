//! Which rows the segments of the head log hold, so that a segment can go once all of its rows are
//! sealed.

use std::collections::{BTreeMap, HashMap};

use super::GroupId;

/// The newest row of each group in each segment of the head log.
#[derive(Debug, Default)]
pub(crate) struct HeadRows(BTreeMap<u64, HashMap<GroupId, u64>>);

impl HeadRows {
    /// Takes note of a row.
    pub(crate) fn note(&mut self, segment: u64, group: GroupId, seq: u64) {
        let newest = self.0.entry(segment).or_default().entry(group).or_default();
        *newest = (*newest).max(seq);
    }

    /// Takes note of all rows of another.
    pub(crate) fn note_all(&mut self, other: Self) {
        for (segment, groups) in other.0 {
            for (group, seq) in groups {
                self.note(segment, group, seq);
            }
        }
    }

    /// Forgets the oldest segments before `active` of which all rows are covered; gives the first
    /// segment that stays, when any goes.
    pub(crate) fn forget_covered(
        &mut self,
        active: u64,
        covered: impl Fn(GroupId, u64) -> bool,
    ) -> Option<u64> {
        let mut before = None;
        while let Some(first) = self.0.first_entry() {
            let all = first.get().iter().all(|(group, seq)| covered(*group, *seq));
            if *first.key() >= active || !all {
                break;
            }
            before = Some(first.key() + 1);
            first.remove();
        }
        before
    }
}
