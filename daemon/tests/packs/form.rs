//! Forms of values in requests, as services ask for them.

/// Whether a value has a form. Forms are `text`, `integer`, `number`, `boolean`, `date`, `seconds`,
/// `rfc3339`, `analytics-day`, a range such as `1..100`, and texts such as `=asc|=desc`.
pub(crate) fn fits(form: &str, value: &str) -> bool {
    let form = form.trim_start_matches('!');
    if form.starts_with('=') {
        return form.split('|').any(|one| one.strip_prefix('=') == Some(value));
    }
    if let Some((low, high)) = form.split_once("..") {
        let range = low.parse::<u64>().unwrap()..=high.parse::<u64>().unwrap();
        return value.parse().is_ok_and(|number: u64| range.contains(&number));
    }
    match form {
        "text" => !value.is_empty(),
        "integer" => value.parse::<i64>().is_ok(),
        "number" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "boolean" => ["true", "false"].contains(&value),
        "date" => is_shape("0000-00-00", value),
        "seconds" => value.len() == 10 && value.parse::<u64>().is_ok(),
        "rfc3339" => is_shape("0000-00-00T00:00:00Z", value),
        "analytics-day" => {
            let ago = value.strip_suffix("daysAgo").map(str::parse::<u32>);
            matches!(ago, Some(Ok(_))) || is_shape("0000-00-00", value)
        }
        other => panic!("there is no form {other:?}"),
    }
}

/// Whether a request without it is refused.
pub(crate) fn is_required(form: &str) -> bool {
    form.starts_with('!')
}

fn is_shape(shape: &str, value: &str) -> bool {
    let same = |(shape, found): (u8, u8)| match shape {
        b'0' => found.is_ascii_digit(),
        plain => found == plain,
    };
    shape.len() == value.len() && shape.bytes().zip(value.bytes()).all(same)
}

/// A JSON value as it is compared with a form.
pub(crate) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is a moment that readings can hold: seconds, milliseconds, or a text as in RFC
/// 3339, whose offset may lack its colon and whose time may lack altogether.
pub(crate) fn is_moment(value: &serde_json::Value) -> bool {
    let Some(text) = value.as_str() else {
        return value.as_i64().is_some_and(|number| number > 1_000_000_000);
    };
    let (date, rest) = text.split_at_checked(10).unwrap_or_default();
    is_shape("0000-00-00", date) && (rest.is_empty() || rest.starts_with('T'))
}

#[test]
fn forms_are_told_apart() {
    let table = [
        ("text", "x", ""),
        ("!date", "2026-03-01", "today"),
        ("seconds", "1772323200", "2026-03-01"),
        ("rfc3339", "2026-03-01T00:00:00Z", "2026-03-01"),
        ("1..100", "100", "101"),
        ("=asc|=desc", "desc", "up"),
        ("boolean", "true", "1"),
        ("number", "52.52", "NaN"),
        ("analytics-day", "27daysAgo", "today"),
    ];
    for (form, good, bad) in table {
        assert!(fits(form, good) && !fits(form, bad), "{form}");
    }
    assert!(is_moment(&serde_json::json!("2026-02-21T08:11:05+0000")));
    assert!(!is_moment(&serde_json::json!("20260221")));
}
