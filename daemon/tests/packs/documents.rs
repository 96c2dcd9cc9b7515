//! Every connector as a document: whole, coherent, and showing only what it takes out.

use std::collections::{BTreeMap, BTreeSet};

use ccm_proto::model::connector::Endpoint;
use ccm_proto::model::source::external_api::{Auth, Pagination};
use ccm_proto::model::source::{Param, SourceSpec};
use ccm_proto::model::{ConnectorSpec, Kind, Name};
use serde_json::Value;

use super::fixtures::{connectors, headers, pages, service, strangers};

#[test]
fn the_services_of_the_list_are_there() {
    let names: Vec<String> = connectors().iter().map(|(name, _)| name.to_string()).collect();
    let expect = [
        "github",
        "google-analytics",
        "home-assistant",
        "mailchimp",
        "openweather",
        "pagerduty",
        "paypal",
        "postgrest",
        "sendgrid",
        "stripe",
    ];
    assert_eq!(names, expect);
    assert_eq!(Kind::Connector.as_str(), "connector");
}

#[test]
fn every_connector_is_a_valid_document_and_says_what_people_need() {
    for (name, spec) in connectors() {
        assert_eq!(spec.problems(), [], "{name}");
        assert!(spec.description.is_some(), "{name}: description");
        let documentation = spec.documentation.as_deref().unwrap_or_default();
        assert!(documentation.starts_with("https://"), "{name}: documentation");
        assert!(spec.base_url.is_some() != spec.base_url_example.is_some(), "{name}: base_url");
        assert!(spec.base_url.iter().all(|url| url.starts_with("https://")), "{name}: plain text");
        assert!(spec.auth.is_some(), "{name}: auth");
        assert!(spec.limits.is_some(), "{name}: limits");
        let credential = spec.credential.as_ref().unwrap();
        assert!(!credential.label.is_empty(), "{name}: label");
        assert!(credential.hint.as_ref().is_some_and(|hint| hint.len() > 20), "{name}: hint");
        let shown: BTreeSet<&Name> = spec.widgets.values().map(|widget| &widget.endpoint).collect();
        for (endpoint, asked) in &spec.endpoints {
            assert!(asked.description.is_some(), "{name}/{endpoint}: description");
            assert!(asked.interval.is_some(), "{name}/{endpoint}: interval");
            assert!(asked.extract.is_some(), "{name}/{endpoint}: extract");
            assert!(asked.cache.is_none_or(|cache| Some(cache) <= asked.interval), "{endpoint}");
            assert!(shown.contains(endpoint), "{name}/{endpoint}: no widget shows it");
        }
    }
}

#[test]
fn every_endpoint_has_recorded_answers_and_nothing_else_lies_beside_them() {
    for (name, spec) in connectors() {
        let endpoints: Vec<&str> = spec.endpoints.keys().map(Name::as_str).collect();
        assert_eq!(strangers(name.as_str(), &endpoints), Vec::<String>::new(), "{name}");
        let asked: Vec<String> = service(name.as_str()).endpoints.into_keys().collect();
        assert_eq!(asked, endpoints, "{name}");
        for (endpoint, asked) in &spec.endpoints {
            let pages = pages(name.as_str(), endpoint.as_str()).len();
            assert_eq!(pages > 1, asked.pagination.is_some(), "{name}/{endpoint}: {pages} pages");
            assert!(pages > 0, "{name}/{endpoint}");
        }
        let headers = headers(name.as_str());
        let quota = spec.quota.clone().unwrap_or_default();
        for header in [quota.limit, quota.remaining, quota.reset].into_iter().flatten() {
            assert!(headers.contains_key(&header), "{name}: {header}");
        }
    }
}

#[test]
fn a_page_is_as_large_as_what_is_asked_for() {
    for (name, spec) in connectors() {
        for (endpoint, asked) in &spec.endpoints {
            let Some(Pagination::Page { param, first, step, size, .. }) = &asked.pagination else {
                continue;
            };
            let of_size = |param: &&Param| **param == Param::Integer(i64::from(*size));
            let sized = asked.params.values().filter(of_size).count();
            assert_eq!(sized, 1, "{name}/{endpoint}: no parameter asks for {size} items");
            assert!(!asked.params.contains_key(param), "{name}/{endpoint}: {param} is given twice");
            let counts = (*first, *step) == (1, 1);
            let skips = (*first, *step) == (0, *size);
            assert!(counts || skips, "{name}/{endpoint}: from {first} by {step}");
        }
    }
}

#[test]
fn a_credential_is_never_part_of_a_pack() {
    for (name, spec) in connectors() {
        let secret = match &spec.auth {
            Some(Auth::ApiKey { header, param, .. }) => header.clone().or(param.clone()).unwrap(),
            _ => "authorization".to_owned(),
        };
        assert!(!spec.headers.keys().any(|header| header.eq_ignore_ascii_case(&secret)), "{name}");
        for endpoint in spec.endpoints.values() {
            assert!(!endpoint.allows(&secret) || endpoint.allows("*"), "{name}: {secret}");
        }
    }
}

