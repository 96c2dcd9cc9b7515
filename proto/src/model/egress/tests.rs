use proptest::prelude::*;

use super::*;

fn host(text: &str) -> Result<EgressHost, EgressHostError> {
    text.parse()
}

fn spec(text: &str) -> Result<EgressSpec, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn a_host_is_an_address_a_range_or_a_name() {
    for (text, shown) in [
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("[::1]", "[::1]"),
        ("::1", "[::1]"),
        ("fd00::/8", "fd00::/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("DB.Corp.Example.", "db.corp.example"),
        ("localhost", "localhost"),
        ("my_host-1", "my_host-1"),
    ] {
        let parsed = host(text).unwrap();
        assert_eq!(parsed.to_string(), shown, "{text}");
        assert_eq!(host(&parsed.to_string()).unwrap(), parsed, "{text}");
    }
}

#[test]
fn what_is_no_host_is_refused_with_a_sentence() {
    for text in [
        "",
        ".",
        "a..b",
        "127.1",
        "0x7f000001",
        "2130706433",
        "a/8",
        "*.corp",
        "http://a",
        "a:80",
        "-a",
        "a-",
        "10.0.0.0/33",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "fd00::/129",
        "a b",
        "ä.example",
        "user@host",
    ] {
        assert!(host(text).is_err(), "{text}");
    }
    let error = host("10.1.2.3/8").unwrap_err().to_string();
    assert_eq!(error, "\"10.1.2.3/8\" is not the beginning of a range; write 10.0.0.0/8");
}

#[test]
fn ports_are_a_list_or_a_star() {
    let one = spec(r#"{"allow":[{"host":"127.0.0.1","ports":[9090]}]}"#).unwrap();
    assert!(one.allow[0].ports.contains(9090) && !one.allow[0].ports.contains(9100));
    let all = spec(r#"{"allow":[{"host":"127.0.0.1","ports":"*"}]}"#).unwrap();
    assert_eq!(all.allow[0].ports, Ports::All);
    for ports in [r#""9090""#, "[70000]", "[-1]", "9090", "null"] {
        let text = format!(r#"{{"allow":[{{"host":"127.0.0.1","ports":{ports}}}]}}"#);
        assert!(spec(&text).is_err(), "{ports}");
    }
    assert!(spec(r#"{"allow":[{"host":"127.0.0.1"}]}"#).is_err(), "ports are not optional");
    assert!(spec(r#"{"alow":[]}"#).is_err());
}

#[test]
fn a_range_that_includes_a_metadata_address_is_a_problem() {
    for (range, problem) in [
        ("0.0.0.0/0", true),
        ("169.254.0.0/16", true),
        ("::/0", true),
        ("fd00::/8", true),
        ("169.254.169.254", false),
        ("[fd00:ec2::254]", false),
        ("10.0.0.0/8", false),
        ("db.corp.example", false),
    ] {
        let rule = EgressRule {
            host: host(range).unwrap(),
            ports: Ports::All,
            reason: None,
            plaintext_credentials: false,
        };
        let problems = EgressSpec { description: None, allow: vec![rule] }.problems();
        assert_eq!(!problems.is_empty(), problem, "{range}");
        assert!(problems.iter().all(|(path, _)| path == "allow[0].host"));
    }
}

#[test]
fn no_port_and_port_zero_are_problems() {
    let spec = spec(r#"{"allow":[{"host":"a","ports":[]},{"host":"b","ports":[0]}]}"#).unwrap();
    let paths: Vec<_> = spec.problems().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["allow[0].ports", "allow[1].ports"]);
}

proptest! {
    #[test]
    fn a_range_holds_the_addresses_that_share_its_prefix(bits: u32, prefix in 0u8..=32, other: u32) {
        let network = Network::new(Ipv4Addr::from_bits(bits).into(), prefix);
        let shared = (bits ^ other).leading_zeros() >= u32::from(prefix);
        prop_assert_eq!(network.contains(Ipv4Addr::from_bits(other).into()), shared);
        prop_assert!(!network.contains(Ipv6Addr::from_bits(u128::from(other)).into()));
    }

    #[test]
    fn any_text_is_a_host_or_an_error(text in "\\PC{0,80}") {
        if let Ok(parsed) = host(&text) {
            prop_assert_eq!(host(&parsed.to_string()), Ok(parsed));
        }
    }

    #[test]
    fn rules_survive_being_written(bits: u128, prefix in 0u8..=128, ports in proptest::collection::vec(1u16.., 1..5)) {
        let rule = EgressRule {
            host: EgressHost::Network(Network::new(Ipv6Addr::from_bits(bits).into(), prefix)),
            ports: Ports::Only(ports),
            reason: Some("so".to_owned()),
            plaintext_credentials: true,
        };
        let text = serde_json::to_string(&rule).unwrap();
        prop_assert_eq!(serde_json::from_str::<EgressRule>(&text).unwrap(), rule);
    }
}
