use std::collections::BTreeMap;

use ccm_proto::model::Name;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::registry::rules::{Merge, Rule, Strategy as Word};
use crate::registry::statement::{Directives, flatten, state, unstate};

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// The platform, a tenant, a team and a user, below what is shipped.
fn scopes() -> [Scope; 5] {
    let (tenant, team, user) = (name("acme"), name("ops"), name("alice"));
    [
        Scope::Platform,
        Scope::Platform,
        Scope::Tenant(tenant.clone()),
        Scope::Team(tenant.clone(), team.clone()),
        Scope::User { tenant, team: Some(team), user },
    ]
}

fn rules(strategy: Word) -> Rules {
    let merge = |place: &[&'static str], merge| Rule {
        place: place.to_vec(),
        merge: Some(merge),
        strategy: None,
        default: None,
    };
    let default = Rule {
        place: vec!["fallback"],
        merge: None,
        strategy: None,
        default: Some(json!("default")),
    };
    Rules {
        strategy,
        rules: vec![
            merge(&["tags"], Merge::Set),
            merge(&["items"], Merge::Keyed("name")),
            merge(&["items", "*", "at"], Merge::Whole),
            default,
        ],
    }
}

fn chain(statements: Vec<Statement>) -> Vec<Contribution> {
    let layers = scopes().into_iter().zip(statements).zip(0_u64..);
    layers
        .map(|((scope, statement), revision)| Contribution {
            scope,
            revision,
            statement: Arc::new(statement),
        })
        .collect()
}

fn plain(rules: &Rules, chain: &[Contribution]) -> Resolution {
    resolve(rules, chain, &|_, _| None, Timestamp::EPOCH)
}

fn resolved(strategy: Word, trees: &[Value]) -> Value {
    let rules = rules(strategy);
    let layer = |tree: &Value| {
        let mut tree = tree.clone();
        let directives = tree.as_object_mut().and_then(|map| map.shift_remove("layer"));
        let directives: Directives =
            directives.map(|d| serde_json::from_value(d).unwrap()).unwrap_or_default();
        let replace = directives.replace.unwrap_or(false);
        state(&rules, &tree, &directives, replace)
    };
    let mut spec = plain(&rules, &chain(trees.iter().map(layer).collect())).spec;
    let fallback = spec.as_object_mut().and_then(|map| map.shift_remove("fallback"));
    assert_eq!(fallback, Some(json!("default")));
    spec
}

#[test]
fn the_strategies_say_whose_word_counts_and_what_is_shipped_comes_last() {
    let layer = |n: u64| json!({"a": n});
    let all = [layer(0), layer(1), layer(2), layer(3), layer(4)];
    assert_eq!(resolved(Word::PlatformWins, &all), layer(1));
    assert_eq!(resolved(Word::TenantWins, &all), layer(2));
    assert_eq!(resolved(Word::UserWins, &all), layer(4));
    for strategy in [Word::PlatformWins, Word::TenantWins, Word::UserWins] {
        assert_eq!(resolved(strategy, &all[..1]), layer(0));
        assert_eq!(resolved(strategy, &all[..2]), layer(1));
    }
}

#[test]
fn c6_sets_gain_and_lose_members_along_the_chain_and_a_nearer_layer_restores_one() {
    let trees = [
        json!({"tags": ["a", "b"]}),
        json!({"tags": ["c"], "layer": {"remove": ["tags.a"]}}),
        json!({"layer": {"remove": ["tags.c"]}}),
        json!({"tags": ["a"]}),
    ];
    assert_eq!(resolved(Word::UserWins, &trees), json!({"tags": ["a", "b"]}));
    assert_eq!(resolved(Word::UserWins, &trees[..3]), json!({"tags": ["b"]}));
}

#[test]
fn keyed_lists_merge_by_key_in_the_order_of_the_nearest_layer_that_has_one() {
    let item = |name: &str, at: u64| json!({"name": name, "at": {"x": at, "y": at}});
    let shipped = json!({"items": [item("a", 1), item("b", 1), item("c", 1)]});
    let platform = json!({
        "items": [item("d", 2), item("b", 2)],
        "layer": {"remove": ["items.c"]},
    });
    let expected = json!({"items": [item("d", 2), item("b", 2), item("a", 1)]});
    assert_eq!(resolved(Word::UserWins, &[shipped.clone(), platform]), expected);
    // A position is never put together from two layers.
    let half = json!({"items": [{"name": "a", "at": {"x": 9}}]});
    let merged = resolved(Word::UserWins, &[shipped, half]);
    assert_eq!(merged["items"][0], json!({"name": "a", "at": {"x": 9}}));
}

