use super::manifest::{ParamType, ParamValue};
use super::{Health, HealthStatus, Manifest, ModuleAddress, ModuleEvent, ModuleSpec};
use crate::model::source::module::ModuleConfig;
use crate::model::{Interval, Timestamp};

fn paths(problems: Vec<(String, String)>) -> Vec<String> {
    problems.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn little_needs_to_be_said_of_a_module() {
    let spec: ModuleSpec =
        serde_json::from_str(r#"{"endpoint": "http://127.0.0.1:9401"}"#).unwrap();
    assert!(spec.enabled && spec.contribute && spec.problems().is_empty());
    assert_eq!(spec.interval, Interval::from_secs(10));
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<ModuleSpec>(&json).unwrap(), spec);
}

#[test]
fn misspelt_keys_and_intervals_out_of_range_are_refused() {
    let text = r#"{"endpoint": "http://127.0.0.1:9401", "enable": true}"#;
    assert!(serde_json::from_str::<ModuleSpec>(text).is_err());
    for (interval, good) in [("999ms", false), ("1s", true), ("1h", true), ("61m", false)] {
        let text = format!(r#"{{"endpoint": "unix:/run/m", "interval": "{interval}"}}"#);
        let spec: ModuleSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(spec.problems().is_empty(), good, "{interval}");
    }
}

#[test]
fn a_socket_takes_no_credential() {
    for (endpoint, good) in [("unix:/run/m", false), ("https://m.example", true)] {
        let text = format!(r#"{{"endpoint": "{endpoint}", "credential": "m"}}"#);
        let spec: ModuleSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(spec.problems().is_empty(), good, "{endpoint}");
    }
}

#[test]
fn addresses_are_read_and_written_alike() {
    let table = [
        ("http://127.0.0.1:9401", "http://127.0.0.1:9401"),
        ("http://127.0.0.1:9401/", "http://127.0.0.1:9401"),
        ("http://Sales.Example", "http://sales.example:80"),
        ("https://sales.example", "https://sales.example:443"),
        ("http://[::1]:9401", "http://[::1]:9401"),
        ("https://[::1]", "https://[::1]:443"),
        ("unix:/run/sales.sock", "unix:/run/sales.sock"),
    ];
    for (text, written) in table {
        let address: ModuleAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), written);
        assert_eq!(written.parse::<ModuleAddress>().unwrap(), address);
    }
    let unix: ModuleAddress = "unix:/run/sales.sock".parse().unwrap();
    assert_eq!(unix.base(), "http://localhost");
}

#[test]
fn what_is_no_address_is_refused() {
    let long = format!("unix:/{}", "x".repeat(107));
    for text in [
        "",
        "127.0.0.1:9401",
        "ftp://127.0.0.1",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:65536",
        "http://host:80/api",
        "http://host?x",
        "http://me:secret@host",
        "http://[::1",
        "http://[::1]x",
        "http://[host]:80",
        "http://ho st",
        "http://host\u{0}",
        "unix:run/sales.sock",
        "unix:/",
        "unix:/a\u{0}b",
        long.as_str(),
    ] {
        assert!(text.parse::<ModuleAddress>().is_err(), "{text:?}");
    }
}

fn manifest(text: &str) -> Manifest {
    serde_json::from_str(text).unwrap()
}

const SALES: &str = r#"{
  "contract": 1, "id": "sales", "version": "2.1.0", "title": "Sales",
  "endpoints": [{"path": "/api/top", "params": [{"name": "limit", "type": "integer", "default": 5}]}],
  "widgets": [{"name": "top", "endpoint": "/api/top", "params": {"limit": 3}, "refresh": "5s",
               "widget": {"title": "Top", "type": "table"}}],
  "a-later-field": true
}"#;

#[test]
fn a_manifest_says_little_and_means_the_usual_paths() {
    let manifest = manifest(SALES);
    assert_eq!(manifest.problems(), []);
    assert_eq!(manifest.metrics.as_deref(), Some("/ccm/v1/metrics"));
    assert_eq!(manifest.health, "/ccm/v1/health");
    assert_eq!(manifest.events.as_ref().unwrap().path, "/ccm/v1/events");
    assert!(manifest.endpoint("/api/top").is_some() && manifest.endpoint("/api").is_none());
    let json = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest);
}

