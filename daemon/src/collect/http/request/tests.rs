use proptest::prelude::*;

use super::*;

fn get(url: &str) -> Result<Request, RequestError> {
    Request::get(url)
}

#[test]
fn a_url_is_shown_without_the_values_of_its_query() {
    for (url, shown) in [
        ("https://api.example.com/v1?key=s3cret&page=2", "https://api.example.com/v1?key=…&page=…"),
        ("https://api.example.com", "https://api.example.com/"),
        ("http://a:8080/x?s3cret", "http://a:8080/x?…"),
        ("http://a/x?a=1&s3cret#frag", "http://a/x?a=…&…"),
        ("https://A.Example:443/%2e%2e/x", "https://a.example/x"),
    ] {
        assert_eq!(&**get(url).unwrap().shown(), shown);
    }
}

#[test]
fn urls_that_are_not_asked_are_refused() {
    for url in [
        "",
        "api.example.com",
        "ftp://a/",
        "file:///etc/passwd",
        "unix:/run/x",
        "http://",
        "http://user@a/",
        "http://user:password@a/",
        "http://a:0/",
        "http://a:99999/",
        "http://./",
        "gopher://a/",
        "data:text/plain,x",
        "http://256.256.256.256/",
        "http://[::1/",
    ] {
        assert!(get(url).is_err(), "{url}");
    }
    let long = format!("http://a/{}", "x".repeat(URL_MAX));
    assert_eq!(get(&long).unwrap_err(), RequestError::TooLong);
}

#[test]
fn an_origin_is_the_same_however_it_is_written() {
    let origin: Origin = "https://API.example.com.:443/x".parse().unwrap();
    assert_eq!(origin, "https://api.example.com".parse().unwrap());
    assert_eq!(origin.to_string(), "https://api.example.com");
    for other in ["http://api.example.com", "https://api.example.com:444", "https://example.com"] {
        assert_ne!(origin, other.parse().unwrap(), "{other}");
    }
    let literal: Origin = "http://0x7f.1:9090".parse().unwrap();
    assert_eq!(literal.to_string(), "http://127.0.0.1:9090");
    assert_eq!(literal.literal(), Some("127.0.0.1".parse().unwrap()));
    let v6: Origin = "http://[0:0:0:0:0:0:0:1]".parse().unwrap();
    assert_eq!((v6.host(), v6.literal()), ("[::1]", Some("::1".parse().unwrap())));
}

#[test]
fn headers_that_frame_a_message_are_not_given_by_others() {
    let value = || HeaderValue::from_static("x");
    for name in ["host", "content-length", "transfer-encoding", "connection", "proxy-connection"] {
        let name = HeaderName::from_static(name);
        assert!(get("http://a").unwrap().with_header(name, value()).is_err());
    }
    let request = get("http://a").unwrap().with_header(header::ACCEPT, value()).unwrap();
    assert_eq!(request.headers()[header::ACCEPT], "x");
    let many = (0..HEADERS_MAX).try_fold(get("http://a").unwrap(), |request, index| {
        request.with_header(format!("x-{index}").parse().unwrap(), value())
    });
    assert_eq!(many.unwrap_err(), RequestError::Headers);
}

#[test]
fn a_socket_is_asked_by_its_path() {
    let request = Request::to_socket(Method::GET, "/run/crm.sock".into(), "//x/../y?z=1").unwrap();
    assert_eq!(request.target().to_string(), "unix:/run/crm.sock");
    assert_eq!(request.path().as_str(), "//y?z=1");
    assert_eq!(request.headers()[header::HOST], "localhost");
    assert!(Request::to_socket(Method::GET, "/run/crm.sock".into(), "x").is_err());
}

#[test]
fn another_origin_is_told_nothing_but_what_is_wanted() {
    let request = get("https://a/x")
        .unwrap()
        .with_header(header::AUTHORIZATION, HeaderValue::from_static("configured"))
        .unwrap()
        .with_header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .unwrap();
    let there = request.redirected(Method::GET, &parse("https://b/y").unwrap()).unwrap();
    assert_eq!(there.headers().get(header::AUTHORIZATION), None);
    assert_eq!(there.headers()[header::ACCEPT], "application/json");
    assert_eq!(there.headers()[header::HOST], "b");
    let here = request.redirected(Method::GET, &parse("https://a/y").unwrap()).unwrap();
    assert_eq!(here.headers()[header::AUTHORIZATION], "configured");
}

proptest! {
    #[test]
    fn nothing_that_ends_a_line_reaches_the_wire(path in "\\PC{0,40}", raw in any::<String>()) {
        for text in [format!("http://a.example/{path}"), format!("http://a.example/{raw}"), raw] {
            if let Ok(request) = get(&text) {
                let wire = request.path().as_str();
                prop_assert!(wire.bytes().all(|byte| byte > b' ' && byte < 0x7f), "{wire:?}");
                prop_assert!(wire.starts_with('/'));
                prop_assert!(!wire.contains('#'));
                let path = request.path().path();
                prop_assert!(!path.split('/').any(|part| part == ".." || part == "."), "{path}");
            }
        }
    }
}
