//! Every parser of what comes from outside, with what must hold whatever it is given.
//!
//! The targets of `fuzz_targets/` call these under libFuzzer; `daemon/tests/fuzz_smoke.rs` calls
//! them with the corpora and mutations of those, so that every build does a little of it. An input
//! of several parts has them one after the other, with a line `---` between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::collect::exec::answer as exec;
use ccm_daemon::collect::external_api::pages::{Next, Pages};
use ccm_daemon::collect::extract::{self, Extractor};
use ccm_daemon::collect::http::cache::{FRESH_MAX, freshness};
use ccm_daemon::collect::http::quota::RESET_MAX;
use ccm_daemon::collect::http::retry_after::{WAIT_MAX, retry_after};
use ccm_daemon::collect::http::{Quota, QuotaHeaders, redirect, request};
use ccm_daemon::collect::json;
use ccm_daemon::collect::module::answer::{self, event};
use ccm_daemon::collect::module::{Answer as ModuleAnswer, contributions, sse};
use ccm_daemon::collect::prometheus::Scraper;
use ccm_daemon::collect::prometheus::answer::{Answer, QueryResult};
use ccm_daemon::collect::prometheus::exposition::{
    Format, LABEL_BYTES_MAX, LABELS_MAX, Line, Lines, parse_series, text_of, unescape,
};
use ccm_daemon::collect::prometheus::results::Results;
use ccm_daemon::collect::template::{Scene, resolve_json};
use ccm_daemon::discover::tables;
use ccm_daemon::query::{Input, Query};
use ccm_daemon::registry::check::{Spec, check};
use ccm_daemon::registry::schema::{Text, parse};
use ccm_daemon::secret::{PinnedOrigin, parse_scope};
use ccm_proto::SafeText;
use ccm_proto::convert::CredentialState;
use ccm_proto::model::egress::EgressHost;
use ccm_proto::model::module::{BridgePath, Manifest, ModuleAddress};
use ccm_proto::model::series::SeriesSelector;
use ccm_proto::model::source::external_api::TimeFormat;
use ccm_proto::model::source::{Extract, Param, PrometheusConfig, QueryConfig};
use ccm_proto::model::{DocumentId, Interval, Kind, Name, Scope, Timestamp, Value, ViewDelta};
use ccm_proto::wire;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use jiff::tz::TimeZone;
use prost::Message;
use serde_json::Value as Json;
use url::Url;

/// What a target does with one input. It panics where something does not hold.
pub type Body = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: [(&str, Body); 14] = [
    ("exposition", exposition),
    ("promql", promql),
    ("json", json_bounds),
    ("extract", extract_rules),
    ("template", template),
    ("pages", pages),
    ("sse", events),
    ("module", module),
    ("headers", headers),
    ("hosts", hosts),
    ("query", query),
    ("tables", socket_tables),
    ("documents", documents),
    ("wire", messages),
];

/// A moment in 2026 with all its digits.
const NOW: Timestamp = Timestamp::from_millis(1_780_000_123_456);

fn name(text: &str) -> Option<Name> {
    Name::new(text).ok()
}

/// The parts of an input.
fn parts(bytes: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(bytes).ok()?.split_once("\n---\n")
}

fn prometheus_config(more: &str) -> Option<PrometheusConfig> {
    toml::from_str(&format!("url = \"http://127.0.0.1/\"\n{more}")).ok()
}

