use super::*;

pub(in crate::collect::http) struct Plain(pub(in crate::collect::http) &'static [u8]);

impl Expose for Plain {
    fn expose(&self) -> &[u8] {
        self.0
    }
}

fn attached(placement: Placement, secret: &'static [u8]) -> Attached {
    Attached {
        name: "stripe".into(),
        revision: 1,
        origin: "https://api.stripe.com".parse().unwrap(),
        placement,
        secret: Arc::new(Plain(secret)),
    }
}

fn written(placement: Placement, secret: &'static [u8], path: &str) -> Option<(HeaderMap, String)> {
    let mut headers = HeaderMap::new();
    let mut path: PathAndQuery = path.parse().unwrap();
    attached(placement, secret).write(&mut headers, &mut path).ok()?;
    Some((headers, path.to_string()))
}

#[test]
fn a_secret_goes_where_it_is_placed() {
    let (headers, _) = written(Placement::Bearer, b"s3cret", "/").unwrap();
    assert_eq!(headers[header::AUTHORIZATION], "Bearer s3cret");
    assert!(headers[header::AUTHORIZATION].is_sensitive());
    let basic = Placement::Basic { user: "ann".to_owned() };
    let (headers, _) = written(basic, b"s3cret", "/").unwrap();
    assert_eq!(headers[header::AUTHORIZATION], "Basic YW5uOnMzY3JldA==");
    let name = HeaderName::from_static("x-api-key");
    let placement = Placement::Header { name, prefix: "token ".to_owned() };
    let (headers, _) = written(placement, b"s3cret", "/").unwrap();
    assert_eq!(headers["x-api-key"], "token s3cret");
    let query = || Placement::Query { name: "app id".to_owned() };
    assert_eq!(
        written(query(), b"a&b=c d/\xff", "/x").unwrap().1,
        "/x?app%20id=a%26b%3Dc%20d%2F%FF"
    );
    assert_eq!(written(query(), b"k", "/x?y=1").unwrap().1, "/x?y=1&app%20id=k");
}

#[test]
fn a_secret_that_would_break_a_message_is_refused() {
    for secret in [&b""[..], b"a\r\nX-Evil: 1", b"a\0b", b"a\nb"] {
        assert!(written(Placement::Bearer, secret, "/").is_none(), "{secret:?}");
    }
    assert!(
        written(Placement::Bearer, Box::leak(vec![b'x'; SECRET_MAX + 1].into()), "/").is_none()
    );
}

#[test]
fn a_credential_is_for_its_origin_only() {
    let attached = attached(Placement::Bearer, b"s3cret");
    let check = |url: &str| attached.check(&Request::get(url).unwrap());
    assert!(check("https://api.stripe.com/v1/charges").is_ok());
    assert!(check("https://API.stripe.com.:443/").is_ok());
    for url in [
        "http://api.stripe.com/",
        "https://api.stripe.com:8443/",
        "https://stripe.com/",
        "https://api.stripe.com.evil.example/",
        "https://evil.example/api.stripe.com",
    ] {
        assert!(check(url).is_err(), "{url}");
    }
    let socket = Request::to_socket(hyper::Method::GET, "/run/x".into(), "/").unwrap();
    assert!(attached.check(&socket).is_err());
}

#[test]
fn a_credential_is_printed_without_its_secret() {
    let shown = format!("{:?}", attached(Placement::Bearer, b"s3cret"));
    assert!(shown.contains("stripe") && !shown.contains("s3cret"), "{shown}");
}