#[test]
fn a_replacing_layer_leaves_nothing_of_less_specific_ones_but_what_is_mandatory() {
    let trees = [
        json!({"a": 1, "b": 1}),
        json!({"c": 2, "layer": {"mandatory": ["c"]}}),
        json!({"d": 3, "layer": {"replace": true}}),
    ];
    assert_eq!(resolved(Word::UserWins, &trees), json!({"c": 2, "d": 3}));
}

#[test]
fn a_statement_out_of_an_ancestors_bounds_does_not_count_and_is_told() {
    let rules = Rules::default();
    let bounds = json!({"every": {"min": "1s", "max": "1m"}, "level": {"enum": ["low", "high"]}});
    let directives: Directives = serde_json::from_value(json!({"bounds": bounds})).unwrap();
    let platform = state(&rules, &json!({"every": "10s", "level": "low"}), &directives, false);
    let say = |tree: Value| state(&rules, &tree, &Directives::default(), false);
    let cases = [
        (json!({"every": "5s"}), "every", false),
        (json!({"every": "1m"}), "every", false),
        (json!({"every": "2h"}), "every", true),
        (json!({"every": "500ms"}), "every", true),
        (json!({"every": 7}), "every", true),
        (json!({"level": "high"}), "level", false),
        (json!({"level": "extreme"}), "level", true),
    ];
    for (tree, place, refused) in cases {
        let found =
            plain(&rules, &chain(vec![Statement::new(), platform.clone(), say(tree.clone())]));
        let explanation = &found.explanations[&place.parse().unwrap()];
        assert_eq!(explanation.candidates[1].out_of_bounds, refused, "{tree}");
        assert_eq!(explanation.winner, Some(usize::from(!refused)), "{tree}");
    }
    // The layer that gives the bounds is not bound by them.
    let own = state(&rules, &json!({"every": "9h"}), &directives, false);
    assert_eq!(plain(&rules, &chain(vec![Statement::new(), own])).spec, json!({"every": "9h"}));
}

#[test]
fn a_whole_value_and_its_parts_never_both_hold() {
    let trees = [json!({"a": {"b": 1, "c": 1}}), json!({"a": 5}), json!({"a": {"b": 2}})];
    assert_eq!(resolved(Word::UserWins, &trees[..2])["a"], json!(5));
    assert_eq!(resolved(Word::UserWins, &trees)["a"]["b"], json!(2));
    assert_eq!(resolved(Word::PlatformWins, &trees)["a"], json!(5));
}

fn tree() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![(0..4_i64).prop_map(Value::from), "[ab]".prop_map(Value::from)];
    let member = prop::sample::subsequence(vec!["p", "q", "r"], 0..3);
    let items = prop::collection::btree_map(
        prop::sample::select(vec!["m", "n", "o"]),
        (0..3_u64, prop::option::of(0..3_u64)),
        0..3,
    );
    (
        prop::option::of(scalar.clone()),
        prop::option::of(prop::collection::btree_map("[uvw]", scalar, 0..3)),
        prop::option::of(member),
        prop::option::of(items),
    )
        .prop_map(|(a, map, tags, items)| {
            let mut tree = serde_json::Map::new();
            tree.extend(a.map(|a| ("a".to_owned(), a)));
            tree.extend(map.map(|map| ("map".to_owned(), json!(map))));
            tree.extend(tags.map(|tags| ("tags".to_owned(), json!(tags))));
            let item = |(name, (x, size)): (&str, (u64, Option<u64>))| {
                let mut item = json!({"name": name, "at": {"x": x, "y": x}});
                if let Some(size) = size {
                    item["size"] = json!(size);
                }
                item
            };
            let items = items.map(|items| items.into_iter().map(item).collect::<Vec<_>>());
            tree.extend(items.map(|items| ("items".to_owned(), json!(items))));
            Value::Object(tree)
        })
}

fn places() -> impl Strategy<Value = Vec<Path>> {
    let all = ["a", "map", "map.u", "map.v", "tags", "tags.p", "items", "items.m", "items.m.at"];
    let all: Vec<Path> = all.iter().map(|path| path.parse().unwrap()).collect();
    prop::sample::subsequence(all, 0..3)
}

fn statement() -> impl Strategy<Value = Statement> {
    let parts =
        (tree(), places(), prop::option::weighted(0.2, places()), prop::bool::weighted(0.1));
    parts.prop_map(|(tree, remove, mandatory, replace)| {
        let mandatory = mandatory.unwrap_or_default();
        let directives = Directives { remove, mandatory, ..Directives::default() };
        state(&rules(Word::UserWins), &tree, &directives, replace)
    })
}

