use super::*;

fn results(config: &str) -> Results {
    let config: PrometheusConfig =
        serde_json::from_str(&format!("{{\"url\": \"http://a\", {config}}}")).unwrap();
    assert_eq!(config.problems(), []);
    Results::new(Name::new("prom").unwrap(), Arc::new(config))
}

const QUERY: &str = r#""query": {"values": {"up": "up", "total": "sum(up)"},
    "ranges": {"load": {"query": "node_load1", "window": "1m", "step": "30s"}}}"#;

fn by_name<const N: usize>(answers: [(&str, Answer); N]) -> BTreeMap<String, Answer> {
    answers.into_iter().map(|(name, answer)| (name.to_owned(), answer)).collect()
}

fn answer(result_type: &str, result: &str) -> Answer {
    let json = format!(
        r#"{{"status":"success","data":{{"resultType":"{result_type}","result":{result}}},"warnings":["w"]}}"#
    );
    Answer::parse(json.as_bytes()).unwrap()
}

fn vector(result: &str) -> Answer {
    answer("vector", result)
}

const UP: &str = r#"[{"metric":{"__name__":"up","job":"b"},"value":[0,"0"]},
    {"metric":{"__name__":"up","job":"a"},"value":[0,"1"]}]"#;

#[test]
fn one_number_is_a_number_and_several_are_a_list() {
    let mut results = results(QUERY);
    let total = vector(r#"[{"metric":{},"value":[0,"1"]}]"#);
    let answers = by_name([("up", vector(UP)), ("total", total)]);
    let (value, samples) = results.read(&answers).unwrap();
    assert_eq!(value.at("total").unwrap().as_number(), Some(1.0));
    assert_eq!(value.at("up.0.job").unwrap().as_text(), Some("b"), "the order is the server's");
    assert_eq!(value.at("up.0.value").unwrap().as_number(), Some(0.0));
    assert_eq!(value.at("up.0.series").unwrap().as_text(), Some("job=\"b\""));
    assert_eq!(value.at("warnings.0").unwrap().as_text(), Some("total: w"));
    let keys: Vec<String> = samples.keys.iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["prom:total", "prom:up{job=\"a\"}", "prom:up{job=\"b\"}"]);
    assert_eq!(samples.values, [1.0, 1.0, 0.0]);
    let (_, again) = results.read(&answers).unwrap();
    assert!(Arc::ptr_eq(&samples.keys, &again.keys));
}

#[test]
fn an_empty_vector_is_absent_and_a_text_stays_one() {
    let answers = by_name([("up", vector("[]")), ("total", answer("string", r#"[0,"x"]"#))]);
    let (value, samples) = results(QUERY).read(&answers).unwrap();
    assert!(value.at("up").unwrap().is_absent());
    assert_eq!(value.at("total").unwrap().as_text(), Some("x"));
    assert!(samples.keys.is_empty());
}

#[test]
fn a_range_is_a_list_of_points() {
    let tracks = r#"[{"metric":{"job":"a"},"values":[[10,"1"],[40.5,"NaN"]]}]"#;
    let answers = by_name([("load", answer("matrix", tracks))]);
    let (value, samples) = results(QUERY).read(&answers).unwrap();
    assert_eq!(value.at("load.1.time").unwrap().as_number(), Some(40.5));
    assert_eq!(value.at("load.1.job").unwrap().as_text(), Some("a"));
    assert!(value.at("load.1.value").unwrap().is_absent());
    assert!(samples.keys.is_empty(), "history is not written after the fact");
}

#[test]
fn what_is_too_much_is_refused_with_what_to_do() {
    let config = format!("{QUERY}, \"limit_series\": 1");
    let error = results(&config).read(&by_name([("up", vector(UP))])).unwrap_err();
    assert!(error.to_string().contains("more than 1 series"), "{error}");
    let points = vec!["[0,\"1\"]"; POINTS_MAX as usize + 2].join(",");
    let tracks = format!(r#"[{{"metric":{{}},"values":[{points}]}}]"#);
    let answers = by_name([("load", answer("matrix", &tracks))]);
    let error = results(QUERY).read(&answers).unwrap_err();
    assert!(error.to_string().starts_with("load: the result has more than 5000 points"), "{error}");
    let answers = by_name([("up", answer("matrix", "[]"))]);
    let error = results(QUERY).read(&answers).unwrap_err();
    assert!(error.to_string().contains("in `ranges`"), "{error}");
}

#[test]
fn labels_that_are_added_do_not_make_a_list() {
    let mut results = results(&format!("{QUERY}, \"labels\": {{\"site\": \"n\"}}"));
    let total = vector(r#"[{"metric":{},"value":[0,"1"]}]"#);
    let (value, samples) = results.read(&by_name([("total", total)])).unwrap();
    assert_eq!(value.at("total").unwrap().as_number(), Some(1.0));
    assert_eq!(samples.keys[0].to_string(), "prom:total{site=\"n\"}");
}
