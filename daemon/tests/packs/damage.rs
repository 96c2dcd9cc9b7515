//! Answers that are not what was recorded: cut, changed, swollen; and rules of any kind.

use std::sync::LazyLock;

use ccm_daemon::collect::extract::{self, Extractor};
use ccm_daemon::collect::json::{self, DEPTH_MAX, JsonError, NODES_MAX};
use ccm_proto::model::source::Extract;
use ccm_proto::model::source::extract::{Combine, FullRule, ListRule, ValueRule, ValueType};
use ccm_proto::model::{Name, Reading, Timestamp, Value};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value as Json, json};

use super::asking::joined;
use super::fixtures::{connectors, pages};

/// Every endpoint's rules with its recorded answer.
static RECORDED: LazyLock<Vec<(Name, Extract, Json)>> = LazyLock::new(recorded);

fn recorded() -> Vec<(Name, Extract, Json)> {
    let mut recorded = Vec::new();
    for (connector, spec) in connectors() {
        for (name, endpoint) in spec.endpoints {
            let body = joined(&endpoint, &pages(connector.as_str(), name.as_str()));
            recorded.push((name, endpoint.extract.unwrap(), body));
        }
    }
    recorded
}

/// The places of all nodes.
fn pointers(tree: &Json, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match tree {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), into);
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(item, &format!("{at}/{key}"), into);
            }
        }
        _ => {}
    }
}

/// What a node may have become.
fn other() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        prop::num::f64::NORMAL.prop_map(Json::from),
        Just(json!("NaN")),
        Just(json!("1e999")),
        "\\PC{0,12}".prop_map(Json::from),
        "[0-9TZ:+ .-]{0,26}".prop_map(Json::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[{"amount": 1}], null, "x"])),
        Just(json!({"value": {"value": "x"}})),
    ]
}

fn is_sound(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_finite(),
        Value::List(items) => items.iter().all(is_sound),
        Value::Map(map) => map.values().all(is_sound),
        _ => true,
    }
}

/// What holds of every reading, whatever the answer was.
fn check(reading: &Reading, extract: &Extract) -> Result<(), TestCaseError> {
    let samples = &reading.samples;
    prop_assert_eq!(samples.keys.len(), samples.values.len());
    prop_assert!(samples.values.iter().all(|number| number.is_finite() || number.is_nan()));
    prop_assert!(is_sound(&reading.value), "{:?}", reading.value);
    for (list, rule) in &extract.lists {
        let items = reading.value.at(list).and_then(Value::as_list);
        prop_assert!(items.is_some_and(|items| items.len() <= rule.limit as usize), "{}", list);
    }
    for value in extract.values.keys() {
        prop_assert!(reading.value.at(value).is_some(), "{} has no place", value);
    }
    Ok(())
}

fn rule() -> impl Strategy<Value = ValueRule> {
    let types = [
        None,
        Some(ValueType::Number),
        Some(ValueType::Integer),
        Some(ValueType::Text),
        Some(ValueType::Boolean),
        Some(ValueType::Time),
    ];
    let combines = [
        None,
        Some(Combine::First),
        Some(Combine::Last),
        Some(Combine::Count),
        Some(Combine::Sum),
        Some(Combine::Min),
        Some(Combine::Max),
        Some(Combine::Mean),
    ];
    let paths = [
        "$",
        "$[*]",
        "$..a",
        "$.a",
        "$.b[0]",
        "$.b[-1:]",
        "$[?@.a]",
        "$[?@.a > 1 && length(@) < 4]",
        "$.*.*",
    ];
    let scale = prop::option::of(prop_oneof![Just(0.01), Just(1e300), Just(0.0), any::<f64>()]);
    (
        select(paths.to_vec()),
        select(types.to_vec()),
        select(combines.to_vec()),
        scale,
        any::<bool>(),
    )
        .prop_map(|(path, value_type, combine, scale, series)| {
            let path = path.to_owned();
            let currency = series.then(|| "a".to_owned());
            ValueRule::Full(FullRule {
                path,
                regex: None,
                value_type,
                scale,
                currency,
                unit: None,
                combine,
                series,
            })
        })
}