/// Metrics as text. A first byte `o` stands for OpenMetrics and is no part of the text. A sample's
/// series reads as it did within its line, and a scrape that comes again gives the same keys.
pub fn exposition(bytes: &[u8]) {
    let (format, bytes) = match bytes.split_first() {
        Some((b'o', rest)) => (Format::OpenMetrics, rest),
        _ => (Format::Text, bytes),
    };
    if let Ok(text) = text_of(bytes) {
        let mut lines = Lines::new(text, format);
        while let Ok(Some(line)) = lines.read() {
            let Line::Sample(sample) = line else { continue };
            assert_eq!(parse_series(sample.series), Ok((sample.metric, sample.labels)));
            assert!(sample.labels.iter().count() <= LABELS_MAX);
            for (_, value) in sample.labels.iter() {
                assert!(unescape(value).len() <= value.len() && value.len() <= LABEL_BYTES_MAX);
            }
        }
    }
    let (Some(source), Some(config)) = (name("node"), prometheus_config("")) else { return };
    let mut scraper = Scraper::new(source.clone(), config.clone());
    let first = scraper.read(bytes, format, Duration::from_secs(10));
    let again = scraper.read(bytes, format, Duration::from_secs(20));
    let anew = Scraper::new(source, config).read(bytes, format, Duration::from_secs(20));
    assert_eq!(first.is_ok(), again.is_ok());
    if let (Ok(first), Ok(again), Ok(anew)) = (first, again, anew) {
        assert_eq!(first.samples.keys, again.samples.keys);
        assert_eq!(again.samples.keys, anew.samples.keys);
        assert_eq!(again.samples.keys.len(), again.samples.values.len());
        assert_eq!(again.duplicates, anew.duplicates);
    }
}

/// Answers of a server with Prometheus' HTTP interface, and the readings of them.
pub fn promql(bytes: &[u8]) {
    let Ok(answer) = Answer::parse(bytes) else { return };
    let ranges = "[query.ranges]\nq = { query = \"up\", window = \"1h\", step = \"1m\" }\n";
    let instants = "[query.values]\nq = \"up\"\n";
    let is_range = matches!(answer.result, QueryResult::Matrix(_));
    let config = prometheus_config(if is_range { ranges } else { instants });
    let config = config.or_else(|| prometheus_config(""));
    let (Some(source), Some(config)) = (name("server"), config) else { return };
    let mut results = Results::new(source, Arc::new(config));
    let answers = BTreeMap::from([("q".to_owned(), answer)]);
    if let Ok((_, samples)) = results.read(&answers) {
        assert_eq!(samples.keys.len(), samples.values.len());
        let again = results.read(&answers);
        assert!(again.is_ok_and(|(_, again)| Arc::ptr_eq(&again.keys, &samples.keys)));
    }
}

fn size(json: &Json) -> (usize, usize) {
    let add = |(nodes, depth): (usize, usize), below: (usize, usize)| {
        (nodes + below.0, depth.max(below.1 + 1))
    };
    match json {
        Json::Array(items) => items.iter().map(size).fold((1, 0), add),
        Json::Object(map) => map.values().map(size).fold((1, 0), add),
        _ => (1, 0),
    }
}

/// JSON within its bounds: what is read can be written and read again, and is a reading.
pub fn json_bounds(bytes: &[u8]) {
    let Ok(read) = json::parse(bytes) else { return };
    let (nodes, depth) = size(&read);
    assert!(nodes <= json::NODES_MAX && depth <= json::DEPTH_MAX);
    let again = json::parse(read.to_string().as_bytes());
    assert!(again.is_ok_and(|again| size(&again) == (nodes, depth)));
    let Some(source) = name("api") else { return };
    let Ok(mut extractor) = Extractor::new(&source, None) else { return };
    let reading = extractor.reading(NOW, read);
    assert_eq!(reading.samples.keys.len(), reading.samples.values.len());
}

/// An `[extract]`, and a JSON answer.
pub fn extract_rules(bytes: &[u8]) {
    let Some((rules, body)) = parts(bytes) else { return };
    let (Ok(rules), Some(source)) = (toml::from_str::<Extract>(rules), name("api")) else { return };
    let problems = extract::problems(&rules);
    let extractor = Extractor::new(&source, Some(&rules));
    assert_eq!(problems.is_empty(), extractor.is_ok());
    // Documents with other problems never come so far.
    let (Ok(mut extractor), true) = (extractor, rules.problems().is_empty()) else { return };
    let Ok(body) = json::parse(body.as_bytes()) else { return };
    let first = extractor.reading(NOW, body.clone());
    let again = extractor.reading(NOW, body);
    assert_eq!(first.samples.keys.len(), first.samples.values.len());
    assert!(Arc::ptr_eq(&first.samples.keys, &again.samples.keys));
    assert_eq!(first.value, again.value);
}

