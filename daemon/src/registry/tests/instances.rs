//! Sources settled: how often they are read, and one for each set of parameters.

use ccm_proto::model::Name;

use super::*;

const CONNECTOR: &str = r#"
title = "Shop"
base_url = "https://shop.example"

[endpoints.orders]
path = "/orders"
interval = "5m"
params = { limit = 10 }
allow_params = ["status"]
"#;

const ORDERS: &str = r#"
type = "external_api"
variables = { region = "north" }

[external_api]
connector = "shop"
endpoint = "orders"
params = { limit = 20 }
"#;

fn house() -> House {
    let mut house = House::new();
    house.put("connector/shop", CONNECTOR).unwrap();
    house.put("source/orders", ORDERS).unwrap();
    house
}

fn widget(source: &str, params: &str) -> String {
    format!(
        "title = 'w'\nsource = '{source}'\ntype = 'stat'\nparams = {params}\nstat.primary = {{ value = 'count', label = 'n' }}\n"
    )
}

fn sources(house: &House) -> Vec<String> {
    let configuration = &house.registry.snapshot().configuration;
    configuration.sources.keys().map(ToString::to_string).collect()
}

fn shown(house: &House, name: &str) -> Name {
    let configuration = &house.registry.snapshot().configuration;
    configuration.widgets[&name.parse().unwrap()].source.clone()
}

#[test]
fn equal_parameters_share_one_source_which_goes_with_its_last_widget() {
    let mut house = house();
    let open = "{ status = 'open', limit = 5 }";
    house.put("widget/a", &widget("orders", open)).unwrap();
    house.put("widget/b", &widget("orders", "{ limit = 5, status = 'open' }")).unwrap();
    house.put("widget/c", &widget("orders", "{ status = 'paid' }")).unwrap();
    house.put("widget/d", &widget("orders", "{}")).unwrap();
    assert_eq!(shown(&house, "a"), shown(&house, "b"));
    assert_ne!(shown(&house, "a"), shown(&house, "c"));
    assert_eq!(shown(&house, "d").as_str(), "orders");
    assert_eq!(sources(&house).len(), 4, "host, orders and two more");
    let configuration = &house.registry.snapshot().configuration;
    let spec = &configuration.sources[&shown(&house, "a")];
    let params = serde_json::json!(spec.external_api.as_ref().unwrap().params);
    assert_eq!(params, serde_json::json!({"limit": 5, "status": "open"}));
    assert!(configuration.assignments().contains_key(&shown(&house, "c")));

    house.write("widget/a", None, Action::Delete).unwrap();
    assert_eq!(sources(&house).len(), 4);
    house.write("widget/b", None, Action::Delete).unwrap();
    house.write("widget/c", None, Action::Delete).unwrap();
    assert_eq!(sources(&house), ["host", "orders"]);
}

#[test]
fn a_widget_gives_a_variable_where_the_source_has_one() {
    let mut house = house();
    house.put("widget/a", &widget("orders", "{ region = 'south' }")).unwrap();
    let spec = &house.registry.snapshot().configuration.sources[&shown(&house, "a")];
    assert_eq!(serde_json::json!(spec.variables), serde_json::json!({"region": "south"}));
    assert_eq!(spec.external_api.as_ref().unwrap().params.len(), 1);
}

#[test]
fn an_instance_never_takes_the_name_of_a_document() {
    let mut house = house();
    house.put("widget/a", &widget("orders", "{ status = 'open' }")).unwrap();
    let former = shown(&house, "a");
    house.put(&format!("source/{former}"), "type = 'push'\n").unwrap();
    assert_ne!(shown(&house, "a"), former);
    assert!(shown(&house, "a").as_str().starts_with(former.as_str()));
}

#[test]
fn parameters_that_a_source_does_not_take_are_refused_where_they_are_written() {
    let mut house = house();
    let refused = house.put("widget/a", &widget("orders", "{ secret = 1 }")).unwrap_err();
    let ApplyError::Invalid(found) = refused else { panic!("{refused}") };
    let told = found[0].to_string();
    assert!(told.contains("limit, status"), "{told}");
    assert_eq!(found[0].line, 4, "{told}");
    let refused = house.put("widget/a", &widget("host", "{ x = 1 }")).unwrap_err().to_string();
    assert!(refused.contains("a system source takes no parameters"), "{refused}");
    // The source may change below its widgets, too.
    house.put("widget/a", &widget("later", "{ x = 1 }")).unwrap();
    let refused = house.put("source/later", "type = 'system'\n").unwrap_err().to_string();
    assert!(refused.contains("widget/a") && refused.contains("takes no parameters"), "{refused}");
    house.put("source/later", &ORDERS.replace("region", "x")).unwrap();
}

#[test]
fn a_source_is_read_as_often_as_it_says_else_as_its_endpoint_says_else_as_is_usual() {
    let mut house = house();
    let interval = |house: &House, name: &str| {
        let configuration = &house.registry.snapshot().configuration;
        configuration.assignments()[&name.parse().unwrap()].spec.effective_interval()
    };
    assert_eq!(interval(&house, "orders"), Interval::from_secs(300));
    house.put("source/orders", &format!("interval = '10m'\n{ORDERS}")).unwrap();
    assert_eq!(interval(&house, "orders"), Interval::from_secs(600));
    for (toml, seconds) in [
        ("type = 'system'", 1),
        (
            "type = 'external_api'\nexternal_api.base_url = 'https://a.example'\nexternal_api.endpoint = '/x'",
            60,
        ),
        ("type = 'module'\nmodule = { name = 'crm', endpoint = '/api/x' }", 60),
        ("type = 'prometheus'\nprometheus.url = 'http://a.example/metrics'", 15),
        ("type = 'probe'\nprobe = { type = 'http', url = 'http://a.example' }", 15),
    ] {
        house.put("source/any", toml).unwrap();
        assert_eq!(interval(&house, "any"), Interval::from_secs(seconds), "{toml}");
        assert!(house.spec("source/any").unwrap().get("interval").is_none());
    }
}

#[test]
fn a_path_that_cannot_be_read_is_told_when_it_is_written() {
    let mut house = house();
    let wrong = format!("{ORDERS}\n[extract.values]\ncount = '$.orders['\n");
    let refused = house.put("source/orders", &wrong).unwrap_err();
    let ApplyError::Invalid(found) = refused else { panic!("{refused}") };
    assert_eq!(found[0].line, 11, "{}", found[0]);
    let dotted = wrong.replace("count", "\"open.count\"");
    let refused = house.put("source/orders", &dotted).unwrap_err();
    let ApplyError::Invalid(found) = refused else { panic!("{refused}") };
    assert_eq!(found[0].line, 11, "a name may hold dots: {}", found[0]);
    let wrong = format!("{CONNECTOR}extract.values.count = '$['\n");
    let refused = house.put("connector/shop", &wrong).unwrap_err();
    let ApplyError::Invalid(found) = refused else { panic!("{refused}") };
    assert_eq!(found[0].line, 10, "{}", found[0]);
}

#[test]
fn what_is_there_already_is_created_again_without_a_conflict() {
    let mut house = house();
    let again = house.write("source/orders", Some(0), toml_text(ORDERS)).unwrap();
    assert_eq!(again.result, OutcomeResult::Unchanged);
    let other = ORDERS.replace("20", "30");
    assert!(matches!(
        house.write("source/orders", Some(0), toml_text(&other)),
        Err(ApplyError::Conflict(_))
    ));
}