fn statements() -> impl Strategy<Value = Vec<Statement>> {
    prop::collection::vec(statement(), 1..=5)
}

fn word() -> impl Strategy<Value = Word> {
    prop::sample::select(vec![Word::PlatformWins, Word::TenantWins, Word::UserWins])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn c1_c2_resolution_is_total_deterministic_and_blind_to_layers_off_the_chain(
        statements in statements(), strategy in word(),
    ) {
        let rules = rules(strategy);
        let chain = chain(statements);
        let once = plain(&rules, &chain);
        prop_assert_eq!(&once, &plain(&rules, &chain));
        // An ancestor's value does not depend on its descendants.
        for depth in 1..chain.len() {
            let above = plain(&rules, &chain[..depth]);
            let mut other = chain.clone();
            other[depth].statement = Arc::default();
            prop_assert_eq!(above, plain(&rules, &other[..depth]));
        }
    }

    #[test]
    fn c3_what_is_mandatory_closest_to_the_root_wins_under_every_strategy(
        statements in statements(), strategy in word(),
    ) {
        let chain = chain(statements);
        let found = plain(&rules(strategy), &chain);
        for (path, explanation) in &found.explanations {
            let first = chain.iter().find_map(|layer| layer.statement.get(path).filter(|s| s.mandatory));
            let removed = explanation.candidates.iter().any(|c| c.say.mandatory && c.say.value.is_none());
            if let (Some(first), false, true) = (first, removed, explanation.winner.is_some()) {
                prop_assert_eq!(explanation.value(), first.value.as_ref());
                prop_assert_eq!(explanation.reason, Reason::Mandatory);
            }
        }
    }

    #[test]
    fn c4_the_winner_is_the_maximum_by_the_strategys_order(
        statements in statements(), strategy in word(),
    ) {
        let found = plain(&rules(strategy), &chain(statements));
        let order: &[usize] = match strategy {
            Word::PlatformWins => &[1, 2, 3, 4, 0],
            Word::TenantWins => &[2, 3, 4, 1, 0],
            Word::UserWins => &[4, 3, 2, 1, 0],
        };
        for explanation in found.explanations.values() {
            if explanation.candidates.iter().any(|c| c.say.mandatory) {
                continue;
            }
            let Some(winner) = explanation.winning() else { continue };
            let wins = order.iter().find(|layer| {
                explanation.candidates.iter().any(|candidate| candidate.layer == **layer)
            });
            prop_assert_eq!(wins, Some(&winner.layer));
        }
    }

    #[test]
    fn c5_merging_is_idempotent_associative_and_has_the_empty_layer_as_identity(
        a in tree(), b in tree(), c in tree(),
    ) {
        let rules = rules(Word::UserWins);
        let say = |tree: &Value| state(&rules, tree, &Directives::default(), false);
        let none = Statement::new();
        // Both ways of resolving begin with an empty layer of what is shipped.
        let merge = |layers: Vec<Statement>| {
            let mut all = vec![none.clone()];
            all.extend(layers);
            plain(&rules, &chain(all)).leaves
        };
        let as_layer = |leaves: Leaves| -> Statement {
            let own = leaves.into_iter().filter(|(path, _)| *path != "fallback".parse().unwrap());
            own.map(|(path, value)| (path, Say::value(value))).collect()
        };
        let (a, b, c) = (say(&a), say(&b), say(&c));
        let alone = merge(vec![a.clone()]);
        prop_assert_eq!(&merge(vec![a.clone(), a.clone()]), &alone);
        prop_assert_eq!(&merge(vec![none.clone(), a.clone()]), &alone);
        prop_assert_eq!(&merge(vec![a.clone(), none.clone()]), &alone);
        let left = merge(vec![as_layer(merge(vec![a.clone(), b.clone()])), c.clone()]);
        let right = merge(vec![a, as_layer(merge(vec![b, c]))]);
        prop_assert_eq!(left, right);
    }

    #[test]
    fn c6_what_is_taken_away_is_absent_unless_a_nearer_layer_says_it_again(
        statements in statements(),
    ) {
        let chain = chain(statements);
        let found = plain(&rules(Word::UserWins), &chain);
        for (path, explanation) in &found.explanations {
            let nearest = chain.iter().rev().find_map(|layer| said(&layer.statement, path));
            let taken = nearest.is_some_and(|say| say.value.is_none());
            if taken && !explanation.candidates.iter().any(|c| c.say.mandatory) {
                prop_assert!(!found.leaves.contains_key(path), "{}", path);
            }
        }
    }

    #[test]
    fn c7_a_layer_that_comes_and_goes_leaves_no_trace(
        statements in statements(), extra in statement(), at in 0..5_usize,
    ) {
        let rules = rules(Word::UserWins);
        let mut all = statements;
        let at = at % all.len();
        let before = plain(&rules, &chain(all.clone()));
        let kept = std::mem::replace(&mut all[at], extra);
        let _ = plain(&rules, &chain(all.clone()));
        all[at] = kept;
        prop_assert_eq!(before, plain(&rules, &chain(all)));
    }

    #[test]
    fn c8_the_winners_value_is_the_effective_value(statements in statements(), strategy in word()) {
        let rules = rules(strategy);
        let found = plain(&rules, &chain(statements));
        for (path, explanation) in &found.explanations {
            if *path != "fallback".parse().unwrap() {
                prop_assert_eq!(explanation.value(), found.leaves.get(path));
            }
        }
        // The tree says nothing else than the leaves: what vanished is what no longer has a list,
        // and what appeared are the marks of orders that the tree completes.
        let again = flatten(&rules, &found.spec);
        for (path, value) in again.iter().filter(|(path, _)| path.ending().is_none()) {
            if found.explanations.contains_key(path) {
                prop_assert_eq!(Some(value), found.leaves.get(path));
            }
        }
    }

    #[test]
    fn c22_a_pinned_part_is_blind_to_the_ancestors_changes_until_it_expires(
        old in statement(), new in statement(), user in tree(), expires in 1..10_i64, now in 0..10_i64,
    ) {
        let rules = rules(Word::UserWins);
        let pin = json!({"pins": {"map": {
            "ancestor": "platform", "at_revision": 7, "expires": expires, "reason": "not yet",
        }}});
        let directives: Directives = serde_json::from_value(pin).unwrap();
        let tenant = state(&rules, &user, &directives, false);
        let at = |platform: &Statement| {
            let layers = vec![Statement::new(), platform.clone(), tenant.clone()];
            let mut layers = chain(layers);
            layers[1].revision = 8;
            let past = Arc::new(old.clone());
            let read = |scope: &Scope, revision: u64| {
                (*scope == Scope::Platform && revision == 7).then(|| Arc::clone(&past))
            };
            resolve(&rules, &layers, &read, Timestamp::from_millis(now))
        };
        let mandatory = new.values().chain(old.values()).any(|say| say.mandatory);
        let (pinned, unpinned) = (at(&new), at(&old));
        let prefix: Path = "map".parse().unwrap();
        let part = |found: &Resolution| -> BTreeMap<Path, Value> {
            let within = found.leaves.iter().filter(|(path, _)| prefix.covers(path));
            within.map(|(path, value)| (path.clone(), value.clone())).collect()
        };
        if now < expires && !mandatory {
            prop_assert_eq!(part(&pinned), part(&unpinned));
        }
        if now >= expires {
            let free = plain(&rules, &{
                let mut layers = chain(vec![Statement::new(), new.clone(), tenant.clone()]);
                layers[1].revision = 8;
                layers
            });
            prop_assert_eq!(pinned.leaves, free.leaves);
        }
    }

    #[test]
    fn c22_a_pin_never_hides_what_is_mandatory(old in statement(), new in tree()) {
        let rules = rules(Word::UserWins);
        let mandatory = Directives { mandatory: vec![Path::ROOT], ..Directives::default() };
        let platform = state(&rules, &new, &mandatory, false);
        let pins = json!({"pins": {".": {"ancestor": "platform", "at_revision": 1, "reason": "r"}}});
        let directives: Directives = serde_json::from_value(pins).unwrap();
        let tenant = state(&rules, &json!({}), &directives, false);
        let past = Arc::new(old);
        let layers = chain(vec![Statement::new(), platform.clone(), tenant]);
        let read = |_: &Scope, _: u64| Some(Arc::clone(&past));
        let found = resolve(&rules, &layers, &read, Timestamp::EPOCH);
        for (path, say) in &platform {
            let explanation = &found.explanations[path];
            prop_assert!(explanation.winner.is_none() || explanation.value() == say.value.as_ref());
        }
    }

    #[test]
    fn c26_a_statement_survives_the_way_to_its_tree_and_back(statement in statement()) {
        let rules = rules(Word::UserWins);
        let (tree, directives) = unstate(&statement);
        let replace = directives.replace.unwrap_or(false);
        prop_assert_eq!(state(&rules, &tree, &directives, replace), statement);
    }
}
