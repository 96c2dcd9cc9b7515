//! From the text of a document to a tree with places, and from a tree's problems back to the text.

use std::collections::BTreeMap;
use std::ops::Range;

use ccm_proto::model::Kind;
use serde_json::{Map, Number, Value};
use toml::de::{DeArray, DeTable, DeValue};

use super::check::{Location, Problem, Step, typed};
use super::diagnostic::Diagnostic;
use super::path::Path;
use super::rules::{Merge, Rules};
use super::statement::Directives;

/// The largest text of a document; some forty times the largest shipped one.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// How deep tables and lists may be nested; recursion over a tree is bounded by it.
pub const DEPTH_MAX: usize = 32;

/// The table of a document that says how the layer stands to others.
const DIRECTIVES: &str = "layer";

/// The text of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// TOML, whose comments are kept.
    Toml(String),
    /// JSON.
    Json(String),
}

/// What a text says.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The document's own tree, without the table `layer`.
    pub tree: Value,
    /// The table `layer`.
    pub directives: Directives,
    /// Where things stand in the text.
    pub origin: Origin,
}

/// The text that a tree came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The file, or the document's name.
    pub label: String,
    text: String,
    spans: BTreeMap<Location, Spans>,
    tree: Value,
}

#[derive(Clone, Debug)]
struct Spans {
    key: Range<usize>,
    value: Range<usize>,
}

/// Reads a text. The typed check comes later, when the statement is merged with others.
pub fn parse(text: &Text, label: &str) -> Result<Parsed, Vec<Diagnostic>> {
    let (Text::Toml(source) | Text::Json(source)) = text;
    if source.len() > DOCUMENT_BYTES_MAX {
        let size = source.len();
        return Err(vec![Diagnostic::new(
            label,
            format!("the document has {size} bytes; at most {DOCUMENT_BYTES_MAX} are read"),
        )]);
    }
    let mut origin = Origin { label: label.to_owned(), ..Origin::default() };
    let mut tree = match text {
        Text::Toml(source) => {
            origin.text.clone_from(source);
            toml_tree(source, &mut origin)?
        }
        Text::Json(source) => json_tree(source, label)?,
    };
    if depth(&tree) > DEPTH_MAX {
        return Err(vec![Diagnostic::new(
            label,
            format!("the document is nested more than {DEPTH_MAX} deep"),
        )]);
    }
    origin.tree = tree.clone();
    let directives = directives(&mut tree, &origin)?;
    Ok(Parsed { tree, directives, origin })
}

fn directives(tree: &mut Value, origin: &Origin) -> Result<Directives, Vec<Diagnostic>> {
    let stated = tree.as_object_mut().and_then(|map| map.shift_remove(DIRECTIVES));
    let Some(stated) = stated else { return Ok(Directives::default()) };
    typed(&stated, |_: &Directives| Vec::new()).map_err(|problems| {
        let within = |problem: Problem| {
            let mut location = Location::default().key(DIRECTIVES);
            location.0.extend(problem.location.0);
            origin.diagnostic(&Problem { location, ..problem })
        };
        problems.into_iter().map(within).collect()
    })
}

/// The text's form of a tree and its directives, where `complete` says what `replace` is when it is
/// not given.
pub fn with_directives(tree: &Value, directives: &Directives, complete: bool) -> Value {
    let mut directives = directives.clone();
    if directives.replace == Some(complete) {
        directives.replace = None;
    }
    let mut tree = tree.clone();
    let stated = serde_json::to_value(&directives).unwrap_or_default();
    if let (Some(map), false) = (tree.as_object_mut(), directives == Directives::default()) {
        map.insert(DIRECTIVES.to_owned(), stated);
    }
    tree
}

fn json_tree(source: &str, label: &str) -> Result<Value, Vec<Diagnostic>> {
    let tree: Value = serde_json::from_str(source).map_err(|error| {
        let mut diagnostic = Diagnostic::new(label, error.to_string());
        diagnostic.line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        diagnostic.column = u32::try_from(error.column()).unwrap_or(u32::MAX);
        vec![diagnostic]
    })?;
    if !tree.is_object() {
        return Err(vec![Diagnostic::new(label, "a document is an object of keys and values")]);
    }
    Ok(tree)
}

/// How deep lists and tables are nested; a plain value has depth 0.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn toml_tree(source: &str, origin: &mut Origin) -> Result<Value, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(source);
    let diagnostic = |error: toml::de::Error| {
        let found = Diagnostic::new(&origin.label, error.message().replace('\n', ", "));
        match error.span() {
            Some(span) => found.at(source, &span),
            None => found,
        }
    };
    if !errors.is_empty() {
        let mut found: Vec<Diagnostic> = errors.into_iter().map(diagnostic).collect();
        found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        return Err(found);
    }
    let mut reader = Reader { origin, source, problems: Vec::new() };
    let tree = reader.table(&Location::default(), table.get_ref(), 0);
    let problems = reader.problems;
    if problems.is_empty() { Ok(tree) } else { Err(problems) }
}

