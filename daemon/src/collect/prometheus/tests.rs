use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use ccm_proto::model::{Reading, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;
use crate::collect::{CollectError, Moment, Retry};

/// Answers what it is told to, and remembers what it was asked.
#[derive(Default)]
struct Fake {
    answers: Mutex<Vec<(u16, &'static str, String)>>,
    asked: Mutex<Vec<Page>>,
}

impl Get for Fake {
    fn get<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Answered, CollectError>> {
        self.asked.lock().unwrap().push(page.clone());
        let (status, content_type, body) = self.answers.lock().unwrap().remove(0);
        let answered = Answered {
            status,
            content_type: Some(content_type.to_owned()).filter(|text| !text.is_empty()),
            retry_after: None,
            credential: None,
            body: body.into(),
        };
        Box::pin(std::future::ready(Ok(answered)))
    }
}

fn fetch(
    config: &str,
    answers: &[(u16, &'static str, &str)],
) -> (Vec<Result<Reading, CollectError>>, Vec<Page>) {
    let config: PrometheusConfig = toml::from_str(config).unwrap();
    assert_eq!(config.problems(), []);
    let fake = Arc::new(Fake::default());
    let get = Arc::clone(&fake);
    let mut fetcher = fetcher(Name::new("db").unwrap(), config, get);
    let mut readings = Vec::new();
    fake.answers.lock().unwrap().extend(answers.iter().map(|(s, c, b)| (*s, *c, (*b).to_owned())));
    while !fake.answers.lock().unwrap().is_empty() {
        let elapsed = Duration::from_secs(readings.len() as u64);
        let moment = Moment { at: Timestamp::from_millis(1_700_000_012_345), elapsed };
        readings.push(fetcher.fetch(moment).now_or_never().unwrap());
    }
    let asked = fake.asked.lock().unwrap().clone();
    (readings, asked)
}

const TEXT: &str = "text/plain; version=0.0.4";
const JSON: &str = "application/json";

#[test]
fn a_target_is_scraped_where_the_document_says() {
    let table = [
        ("url = 'http://a:1'", "http://a:1/metrics"),
        ("url = 'http://a:1/'\npath = '/m?x=1'", "http://a:1/m?x=1"),
        ("url = 'https://a/b'", "https://a/b/metrics"),
    ];
    for (config, url) in table {
        let (readings, asked) = fetch(config, &[(200, TEXT, "up 1\n"), (200, "", "up 2\n")]);
        assert_eq!(asked[0].url, url);
        assert!(asked[0].accept.starts_with("text/plain"));
        let reading = readings[1].as_ref().unwrap();
        assert_eq!(reading.value.at("up").unwrap().as_number(), Some(2.0));
        assert_eq!(reading.at.as_millis(), 1_700_000_012_345);
    }
}

#[tokio::test]
async fn a_long_answer_is_read_elsewhere_and_its_keys_are_remembered() {
    let body: String = (0..20_000).map(|n| format!("metric{{n=\"{n}\"}} {n}\n")).collect();
    let fake = Arc::new(Fake::default());
    let answer = (200, TEXT, body);
    fake.answers.lock().unwrap().extend([answer.clone(), answer]);
    let get = Arc::clone(&fake);
    let config: PrometheusConfig = toml::from_str("url = 'http://a'").unwrap();
    let mut fetcher = fetcher(Name::new("db").unwrap(), config, get);
    let moment = Moment { at: Timestamp::EPOCH, elapsed: Duration::ZERO };
    let first = fetcher.fetch(moment).await.unwrap();
    let second = fetcher.fetch(moment).await.unwrap();
    assert_eq!(second.samples.values.len(), 20_000);
    assert!(Arc::ptr_eq(&first.samples.keys, &second.samples.keys));
}

#[test]
fn a_target_that_gives_no_metrics_says_what_to_do() {
    let table = [
        (404, "text/html", "", "answers 404; correct url or path", Retry::Backoff),
        (401, "", "", "name a credential", Retry::Hold),
        (503, "", "", "see the log", Retry::Backoff),
        (200, "text/html", "<html>", "answers text/html and not metrics", Retry::Backoff),
        (200, "\u{1b}[2J", "", "and not metrics", Retry::Backoff),
        (200, TEXT, "up one\n", "line 1 of the answer has \"one\"", Retry::Backoff),
        (200, "application/openmetrics-text", "up 1\n", "was cut off", Retry::Backoff),
    ];
    for (status, content_type, body, expected, retry) in table {
        let config = "url = 'http://a'\npath = '/metrics?token=abc'";
        let (readings, _) = fetch(config, &[(status, content_type, body)]);
        let error = readings[0].as_ref().unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("http://a/metrics ") && text.contains(expected), "{text}");
        assert!(!text.contains(['\u{1b}', '?']), "the query may hold a secret");
        assert_eq!(error.retry(), retry);
    }
}

#[test]
fn a_credential_that_is_refused_is_named() {
    for (status, part) in
        [(401, "refuses the credential db: set it anew"), (403, "credential db the right")]
    {
        let answered = Answered {
            status,
            content_type: None,
            retry_after: None,
            credential: Some("db".into()),
            body: Bytes::new(),
        };
        let error = answered.refused("http://a/metrics");
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.retry(), Retry::Hold);
    }
}

#[test]
fn a_server_is_asked_every_query() {
    let config = "url = 'http://prom/base'\n[query]\nvalues.a = 'sum(rate(x[5m])) + 1'\n\
                  ranges.b = { query = 'y', window = '1m', step = '10s' }";
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[0,"7"]}}"#;
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    let (readings, asked) = fetch(config, &[(200, JSON, scalar), (200, JSON, matrix)]);
    let value = &readings[0].as_ref().unwrap().value;
    assert_eq!(value.at("a").unwrap().as_number(), Some(7.0));
    assert_eq!(value.at("b").unwrap().as_list(), Some([].as_slice()));
    let urls: Vec<&str> = asked.iter().map(|page| page.url.as_str()).collect();
    let expected = [
        "http://prom/base/api/v1/query?query=sum%28rate%28x%5B5m%5D%29%29+%2B+1",
        "http://prom/base/api/v1/query_range?query=y&start=1699999950&end=1700000010&step=10",
    ];
    assert_eq!(urls, expected);
}