/// A template in each of the forms of time, in UTC and in a zone with summer time. The variables
/// are fixed; a text stays a plain value unless it is the name of one that is none.
pub fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let variables = BTreeMap::from([
        ("word".to_owned(), Param::Text("$word now-1d".to_owned())),
        ("count".to_owned(), Param::Integer(3)),
        ("list".to_owned(), Param::List(vec![Param::Text("today".to_owned())])),
    ]);
    let zones = [TimeZone::UTC, TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC)];
    let formats = [TimeFormat::Rfc3339, TimeFormat::Date, TimeFormat::Seconds, TimeFormat::Millis];
    for zone in zones {
        for format in formats {
            let scene = Scene { now: NOW, zone: zone.clone(), format, variables: &variables };
            let param = scene.resolve(&Param::Text(text.to_owned()));
            if !text.contains("list") && !text.contains("word") {
                assert!(!matches!(param, Ok(Param::List(_) | Param::Table(_))));
            }
            let body = Json::Array(vec![Json::String(text.to_owned())]);
            assert_eq!(resolve_json(&scene, &body).is_ok(), param.is_ok());
        }
    }
}

/// A header `Link` or `Location`, or `[pagination]` and a page: whatever they say, nothing leads to
/// another origin while a credential goes along.
pub fn pages(bytes: &[u8]) {
    let Ok(from) = Url::parse("https://api.example.com/items?page=1&after=a") else { return };
    let stays = |to: &Url| {
        assert_eq!(to.origin(), from.origin());
        assert!(to.username().is_empty() && to.password().is_none());
    };
    if let Some((config, page)) = parts(bytes) {
        let Some(pages) = toml::from_str(config).ok().and_then(|it| Pages::new(&it).ok()) else {
            return;
        };
        let Ok(page) = json::parse(page.as_bytes()) else { return };
        let mut whole = page.clone();
        let _ = pages.join(&mut whole, page.clone());
        for index in [0, 1, u32::MAX] {
            let _ = pages.next(&page, index, &from, None);
        }
        return;
    }
    let Ok(link) = toml::from_str("type = 'link'") else { return };
    let header = String::from_utf8_lossy(bytes);
    let next = Pages::new(&link).and_then(|it| it.next(&Json::Null, 0, &from, Some(&header)));
    if let Ok(Some(Next::At(to))) = next {
        stays(&to);
    }
    let Ok(location) = HeaderValue::from_bytes(bytes) else { return };
    let host = SafeText::new("api.example.com");
    for (status, credential) in [(302, true), (302, false), (307, true), (308, false)] {
        let (host, url, method) = (&host, &from, &Method::POST);
        let asked = redirect::Asked { host, url, method, credential, steps: 0, limit: 3 };
        let Ok(status) = StatusCode::from_u16(status) else { continue };
        if let Ok(Some(next)) = redirect::next(asked, status, Some(&location)) {
            assert_eq!(next.url.scheme(), "https");
            if credential {
                stays(&next.url);
            }
        }
    }
}

/// A stream of events; its first byte says in what pieces it comes. The pieces change nothing.
pub fn events(bytes: &[u8]) {
    let Some((piece, stream)) = bytes.split_first() else { return };
    let mut whole = sse::Parser::default();
    let frames = whole.push(stream);
    let mut pieces = sse::Parser::default();
    let mut found = Vec::new();
    for part in stream.chunks(usize::from(*piece).max(1)) {
        found.extend(pieces.push(part));
    }
    assert_eq!(found, frames);
    assert_eq!((pieces.last_id(), pieces.retry()), (whole.last_id(), whole.retry()));
    assert_eq!(pieces.dropped(), whole.dropped());
    assert_eq!(whole.again().last_id(), whole.last_id());
    assert!(whole.retry().is_none_or(|retry| retry <= sse::RETRY_MAX));
    assert!(HeaderValue::from_str(whole.last_id()).is_ok());
    for frame in &frames {
        assert!(frame.data.len() <= sse::DATA_MAX && frame.id.len() <= sse::ID_MAX);
        assert!(frame.event.len() <= sse::NAME_MAX && !frame.event.is_empty());
        let _ = event(frame);
        let path = answer::ask(frame).ok().and_then(|ask| ask.path.parse::<BridgePath>().ok());
        if let Some(path) = path {
            // What is compared with grants can be read in one way only.
            assert!(path.path().starts_with('/') && !path.path().contains(['%', ';', '\\']));
            let mut steps = path.path().split('/').skip(1);
            assert!(path.path() == "/" || !steps.any(|step| matches!(step, "" | "." | "..")));
        }
    }
}

