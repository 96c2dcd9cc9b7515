//! What modules may ask and tell each other: nothing, until someone allows it.

use ccm_proto::model::module::{BridgeOffer, BridgePath, Manifest, ModuleSpec};
use proptest::prelude::*;

use super::name;
use crate::collect::module::bridge::acl::{answers, hears, may_ask, may_publish, missing};

fn spec(rights: &str) -> ModuleSpec {
    let comma = if rights.is_empty() { "" } else { "," };
    serde_json::from_str(&format!(r#"{{"endpoint": "unix:/run/m"{comma} {rights}}}"#)).unwrap()
}

fn manifest(bridge: &str) -> Manifest {
    let text = format!(
        r#"{{"contract": 1, "id": "m", "version": "1", "title": "M", "bridge": {{{bridge}}}}}"#
    );
    let manifest: Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(manifest.problems(), []);
    manifest
}

/// Whether `grant` lets a path through; a path that is refused as such is not let through.
fn asks(grant: &str, path: &str) -> bool {
    let spec = spec(&format!(r#""may_ask": ["{grant}"]"#));
    let Ok(path) = path.parse::<BridgePath>() else { return false };
    may_ask((&name("sales"), &spec), &name("inventory"), &path).is_ok()
}

#[test]
fn a_grant_means_the_paths_that_it_names() {
    let table = [
        ("inventory:/stock", "/stock", true),
        ("inventory:/stock", "/stock?sku=7", true),
        ("inventory:/stock", "/stock?x=/../admin", true),
        ("inventory:/stock", "/stockpile", false),
        ("inventory:/stock", "/stock/7", false),
        ("inventory:/stock/*", "/stock/7", true),
        ("inventory:/stock/*", "/stock/7/8", true),
        ("inventory:/stock/*", "/stock", false),
        ("inventory:/stock/*", "/stockpile/7", false),
        ("inventory:/*", "/stock", true),
        ("inventory:/*", "/", false),
        ("inventory:/", "/", true),
        ("crm:/*", "/stock", false),
        ("inventory2:/*", "/stock", false),
    ];
    for (grant, path, allowed) in table {
        assert_eq!(asks(grant, path), allowed, "{grant} {path}");
    }
}

#[test]
fn no_way_of_writing_a_path_leads_around_a_grant() {
    let tricks = [
        "/stock/../admin",
        "/stock/./7",
        "/stock/%2e%2e/admin",
        "/stock/%2E%2E/admin",
        "/stock/..%2fadmin",
        "/stock/%2fadmin",
        "/stock//7",
        "//stock/7",
        "/stock/",
        "/stock/..;/admin",
        "/stock/7;a=b",
        "/stock\\7",
        "/stock/\\..\\admin",
        "/Stock/7",
        "/STOCK/7",
        "/stock/7#fragment",
        "/stock/7?a b",
        "/stock/7?a\r\nX: y",
        "/stock/\0",
        "/stock/\u{ff0e}\u{ff0e}/admin",
        "stock/7",
        "http://elsewhere/stock/7",
        "",
        "*",
        "/stock/7?\u{e9}",
    ];
    for path in tricks {
        assert!(!asks("inventory:/stock/*", path), "{path:?}");
    }
    for grant in [
        "inventory:/stock*",
        "inventory:/*/stock",
        "inventory:/stock/../*",
        "inventory://*",
        "inventory:*",
        "*:/stock",
        "inventory",
        "Inventory:/stock",
        "inventory:/st%6fck",
        "inventory:/stock?x=1",
        "",
    ] {
        let text = format!(r#"{{"endpoint": "unix:/run/m", "may_ask": ["{grant}"]}}"#);
        assert!(serde_json::from_str::<ModuleSpec>(&text).is_err(), "{grant}");
    }
}

#[test]
fn a_refusal_names_the_line_to_add() {
    let path: BridgePath = "/stock?sku=7".parse().unwrap();
    let refusal = may_ask((&name("sales"), &spec("")), &name("inventory"), &path).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "sales may not ask for inventory:/stock; add \"inventory:/stock\" to may_ask in \
         modules/sales.toml"
    );
    let own = spec(r#""may_ask": ["sales:/*"]"#);
    let refused = may_ask((&name("sales"), &own), &name("sales"), &path);
    assert!(refused.is_err(), "a module does not ask itself");
    let refusal = answers(&name("inventory"), None, &path).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the module inventory answers no /stock; its manifest has to name it in bridge.answers"
    );
    assert!(
        answers(&name("inventory"), Some(&manifest(r#""answers": ["/stock"]"#)), &path).is_ok()
    );
}

#[test]
fn a_topic_is_told_when_the_document_grants_and_the_manifest_offers_it() {
    let offer = manifest(r#""publishes": ["stock.low"]"#);
    let table = [
        (r#""may_publish": ["stock.low"]"#, Some(&offer), "stock.low", true),
        (r#""may_publish": ["stock.*"]"#, Some(&offer), "stock.low", true),
        (r#""may_publish": ["*"]"#, Some(&offer), "stock.low", true),
        (r#""may_publish": ["*"]"#, Some(&offer), "stock.out", false),
        (r#""may_publish": ["stock"]"#, Some(&offer), "stock.low", false),
        (r#""may_publish": ["stock.lower"]"#, Some(&offer), "stock.low", false),
        (r#""may_publish": ["*"]"#, Some(&offer), "Stock.low", false),
        (r#""may_publish": ["*"]"#, Some(&offer), "stock..low", false),
        (r#""may_publish": ["*"]"#, None, "stock.low", false),
        ("", Some(&offer), "stock.low", false),
    ];
    for (rights, manifest, topic, allowed) in table {
        let told = may_publish((&name("inventory"), &spec(rights)), manifest, topic);
        assert_eq!(told.is_ok(), allowed, "{rights} {topic}");
    }
}

#[test]
fn a_topic_is_heard_when_the_manifest_wants_and_the_document_grants_it() {
    let wants = manifest(r#""subscribes": ["inventory:stock.*"]"#);
    let granted = spec(r#""may_subscribe": ["inventory:stock.low"]"#);
    let (crm, inventory, hr) = (name("crm"), name("inventory"), name("hr"));
    let hear = |spec: &ModuleSpec, manifest, of| hears((&crm, spec), manifest, of);
    assert!(hear(&granted, Some(&wants), (&inventory, "stock.low")));
    assert!(!hear(&granted, Some(&wants), (&inventory, "stock.out")), "wanted, not granted");
    assert!(!hear(&granted, Some(&wants), (&hr, "stock.low")), "of another module");
    assert!(!hear(&spec(""), Some(&wants), (&inventory, "stock.low")));
    assert!(!hear(&granted, None, (&inventory, "stock.low")));
    assert!(!hear(&granted, Some(&manifest("")), (&inventory, "stock.low")), "granted, not wanted");
}

#[test]
fn what_is_wanted_and_not_granted_is_told_as_lines() {
    let wanted: BridgeOffer = serde_json::from_str(
        r#"{"asks": ["inventory:/stock", "inventory:/day/*"], "publishes": ["sale.*"],
            "subscribes": ["crm:lead.won", "hr:*"]}"#,
    )
    .unwrap();
    assert_eq!(
        missing(&spec(""), &wanted),
        [
            r#"may_ask = ["inventory:/stock", "inventory:/day/*"]"#,
            r#"may_publish = ["sale.*"]"#,
            r#"may_subscribe = ["crm:lead.won", "hr:*"]"#,
        ]
    );
    let some = spec(
        r#""may_ask": ["inventory:/*"], "may_publish": ["sale.made"],
           "may_subscribe": ["crm:lead.*", "hr:hour.*"]"#,
    );
    assert_eq!(
        missing(&some, &wanted),
        [r#"may_publish = ["sale.*"]"#, r#"may_subscribe = ["hr:*"]"#]
    );
}

proptest! {
    /// Nothing is let through without a grant, whatever it is.
    #[test]
    fn nothing_is_granted_by_default(path in "\\PC{0,40}", topic in "[a-z.*]{0,12}") {
        let (sales, inventory) = (name("sales"), name("inventory"));
        let none = spec("");
        if let Ok(path) = path.parse::<BridgePath>() {
            prop_assert!(may_ask((&sales, &none), &inventory, &path).is_err());
            prop_assert!(answers(&inventory, Some(&manifest("")), &path).is_err());
        }
        prop_assert!(may_publish((&sales, &none), Some(&manifest("")), &topic).is_err());
        let wants = manifest(r#""subscribes": ["inventory:*"]"#);
        prop_assert!(!hears((&sales, &none), Some(&wants), (&inventory, &topic)));
    }

    /// What a grant lets through lies below it, byte by byte, with nothing that a server could
    /// read otherwise.
    #[test]
    fn what_is_let_through_lies_below_its_grant(path in "/(stock|Stock|\\.|%2e|/|a|;|\\*|\\?){0,8}") {
        if asks("inventory:/stock/*", &path) {
            let plain = path.split('?').next().unwrap();
            prop_assert!(plain.starts_with("/stock/") && plain.len() > "/stock/".len());
            let steps: Vec<&str> = plain.split('/').skip(1).collect();
            let odd = |step: &&str| step.is_empty() || step.contains(['%', ';']);
            prop_assert!(!steps.iter().any(|step| odd(step) || matches!(*step, "." | "..")));
        }
    }

    /// A pattern that covers another lets through all that the other does.
    #[test]
    fn covering_is_matching_more(
        wide in "/(a(/b)?)?(/\\*)?", narrow in "/(a(/b)?)?(/\\*)?", path in "/(a|b)(/(a|b)){0,2}",
    ) {
        use ccm_proto::model::module::PathPattern;
        if let (Ok(wide), Ok(narrow)) = (wide.parse::<PathPattern>(), narrow.parse::<PathPattern>()) {
            let path: BridgePath = path.parse().unwrap();
            if wide.covers(&narrow) && narrow.matches(&path) {
                prop_assert!(wide.matches(&path));
            }
        }
    }
}
