use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::Cli;

/// Every way in which something can be said on the command line of `ccm cred set` and `rotate`.
/// None is a secret's; one that is added here must not be either.
const SAID: [&str; 13] = [
    "name",
    "origin",
    "api_origin",
    "connector",
    "kind",
    "account",
    "scope",
    "provider",
    "stdin",
    "fd",
    "socket",
    "help",
    "version",
];

#[test]
fn no_argument_takes_a_secret() {
    let mut command = Cli::command();
    command.build();
    let cred = command.find_subcommand("cred").unwrap();
    for name in ["set", "rotate"] {
        let arguments = cred.find_subcommand(name).unwrap().get_arguments();
        let said: BTreeSet<&str> = arguments.map(|argument| argument.get_id().as_str()).collect();
        let unknown: Vec<&&str> = said.iter().filter(|said| !SAID.contains(said)).collect();
        assert!(unknown.is_empty(), "ccm cred {name} takes {unknown:?}");
    }
    let parsed = |arguments: &[&str]| Cli::try_parse_from(arguments).map(drop);
    let set = ["ccm", "cred", "set", "stripe", "--origin", "https://api.stripe.com"];
    assert!(parsed(&set).is_ok());
    for more in [&["sk_live"][..], &["--secret", "sk_live"], &["--token=sk_live"], &["--fd", "x"]] {
        assert!(parsed(&[&set, more].concat()).is_err(), "{more:?}");
    }
}

#[test]
fn a_credential_is_pinned_when_it_is_set_and_read_from_one_place() {
    let parsed = |line: &str| Cli::try_parse_from(line.split(' ')).map(drop);
    assert!(parsed("ccm cred set stripe").is_err());
    assert!(parsed("ccm cred set stripe --origin http://api.stripe.com").is_err());
    assert!(parsed("ccm cred set stripe --origin https://a.example/path").is_err());
    assert!(parsed("ccm cred set stripe --origin https://a.example --connector stripe").is_err());
    assert!(parsed("ccm cred set stripe --connector stripe --stdin --fd 3").is_err());
    assert!(parsed("ccm cred set stripe --connector stripe --scope everyone").is_err());
    assert!(parsed("ccm cred set stripe --connector stripe --scope user:acme/bob").is_ok());
    assert!(parsed("ccm cred rotate stripe --fd 3").is_ok());
}