#[test]
fn a_refused_query_is_named_with_what_the_server_said() {
    let config = "url = 'http://prom'\n[query.values]\nerrors = 'sum('";
    let refused = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
    let histogram = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{},"histogram":[0,{}]}]}}"#;
    let table = [
        (400, JSON, refused, "http://prom was asked for errors: it refuses the query as bad_data"),
        (200, JSON, histogram, "http://prom was asked for errors: the result is a histogram"),
        (200, "text/html", "<html>", "see that url is a server with Prometheus' HTTP interface"),
        (502, "text/html", "<html>", "http://prom answers 502; see the log"),
        (404, JSON, "{}", "http://prom answers 404; correct url or path"),
    ];
    for (status, content_type, body, expected) in table {
        let (readings, _) = fetch(config, &[(status, content_type, body)]);
        let error = readings[0].as_ref().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_examples_are_documents_without_problems() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/prometheus/");
    let texts = |kind: &str| -> Vec<String> {
        let files = std::fs::read_dir(format!("{folder}{kind}")).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    };
    for text in texts("sources") {
        let spec: ccm_proto::model::SourceSpec = toml::from_str(&text).unwrap();
        assert_eq!(spec.problems(), [], "{text}");
    }
    for text in texts("widgets") {
        let spec: ccm_proto::model::WidgetSpec = toml::from_str(&text).unwrap();
        assert_eq!(spec.problems(), [], "{text}");
    }
}
