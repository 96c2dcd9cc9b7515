use serde_json::{Value, json};

use super::ConnectorSpec;
use crate::model::Name;

fn connector() -> Value {
    json!({
        "title": "Shop",
        "base_url": "https://api.example.com",
        "endpoints": {"orders": {"path": "/shops/{shop}/orders", "params": {"limit": 10}}},
        "widgets": {"count": {
            "endpoint": "orders",
            "widget": {
                "title": "orders",
                "type": "stat",
                "stat": {"primary": {"value": "count", "label": "orders"}},
            },
        }},
    })
}

fn spec(tree: Value) -> ConnectorSpec {
    serde_json::from_value(tree).unwrap()
}

#[test]
fn a_source_gives_what_is_named_and_nothing_else() {
    let mut tree = connector();
    tree["endpoints"]["orders"]["allow_params"] = json!(["since"]);
    let spec = spec(tree);
    assert_eq!(spec.problems(), []);
    let endpoint = spec.endpoints.values().next().unwrap();
    assert_eq!(endpoint.path_params().collect::<Vec<_>>(), ["shop"]);
    for (param, allowed) in [("shop", true), ("limit", true), ("since", true), ("until", false)] {
        assert_eq!(endpoint.allows(param), allowed, "{param}");
    }
}

#[test]
fn a_widget_is_of_the_source_that_uses_it() {
    let spec = spec(connector());
    let source = Name::new("our-orders").unwrap();
    let widget = spec.widgets.values().next().unwrap().spec(&source).unwrap();
    assert_eq!(widget.source, source);
    assert_eq!(widget.problems(), []);
}

#[test]
fn each_problem_names_its_field() {
    let table = [
        ("/endpoints/orders/path", json!("orders"), "endpoints.orders.path"),
        ("/endpoints/orders/path", json!("/shops/{shop"), "endpoints.orders.path"),
        ("/endpoints/orders/path", json!("/shops/{}/orders"), "endpoints.orders.path"),
        ("/endpoints/orders/path", json!("/shops/{a/b}"), "endpoints.orders.path"),
        ("/endpoints/orders/path", json!("/shops/shop}"), "endpoints.orders.path"),
        ("/endpoints/orders/body", json!({}), "endpoints.orders.body"),
        ("/endpoints", json!({}), "endpoints"),
        ("/base_url", json!("ftp://example.com"), "base_url"),
        ("/widgets/count/endpoint", json!("refunds"), "widgets.count.endpoint"),
        ("/widgets/count/widget", json!("stat"), "widgets.count.widget"),
        ("/widgets/count/widget/source", json!("host"), "widgets.count.widget"),
        ("/widgets/count/widget/titel", json!("orders"), "widgets.count.widget"),
        ("/widgets/count/widget/type", json!("gauge"), "widgets.count.widget.gauge"),
    ];
    for (pointer, value, path) in table {
        let mut tree = connector();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        tree.pointer_mut(parent).unwrap()[key] = value.clone();
        let problems = spec(tree).problems();
        assert!(problems.iter().any(|(at, _)| at == path), "{pointer} {value}: {problems:?}");
    }
}