/// What a module answers: a manifest, its health or an event. A manifest that is taken is the same
/// when it is written and read again, and offers documents of good names.
pub fn module(bytes: &[u8]) {
    let body = bytes.to_vec().into();
    let content_type = "application/json".to_owned();
    let mut answer = ModuleAnswer { status: 200, content_type, body, ..ModuleAnswer::default() };
    if let (Ok(manifest), Some(module)) = (answer::manifest(&answer), name("shop")) {
        let text = serde_json::to_string(&manifest).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Manifest>(&text).ok(), Some(manifest.clone()));
        let asked = ModuleAddress::Unix("/run/shop.sock".to_owned());
        let of = |address| contributions(&module, &manifest, address);
        for (id, tree) in of(&asked).into_iter().chain(of(&ModuleAddress::Push)) {
            assert!(id.name.as_str().starts_with("shop"));
            // A source is made by us alone; a widget is what the module says.
            assert!(id.kind == Kind::Widget || check(id.kind, &tree).is_ok(), "{tree}");
        }
    }
    let _ = answer::health(&answer);
    let data = String::from_utf8_lossy(bytes).into_owned();
    let _ = event(&sse::Frame { id: String::new(), event: "message".to_owned(), data });
    answer.status = 500;
    assert!(answer::body(&answer).is_err());
}

/// Headers of an answer, one a line: waits, quotas and lifetimes stay within their bounds.
pub fn headers(bytes: &[u8]) {
    let mut map = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let header = HeaderName::from_bytes(name);
        if let (Ok(header), Ok(value)) = (header, HeaderValue::from_bytes(value[1..].trim_ascii()))
        {
            map.append(header, value);
        }
    }
    for now in [NOW, Timestamp::EPOCH, Timestamp::from_millis(i64::MAX)] {
        assert!(retry_after(&map, now).is_none_or(|wait| wait <= WAIT_MAX));
        assert!(freshness(&map, now).fresh <= FRESH_MAX);
        if let Some(quota) = Quota::read(&QuotaHeaders::default(), &map, now) {
            assert!(quota.reset.is_none_or(|reset| reset <= now + RESET_MAX));
            let most = Interval::from_secs(60);
            assert!(quota.exhausted(now, most).is_none_or(|wait| wait <= most));
        }
    }
}

/// Hosts, origins, addresses and spans, one text in all their forms: each reads again as what it
/// is shown as.
pub fn hosts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    macro_rules! reads_again {
        ($($kind:ty),*) => {$(
            if let Ok(read) = text.parse::<$kind>() {
                assert_eq!(read.to_string().parse().as_ref(), Ok(&read), "{read}");
            }
        )*};
    }
    reads_again!(EgressHost, PinnedOrigin, ModuleAddress, Interval, Name);
    if let Some(scope) = parse_scope(text) {
        assert_eq!(parse_scope(&scope.to_string()), Some(scope));
    }
    let Ok(url) = request::parse(text) else { return };
    if let Ok(origin) = PinnedOrigin::of(&url) {
        assert!(origin.covers(&url));
        assert_eq!(origin.to_string().parse().as_ref(), Ok(&origin));
    }
    // Other schemes are URLs too, and are refused when they are dialled.
    if let Ok(dialled) = request::Origin::of(&url) {
        assert!(!dialled.host().is_empty() && dialled.port() > 0, "{url}");
    }
}

/// A `[query]`, and the readings of its inputs as JSON by the inputs' names.
pub fn query(bytes: &[u8]) {
    let Some((config, inputs)) = parts(bytes) else { return };
    let Ok(config) = toml::from_str::<QueryConfig>(config) else { return };
    let Ok(query) = Query::compile(&config) else { return };
    let Ok(inputs) = json::parse(inputs.as_bytes()) else { return };
    let inputs: BTreeMap<String, Value> = match inputs {
        Json::Object(map) => map.into_iter().map(|(name, it)| (name, json::value(it))).collect(),
        _ => BTreeMap::new(),
    };
    let mut state = query.begin();
    for round in 0..2 {
        let input = |(name, _): &(String, Name)| Input {
            value: inputs.get(name).filter(|_| round > 0),
            changed: true,
        };
        let inputs: Vec<Input<'_>> = query.inputs().iter().map(input).collect();
        query.compute(&mut state, &inputs, Vec::new());
        let _ = (query.tree(&state), query.failure(&state));
        assert_eq!(query.metrics(&state).len(), query.numbers(&state).len());
    }
}

