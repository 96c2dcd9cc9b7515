//! Every path of a connector finds something of the right kind in the recorded answers.

use ccm_proto::model::source::extract::{Combine, FullRule, ValueType};
use serde_json::Value;
use serde_json_path::JsonPath;

use super::asking::joined;
use super::fixtures::{connectors, pages};
use super::form::is_moment;

fn nodes<'a>(path: &str, tree: &'a Value) -> Vec<&'a Value> {
    let path = JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    path.query(tree).all()
}

/// Whether a value can be read as the rule says.
fn is_right(rule: &FullRule, value: &Value) -> bool {
    let number =
        value.is_number() || value.as_str().is_some_and(|text| text.parse::<f64>().is_ok());
    let right = match rule.value_type {
        Some(ValueType::Number | ValueType::Integer) => number,
        Some(ValueType::Text) => value.is_string(),
        Some(ValueType::Boolean) => value.is_boolean(),
        Some(ValueType::Time) => is_moment(value),
        None => !value.is_null() && !value.is_object() && !value.is_array(),
    };
    right && (rule.scale.is_none() || number) && (combines_numbers(rule).is_none() || number)
}

fn combines_numbers(rule: &FullRule) -> Option<Combine> {
    rule.combine
        .filter(|combine| !matches!(combine, Combine::First | Combine::Last | Combine::Count))
}

#[test]
fn every_path_finds_something_of_its_type_in_the_recorded_answers() {
    let mut wrong = Vec::new();
    for (name, spec) in connectors() {
        for (endpoint, asked) in &spec.endpoints {
            let at = format!("{name}/{endpoint}");
            let tree = joined(asked, &pages(name.as_str(), endpoint.as_str()));
            let extract = asked.extract.clone().unwrap_or_default();
            for (value, rule) in &extract.values {
                let rule = rule.full();
                let found = nodes(&rule.path, &tree);
                let counted = rule.combine == Some(Combine::Count);
                if found.is_empty() || !(counted || found.iter().all(|node| is_right(&rule, node)))
                {
                    wrong.push(format!("{at}: {value}: {} is {found:?}", rule.path));
                }
            }
            for (list, rule) in &extract.lists {
                let items = nodes(&rule.path, &tree);
                for (field, rule) in &rule.fields {
                    let rule = rule.full();
                    let found: Vec<&Value> =
                        items.iter().flat_map(|item| nodes(&rule.path, item)).collect();
                    let known: Vec<&&Value> = found.iter().filter(|node| !node.is_null()).collect();
                    if known.is_empty() || !known.iter().all(|node| is_right(&rule, node)) {
                        wrong.push(format!("{at}: {list}.{field}: {} is {found:?}", rule.path));
                    }
                }
                if let Some(key) = &rule.key {
                    let path = rule.fields.get(key).unwrap().full().path;
                    let mut keys: Vec<String> = items
                        .iter()
                        .map(|item| nodes(&path, item).first().map(ToString::to_string).unwrap())
                        .collect();
                    let count = keys.len();
                    keys.sort();
                    keys.dedup();
                    if keys.len() != count {
                        wrong.push(format!("{at}: {list}: {key} does not tell items apart"));
                    }
                }
                if items.is_empty() {
                    wrong.push(format!("{at}: {list} is empty"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
