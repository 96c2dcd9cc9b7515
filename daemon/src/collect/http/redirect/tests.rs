use super::*;

fn ask(
    url: &str,
    method: &Method,
    credential: bool,
    steps: u32,
    status: u16,
    location: &str,
) -> Result<Option<Next>, RedirectError> {
    let url: Url = url.parse().unwrap();
    let host = SafeText::new("a");
    let asked = Asked { host: &host, url: &url, method, credential, steps, limit: STEPS_MAX };
    let location = HeaderValue::from_bytes(location.as_bytes()).unwrap();
    next(asked, StatusCode::from_u16(status).unwrap(), Some(&location))
}

#[test]
fn only_redirects_with_a_place_are_followed() {
    let get = Method::GET;
    for status in [200, 300, 304, 404] {
        assert_eq!(ask("https://a/", &get, false, 0, status, "/x"), Ok(None), "{status}");
    }
    for status in [301, 302, 303, 307, 308] {
        let next = ask("https://a/b/c", &get, false, 0, status, "../x?y#z").unwrap().unwrap();
        assert_eq!(next.url.as_str(), "https://a/x?y");
        assert_eq!(next.method, Method::GET);
    }
}

#[test]
fn the_method_changes_as_browsers_do_it() {
    for (status, method, then) in [
        (301, Method::POST, Method::GET),
        (302, Method::POST, Method::GET),
        (303, Method::POST, Method::GET),
        (303, Method::HEAD, Method::HEAD),
        (307, Method::POST, Method::POST),
        (308, Method::POST, Method::POST),
        (301, Method::HEAD, Method::HEAD),
    ] {
        let next = ask("https://a/", &method, false, 0, status, "/x").unwrap().unwrap();
        assert_eq!(next.method, then, "{status} {method}");
    }
}

#[test]
fn what_is_not_followed_is_said() {
    let get = Method::GET;
    let error = |url, credential, steps, location| {
        ask(url, &get, credential, steps, 302, location).unwrap_err()
    };
    let host = || SafeText::new("a");
    let too_many = RedirectError::TooMany { host: host(), limit: STEPS_MAX };
    assert_eq!(error("https://a/", false, STEPS_MAX, "/"), too_many);
    for elsewhere in ["https://b/", "https://a:444/", "//b/", "https://a.b/", "http://a/"] {
        let origin = RedirectError::Origin { host: host() };
        assert_eq!(error("https://a/", true, 0, elsewhere), origin, "{elsewhere}");
    }
    assert_eq!(
        error("https://a/", false, 0, "http://a/"),
        RedirectError::Downgrade { host: host() }
    );
    for place in ["file:///etc/passwd", "unix:/run/x", "http://u:p@b/", "ftp://a/", "http://"] {
        let is_place = matches!(error("http://a/", false, 0, place), RedirectError::Place { .. });
        assert!(is_place, "{place}");
    }
}
