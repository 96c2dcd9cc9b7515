//! Sources that people set up, through the real binary and a daemon that it starts itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::Home;

fn apply(home: &Home, path: &str, toml: &str) {
    let file = home.write(path, toml);
    home.run(&["apply", "-f", file.to_str().unwrap(), "--reason", "try it"]);
}

fn state(home: &Home, source: &str) -> serde_json::Value {
    let status: serde_json::Value = serde_json::from_str(&home.run(&["status", "--json"])).unwrap();
    let mut sources = status["sources"].as_array().unwrap().iter();
    sources.find(|state| state["name"] == source).unwrap().clone()
}

#[test]
fn what_is_pushed_is_known_by_the_daemon_and_told_in_its_status() {
    let home = Home::new();
    let complaint = home.fail(&["push", "sales", "3"], 1);
    assert!(complaint.contains("source/sales"), "{complaint}");
    apply(&home, "sources/sales.toml", "type = \"push\"\n\n[push]\nmax_age = \"10m\"\n");
    let untold = state(&home, "sales");
    assert_eq!((&untold["quality"], &untold["type"]), (&"loading".into(), &"push".into()));
    assert!(untold["cause"].as_str().unwrap().contains("ccm push sales"));
    assert_eq!(home.run(&["push", "sales", "total=3", "by.web=2.5"]), "2 values reported\n");
    assert_eq!(
        home.run(&["push", "sales", "--json", "{\"state\": \"open\"}"]),
        "1 value reported\n"
    );
    let told = state(&home, "sales");
    assert_eq!((&told["quality"], &told["series"]), (&"live".into(), &2.into()));
    let late = home.run(&["push", "sales", "total=1", "--at", "2020-01-01T00:00:00Z"]);
    assert!(late.contains("0 values reported") && late.contains("1 value older"), "{late}");
    let complaint = home.fail(&["push", "sales", "total.web=1"], 1);
    assert!(complaint.contains("values below"), "{complaint}");
}

#[test]
fn a_command_runs_within_the_bounds_that_its_document_sets() {
    let home = Home::new();
    apply(
        &home,
        "sources/bounds.toml",
        "type = \"exec\"\n\n[exec]\ncommand = [\"/bin/sh\", \"-c\", \"echo memory $(ulimit -v)\"]\nformat = \"lines\"\nmemory_bytes = 268435456\n",
    );
    apply(
        &home,
        "widgets/bounds.toml",
        "title = \"bounds\"\nsource = \"bounds\"\ntype = \"stat\"\n\n[stat]\nprimary = { value = \"memory\", label = \"KiB\" }\n",
    );
    apply(
        &home,
        "layouts/bounds.toml",
        "title = \"bounds\"\n\n[[page]]\ntitle = \"one\"\n\n[[page.widget]]\nname = \"bounds\"\nat = { x = 0, y = 0, w = 12, h = 4 }\n",
    );
    let shown = home.run(&["snapshot", "bounds", "--format", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["widgets"][0]["fields"]["value"]["value"], 262_144, "{shown}");
}

#[test]
fn what_is_found_is_listed_and_nothing_is_written_by_looking() {
    let home = Home::new();
    let before = home.run(&["get"]);
    let offers: serde_json::Value =
        serde_json::from_str(&home.run(&["discover", "--json"])).unwrap();
    assert!(offers.is_array());
    assert_eq!(home.run(&["get"]), before);
    let complaint = home.fail(&["discover", "--accept", "no-such-thing"], 2);
    assert!(complaint.contains("`ccm discover` lists"), "{complaint}");
}
