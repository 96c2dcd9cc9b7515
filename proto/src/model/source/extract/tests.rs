use serde_json::{Value, json};

use super::{Extract, ITEMS_MAX};

fn paths(extract: Value) -> Vec<String> {
    let extract: Extract = serde_json::from_value(extract).unwrap();
    extract.problems().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn names_are_places_of_their_own() {
    let table = [
        (json!({"values": {"a.b": "$.x", "a.c": "$.y"}, "lists": {"d": {"path": "$[*]"}}}), vec![]),
        (json!({"values": {"a": "$.x", "a.b": "$.y"}}), vec!["values.a.b"]),
        (
            json!({"values": {"a.b.c": "$.x"}, "lists": {"a": {"path": "$[*]"}}}),
            vec!["values.a.b.c"],
        ),
        (json!({"values": {"a": "$.x"}, "lists": {"a": {"path": "$[*]"}}}), vec!["lists.a"]),
        (json!({"values": {"a": "$.x"}, "lists": {"a.b": {"path": "$[*]"}}}), vec!["lists.a.b"]),
        (json!({"values": {"a..b": "$.x"}}), vec!["values.a..b"]),
        (json!({"values": {"": "$.x"}}), vec!["values."]),
        (json!({"values": {"ab": "$.x", "a": "$.y"}}), vec![]),
    ];
    for (extract, expect) in table {
        assert_eq!(paths(extract.clone()), expect, "{extract}");
    }
}

#[test]
fn a_list_has_a_limit_and_knows_its_key_and_its_series() {
    let list = |extra: Value| {
        let mut list = json!({"path": "$[*]", "fields": {"id": "$.id", "n": "$.n"}});
        list.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"lists": {"l": list}})
    };
    let table = [
        (json!({"key": "id", "series": ["n"]}), vec![]),
        (json!({"series": ["n"]}), vec!["lists.l.series"]),
        (json!({"key": "id", "series": ["m"]}), vec!["lists.l.fields"]),
        (json!({"key": "name"}), vec!["lists.l.fields"]),
        (json!({"limit": 0}), vec!["lists.l.limit"]),
        (json!({"limit": ITEMS_MAX + 1}), vec!["lists.l.limit"]),
    ];
    for (extra, expect) in table {
        assert_eq!(paths(list(extra.clone())), expect, "{extra}");
    }
}
