//! What a connector's endpoint needs, a source has to say.

use super::*;

const CONNECTOR: &str = r#"
title = "Weather"
base_url = "https://weather.example"

[endpoints.now]
path = "/{edition}/now"
params = { edition = "free", units = "metric" }
required = ["lat", "lon"]
"#;

fn source(more: &str) -> String {
    format!(
        "type = 'external_api'\n\n[external_api]\nconnector = 'weather'\nendpoint = 'now'\n{more}"
    )
}

fn refused(result: Result<Outcome, ApplyError>) -> Vec<Diagnostic> {
    match result.unwrap_err() {
        ApplyError::Invalid(found) => found,
        other => panic!("{other}"),
    }
}

#[test]
fn a_source_that_leaves_out_what_its_endpoint_needs_is_refused_with_the_parameter() {
    let mut house = House::new();
    house.put("connector/weather", CONNECTOR).unwrap();
    let found = refused(house.put("source/here", &source("params = { lat = 52.5 }\n")));
    assert_eq!(found.len(), 1, "{found:?}");
    let told = found[0].to_string();
    assert!(told.contains("needs the parameter lon") && found[0].line == 6, "{told}");
    let found = refused(house.put("source/here", &source("")));
    assert_eq!((found.len(), found[0].line), (2, 3), "the table that should say them");
    house.put("source/here", &source("params = { lat = 52.5, lon = '13.4' }\n")).unwrap();
}

#[test]
fn a_connector_that_needs_more_is_refused_where_its_sources_do_not_say_it() {
    let mut house = House::new();
    // It may come after its sources.
    house.put("source/here", &source("params = { lat = 52.5 }\n")).unwrap();
    let found = refused(house.put("connector/weather", CONNECTOR));
    let told = found[0].to_string();
    assert!(told.contains("source/here") && told.contains("external_api.params.lon"), "{told}");
    house.put("connector/weather", &CONNECTOR.replace(", \"lon\"", "")).unwrap();
}

#[test]
fn what_has_a_value_is_not_required() {
    let mut house = House::new();
    let wrong = CONNECTOR.replace("\"lon\"", "\"units\"");
    let found = refused(house.put("connector/weather", &wrong));
    assert!(found[0].to_string().contains("units has a value"), "{}", found[0]);
}