/// The kernel's tables of sockets, and lines of `name value` that a command writes.
pub fn socket_tables(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for found in tables::tcp(&text) {
        assert!(found.port > 0 && found.address == found.address.to_canonical());
        assert!(tables::on_loopback(found.address).is_none_or(|it| it.is_loopback()));
    }
    for found in tables::unix(&text) {
        assert!(found.path.starts_with('/') && !found.path.contains('\n'));
    }
    if let Ok(value) = exec::lines(bytes) {
        assert!(matches!(value, Value::Map(map) if !map.is_empty()));
    }
}

fn tree_of(spec: &Spec) -> Json {
    let tree = match spec {
        Spec::Layout(spec) => serde_json::to_value(spec),
        Spec::Widget(spec) => serde_json::to_value(spec),
        Spec::Source(spec) => serde_json::to_value(spec),
        Spec::Theme(spec) => serde_json::to_value(spec),
        Spec::Egress(spec) => serde_json::to_value(spec),
        Spec::Module(spec) => serde_json::to_value(spec),
        Spec::Connector(spec) => serde_json::to_value(spec),
    };
    tree.unwrap_or_default()
}

/// A document: its first line is its kind, and it is in JSON when it begins with a brace. What is
/// taken is taken again as it is written, and as the same.
pub fn documents(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((kind, text)) = text.split_once('\n') else { return };
    let Ok(kind) = kind.parse::<Kind>() else { return };
    let text = text.to_owned();
    let text = if text.starts_with('{') { Text::Json(text) } else { Text::Toml(text) };
    let parsed = match parse(&text, "fuzzed") {
        Ok(parsed) => parsed,
        Err(diagnostics) => return assert!(!diagnostics.is_empty()),
    };
    match check(kind, &parsed.tree) {
        Ok(spec) => {
            let _ = spec.references();
            let written = tree_of(&spec);
            assert_eq!(check(kind, &written), Ok(spec), "{written}");
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in &problems {
                let _ = parsed.origin.diagnostic(problem);
            }
        }
    }
}

/// A message is the same when it is written and read again. Numbers that are none are no failure:
/// so the bytes of the second writing are compared with those of the first.
fn message<M: Message + Default>(bytes: &[u8]) -> Option<M> {
    let message = M::decode(bytes).ok()?;
    let written = message.encode_to_vec();
    let again = M::decode(&*written).map(|again| again.encode_to_vec());
    assert_eq!(again.ok(), Some(written));
    Some(message)
}

/// Messages of the services: the first byte says which, the rest is the message.
pub fn messages(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 16 {
        0 => drop(message::<wire::DiscoverResponse>(bytes)),
        1 => drop(message::<wire::ListCredentialsResponse>(bytes)),
        2 => drop(message::<wire::SetCredentialRequest>(bytes)),
        3 => drop(message::<wire::TestSourceResponse>(bytes)),
        4 => drop(message::<wire::PlanCallsRequest>(bytes)),
        5 => drop(message::<wire::PlanCallsResponse>(bytes)),
        6 => drop(message::<wire::ListCallsResponse>(bytes)),
        7 => drop(message::<wire::ListSourcesResponse>(bytes)),
        8 => drop(message::<wire::ReportRequest>(bytes)),
        9 => drop(message::<wire::TestSourceRequest>(bytes)),
        10 => drop(message::<wire::ClientMessage>(bytes)),
        11 => drop(message::<wire::CredentialInfo>(bytes).map(CredentialState::try_from)),
        12 => drop(message::<wire::SeriesSelector>(bytes).map(SeriesSelector::try_from)),
        13 => drop(message::<wire::ViewDelta>(bytes).map(ViewDelta::try_from)),
        14 => drop(message::<wire::DocumentId>(bytes).map(DocumentId::try_from)),
        _ => drop(message::<wire::Scope>(bytes).map(Scope::try_from)),
    }
}
