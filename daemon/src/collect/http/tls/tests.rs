use super::*;

#[test]
fn certificates_are_told_apart_by_their_bytes() {
    let pem =
        |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.pem();
    let (one, other) = (pem("a"), pem("b"));
    let trust = |pem: &str| Trust::new(pem.as_bytes()).unwrap();
    assert_eq!(trust(&one), trust(&one));
    assert_ne!(trust(&one), trust(&other));
    assert!(Trust::new(format!("{one}{other}").as_bytes()).is_ok());
}

#[test]
fn what_holds_no_certificate_is_refused() {
    for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(Trust::new(pem.as_bytes()).unwrap_err(), TrustError::Empty, "{pem}");
    }
    assert_eq!(Trust::new(&vec![b'x'; PEM_MAX + 1]).unwrap_err(), TrustError::TooLarge);
}

#[test]
fn there_are_roots_on_every_machine() {
    assert!(client_config(None).is_ok());
    assert!(!system_roots().is_empty());
}