#[test]
fn each_problem_of_a_manifest_names_its_field() {
    let table = [
        (r#""contract": 1"#, r#""contract": 2"#, "contract"),
        (r#""version": "2.1.0""#, r#""version": """#, "version"),
        (r#""path": "/api/top""#, r#""path": "api/top""#, "endpoints[0].path"),
        (r#""path": "/api/top""#, r#""path": "/api/../top""#, "endpoints[0].path"),
        (r#""path": "/api/top""#, r#""path": "//evil/top""#, "endpoints[0].path"),
        (r#""path": "/api/top""#, r#""path": "/api/top?x""#, "endpoints[0].path"),
        (r#""default": 5"#, r#""default": 5.5"#, "endpoints[0].params[0].default"),
        (r#""endpoint": "/api/top""#, r#""endpoint": "/api/bottom""#, "widgets[0].endpoint"),
        (r#"{"limit": 3}"#, r#"{"limits": 3}"#, "widgets[0].params"),
        (r#"{"limit": 3}"#, r#"{"limit": true}"#, "widgets[0].params"),
        (r#""refresh": "5s""#, r#""refresh": "5ms""#, "widgets[0].refresh"),
        (r#""title": "Top""#, r#""source": "host""#, "widgets[0].widget.source"),
        (r#""a-later-field": true"#, r#""health": "health""#, "health"),
        (r#""a-later-field": true"#, r#""metrics": "x""#, "metrics"),
    ];
    for (from, to, path) in table {
        assert!(SALES.contains(from), "{from}");
        let found = paths(manifest(&SALES.replace(from, to)).problems());
        assert!(found.iter().any(|found| found == path), "{to}: {found:?}");
    }
}

#[test]
fn a_parameter_of_text_suits_every_type_because_it_may_be_a_template() {
    let all = [
        ParamType::String,
        ParamType::Integer,
        ParamType::Number,
        ParamType::Boolean,
        ParamType::Time,
    ];
    for param_type in all {
        assert!(param_type.suits(&ParamValue::Text("today".to_owned())));
    }
    assert!(ParamType::Number.suits(&ParamValue::Integer(1)));
    assert!(!ParamType::Integer.suits(&ParamValue::Number(1.5)));
}

#[test]
fn health_is_bounded() {
    let health: Health = serde_json::from_str(
        r#"{"status": "degraded", "detail": "slow", "checks": [{"name": "database", "status": "running"}]}"#,
    )
    .unwrap();
    assert_eq!(health.status, HealthStatus::Degraded);
    assert_eq!(health.problems(), []);
    let many = Health { checks: vec![health.checks[0].clone(); 65], ..health.clone() };
    assert_eq!(paths(many.problems()), ["checks"]);
    let long = Health { detail: Some("x".repeat(1_025)), ..health };
    assert_eq!(paths(long.problems()), ["detail"]);
    assert!(serde_json::from_str::<Health>(r#"{"status": "fine"}"#).is_err());
}

#[test]
fn an_event_tells_when_it_happened_and_what_it_makes_stale() {
    let event: ModuleEvent = serde_json::from_str(
        r#"{"type": "order.created", "at": "1970-01-01T00:00:01Z", "message": "Order 7",
            "fields": {"amount": 12.5, "paid": true}, "invalidates": ["/api/orders"]}"#,
    )
    .unwrap();
    assert_eq!(event.problems(), []);
    assert_eq!(event.time(), Some(Timestamp::from_millis(1_000)));
    let bad = ModuleEvent {
        event_type: String::new(),
        at: "yesterday".to_owned(),
        message: "x".repeat(1_025),
        fields: (0..33).map(|n| (n.to_string(), ParamValue::Integer(n))).collect(),
        invalidates: vec!["orders".to_owned()],
        ..event
    };
    assert_eq!(paths(bad.problems()), ["type", "at", "message", "fields", "invalidates[0]"]);
}

#[test]
fn a_source_asks_a_module_for_one_thing() {
    let table = [
        (r#"{"name": "sales", "endpoint": "/api/top", "params": {"since": "today"}}"#, None),
        (r#"{"name": "sales", "metrics": true}"#, None),
        (r#"{"name": "sales", "events": true}"#, None),
        (r#"{"name": "sales"}"#, Some("endpoint")),
        (r#"{"name": "sales", "endpoint": "/api", "events": true}"#, Some("endpoint")),
        (r#"{"name": "sales", "endpoint": "api"}"#, Some("endpoint")),
        (r#"{"name": "sales", "metrics": true, "params": {"x": 1}}"#, Some("params")),
    ];
    for (text, path) in table {
        let config: ModuleConfig = serde_json::from_str(text).unwrap();
        let expected: Vec<&str> = path.into_iter().collect();
        assert_eq!(paths(config.problems()), expected, "{text}");
    }
}
