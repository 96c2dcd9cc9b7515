//! JSON from outside, with bounds on what it may become.

use ccm_proto::SafeText;
use ccm_proto::model::Value;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

/// The most values of one answer. With its bytes bounded too, this keeps what one answer takes in
/// memory near 8 MiB, whatever it is made of.
pub const NODES_MAX: usize = 100_000;

/// How deep an answer may be nested; recursion over it is bounded by this.
pub const DEPTH_MAX: usize = 64;

/// Why a text is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON.
    #[error("the answer is not JSON: {0}; look at it with ccm source test")]
    Form(SafeText),
    /// It is not text.
    #[error("the answer is not UTF-8 at byte {0}; look at it with ccm source test")]
    Text(usize),
    /// It is too large.
    #[error("the answer has more than {NODES_MAX} values; ask for less of it")]
    TooMany,
    /// It is too deep.
    #[error("the answer is nested more than {DEPTH_MAX} deep, which no source needs")]
    TooDeep,
}

/// Reads a text. Of a key that stands there twice the last one counts.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    bounded(bytes, |deserializer, budget| {
        let value = Node { budget, depth: 0 }.deserialize(&mut *deserializer)?;
        deserializer.end()?;
        Ok(value)
    })
}

/// Reads a text that has several values one after the other, such as one a line, as a list of them.
pub fn parse_lines(bytes: &[u8]) -> Result<Json, JsonError> {
    bounded(bytes, |deserializer, budget| {
        let mut values = Vec::new();
        while deserializer.end().is_err() {
            values.push(Node { budget: &mut *budget, depth: 1 }.deserialize(&mut *deserializer)?);
        }
        Ok(Json::Array(values))
    })
}

type Text<'t> = serde_json::Deserializer<serde_json::de::SliceRead<'t>>;

fn bounded(
    bytes: &[u8],
    read: impl FnOnce(&mut Text<'_>, &mut Budget) -> serde_json::Result<Json>,
) -> Result<Json, JsonError> {
    let mut budget = Budget { nodes: NODES_MAX, refused: None };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    read(&mut deserializer, &mut budget).map_err(|error| {
        budget.refused.take().unwrap_or_else(|| {
            let text = error.to_string();
            if text.starts_with("recursion limit") {
                JsonError::TooDeep
            } else {
                JsonError::Form(SafeText::new(&text))
            }
        })
    })
}

struct Budget {
    nodes: usize,
    refused: Option<JsonError>,
}

/// One node and all below it.
struct Node<'b> {
    budget: &'b mut Budget,
    depth: usize,
}

impl Node<'_> {
    fn spend<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match self.budget.nodes.checked_sub(1) {
            Some(left) => {
                self.budget.nodes = left;
                Ok(())
            }
            None => self.refuse(JsonError::TooMany),
        }
    }

    fn below<E: serde::de::Error>(&mut self) -> Result<Node<'_>, E> {
        if self.depth >= DEPTH_MAX {
            self.refuse(JsonError::TooDeep)?;
        }
        Ok(Node { depth: self.depth + 1, budget: self.budget })
    }

    fn refuse<E: serde::de::Error>(&mut self, error: JsonError) -> Result<(), E> {
        let sentence = error.to_string();
        self.budget.refused = Some(error);
        Err(E::custom(sentence))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Json, D::Error> {
        self.spend()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, on: bool) -> Result<Json, E> {
        Ok(Json::Bool(on))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.below()?)?;
            map.insert(key, value);
        }
        Ok(Json::Object(map))
    }
}

/// The answer as a reading's tree.
pub fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Absent,
        Json::Bool(on) => Value::Boolean(on),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => number.as_f64().map_or(Value::Absent, Value::from),
        },
        Json::String(text) => Value::from(text),
        Json::Array(items) => Value::List(items.into_iter().map(value).collect()),
        Json::Object(map) => Value::map(map.into_iter().map(|(key, item)| (key, value(item)))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_read_as_it_is() {
        let text = br#"{"a": [1, -2.5, "x", true, null], "b": {"c": 18446744073709551615}}"#;
        let json = parse(text).unwrap();
        assert_eq!(json, json!({"a": [1, -2.5, "x", true, null], "b": {"c": u64::MAX}}));
        let value = value(json);
        assert_eq!(value.at("a.1"), Some(&Value::Number(-2.5)));
        assert_eq!(value.at("a.4"), Some(&Value::Absent));
        assert_eq!(value.at("b.c"), Some(&Value::Number(u64::MAX as f64)));
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none_and_where() {
        let table: [&[u8]; 7] = [
            b"",
            b"<html>",
            b"{\"a\": NaN}",
            b"{\"a\": 1} x",
            b"\"\xff\"",
            b"[1,]",
            b"{\"a\": 1e999}",
        ];
        for text in table {
            let Err(JsonError::Form(sentence)) = parse(text) else { panic!("{text:?} is read") };
            assert!(sentence.as_str().contains("line 1"), "{sentence}");
        }
    }

    #[test]
    fn of_a_key_that_stands_there_twice_the_last_one_counts() {
        assert_eq!(parse(br#"{"a": 1, "a": 2}"#).unwrap(), json!({"a": 2}));
    }

    #[test]
    fn values_that_follow_each_other_are_a_list() {
        let text = b"{\"a\": 1}\n\n[2]\r\n\"x\"\n";
        assert_eq!(parse_lines(text).unwrap(), json!([{"a": 1}, [2], "x"]));
        assert_eq!(parse_lines(b" \n").unwrap(), json!([]));
        let Err(JsonError::Form(sentence)) = parse_lines(b"{\"a\": 1}\n{\"b\": }\n") else {
            panic!("it is read");
        };
        assert!(sentence.as_str().contains("line 2 column 7"), "{sentence}");
        assert_eq!(parse_lines("1\n".repeat(NODES_MAX + 1).as_bytes()), Err(JsonError::TooMany));
        let deep = format!("1\n{}", "[".repeat(DEPTH_MAX));
        assert_eq!(parse_lines(deep.as_bytes()), Err(JsonError::TooDeep));
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        for depth in [DEPTH_MAX + 1, 100_000] {
            assert_eq!(parse("[".repeat(depth).as_bytes()), Err(JsonError::TooDeep), "{depth}");
            let objects = "{\"a\":".repeat(depth);
            assert_eq!(parse(objects.as_bytes()), Err(JsonError::TooDeep), "{depth}");
        }
        let fits = "[".repeat(DEPTH_MAX) + &"]".repeat(DEPTH_MAX);
        assert!(parse(fits.as_bytes()).is_ok());
        let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n}\":1")).collect();
        let many = format!("{{{}}}", keys.join(","));
        assert_eq!(parse(many.as_bytes()), Err(JsonError::TooMany));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let ours = parse(&bytes).ok();
            let theirs = serde_json::from_slice::<Json>(&bytes).ok();
            prop_assert_eq!(&ours, &theirs);
            if let Some(value) = ours {
                prop_assert_eq!(parse_lines(&bytes).unwrap(), json!([value]));
            }
        }
    }
}
