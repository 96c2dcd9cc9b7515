//! From an answer to a reading: what its document wants of it, by JSONPath (RFC 9535) and, where
//! that finds text, by regular expressions.

use std::hash::{DefaultHasher, Hash, Hasher};

use ccm_proto::model::source::extract::{
    AnswerFormat, Combine, Decimals, FullRule, ListRule, ValueRule,
};
use ccm_proto::model::source::{Extract, Problem};
use ccm_proto::model::{Labels, Name, Reading, Samples, SeriesKey, Timestamp, Value};
use regex::Regex;
use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::json::{self, JsonError};
use super::series::{self, KeyCache};

mod convert;
mod currency;
mod path;
mod pattern;
mod text;

use currency::Currency;
pub(in crate::collect) use path::read_path;

/// How deep numbers are looked for in an answer that nothing is taken out of.
const SERIES_DEPTH_MAX: usize = 6;

/// The most series of an answer that nothing is taken out of: who wants more names them.
const SERIES_WHOLE_MAX: usize = 256;

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {sentence}")]
pub struct ExtractError {
    /// Which rule, as a field path below `extract`.
    pub place: String,
    /// What is wrong with it.
    pub sentence: String,
}

/// Makes readings of one source's answers.
#[derive(Debug)]
pub struct Extractor {
    source: Name,
    format: AnswerFormat,
    /// Many sources have none, and all of them wait most of the time.
    rules: Option<Box<Rules>>,
    cache: KeyCache,
}

#[derive(Debug)]
struct Rules {
    values: Vec<(String, Compiled)>,
    lists: Vec<List>,
}

/// A rule whose path has been read.
#[derive(Debug)]
struct Compiled {
    path: JsonPath,
    regex: Option<Regex>,
    rule: FullRule,
    currency: Option<Currency>,
}

#[derive(Debug)]
struct List {
    name: String,
    path: JsonPath,
    fields: Vec<(String, Compiled)>,
    rule: ListRule,
}

/// A node that a path found, and what says its currency where that is asked.
type Found<'b> = (&'b Json, Option<&'b Json>);

/// A number of a reading that is kept.
struct Sample {
    metric: String,
    label: Option<(String, String)>,
    number: f64,
}

/// What is wrong with the paths of a document; each problem names its field below `extract`.
pub fn problems(extract: &Extract) -> Vec<Problem> {
    match Rules::compile(extract) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| (error.place, error.sentence)).collect(),
    }
}

impl Extractor {
    /// Reads the paths; the first that cannot be read is told.
    pub fn new(source: &Name, extract: Option<&Extract>) -> Result<Self, ExtractError> {
        let rules = extract.map(Rules::compile).transpose();
        let rules = rules.map_err(|errors| {
            let unknown =
                || ExtractError { place: String::new(), sentence: "cannot be read".to_owned() };
            errors.into_iter().next().unwrap_or_else(unknown)
        })?;
        let rules = rules.filter(|rules| !rules.is_empty()).map(Box::new);
        let format = extract.map(|extract| extract.format).unwrap_or_default();
        Ok(Self { source: source.clone(), format, rules, cache: KeyCache::default() })
    }

    /// What an answer says, as the tree that paths look into.
    ///
    /// # Errors
    /// When it is not what it should be, or has too many values.
    pub fn parse(&self, answer: &[u8]) -> Result<Json, JsonError> {
        match self.format {
            AnswerFormat::Json => json::parse(answer),
            AnswerFormat::JsonLines => json::parse_lines(answer),
            AnswerFormat::Text => Ok(Json::from(text::of(answer)?)),
            AnswerFormat::Lines => text::lines(text::of(answer)?),
            AnswerFormat::Pairs => text::pairs(text::of(answer)?),
        }
    }

    /// Whether an answer of nothing is one: a list of no items.
    pub fn takes_nothing(&self) -> bool {
        matches!(self.format, AnswerFormat::JsonLines | AnswerFormat::Lines)
    }

    /// The reading that an answer makes.
    pub fn reading(&mut self, at: Timestamp, body: Json) -> Reading {
        let mut found = Vec::new();
        let value = if let Some(rules) = &self.rules {
            rules.apply(&body, &mut found)
        } else {
            let value = json::value(body);
            numbers(&value, &mut String::new(), 0, &mut found);
            value
        };
        Reading { source: self.source.clone(), at, value, samples: self.samples(&found) }
    }

    fn samples(&mut self, found: &[Sample]) -> Samples {
        let mut shape = DefaultHasher::new();
        for sample in found {
            sample.metric.hash(&mut shape);
            sample.label.hash(&mut shape);
        }
        let source = &self.source;
        self.cache.samples(shape.finish(), found.iter().map(|s| s.number).collect(), || {
            let key = |sample: &Sample| SeriesKey {
                source: source.clone(),
                metric: sample.metric.as_str().into(),
                labels: Labels::new(sample.label.clone()),
            };
            found.iter().map(key).collect()
        })
    }
}

