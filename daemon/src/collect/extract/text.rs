//! Answers that are text, as trees that paths look into.

use serde_json::{Map, Value as Json};

use crate::collect::json::{JsonError, NODES_MAX};

/// The text of an answer.
pub(super) fn of(answer: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(answer).map_err(|error| JsonError::Text(error.valid_up_to()))
}

/// A list of all lines, without the spaces at their ends.
pub(super) fn lines(text: &str) -> Result<Json, JsonError> {
    let lines: Vec<Json> = text.lines().map(|line| Json::from(line.trim_end())).collect();
    if lines.len() > NODES_MAX { Err(JsonError::TooMany) } else { Ok(Json::Array(lines)) }
}

/// The pairs of all lines that are one. A line without a name, without `:` or `=`, or that begins
/// with `#` says nothing; of a name that stands there twice the last one counts. A value that is
/// itself a list of pairs, as `keys=3,expires=0` is, becomes an object.
pub(super) fn pairs(text: &str) -> Result<Json, JsonError> {
    let mut all = Map::new();
    let mut values = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = pair(line) else { continue };
        let inner = inner(value);
        values += 1 + inner.as_ref().map_or(0, Map::len);
        if values > NODES_MAX {
            return Err(JsonError::TooMany);
        }
        let value = inner.map_or_else(|| number_or_text(value), Json::Object);
        all.insert(name.to_owned(), value);
    }
    Ok(Json::Object(all))
}

/// The pairs of a value that is a list of them.
fn inner(value: &str) -> Option<Map<String, Json>> {
    if !value.contains(',') {
        return None;
    }
    let pair = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let named = !name.trim().is_empty();
        named.then(|| (name.trim().to_owned(), number_or_text(value.trim())))
    };
    value.split(',').map(pair).collect()
}

/// A name and what is said of it.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once([':', '='])?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name, value.trim()))
}

/// A number where the text is one as JSON writes it, with or without a plus sign; or else the text.
pub(super) fn number_or_text(text: &str) -> Json {
    match text.trim().parse::<serde_json::Number>() {
        Ok(number) => Json::Number(number),
        // Apache writes .25 for a quarter.
        Err(_) => match text.trim().parse::<f64>() {
            Ok(number) if text.trim().starts_with(['.', '-', '+']) => {
                serde_json::Number::from_f64(number).map_or_else(|| Json::from(text), Json::Number)
            }
            _ => Json::from(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_of_known_programs_are_read() {
        let redis = "# Clients\r\nconnected_clients:1\r\nredis_version:7.0.15\r\n\r\n# Keyspace\r\n\
            db0:keys=3,expires=0,avg_ttl=0\r\n";
        assert_eq!(
            pairs(redis).unwrap(),
            json!({
                "connected_clients": 1,
                "redis_version": "7.0.15",
                "db0": { "keys": 3, "expires": 0, "avg_ttl": 0 },
            })
        );
        let apache = "localhost\nTotal Accesses: 42\nCPULoad: .25\nScoreboard: _W=K..\n: none\n";
        assert_eq!(
            pairs(apache).unwrap(),
            json!({ "Total Accesses": 42, "CPULoad": 0.25, "Scoreboard": "_W=K.." })
        );
    }

    #[test]
    fn lines_are_items() {
        assert_eq!(lines("a \r\n\n b").unwrap(), json!(["a", "", " b"]));
        assert_eq!(lines("").unwrap(), json!([]));
        assert!(matches!(lines(&"\n".repeat(NODES_MAX + 1)), Err(JsonError::TooMany)));
        assert!(matches!(of(b"ab\xff"), Err(JsonError::Text(2))));
    }

    #[test]
    fn numbers_are_those_of_json_and_of_programs_that_leave_a_zero_out() {
        for (text, expected) in [
            ("12", json!(12)),
            (" -1.5e3 ", json!(-1500.0)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("+3", json!(3.0)),
            ("12%", json!("12%")),
            ("inf", json!("inf")),
            ("-inf", json!("-inf")),
            ("7.0.15", json!("7.0.15")),
            ("", json!("")),
        ] {
            assert_eq!(number_or_text(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,400}") {
            let Ok(Json::Object(found)) = pairs(&text) else { panic!("no object") };
            prop_assert!(found.keys().all(|name| !name.is_empty() && name.trim() == name));
            let Ok(Json::Array(items)) = lines(&text) else { panic!("no list") };
            prop_assert_eq!(items.len(), text.lines().count());
        }

        #[test]
        fn pairs_that_are_written_come_back(
            written in prop::collection::btree_map("[a-z_]{1,8}", -1_000_000_i64..1_000_000, 0..20),
            between in prop::sample::select(vec![":", "=", " : ", " = "]),
        ) {
            let text: String =
                written.iter().map(|(name, value)| format!("{name}{between}{value}\n")).collect();
            prop_assert_eq!(pairs(&text).unwrap(), json!(written));
        }
    }
}
