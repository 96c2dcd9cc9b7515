//! `match()` and `search()` of JSONPath (RFC 9535, sections 2.4.6 and 2.4.7), whose patterns are
//! I-Regexps (RFC 9485).
//!
//! A path asks them once for each value, so a pattern is compiled once and kept. Paths that are
//! read have their patterns written out ([`super::path`]), so there are few of them. A rule's own
//! pattern is compiled with the rule.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json_path::functions::{LogicalType, ValueType};

/// Bytes that a compiled pattern may take, and again what matching with it may keep.
const COMPILED_BYTES_MAX: usize = 256 << 10;

/// The longest pattern of a rule in bytes.
const PATTERN_BYTES_MAX: usize = 1_024;

/// Patterns that are kept; when there are more, all are compiled again as they are needed.
const KEPT_MAX: usize = 256;

/// Whether a pattern has to match a whole text or may match a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Extent {
    Whole,
    Part,
}

type Kept = HashMap<(Extent, String), Option<Regex>>;

static KEPT: LazyLock<RwLock<Kept>> = LazyLock::new(RwLock::default);

/// What is wrong with a pattern of a path, if anything is.
pub(super) fn problem(pattern: &str) -> Option<String> {
    compile(Extent::Whole, pattern).err().map(|error| sentence(pattern, error))
}

/// The pattern that a rule takes a part of a text by. `^` and `$` are the ends of lines.
pub(super) fn of_rule(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern has at most {PATTERN_BYTES_MAX} bytes; match less with it"));
    }
    bounded(pattern).multi_line(true).build().map_err(|error| sentence(pattern, error))
}

fn sentence(pattern: &str, error: regex::Error) -> String {
    let problem = match error {
        regex::Error::CompiledTooBig(_) => "it is too large; repeat less in it".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    };
    let pattern = format!("{pattern:?}").replace("\\\\", "\\");
    format!("the pattern {pattern} is no regular expression: {problem}")
}

fn bounded(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.crlf(true).size_limit(COMPILED_BYTES_MAX).dfa_size_limit(COMPILED_BYTES_MAX);
    builder
}

fn compile(extent: Extent, pattern: &str) -> Result<Regex, regex::Error> {
    // By itself first: it must not close the group that is put around it.
    let alone = bounded(pattern).build()?;
    match extent {
        Extent::Part => Ok(alone),
        Extent::Whole => bounded(&format!("^(?:{pattern})$")).build(),
    }
}

fn is_match(extent: Extent, text: &ValueType<'_>, pattern: &ValueType<'_>) -> LogicalType {
    let (Some(Value::String(text)), Some(Value::String(pattern))) =
        (text.as_value(), pattern.as_value())
    else {
        return LogicalType::False;
    };
    compiled(extent, pattern).is_some_and(|regex| regex.is_match(text)).into()
}

/// The compiled pattern; none for one that cannot be compiled, which matches nothing.
fn compiled(extent: Extent, pattern: &str) -> Option<Regex> {
    let of = (extent, pattern.to_owned());
    if let Some(known) = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(&of) {
        return known.clone();
    }
    let compiled = compile(extent, pattern).ok();
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(of, compiled.clone());
    compiled
}

/// Whether a pattern matches all of a text.
#[serde_json_path::function(name = "match")]
fn match_whole(text: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    is_match(Extent::Whole, &text, &pattern)
}

/// Whether a pattern matches some of a text.
#[serde_json_path::function(name = "search")]
fn match_part(text: ValueType<'_>, pattern: ValueType<'_>) -> LogicalType {
    is_match(Extent::Part, &text, &pattern)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use serde_json_path::JsonPath;

    use super::*;

    fn found(path: &str, texts: &Value) -> Vec<String> {
        let path = JsonPath::parse(path).unwrap();
        path.query(texts).into_iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn match_wants_all_of_a_text_and_search_a_part() {
        let texts = json!(["ab", "cab", "abc", "a\nb", "", "a|b"]);
        for (path, expected) in [
            ("$[?match(@, 'ab')]", &["ab"][..]),
            ("$[?search(@, 'ab')]", &["ab", "cab", "abc"]),
            ("$[?match(@, 'a.b')]", &["a|b"]),
            ("$[?match(@, 'c?ab|ab?c')]", &["ab", "cab", "abc"]),
            ("$[?match(@, 'a)|(b')]", &[]),
            ("$[?match(@, '[')]", &[]),
            ("$[?match(@, '\\\\p{Ll}{2}')]", &["ab"]),
            ("$[?!search(@, '.')]", &[""]),
        ] {
            assert_eq!(found(path, &texts), expected, "{path}");
        }
        assert!(found("$[?match(@.n, '1') || search(@.n, 1)]", &json!([{ "n": 1 }])).is_empty());
    }

    #[test]
    fn a_pattern_that_cannot_be_is_told() {
        assert_eq!(problem("a{2,3}[x-z]|\\p{L}"), None);
        assert!(problem("a{1000}{1000}").is_some_and(|told| told.contains("too large")));
        assert!(problem("[a").is_some_and(|told| told.contains("unclosed")));
        assert!(problem("a)|(b").is_some_and(|told| told.contains("unopened")));
    }

    proptest! {
        #[test]
        fn any_text_as_pattern_gives_an_answer(pattern in ".{0,40}", text in ".{0,40}") {
            let whole = compiled(Extent::Whole, &pattern);
            prop_assert_eq!(whole.is_some(), problem(&pattern).is_none());
            let part = compiled(Extent::Part, &pattern);
            if whole.is_some_and(|regex| regex.is_match(&text)) {
                prop_assert!(part.is_some_and(|regex| regex.is_match(&text)));
            }
            let kept = KEPT.read().unwrap_or_else(PoisonError::into_inner);
            prop_assert!(kept.len() <= KEPT_MAX);
        }
    }
}
