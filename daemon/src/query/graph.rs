//! What is computed after what.

use std::collections::{BTreeMap, BTreeSet};

/// Things in an order in which each comes after those that it needs, in levels: what stands in one
/// level needs nothing of the same level. Things that need themselves, by whatever way, come last
/// and apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order<K> {
    /// The levels.
    pub levels: Vec<Vec<K>>,
    /// What leads back to itself, and what needs such a thing.
    pub circular: Vec<K>,
}

impl<K: Clone + Ord> Order<K> {
    /// Orders things, given with what they need. What is needed but not given counts as there.
    pub fn of(needs: &BTreeMap<K, BTreeSet<K>>) -> Self {
        let mut open: BTreeMap<&K, usize> = BTreeMap::new();
        let mut dependents: BTreeMap<&K, Vec<&K>> = BTreeMap::new();
        for (thing, needed) in needs {
            let given = needed.iter().filter(|needed| needs.contains_key(needed));
            let mut count = 0;
            for needed in given {
                dependents.entry(needed).or_default().push(thing);
                count += 1;
            }
            open.insert(thing, count);
        }
        let mut levels = Vec::new();
        let mut level: Vec<&K> =
            open.iter().filter(|(_, count)| **count == 0).map(|(thing, _)| *thing).collect();
        while !level.is_empty() {
            let mut next = BTreeSet::new();
            for thing in &level {
                open.remove(thing);
                for dependent in dependents.get(thing).into_iter().flatten() {
                    if let Some(count) = open.get_mut(dependent) {
                        *count -= 1;
                        if *count == 0 {
                            next.insert(*dependent);
                        }
                    }
                }
            }
            levels.push(level.into_iter().cloned().collect());
            level = next.into_iter().collect();
        }
        Self { levels, circular: open.into_keys().cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(needs: &[(u8, &[u8])]) -> Order<u8> {
        let set = |needed: &[u8]| needed.iter().copied().collect();
        Order::of(&needs.iter().map(|(thing, needed)| (*thing, set(needed))).collect())
    }

    #[test]
    fn what_is_needed_comes_first() {
        assert_eq!(order(&[]).levels, Vec::<Vec<u8>>::new());
        assert_eq!(order(&[(1, &[2]), (2, &[])]).levels, [[2], [1]]);
        let diamond = order(&[(1, &[]), (2, &[1]), (3, &[1]), (4, &[2, 3])]);
        assert_eq!(diamond.levels, [vec![1], vec![2, 3], vec![4]]);
        assert_eq!(order(&[(1, &[9])]).levels, [[1]], "what is not given is there");
    }

    #[test]
    fn circles_come_apart_with_what_needs_them() {
        let found = order(&[(1, &[2]), (2, &[1]), (3, &[3]), (4, &[1]), (5, &[])]);
        assert_eq!(found.levels, [[5]]);
        assert_eq!(found.circular, [1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn each_thing_comes_once_and_after_what_it_needs(
            needs in proptest::collection::btree_map(
                0..20_u8, proptest::collection::btree_set(0..20_u8, 0..4), 0..20,
            )
        ) {
            let order = Order::of(&needs);
            let mut seen: Vec<u8> = Vec::new();
            for level in &order.levels {
                for thing in level {
                    let before = needs[thing].iter().filter(|n| needs.contains_key(n));
                    prop_assert!(before.into_iter().all(|needed| seen.contains(needed)));
                }
                seen.extend(level);
            }
            seen.extend(&order.circular);
            seen.sort_unstable();
            prop_assert_eq!(seen, needs.keys().copied().collect::<Vec<_>>());
            // What is circular always has something circular to wait for.
            for thing in &order.circular {
                prop_assert!(needs[thing].iter().any(|needed| order.circular.contains(needed)));
            }
        }
    }
}
