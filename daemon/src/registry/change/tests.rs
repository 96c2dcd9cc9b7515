use proptest::prelude::*;
use serde_json::json;

use super::*;

fn statement() -> impl Strategy<Value = Statement> {
    let place = prop::sample::select(vec!["a", "b", "c.d", "c.e", "f.g.h"]);
    prop::collection::btree_map(place, 0..3_u64, 0..5).prop_map(|entries| {
        let say = |(path, value): (&str, u64)| (path.parse().unwrap(), Say::value(json!(value)));
        entries.into_iter().map(say).collect()
    })
}

fn order(keys: &[&str]) -> Statement {
    [(Path::ROOT.key("page").mark(Mark::Order), Say::value(json!(keys)))].into()
}

fn merged(base: &[&str], current: &[&str], proposed: &[&str]) -> Option<Value> {
    let merged = rebase(&order(base), &order(current), &order(proposed)).ok()?;
    merged.into_values().next()?.value
}

#[test]
fn orders_unite_additions_and_removals_unless_both_move_things() {
    let united = merged(&["a", "b"], &["a", "x", "b"], &["a", "b", "y"]).unwrap();
    assert_eq!(united, json!(["a", "x", "b", "y"]));
    assert_eq!(merged(&["a", "b"], &["b"], &["a", "b", "y"]).unwrap(), json!(["b", "y"]));
    assert_eq!(merged(&["a", "b"], &["b", "a"], &["a", "y", "b"]).unwrap(), json!(["b", "a", "y"]));
    assert_eq!(merged(&["a", "b", "c"], &["c", "a", "b"], &["b", "a", "c"]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn c15_a_rebase_has_both_changes_whichever_comes_first(
        base in statement(), one in statement(), other in statement(),
    ) {
        let first = rebase(&base, &one, &other);
        let second = rebase(&base, &other, &one);
        prop_assert_eq!(first.as_ref().ok(), second.as_ref().ok());
        if let Ok(merged) = first {
            for change in [difference(&base, &one), difference(&base, &other)] {
                for (path, say) in change {
                    prop_assert_eq!(merged.get(path), say);
                }
            }
        }
    }

    #[test]
    fn changes_collide_exactly_where_both_say_something_else(
        base in statement(), one in statement(), other in statement(),
    ) {
        let (mine, theirs) = (difference(&base, &other), difference(&base, &one));
        let differ = mine.iter().filter(|(path, say)| theirs.get(*path).is_some_and(|s| s != *say));
        let expected: Vec<Path> = differ.map(|(path, _)| (*path).clone()).collect();
        let found = rebase(&base, &one, &other).err().unwrap_or_default();
        let found: Vec<Path> = found.into_iter().map(|collision| collision.path).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn c16_no_write_changes_what_others_own_unless_that_is_told(
        first in statement(), second in statement(), third in statement(),
    ) {
        let (mut layer, mut managed) = (Statement::new(), Managed::new());
        for (manager, intent) in [("a", &first), ("b", &second), ("a", &third)] {
            let proposed = propose(&layer, &managed, manager, intent);
            let places = contested(&layer, &managed, manager, &proposed);
            for (owner, paths) in managed.iter().filter(|(owner, _)| *owner != manager) {
                for path in paths {
                    let told = places.iter().any(|o| o.path == *path && o.manager == *owner);
                    prop_assert_eq!(told, layer.get(path) != proposed.get(path));
                }
            }
            managed = own(&layer, &proposed, &managed, manager, intent);
            layer = proposed;
            // Everything has an owner, and owners own only what is there.
            let owned: BTreeSet<&Path> = managed.values().flatten().collect();
            prop_assert_eq!(owned, layer.keys().collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn saying_the_same_again_changes_nothing(before in statement(), intent in statement()) {
        let managed = own(&Statement::new(), &before, &Managed::new(), "b", &before);
        let once = propose(&before, &managed, "a", &intent);
        let owners = own(&before, &once, &managed, "a", &intent);
        let twice = propose(&once, &owners, "a", &intent);
        prop_assert_eq!(&once, &twice);
        prop_assert_eq!(&own(&once, &twice, &owners, "a", &intent), &owners);
    }
}
