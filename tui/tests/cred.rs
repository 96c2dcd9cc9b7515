//! `ccm cred` with the real binary against a real daemon, from a pipe and from a terminal.
#![expect(clippy::unwrap_used, reason = "a helper of tests")]

mod common;

use std::io::Write as _;
use std::process::Stdio;

use common::pty::Pty;
use common::{Home, text};
use rustix::process::Signal;

const SECRET: &str = "sk_live_canary_8f3a";

/// Runs `ccm` with something on its standard input; its exit code, and all that it said.
fn piped(home: &Home, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut command = home.ccm();
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that was refused may not have read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn set(home: &Home, more: &[&str]) -> (Option<i32>, String) {
    let origin = ["cred", "set", "stripe", "--origin", "https://api.stripe.com", "--stdin"];
    piped(home, &[&origin, more].concat(), &format!("{SECRET}\n"))
}

#[test]
fn a_credential_lives_from_being_set_to_being_deleted() {
    let home = Home::new();
    let (code, said) = set(&home, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said, "stripe set, version 1, for https://api.stripe.com only, kept by sealed\n");
    let list = home.run(&["cred", "list"]);
    assert!(list.contains("stripe") && list.contains("platform"), "{list}");
    let (code, rotated) = piped(&home, &["cred", "rotate", "stripe", "--fd", "0"], "other");
    assert_eq!(code, Some(0), "{rotated}");
    assert!(rotated.contains("rotated, version 2, for https://api.stripe.com"), "{rotated}");
    home.run(&["daemon", "stop"]);
    let listed: serde_json::Value =
        serde_json::from_str(&home.run(&["cred", "list", "--json"])).unwrap();
    let listed = &listed["credentials"][0];
    assert_eq!((&listed["version"], &listed["kind"]), (&2.into(), &"token".into()));
    let tested = home.run(&["cred", "test", "stripe"]);
    assert!(tested.contains("kept by") && tested.contains("found"), "{tested}");
    assert_eq!(home.run(&["cred", "delete", "stripe"]), "stripe deleted from sealed\n");
    let gone = home.fail(&["cred", "test", "stripe"], 1);
    assert!(gone.contains("ccm cred set stripe"), "{gone}");
}

#[test]
fn the_most_specific_credential_counts() {
    let home = Home::new();
    for scope in ["platform", "tenant:acme", "user:acme/ann"] {
        let (code, said) = set(&home, &["--scope", scope]);
        assert_eq!(code, Some(0), "{scope}: {said}");
        assert!(said.contains("version 1"), "each is one of its own: {said}");
    }
    let counts = |scope: &str| {
        let said = home.run(&["cred", "test", "stripe", "--scope", scope]);
        said.lines().find_map(|line| line.split_once("stripe of ")).unwrap().1.to_owned()
    };
    for (scope, whose) in [
        ("user:acme/ann", "user:acme/ann"),
        ("user:acme/bob", "tenant:acme"),
        ("tenant:acme", "tenant:acme"),
        ("user:other/ann", "platform"),
        ("platform", "platform"),
    ] {
        assert_eq!(counts(scope), whose, "for {scope}");
    }
    home.run(&["cred", "delete", "stripe", "--scope", "user:acme/ann"]);
    assert_eq!(counts("user:acme/ann"), "tenant:acme");
    let missing = home.fail(&["cred", "delete", "stripe", "--scope", "user:acme/ann"], 1);
    assert!(missing.contains("user:acme/ann"), "{missing}");
    let list = home.run(&["cred", "list"]);
    assert!(list.contains("tenant:acme") && list.contains("platform"), "{list}");
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let home = Home::new();
    for (more, sentence) in [
        (&["--kind", "basic"][..], "--account"),
        (&["--scope", "acme"], "tenant:"),
        (&["--provider", "vault"], "vault"),
        (&["--provider", "systemd"], "LoadCredential="),
    ] {
        let (code, said) = set(&home, more);
        assert!(code == Some(1) || code == Some(2), "{more:?}: {code:?}");
        assert!(said.contains(sentence), "{more:?}: {said}");
        assert!(!said.contains(SECRET), "{said}");
    }
    let (_, said) =
        piped(&home, &["cred", "set", "stripe", "--connector", "nobody", "--stdin"], SECRET);
    assert!(said.contains("no connector nobody"), "{said}");
    let origin = ["cred", "set", "stripe", "--origin", "https://api.stripe.com"];
    assert!(home.fail(&origin, 2).contains("--stdin"), "there is no terminal");
    let (_, empty) = piped(&home, &[&origin[..], &["--stdin"]].concat(), "\n");
    assert!(empty.contains("empty"), "{empty}");
    assert!(home.run(&["cred", "list", "--json"]).contains("\"credentials\": []"));
}

#[test]
fn the_doctor_says_who_keeps_credentials_and_why_others_do_not() {
    let home = Home::new();
    for arguments in [&["doctor"][..], &["cred", "providers"]] {
        let said = home.run(arguments);
        let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("keyring").contains("absent"), "{said}");
        assert!(line("systemd").contains("LoadCredential="), "{said}");
        assert!(line("sealed").contains("available") && line("sealed").contains("here"), "{said}");
        assert!(line("vault").contains("absent"), "{said}");
    }
    let told: serde_json::Value = serde_json::from_str(&home.run(&["doctor", "--json"])).unwrap();
    assert_eq!(told["credential_providers"].as_array().unwrap().len(), 4);
}