impl Rules {
    fn compile(extract: &Extract) -> Result<Self, Vec<ExtractError>> {
        let mut errors = Vec::new();
        let mut compile = |place: String, rule: FullRule| {
            Compiled::new(rule, &extract.decimals)
                .map_err(|sentence| errors.push(ExtractError { place, sentence }))
                .ok()
        };
        let mut values = Vec::new();
        for (name, rule) in &extract.values {
            let compiled = compile(format!("values.{name}"), rule.full());
            values.extend(compiled.map(|compiled| (name.clone(), compiled)));
        }
        let mut lists = Vec::new();
        for (name, list) in &extract.lists {
            let mut fields = Vec::new();
            for (field, rule) in &list.fields {
                let compiled = compile(format!("lists.{name}.fields.{field}"), rule.full());
                fields.extend(compiled.map(|compiled| (field.clone(), compiled)));
            }
            let whole = ValueRule::Path(list.path.clone());
            let path = compile(format!("lists.{name}.path"), whole.full());
            lists.extend(path.map(|compiled| List {
                name: name.clone(),
                path: compiled.path,
                fields,
                rule: list.clone(),
            }));
        }
        if errors.is_empty() { Ok(Self { values, lists }) } else { Err(errors) }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.lists.is_empty()
    }

    fn apply(&self, body: &Json, found: &mut Vec<Sample>) -> Value {
        let mut tree = Value::Map(std::collections::BTreeMap::new());
        for (name, compiled) in &self.values {
            let value = compiled.value(body);
            if compiled.rule.series && (value.as_number().is_some() || value.is_absent()) {
                let number = series::number(&value);
                found.push(Sample { metric: name.clone(), label: None, number });
            }
            put(&mut tree, name, value);
        }
        for list in &self.lists {
            let items = list.items(body, found);
            put(&mut tree, &list.name, Value::List(items));
        }
        tree
    }
}

impl Compiled {
    fn new(rule: FullRule, decimals: &Decimals) -> Result<Self, String> {
        let path = read_path(&rule.path)?;
        let regex = rule.regex.as_deref().map(pattern::of_rule).transpose()?;
        let currency = rule.currency.clone().map(|field| Currency::new(field, decimals));
        Ok(Self { path, regex, rule, currency })
    }

    /// The value in `body`; absent when nothing is there, or nothing of the wanted type.
    fn value(&self, body: &Json) -> Value {
        let nodes = match &self.currency {
            Some(currency) => currency.found(&self.path, body),
            None => self.path.query(body).into_iter().map(|node| (node, None)).collect(),
        };
        let one = |found: Option<&Found<'_>>| {
            let (node, code) = found.map_or((None, None), |(node, code)| (Some(*node), *code));
            let value = match &self.regex {
                Some(regex) => convert::matched(regex, node),
                None => node.map_or(Value::Absent, |node| json::value(node.clone())),
            };
            let value = convert::typed(value, self.rule.value_type);
            let value = match &self.currency {
                Some(currency) => currency.whole(&value, code),
                None => value,
            };
            convert::scaled(value, self.rule.scale)
        };
        match self.rule.combine {
            None | Some(Combine::First) => one(nodes.first()),
            Some(Combine::Last) => one(nodes.last()),
            Some(Combine::Count) => Value::from(nodes.len() as u64),
            Some(combine) => {
                let numbers = nodes.iter().filter_map(|node| one(Some(node)).as_number());
                convert::combined(combine, numbers.collect())
            }
        }
    }
}

impl List {
    fn items(&self, body: &Json, found: &mut Vec<Sample>) -> Vec<Value> {
        let limit = usize::try_from(self.rule.limit).unwrap_or(usize::MAX);
        let nodes = self.path.query(body);
        let mut items = Vec::new();
        for node in nodes.iter().take(limit) {
            let item = self.item(node);
            self.keep(&item, found);
            items.push(item);
        }
        items
    }

    fn item(&self, node: &Json) -> Value {
        if self.fields.is_empty() {
            return json::value(node.clone());
        }
        let mut item = Value::Map(std::collections::BTreeMap::new());
        for (name, compiled) in &self.fields {
            put(&mut item, name, compiled.value(node));
        }
        item
    }

    fn keep(&self, item: &Value, found: &mut Vec<Sample>) {
        let Some(key) = &self.rule.key else { return };
        for field in &self.rule.series {
            let number = item.at(field).map_or(f64::NAN, series::number);
            let label = series::label_text(item.at(key));
            let metric = format!("{}.{field}", self.name);
            found.push(Sample { metric, label: Some((key.clone(), label)), number });
        }
    }
}

/// Puts a value at a dotted path of maps. What stands in the way is replaced.
fn put(tree: &mut Value, path: &str, value: Value) {
    let mut at = tree;
    for step in path.split('.') {
        if !matches!(at, Value::Map(_)) {
            *at = Value::Map(std::collections::BTreeMap::new());
        }
        let Value::Map(map) = at else { return };
        at = map.entry(step.into()).or_default();
    }
    *at = value;
}

/// The numbers of a tree that are not within lists, in the order of their paths.
fn numbers(value: &Value, path: &mut String, depth: usize, found: &mut Vec<Sample>) {
    if found.len() >= SERIES_WHOLE_MAX || depth > SERIES_DEPTH_MAX {
        return;
    }
    match value {
        Value::Integer(_) | Value::Number(_) | Value::Boolean(_) if !path.is_empty() => {
            let number = series::number(value);
            found.push(Sample { metric: path.clone(), label: None, number });
        }
        Value::Map(map) => {
            for (key, item) in map {
                // A dot would lead elsewhere when the series' path is followed.
                if key.contains('.') {
                    continue;
                }
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                numbers(item, path, depth + 1, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
