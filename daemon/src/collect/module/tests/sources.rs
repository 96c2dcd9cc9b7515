//! Sources of modules: what they ask, and why they have nothing.

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::module::{Health, HealthStatus, Manifest, ModuleSpec};
use ccm_proto::model::source::ModuleConfig;
use ccm_proto::model::{Interval, Reading, Samples, Value};

use super::fake::{Fake, json, text};
use super::{at, name};
use crate::collect::module::directory::Directory;
use crate::collect::module::state::Sign;
use crate::collect::module::way::WayError;
use crate::collect::module::{Digest, Fill, ModuleCollector};
use crate::collect::{CollectError, Fetch as _, Moment, Retry};

const MANIFEST: &str = r#"{"contract": 1, "id": "sales", "version": "1", "title": "Sales",
    "events": null, "metrics": "/numbers"}"#;

fn moment() -> Moment {
    Moment { at: at(60), elapsed: Duration::from_mins(1) }
}

/// Keeps the body's text as it is.
fn digest() -> Digest {
    Box::new(|answer, moment| {
        let value = Value::from(String::from_utf8_lossy(&answer.body).into_owned());
        Ok(Reading { source: name("source"), at: moment.at, value, samples: Samples::none() })
    })
}

fn fill() -> Fill {
    Box::new(|params, at| {
        let pairs = params.iter().map(|(name, value)| match value.to_string() {
            text if text == "now" => (name.clone(), at.as_millis().to_string()),
            text => (name.clone(), text),
        });
        Ok(pairs.collect())
    })
}

struct Stand {
    way: Arc<Fake>,
    directory: Directory,
}

impl Stand {
    fn new() -> Self {
        let directory = Directory::default();
        let spec: ModuleSpec = serde_json::from_str(r#"{"endpoint": "unix:/run/s"}"#).unwrap();
        directory.enter(&name("sales"), spec.into(), at(0));
        let way = Fake::new(&[("/orders", r#"{"orders": []}"#), ("/numbers", "{}")]);
        Self { way, directory }
    }

    fn collector(&self, config: &str) -> ModuleCollector {
        let config: ModuleConfig = serde_json::from_str(config).unwrap();
        assert_eq!(config.problems(), []);
        ModuleCollector::new(
            name("source"),
            config,
            Interval::from_secs(5),
            (self.directory.clone(), Arc::<Fake>::clone(&self.way)),
            (fill(), digest()),
        )
    }

    async fn cause(&self, config: &str) -> (String, Retry) {
        match self.collector(config).fetch(moment()).await {
            Err(CollectError::Source { cause, retry }) => (cause.to_string(), retry),
            other => panic!("{other:?}"),
        }
    }
}

const ORDERS: &str = r#"{"name": "sales", "endpoint": "/orders"}"#;

#[tokio::test]
async fn an_endpoint_is_asked_with_its_parameters() {
    let stand = Stand::new();
    let config = r#"{"name": "sales", "endpoint": "/orders",
        "params": {"since": "now", "q": "a&b c", "limit": 3, "all": true}}"#;
    let reading = stand.collector(config).fetch(moment()).await.unwrap();
    assert_eq!(reading.value.as_text(), Some(r#"{"orders": []}"#));
    assert_eq!(stand.way.asked(), ["/orders?all=true&limit=3&q=a%26b+c&since=60000"]);
}

#[tokio::test]
async fn metrics_are_asked_where_the_manifest_says() {
    let stand = Stand::new();
    let metrics = r#"{"name": "sales", "metrics": true}"#;
    stand.way.give("/ccm/v1/metrics", Ok(text(200, "text/plain", "a 1\n")));
    let reading = stand.collector(metrics).fetch(moment()).await.unwrap();
    assert_eq!(reading.value.as_text(), Some("a 1\n"), "before the manifest was read");
    let manifest: Manifest = serde_json::from_str(MANIFEST).unwrap();
    stand.directory.describe(&name("sales"), &manifest.into());
    stand.collector(metrics).fetch(moment()).await.unwrap();
    assert_eq!(stand.way.asked(), ["/ccm/v1/metrics", "/numbers"]);
    let (cause, _) = stand.cause(r#"{"name": "sales", "events": true}"#).await;
    assert!(cause.contains("offers no events"), "{cause}");
}

#[tokio::test]
async fn a_source_of_a_dead_module_says_why_without_asking_it() {
    let stand = Stand::new();
    let stopped = Health {
        status: HealthStatus::Stopped,
        detail: Some("closed for stocktaking".to_owned()),
        version: None,
        checks: Vec::new(),
    };
    stand.directory.take(&name("sales"), &Sign::Health(stopped), None, at(1));
    let (cause, retry) = stand.cause(ORDERS).await;
    assert_eq!(cause, "the module sales is stopped: closed for stocktaking");
    assert_eq!(retry, Retry::Backoff);
    assert_eq!(stand.way.asked(), [""; 0]);
    let other = ORDERS.replace("sales", "crm");
    assert!(stand.cause(&other).await.0.contains("there is no module crm"));
}

#[tokio::test]
async fn errors_of_a_module_are_told_with_the_pause_that_it_asks_for() {
    let stand = Stand::new();
    let mut busy = text(503, "application/problem+json", r#"{"title": "Busy", "detail": "wait"}"#);
    busy.retry_after = Some(Interval::from_secs(7));
    stand.way.give("/orders", Ok(busy.clone()));
    let (cause, retry) = stand.cause(ORDERS).await;
    assert!(cause.contains("sales gave no data: it answered 503: Busy, wait"), "{cause}");
    assert_eq!(retry, Retry::After(Interval::from_secs(7)));
    busy.retry_after = Some(Interval::from_secs(1 << 40));
    stand.way.give("/orders", Ok(busy));
    assert_eq!(stand.cause(ORDERS).await.1, Retry::After(Interval::from_secs(3_600)));
    stand.way.give("/orders", Ok(text(200, "text/html", "<b>")));
    assert!(stand.cause(ORDERS).await.0.contains("text/html instead of JSON"));
    stand.way.give("/orders", Err(WayError::Failed(SafeText::new("the connection broke"))));
    assert!(stand.cause(ORDERS).await.0.contains("the connection broke"));
    let long = format!(
        r#"{{"name": "sales", "endpoint": "/orders", "params": {{{}}}}}"#,
        (0..20).map(|n| format!("\"p{n}\": \"{}\"", "x".repeat(900))).collect::<Vec<_>>().join(",")
    );
    assert!(stand.cause(&long).await.0.contains("send fewer parameters"));
}

#[tokio::test]
async fn a_source_hears_of_changes_for_as_long_as_it_is_there() {
    let stand = Stand::new();
    let first = stand.collector(ORDERS);
    assert_eq!(stand.directory.sources_of(&name("sales")), [name("source")]);
    // A document that was written anew has its new collector before the old one goes, and a source
    // that is tried has two for as long.
    let second = stand.collector(ORDERS);
    assert_eq!(stand.directory.sources_of(&name("sales")), [name("source")]);
    drop(second);
    assert_eq!(stand.directory.sources_of(&name("sales")), [name("source")]);
    drop(first);
    assert_eq!(stand.directory.sources_of(&name("sales")), []);
    let events = r#"{"name": "sales", "events": true}"#;
    let reading = stand.collector(events).fetch(moment()).await.unwrap();
    assert_eq!(reading.value.at("count").unwrap().as_number(), Some(0.0));
    stand.way.give("/orders", Ok(json("{}")));
}
