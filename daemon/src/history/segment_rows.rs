//! Which rows the segments of a log hold, so that a segment can go once others hold all of them.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The newest row in each segment of a log, of each of those that rows are of.
#[derive(Debug)]
pub(crate) struct SegmentRows<K>(BTreeMap<u64, HashMap<K, u64>>);

impl<K> Default for SegmentRows<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy + Eq + Hash> SegmentRows<K> {
    /// Takes note of a row.
    pub(crate) fn note(&mut self, segment: u64, of: K, seq: u64) {
        let newest = self.0.entry(segment).or_default().entry(of).or_default();
        *newest = (*newest).max(seq);
    }

    /// Takes note of all rows of another.
    pub(crate) fn note_all(&mut self, other: Self) {
        for (segment, rows) in other.0 {
            for (of, seq) in rows {
                self.note(segment, of, seq);
            }
        }
    }

    /// Forgets the oldest segments before `active` of which all rows are covered; gives the first
    /// segment that stays, when any goes.
    pub(crate) fn forget_covered(
        &mut self,
        active: u64,
        covered: impl Fn(K, u64) -> bool,
    ) -> Option<u64> {
        let mut before = None;
        while let Some(first) = self.0.first_entry() {
            let all = first.get().iter().all(|(of, seq)| covered(*of, *seq));
            if *first.key() >= active || !all {
                break;
            }
            before = Some(first.key() + 1);
            first.remove();
        }
        before
    }
}
