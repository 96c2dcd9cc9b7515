use super::{LIMIT_SERIES_DEFAULT, PrometheusConfig, is_label_name, is_metric_name};
use crate::model::Interval;

fn config(json: &str) -> PrometheusConfig {
    serde_json::from_str(json).unwrap()
}

#[test]
fn an_address_is_enough() {
    let spec = config(r#"{"url": "http://db1:9100"}"#);
    assert_eq!(spec.limit_series, LIMIT_SERIES_DEFAULT);
    assert_eq!(spec.problems(), []);
    assert_eq!(serde_json::to_string(&spec).unwrap(), r#"{"url":"http://db1:9100"}"#);
}

#[test]
fn everything_can_be_said_and_comes_back() {
    let scrape = r#"{"url": "https://db1:9100", "path": "/m?x=1", "credential": "db", "auth": {"type": "basic"},
        "headers": {"X-Scope-OrgID": "acme"}, "ca_file": "/etc/ca.pem", "keep": ["node_*"],
        "drop": ["*_bucket"], "labels": {"site": "north"}, "limit_series": 5,
        "rows": ["node_filesystem_avail_bytes"], "rates": ["node_cpu_seconds_total"],
        "quantiles": [{"metric": "http_seconds", "q": [0, 0.95, 1], "by": ["handler"]}]}"#;
    let query = r#"{"url": "http://prom:9090/prefix", "query": {"values": {"up": "sum(up)"},
        "ranges": {"load": {"query": "node_load1", "window": "1h", "step": "30s"}}}}"#;
    for text in [scrape, query] {
        let spec = config(text);
        assert_eq!(spec.problems(), [], "{text}");
        assert_eq!(config(&serde_json::to_string(&spec).unwrap()), spec);
    }
    let load = &config(query).query.unwrap().ranges["load"];
    assert_eq!(load.window, Interval::from_secs(3_600));
}

#[test]
fn each_problem_names_its_field() {
    let table = [
        (r#""url": "db1:9100""#, "url"),
        (r#""url": "http://""#, "url"),
        (r#""url": "http://me:secret@db1""#, "url"),
        (r#""url": "http://db1/?x""#, "url"),
        (r#""url": "http://a", "auth": {"type": "bearer"}"#, "credential"),
        (r#""url": "http://a", "path": "metrics""#, "path"),
        (r#""url": "http://a", "headers": {"AUTHORIZATION": "x"}"#, "headers.AUTHORIZATION"),
        (r#""url": "http://a", "keep": ["no.de"]"#, "keep.0"),
        (r#""url": "http://a", "rows": ["a", "*"]"#, "rows.1"),
        (r#""url": "http://a", "rates": [""]"#, "rates.0"),
        (r#""url": "http://a", "rates": ["a", "b", "a"]"#, "rates.2"),
        (r#""url": "http://a", "quantiles": [{"metric": "a", "q": [1, 1]}]"#, "quantiles.0.q"),
        (r#""url": "http://a", "labels": {"a:b": "c"}"#, "labels.a:b"),
        (r#""url": "http://a", "limit_series": 0"#, "limit_series"),
        (
            r#""url": "http://a", "quantiles": [{"metric": "a_bucket", "q": [1]}]"#,
            "quantiles.0.metric",
        ),
        (r#""url": "http://a", "quantiles": [{"metric": "a", "q": []}]"#, "quantiles.0.q"),
        (r#""url": "http://a", "quantiles": [{"metric": "a", "q": [95]}]"#, "quantiles.0.q"),
        (
            r#""url": "http://a", "quantiles": [{"metric": "a", "q": [1], "by": ["le"]}]"#,
            "quantiles.0.by",
        ),
        (r#""url": "http://a", "query": {}"#, "query"),
        (r#""url": "http://a", "path": "/m", "query": {"values": {"a": "b"}}"#, "path"),
        (r#""url": "http://a", "query": {"values": {"a.b": "c"}}"#, "query.values.a.b"),
        (r#""url": "http://a", "query": {"values": {"warnings": "c"}}"#, "query.values.warnings"),
        (r#""url": "http://a", "query": {"values": {"a": " "}}"#, "query.values.a"),
        (
            r#""url": "http://a", "query": {"ranges": {"a": {"query": "b", "window": "7d", "step": "1s"}}}"#,
            "query.ranges.a.step",
        ),
        (
            r#""url": "http://a", "query": {"ranges": {"a": {"query": "b", "window": "1h", "step": "0s"}}}"#,
            "query.ranges.a.step",
        ),
    ];
    for (fields, path) in table {
        let problems = config(&format!("{{{fields}}}")).problems();
        assert_eq!(problems.len(), 1, "{fields}: {problems:?}");
        assert_eq!(problems[0].0, path);
    }
}

#[test]
fn misspelt_keys_are_refused() {
    for text in [
        r"{}",
        r#"{"url": "http://a", "targets": []}"#,
        r#"{"url": "http://a", "query": {"value": {}}}"#,
    ] {
        assert!(serde_json::from_str::<PrometheusConfig>(text).is_err(), "{text}");
    }
}

#[test]
fn names_are_the_classic_ones() {
    for name in ["a", "_x9", "job:rate5m", ":"] {
        assert!(is_metric_name(name), "{name}");
    }
    for name in ["", "9a", "a.b", "a-b", "é", "a b"] {
        assert!(!is_metric_name(name), "{name}");
    }
    assert!(is_label_name("le") && !is_label_name("a:b"));
}
