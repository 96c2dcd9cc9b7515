use proptest::prelude::*;
use serde_json::json;

use super::*;

fn extractor(toml: &str) -> Extractor {
    let extract: Extract = toml::from_str(toml).unwrap();
    assert_eq!(extract.problems(), []);
    Extractor::new(&Name::new("shop").unwrap(), Some(&extract)).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn series(reading: &Reading) -> Vec<(String, f64)> {
    let keys = reading.samples.keys.iter().map(ToString::to_string);
    keys.zip(reading.samples.values.iter().copied()).collect()
}

#[test]
fn values_are_found_typed_and_scaled() {
    let mut extractor = extractor(
        r#"
        [values]
        plain = "$.n"
        "deep.cents" = { path = "$.amount", type = "number", scale = 0.01 }
        when = { path = "$.at", type = "time", series = false }
        flag = { path = "$.on", type = "boolean" }
        name = "$.name"
        gone = "$.nothing.here"
        total = { path = "$.list[*].v", combine = "sum" }
        count = { path = "$.list[*]", combine = "count" }
        mean = { path = "$.none[*].v", combine = "mean" }
        "#,
    );
    let reading = extractor.reading(
        at(),
        json!({"n": 3, "amount": "1250", "at": "2026-03-01T00:00:00Z", "on": "yes", "name": "x",
               "list": [{"v": 1}, {"v": 2.5}]}),
    );
    let expect = [
        ("plain", Value::Integer(3)),
        ("deep.cents", Value::Number(12.5)),
        ("when", Value::Number(1_772_323_200.0)),
        ("flag", Value::Boolean(true)),
        ("name", Value::from("x")),
        ("gone", Value::Absent),
        ("total", Value::Number(3.5)),
        ("count", Value::Integer(2)),
        ("mean", Value::Absent),
    ];
    for (path, value) in expect {
        assert_eq!(reading.value.at(path), Some(&value), "{path}");
    }
    let kept: Vec<String> = series(&reading).into_iter().map(|(key, _)| key).collect();
    let wanted = ["count", "deep.cents", "flag", "gone", "mean", "plain", "total"];
    assert_eq!(kept, wanted.map(|metric| format!("shop:{metric}")));
}

#[test]
fn items_of_lists_are_told_apart_by_their_key() {
    let mut extractor = extractor(
        r#"
        [lists.stock]
        path = "$.items[*]"
        key = "sku"
        series = ["level"]
        limit = 2
        [lists.stock.fields]
        sku = "$.sku"
        level = { path = "$.stock.level", type = "integer" }
        "#,
    );
    let item = |sku: &str, level: Json| json!({"sku": sku, "stock": {"level": level}});
    let items = json!({"items": [item("a", json!(4)), item("b", json!("x")), item("c", json!(1))]});
    let first = extractor.reading(at(), items.clone());
    assert_eq!(first.value.at("stock.0.level"), Some(&Value::Integer(4)));
    assert_eq!(first.value.at("stock.1.level"), Some(&Value::Absent));
    assert_eq!(first.value.at("stock.2"), None, "more than the limit is left out");
    assert_eq!(series(&first)[0], ("shop:stock.level{sku=\"a\"}".to_owned(), 4.0));
    assert!(first.samples.values[1].is_nan());
    let second = extractor.reading(at(), items);
    assert!(std::sync::Arc::ptr_eq(&first.samples.keys, &second.samples.keys));
}

#[test]
fn without_rules_the_answer_is_the_reading_and_its_numbers_are_kept() {
    let mut extractor = Extractor::new(&Name::new("shop").unwrap(), None).unwrap();
    let body = json!({"total_sales": 15234.5, "trend": {"percentage": 12.5, "direction": "up"},
                      "rows": [{"n": 1}], "a.b": 1});
    let reading = extractor.reading(at(), body);
    assert_eq!(reading.value.at("trend.direction"), Some(&Value::from("up")));
    let kept: Vec<String> = series(&reading).into_iter().map(|(key, _)| key).collect();
    assert_eq!(kept, ["shop:total_sales", "shop:trend.percentage"]);
}

#[test]
fn text_is_read_as_the_document_says() {
    let read = |rules: &str, answer: &str| {
        let mut extractor = extractor(rules);
        let body = extractor.parse(answer.as_bytes()).unwrap();
        extractor.reading(at(), body)
    };
    let page = "Active connections: 291 \nserver accepts handled requests\n 16 17 31 \n";
    let reading = read(
        r"
        format = 'text'
        [values]
        active = { regex = 'Active connections: (\d+)' }
        requests = { regex = '^ \d+ \d+ (\d+)', scale = 2.0 }
        words = { regex = 'server \w+' }
        gone = { regex = 'Closed: (\d+)' }
        ",
        page,
    );
    assert_eq!(reading.value.at("active"), Some(&Value::Integer(291)));
    assert_eq!(reading.value.at("requests"), Some(&Value::Number(62.0)));
    assert_eq!(reading.value.at("words"), Some(&Value::from("server accepts")));
    assert_eq!(reading.value.at("gone"), Some(&Value::Absent));
    assert_eq!(series(&reading)[0], ("shop:active".to_owned(), 291.0));
    let reading = read(
        r"
        format = 'lines'
        values.errors = { path = '$[?search(@, \'^E\')]', combine = 'count' }
        [lists.rows]
        path = '$[?search(@, \'=\')]'
        key = 'name'
        series = ['n']
        fields = { name = { path = '$', regex = '^\w+' }, n = { path = '$', regex = '=(\d+)' } }
        "
        .replace("\\'", "\"")
        .as_str(),
        "a=1\nE x\nb=2\n",
    );
    assert_eq!(reading.value.at("errors"), Some(&Value::Integer(1)));
    assert_eq!(reading.value.at("rows.1.n"), Some(&Value::Integer(2)));
    // Without values the pairs are the reading.
    let reading = read("format = 'pairs'", "# all\nup: 3\nname: x\ndb0:keys=4,old=0\n");
    assert_eq!(reading.value.at("name"), Some(&Value::from("x")));
    let kept: Vec<String> = series(&reading).into_iter().map(|(key, _)| key).collect();
    assert_eq!(kept, ["shop:db0.keys", "shop:db0.old", "shop:up"]);
}

#[test]
fn a_pattern_that_cannot_be_read_is_told_with_its_place() {
    let text = "format = 'text'\nvalues.a = { regex = '(' }\nvalues.b = { regex = 'a{999}{999}' }";
    let extract: Extract = toml::from_str(text).unwrap();
    let problems = problems(&extract);
    assert_eq!(problems.len(), 2);
    assert_eq!((problems[0].0.as_str(), problems[1].0.as_str()), ("values.a", "values.b"));
    assert!(problems[0].1.contains("unclosed group"), "{}", problems[0].1);
    assert!(problems[1].1.contains("too large"), "{}", problems[1].1);
}

#[test]
fn a_path_that_cannot_be_read_is_told_with_its_place() {
    let text = "values.a = 'data.x'\nlists.l = { path = '$.d[', fields = { b = '$..' } }";
    let extract: Extract = toml::from_str(text).unwrap();
    let problems = problems(&extract);
    let places: Vec<&str> = problems.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["values.a", "lists.l.fields.b", "lists.l.path"]);
    assert!(problems[0].1.contains("begins with $"), "{}", problems[0].1);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,6}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec(("[a-d.]{1,3}", inner), 0..6)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_answer_makes_a_reading_whose_series_have_one_number_each(body in any_json()) {
        let rules = "values.x = { path = '$..a', combine = 'max' }\nvalues.y = { path = '$.b', type = 'time' }\n\
                     lists.l = { path = '$..*', key = 'k', series = ['v'], fields = { k = '$.a', v = '$.b' } }";
        for mut extractor in [extractor(rules), Extractor::new(&Name::new("s").unwrap(), None).unwrap()] {
            let reading = extractor.reading(at(), body.clone());
            prop_assert_eq!(reading.samples.keys.len(), reading.samples.values.len());
            for (key, number) in reading.samples.keys.iter().zip(&reading.samples.values) {
                if key.labels.is_empty() {
                    let shown = reading.value.at(&key.metric).and_then(Value::as_number);
                    prop_assert_eq!(shown.unwrap_or(f64::NAN).to_bits(), number.to_bits());
                }
            }
        }
    }
}