#[test]
fn widgets_show_only_what_their_endpoint_takes_out() {
    for (name, spec) in connectors() {
        for (widget, shown) in &spec.widgets {
            let endpoint = &spec.endpoints[&shown.endpoint];
            let missing = missing(endpoint, &shown.widget);
            assert_eq!(missing, Vec::<String>::new(), "{name}: {widget} of {}", shown.endpoint);
        }
    }
}

/// The places of a reading that a widget shows.
pub(crate) struct Places {
    pub(crate) values: Vec<String>,
    /// A list and the fields of its items.
    pub(crate) rows: Option<(String, Vec<String>)>,
}

impl Places {
    pub(crate) fn of(widget: &Value) -> Self {
        let config = &widget[widget["type"].as_str().unwrap_or_default()];
        let each = |list: &'static str| config[list].as_array().into_iter().flatten();
        let texts = |found: Vec<&Value>| -> Vec<String> {
            found.into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut values = vec![&config["primary"]["value"], &config["value"]];
        let places =
            [("secondary", "value"), ("items", "value"), ("items", "max"), ("series", "metric")];
        for (list, field) in places {
            values.extend(each(list).map(|item| &item[field]));
        }
        let rows = &config["rows"];
        let path = rows.as_str().or(rows["path"].as_str());
        let mut fields = vec![&config["key"], &config["sort"]];
        fields.extend(each("columns").map(|column| &column["field"]));
        fields.extend(["title", "subtitle", "badge"].map(|field| &config["item"][field]));
        fields.extend(["x", "y", "label", "value"].map(|field| &rows[field]));
        let series = rows["series"].as_array().into_iter().flatten();
        fields.extend(series.clone().map(|series| &series["y"]));
        let mut fields = texts(fields);
        let filters = series.filter_map(|series| series["filter"].as_object());
        fields.extend(filters.flat_map(|filter| filter.keys().cloned()));
        Self { values: texts(values), rows: path.map(|path| (path.to_owned(), fields)) }
    }
}

/// The paths of a widget that its endpoint does not take out.
fn missing(endpoint: &Endpoint, widget: &Value) -> Vec<String> {
    let extract = endpoint.extract.clone().unwrap_or_default();
    let places = Places::of(widget);
    let mut missing = places.values;
    missing.retain(|value| !extract.values.contains_key(value));
    if let Some((rows, mut fields)) = places.rows {
        match extract.lists.get(&rows) {
            None => missing.push(rows),
            Some(list) => {
                fields.retain(|field| !list.fields.contains_key(field));
                missing.extend(fields);
            }
        }
    }
    missing
}

#[test]
fn what_a_widget_shows_and_an_endpoint_lacks_is_found() {
    let (_, spec): (Name, ConnectorSpec) =
        connectors().into_iter().find(|(name, _)| name.as_str() == "stripe").unwrap();
    let endpoint = &spec.endpoints[&Name::new("charges").unwrap()];
    let widget = serde_json::json!({"type": "table", "table": {
        "rows": "charges", "key": "id", "columns": [{"field": "amuont"}]}});
    assert_eq!(missing(endpoint, &widget), ["amuont"]);
    let widget = serde_json::json!({"type": "stat", "stat": {"primary": {"value": "total"}}});
    assert_eq!(missing(endpoint, &widget), ["total"]);
}

/// The examples that the documentation leads to.
fn examples() -> Vec<(String, SourceSpec)> {
    let folder =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/connectors/sources").to_owned();
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let tree: Value = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let shown = path.file_name().unwrap().to_str().unwrap().to_owned();
        let spec = serde_json::from_value(tree);
        (shown.clone(), spec.unwrap_or_else(|error| panic!("{shown}: {error}")))
    };
    files.map(read).collect()
}

#[test]
fn every_connector_has_an_example_that_asks_for_what_it_allows() {
    let connectors: BTreeMap<Name, ConnectorSpec> = connectors().into_iter().collect();
    let mut shown = BTreeSet::new();
    for (file, source) in examples() {
        assert_eq!(source.problems(), [], "{file}");
        let api = source.external_api.unwrap();
        let Some(name) = &api.connector else { continue };
        shown.insert(name.clone());
        let connector = &connectors[name];
        assert_eq!(api.base_url.is_none(), connector.base_url.is_some(), "{file}: base_url");
        let endpoint = &connector.endpoints[&Name::new(&api.endpoint).unwrap()];
        assert!(api.params.keys().all(|param| endpoint.allows(param)), "{file}");
        for param in endpoint.needed() {
            assert!(api.params.contains_key(param), "{file}: {param}");
        }
        assert!(
            source.interval.or(endpoint.interval) >= endpoint.interval,
            "{file}: asks too often"
        );
    }
    assert!(shown.iter().eq(connectors.keys()), "{shown:?}");
}
