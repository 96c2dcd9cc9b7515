//! `ccm connector` with the real binary against a real daemon.

mod common;

use common::Home;

#[test]
fn a_connector_is_found_shown_and_used_in_one_change() {
    let home = Home::new();
    let list = home.run(&["connector", "list"]);
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("stripe").contains("shipped") && line("stripe").contains("missing"), "{list}");
    assert!(line("stripe").contains("balance, charges"), "{list}");

    let show = home.run(&["connector", "show", "stripe"]);
    for word in ["restricted API key", "Dashboard, Developers", "10 a second", "charged today"] {
        assert!(show.contains(word), "{word}: {show}");
    }
    assert!(show.contains("https://docs.stripe.com/api"), "{show}");
    assert!(home.fail(&["connector", "show", "nobody"], 2).contains("connector list"));

    let begin = ["connector", "use", "stripe", "--layout", "money", "--reason", "see payments"];
    let dry = home.run(&[&begin[..], &["--dry-run"]].concat());
    assert!(dry.contains("source/stripe-charges created, revision 1 (dry run)"), "{dry}");
    assert!(home.run(&["get", "source"]).lines().all(|line| !line.contains("stripe")));

    let used = home.run(&begin);
    assert!(used.contains("widget/stripe-today created"), "{used}");
    assert!(used.contains("layout/money created"), "{used}");
    assert!(used.contains("calls a day (today 0)"), "{used}");
    assert!(used.contains("`ccm cred set stripe --connector stripe` sets it"), "{used}");
    assert!(used.contains("ccm --layout money"), "{used}");
    let status: serde_json::Value =
        serde_json::from_str(&home.run(&["source", "list", "--json"])).unwrap();
    let mut sources = status.as_array().unwrap().iter();
    let charges = sources.find(|source| source["name"] == "stripe-charges").unwrap();
    assert_eq!(charges["interval_ms"], 60_000, "what the endpoint says");
    // The same again changes nothing, and what somebody wrote is left alone.
    assert!(home.run(&begin).contains("source/stripe-charges unchanged"));
    let own = home.write("sources/stripe-charges.toml", "type = \"push\"\n");
    home.run(&["apply", "-f", own.to_str().unwrap(), "--reason", "mine", "--force"]);
    assert!(home.fail(&begin, 1).contains("stripe-charges"));
}

#[test]
fn a_widget_with_parameters_shows_a_source_of_its_own() {
    let home = Home::new();
    home.run(&["connector", "use", "stripe", "--endpoint", "charges", "--reason", "charges"]);
    let widget = home.write(
        "widgets/bob.toml",
        "title = \"bob\"\nsource = \"stripe-charges\"\ntype = \"stat\"\nparams = { customer = \"bob\" }\nstat = { primary = { value = \"count\", label = \"charges\" } }\n",
    );
    home.run(&["apply", "-f", widget.to_str().unwrap(), "--reason", "of bob"]);
    let listed = home.run(&["source", "list"]);
    assert!(listed.lines().any(|line| line.starts_with("stripe-charges.")), "{listed}");
    home.run(&["delete", "widget/bob", "--reason", "enough"]);
    let listed = home.run(&["source", "list"]);
    assert!(!listed.lines().any(|line| line.starts_with("stripe-charges.")), "{listed}");
}