/// Turns TOML into JSON and keeps the places.
struct Reader<'a> {
    origin: &'a mut Origin,
    source: &'a str,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn table(&mut self, at: &Location, table: &DeTable<'_>, depth: usize) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            let place = at.key(key.get_ref());
            let spans = Spans { key: key.span(), value: value.span() };
            self.origin.spans.insert(place.clone(), spans);
            let value = self.value(&place, value.get_ref(), &value.span(), depth + 1);
            map.insert(key.get_ref().to_string(), value);
        }
        Value::Object(map)
    }

    fn array(&mut self, at: &Location, array: &DeArray<'_>, depth: usize) -> Value {
        let mut items = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let place = at.index(index);
            let spans = Spans { key: value.span(), value: value.span() };
            self.origin.spans.insert(place.clone(), spans);
            items.push(self.value(&place, value.get_ref(), &value.span(), depth + 1));
        }
        Value::Array(items)
    }

    fn value(
        &mut self,
        at: &Location,
        value: &DeValue<'_>,
        span: &Range<usize>,
        depth: usize,
    ) -> Value {
        if depth > DEPTH_MAX {
            self.problem(span, format!("this is nested more than {DEPTH_MAX} deep"));
            return Value::Null;
        }
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(on) => Value::Bool(*on),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                number.map_or_else(
                    |_| {
                        self.problem(span, "this number is too large".to_owned());
                        Value::Null
                    },
                    Value::from,
                )
            }
            DeValue::Float(number) => {
                let number = number.as_str().parse().ok().and_then(Number::from_f64);
                number.map_or_else(
                    || {
                        self.problem(span, "infinity and nan are no numbers here".to_owned());
                        Value::Null
                    },
                    Value::Number,
                )
            }
            DeValue::Datetime(_) => {
                self.problem(span, "no document holds a date; put it into quotes".to_owned());
                Value::Null
            }
            DeValue::Array(array) => self.array(at, array, depth),
            DeValue::Table(table) => self.table(at, table, depth),
        }
    }

    fn problem(&mut self, span: &Range<usize>, sentence: String) {
        self.problems.push(Diagnostic::new(&self.origin.label, sentence).at(self.source, span));
    }
}

impl Origin {
    /// Of a document without a text of its own.
    pub fn nameless(label: &str) -> Self {
        Self { label: label.to_owned(), ..Self::default() }
    }

    /// Points a problem of the text's own tree at its place.
    pub fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let mut steps = problem.location.0.as_slice();
        let mut exact = true;
        // What is missing has no place; the nearest thing around it has.
        loop {
            if let Some(spans) = self.spans.get(&Location(steps.to_vec())) {
                let span = if problem.at_key || !exact { &spans.key } else { &spans.value };
                let found = Diagnostic::new(&self.label, &problem.sentence);
                return found.suggest(problem.suggestion.clone()).at(&self.text, span);
            }
            exact = false;
            match steps.split_last() {
                Some((_, rest)) => steps = rest,
                None => break,
            }
        }
        let place = problem.location.to_string();
        let sentence = match place.as_str() {
            "" => problem.sentence.clone(),
            place => format!("{place}: {}", problem.sentence),
        };
        let found = Diagnostic::new(&self.label, sentence).suggest(problem.suggestion.clone());
        if self.text.is_empty() { found } else { found.at(&self.text, &(0..0)) }
    }

    /// Points a problem of a merged tree at its place in this text, if it comes from here.
    pub fn merged(&self, kind: Kind, merged: &Value, problem: &Problem) -> Diagnostic {
        let mut own = problem.clone();
        own.location = self.translate(&Rules::of(kind), merged, &problem.location);
        self.diagnostic(&own)
    }

    /// The items of keyed lists may stand elsewhere in the merged tree.
    fn translate(&self, rules: &Rules, merged: &Value, location: &Location) -> Location {
        let (mut theirs, mut ours) = (Some(merged), Some(&self.tree));
        let (mut at, mut found) = (Path::ROOT, Location::default());
        for step in &location.0 {
            match step {
                Step::Key(key) => {
                    theirs = theirs.and_then(|value| value.get(key));
                    ours = ours.and_then(|value| value.get(key));
                    at = at.key(key);
                    found = found.key(key);
                }
                Step::Index(index) => {
                    let item = theirs.and_then(|value| value.get(index));
                    let list = ours.and_then(Value::as_array);
                    let keyed = theirs.map(|list| rules.merge(&at, list));
                    let position = match keyed {
                        Some(Merge::Keyed(field)) => {
                            let key = item.and_then(|item| item.get(field));
                            at = at.key(key.and_then(Value::as_str).unwrap_or_default());
                            list.and_then(|l| l.iter().position(|own| own.get(field) == key))
                        }
                        _ => list.filter(|list| *index < list.len()).map(|_| *index),
                    };
                    theirs = item;
                    ours = position.and_then(|index| list?.get(index));
                    match position {
                        Some(index) => found = found.index(index),
                        // Not from this text: the list itself is the nearest place.
                        None => return found,
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
