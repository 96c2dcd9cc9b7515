use super::Value;

fn sample() -> Value {
    serde_json::from_str(
        r#"{"cpu":{"usage":12.5,"cores":[{"core":0},{"core":1}]},"up":true,"name":"h","none":null}"#,
    )
    .unwrap()
}

#[test]
fn a_path_leads_to_a_node_or_to_nothing() {
    let value = sample();
    let number = |path| value.at(path).and_then(Value::as_number);
    assert_eq!(number("cpu.usage"), Some(12.5));
    assert_eq!(number("cpu.cores.1.core"), Some(1.0));
    assert_eq!(number("up"), Some(1.0));
    assert_eq!(value.at("name").and_then(Value::as_text), Some("h"));
    assert_eq!(value.at("cpu.cores").and_then(Value::as_list).map(<[_]>::len), Some(2));
    for path in ["", ".", "cpu.", "cpu.cores.2", "cpu.cores.-1", "cpu.cores.x", "name.0", "no"] {
        assert_eq!(value.at(path), None, "{path:?}");
    }
}

#[test]
fn absent_is_not_zero() {
    assert!(sample().at("none").unwrap().is_absent());
    assert_eq!(Value::Absent.as_number(), None);
    assert!(Value::from(f64::NAN).is_absent());
    assert!(Value::from(None::<u64>).is_absent());
    assert!(!Value::from(0.0).is_absent());
}

#[test]
fn numbers_keep_their_kind_where_it_holds_them() {
    assert_eq!(Value::from(7_u64), Value::Integer(7));
    assert_eq!(Value::from(u64::MAX), Value::Number(u64::MAX as f64));
    assert_eq!(serde_json::from_str::<Value>("7").unwrap(), Value::Integer(7));
    assert_eq!(serde_json::from_str::<Value>("7.0").unwrap(), Value::Number(7.0));
}

#[test]
fn a_tree_is_the_same_after_a_way_through_json() {
    let value = sample();
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
}
