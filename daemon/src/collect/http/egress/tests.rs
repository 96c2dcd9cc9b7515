use ccm_proto::model::egress::EgressSpec;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn policy(rules: &str) -> Policy {
    let spec: EgressSpec = serde_json::from_str(&format!(r#"{{"allow":{rules}}}"#)).unwrap();
    Policy::new([&spec])
}

fn socket(text: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip(text), port)
}

#[test]
fn every_range_has_its_class() {
    for (address, class) in [
        ("8.8.8.8", Class::Public),
        ("127.0.0.1", Class::Loopback),
        ("127.255.255.254", Class::Loopback),
        ("0.0.0.0", Class::Unspecified),
        ("0.1.2.3", Class::Unspecified),
        ("10.255.0.1", Class::Private),
        ("172.16.0.1", Class::Private),
        ("172.31.255.255", Class::Private),
        ("172.32.0.1", Class::Public),
        ("192.168.1.1", Class::Private),
        ("100.64.0.1", Class::Shared),
        ("100.127.255.255", Class::Shared),
        ("100.128.0.1", Class::Public),
        ("169.254.1.1", Class::LinkLocal),
        ("169.254.169.254", Class::Metadata),
        ("169.254.170.2", Class::Metadata),
        ("100.100.100.200", Class::Metadata),
        ("168.63.129.16", Class::Metadata),
        ("224.0.0.1", Class::Multicast),
        ("255.255.255.255", Class::Broadcast),
        ("240.0.0.1", Class::Reserved),
        ("192.0.2.1", Class::Reserved),
        ("198.18.0.1", Class::Reserved),
        ("203.0.113.9", Class::Reserved),
        ("2606:4700::1111", Class::Public),
        ("::1", Class::Loopback),
        ("::", Class::Unspecified),
        ("fe80::1", Class::LinkLocal),
        ("fec0::1", Class::UniqueLocal),
        ("fd12:3456::1", Class::UniqueLocal),
        ("fd00:ec2::254", Class::Metadata),
        ("ff02::1", Class::Multicast),
        ("2001:db8::1", Class::Reserved),
        ("3fff:123::1", Class::Reserved),
        ("100::1", Class::Reserved),
        ("4000::1", Class::Reserved),
    ] {
        assert_eq!(classify(ip(address)), class, "{address}");
    }
}

#[test]
fn addresses_within_addresses_are_judged_by_what_is_inside() {
    for (address, class) in [
        ("::ffff:127.0.0.1", Class::Loopback),
        ("::ffff:8.8.8.8", Class::Public),
        ("::ffff:169.254.169.254", Class::Metadata),
        ("::127.0.0.1", Class::Loopback),
        ("::8.8.8.8", Class::Translated),
        ("::ffff:0:10.0.0.1", Class::Private),
        ("64:ff9b::10.0.0.1", Class::Private),
        ("64:ff9b::169.254.169.254", Class::Metadata),
        ("64:ff9b::8.8.8.8", Class::Public),
        ("64:ff9b:1::8.8.8.8", Class::Translated),
        ("2002:7f00:1::1", Class::Loopback),
        ("2002:a9fe:a9fe::", Class::Metadata),
        ("2002:808:808::1", Class::Translated),
        // Teredo: 10.0.0.1 with its bits turned.
        ("2001:0:808:808::f5ff:fffe", Class::Private),
        ("2001:0:a00:1::f7f7:f7f7", Class::Private),
        ("2001:0:808:808::f7f7:f7f7", Class::Translated),
        ("2606:4700::5efe:10.0.0.1", Class::Private),
    ] {
        assert_eq!(classify(ip(address)), class, "{address}");
    }
}

#[test]
fn without_documents_only_public_addresses_are_dialled() {
    let policy = Policy::default();
    assert_eq!(policy.check("api.example.com", socket("8.8.8.8", 443)), Ok(()));
    let refused = policy.check("db.corp", socket("10.1.2.3", 5432)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "db.corp:5432 is no public address (private) and is not dialled; a platform administrator may allow \
         it by the egress document line { host = \"db.corp\", ports = [5432] }"
    );
    let refused = policy.check("::1", socket("::1", 80)).unwrap_err().to_string();
    assert!(refused.contains("host = \"[::1]\""), "{refused}");
}

#[test]
fn a_rule_opens_its_range_and_its_ports_only() {
    let policy = policy(r#"[{"host":"10.0.0.0/8","ports":[9090]},{"host":"[::1]","ports":"*"}]"#);
    assert!(policy.check("a", socket("10.9.9.9", 9090)).is_ok());
    assert!(policy.check("a", socket("::ffff:10.9.9.9", 9090)).is_ok(), "the same address");
    assert!(policy.check("a", socket("10.9.9.9", 9091)).is_err());
    assert!(policy.check("a", socket("11.0.0.1", 9091)).is_ok(), "public");
    assert!(policy.check("a", socket("192.168.0.1", 9090)).is_err());
    assert!(policy.check("a", socket("64:ff9b::10.9.9.9", 9090)).is_err(), "another way there");
    assert!(policy.check("a", socket("::1", 1)).is_ok());
    assert!(policy.check("a", socket("::1", 0)).is_err());
}

#[test]
fn a_name_opens_what_hosts_have_and_for_itself_only() {
    let policy = policy(r#"[{"host":"db.corp","ports":[5432]}]"#);
    for address in ["10.0.0.1", "127.0.0.1", "fd12::1", "fe80::1", "100.64.0.1"] {
        assert!(policy.check("db.corp", socket(address, 5432)).is_ok(), "{address}");
        assert!(policy.check("DB.corp.", socket(address, 5432)).is_ok(), "{address}");
        assert!(policy.check("x.db.corp", socket(address, 5432)).is_err(), "{address}");
        assert!(policy.check("db.corp", socket(address, 22)).is_err(), "{address}");
    }
    for address in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1"] {
        assert!(policy.check("db.corp", socket(address, 5432)).is_err(), "{address}");
    }
}

#[test]
fn metadata_is_opened_by_its_one_address_only() {
    let metadata = socket("169.254.169.254", 80);
    for (rule, allowed) in [
        ("0.0.0.0/0", false),
        ("169.254.0.0/16", false),
        ("169.254.169.254/31", false),
        ("169.254.169.254", true),
        ("169.254.169.254/32", true),
        ("metadata", false),
    ] {
        let policy = policy(&format!(r#"[{{"host":"{rule}","ports":"*"}}]"#));
        assert_eq!(policy.check("metadata", metadata).is_ok(), allowed, "{rule}");
    }
}

#[test]
fn an_address_of_this_machine_is_refused_though_it_is_public() {
    let own = socket("8.8.8.8", 22);
    assert_eq!(Policy::default().check_own("me", own).unwrap_err().class, Class::Own);
    assert!(policy(r#"[{"host":"me","ports":[22]}]"#).check_own("me", own).is_ok());
}

#[test]
fn credentials_go_without_tls_to_this_machine_or_where_the_document_says_so() {
    let policy = policy(
        r#"[{"host":"127.0.0.1","ports":"*"},{"host":"10.0.0.0/8","ports":"*"},
            {"host":"hub.lan","ports":[8123],"plaintext_credentials":true}]"#,
    );
    assert!(policy.trusts_plaintext("a", socket("127.0.0.1", 80)));
    assert!(!policy.trusts_plaintext("a", socket("127.0.0.2", 80)), "not named");
    assert!(!policy.trusts_plaintext("a", socket("10.0.0.1", 80)));
    assert!(policy.trusts_plaintext("hub.lan", socket("192.168.0.7", 8123)));
    assert!(!policy.trusts_plaintext("hub.lan", socket("8.8.8.8", 8123)), "public");
    assert!(!Policy::default().trusts_plaintext("a", socket("127.0.0.1", 80)));
}