fn rules() -> impl Strategy<Value = Extract> {
    let list = (rule(), rule(), 1_u32..4).prop_map(|(key, number, limit)| ListRule {
        path: "$..*".to_owned(),
        key: Some("k".to_owned()),
        fields: [("k".to_owned(), key), ("n".to_owned(), number)].into(),
        series: vec!["n".to_owned()],
        limit,
    });
    let values = prop::collection::btree_map("[a-c]\\.[a-c]", rule(), 0..6);
    (values, prop::collection::btree_map("l[0-3]", list, 0..3))
        .prop_map(|(values, lists)| Extract { values, lists, ..Extract::default() })
}

fn answer() -> impl Strategy<Value = Json> {
    other().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec(("[abc]", inner), 0..4)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_recorded_answer_may_change_anywhere_and_still_makes_a_sound_reading(
        at in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), other()), 1..6),
    ) {
        let (name, extract, mut body) = at.get(&RECORDED).clone();
        let mut extractor = Extractor::new(&name, Some(&extract)).unwrap();
        check(&extractor.reading(Timestamp::EPOCH, body.clone()), &extract)?;
        for (place, other) in changes {
            let mut places = Vec::new();
            pointers(&body, "", &mut places);
            *body.pointer_mut(place.get(&places).as_str()).unwrap() = other;
        }
        check(&extractor.reading(Timestamp::EPOCH, body), &extract)?;
    }

    #[test]
    fn a_recorded_answer_that_was_cut_is_refused(at in any::<Index>(), cut in any::<Index>()) {
        let (_, _, body) = at.get(&RECORDED).clone();
        let text = body.to_string().into_bytes();
        let end = cut.index(text.len());
        prop_assert!(matches!(json::parse(&text[..end]), Err(JsonError::Form(_))), "{}", end);
    }

    #[test]
    fn a_recorded_answer_with_wrong_bytes_is_read_or_refused(
        at in any::<Index>(),
        wrong in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let (name, extract, body) = at.get(&RECORDED).clone();
        let mut text = body.to_string().into_bytes();
        for (place, byte) in wrong {
            let place = place.index(text.len());
            text[place] = byte;
        }
        if let Ok(body) = json::parse(&text) {
            let mut extractor = Extractor::new(&name, Some(&extract)).unwrap();
            check(&extractor.reading(Timestamp::EPOCH, body), &extract)?;
        }
    }

    #[test]
    fn any_rules_make_a_sound_reading_of_any_answer(extract in rules(), body in answer()) {
        let name = Name::new("shop").unwrap();
        let mut extractor = Extractor::new(&name, Some(&extract)).unwrap();
        check(&extractor.reading(Timestamp::EPOCH, body), &extract)?;
    }

    #[test]
    fn any_text_is_a_path_or_is_told_to_be_none(path in "[$@.\\[\\]*'\"a-z0-9?()&|<>=!: ,-]{0,40}") {
        let extract = Extract {
            values: [("a".to_owned(), ValueRule::Path(path))].into(),
            ..Extract::default()
        };
        let name = Name::new("shop").unwrap();
        let refused = Extractor::new(&name, Some(&extract)).is_err();
        prop_assert_eq!(!extract::problems(&extract).is_empty(), refused);
    }
}

#[test]
fn a_recorded_answer_that_was_wrapped_or_swollen_is_refused() {
    for (name, _, body) in RECORDED.iter() {
        let text = body.to_string();
        let wrap = |times: usize| format!("{}{text}{}", "[".repeat(times), "]".repeat(times));
        assert!(json::parse(wrap(DEPTH_MAX / 2).as_bytes()).is_ok(), "{name}");
        assert_eq!(json::parse(wrap(DEPTH_MAX + 1).as_bytes()), Err(JsonError::TooDeep), "{name}");
        let mut nodes = Vec::new();
        pointers(body, "", &mut nodes);
        let copies = NODES_MAX / nodes.len() + 1;
        let swollen = format!("[{}]", vec![text.as_str(); copies].join(","));
        assert_eq!(json::parse(swollen.as_bytes()), Err(JsonError::TooMany), "{name}");
    }
}