/// `ccm cred set` on a terminal that shows the question.
fn asked(home: &Home) -> Pty {
    home.run(&["daemon", "start"]);
    let arguments = ["cred", "set", "stripe", "--origin", "https://api.stripe.com"];
    let mut pty = Pty::run(env!("CARGO_BIN_EXE_ccm"), &arguments, &home.variables());
    pty.wait("the question", |screen| screen.contents().contains("secret of stripe"));
    pty
}

#[test]
fn a_secret_that_is_typed_is_not_shown() {
    let home = Home::new();
    let mut pty = asked(&home);
    pty.type_keys(SECRET);
    pty.type_keys("x\x7f\r");
    pty.wait("the answer", |screen| screen.contents().contains("stripe set, version 1"));
    assert!(!pty.screen.screen().contents().contains("canary"));
    let end = pty.end();
    assert_eq!(end.wrong, Vec::<String>::new(), "the terminal is as it was");
    assert!(end.status.success());
}

#[test]
fn the_terminal_shows_what_is_typed_again_after_ctrl_c_and_after_a_signal() {
    let home = Home::new();
    let mut pty = asked(&home);
    pty.type_keys("half a secret\x03");
    let end = pty.end();
    assert_eq!(end.wrong, Vec::<String>::new());
    assert!(!end.status.success());
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut pty = asked(&home);
        pty.type_keys("half a secret");
        pty.signal(signal);
        let end = pty.end();
        assert_eq!(end.wrong, Vec::<String>::new(), "{signal:?}");
        assert!(!end.written.contains("half"), "{}", end.written);
    }
    assert!(home.run(&["cred", "list", "--json"]).contains("\"credentials\": []"));
}

#[test]
fn a_connector_says_what_is_asked_for_and_a_client_may_have_a_second_line() {
    let home = Home::new();
    home.run(&["daemon", "start"]);
    let ask = |arguments: &[&str]| {
        Pty::run(env!("CARGO_BIN_EXE_ccm"), &[&["cred"], arguments].concat(), &home.variables())
    };
    let mut pty = ask(&["set", "stripe", "--connector", "stripe"]);
    pty.wait("the question", |screen| screen.contents().contains("secret of stripe"));
    let said = pty.screen.screen().contents();
    assert!(said.contains("restricted API key") && said.contains("Dashboard"), "{said}");
    pty.type_keys(&format!("{SECRET}\r"));
    pty.wait("the refusal", |screen| screen.contents().contains("rk_live_ or rk_test_"));
    let end = pty.end();
    assert!(!end.status.success() && !end.written.contains("canary"), "{}", end.written);

    let google = ["set", "ga", "--connector", "google-analytics", "--account", "me"];
    let mut pty = ask(&google);
    pty.wait("the first question", |screen| screen.contents().contains("client secret of ga"));
    pty.type_keys("one\r");
    pty.wait("the second question", |screen| screen.contents().contains("refresh token of ga"));
    pty.type_keys("two\r");
    pty.wait("the answer", |screen| screen.contents().contains("ga set, version 1"));
    assert!(pty.end().status.success());
    let list = home.run(&["cred", "list"]);
    let (token, api) = ("https://oauth2.googleapis.com", "https://analyticsdata.googleapis.com");
    assert!(list.contains(&format!("{token}, its tokens also for {api}")), "{list}");
}
