//! From a tree to the typed value of its kind, with every problem that can be told at once.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ccm_proto::model::connector::Endpoint;
use ccm_proto::model::source::Extract;
use ccm_proto::model::{
    ConnectorSpec, DocumentId, EgressSpec, Kind, LayoutSpec, ModuleSpec, Name, SourceSpec,
    ThemeSpec, WidgetSpec,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::diagnostic::nearest;
use crate::collect::extract;
use crate::query;

/// The most problems that are told of one document.
const PROBLEMS_MAX: usize = 32;

/// A checked document.
#[derive(Clone, Debug, PartialEq)]
pub enum Spec {
    /// A layout.
    Layout(Arc<LayoutSpec>),
    /// A widget.
    Widget(Arc<WidgetSpec>),
    /// A source.
    Source(Arc<SourceSpec>),
    /// A theme.
    Theme(Arc<ThemeSpec>),
    /// Which addresses may be called.
    Egress(Arc<EgressSpec>),
    /// A module's address.
    Module(Arc<ModuleSpec>),
    /// A connector.
    Connector(Arc<ConnectorSpec>),
}

impl Spec {
    /// The documents that this one needs, without repetition.
    pub fn references(&self) -> BTreeSet<DocumentId> {
        let to = |kind, name: &_| DocumentId::new(kind, Clone::clone(name));
        match self {
            Self::Layout(layout) => {
                let placed = layout.pages.iter().flat_map(|page| &page.widgets);
                let widgets = placed.map(|placement| to(Kind::Widget, &placement.name));
                widgets.chain(layout.theme.iter().map(|theme| to(Kind::Theme, theme))).collect()
            }
            Self::Widget(widget) => BTreeSet::from([to(Kind::Source, &widget.source)]),
            Self::Source(source) => source.references(),
            Self::Egress(_) | Self::Module(_) | Self::Connector(_) => BTreeSet::new(),
            Self::Theme(theme) => theme.inherits.iter().map(|name| to(Kind::Theme, name)).collect(),
        }
    }

    /// The credential that it names. It is kept elsewhere, so that it is no reference.
    pub fn credential(&self) -> Option<&Name> {
        match self {
            Self::Source(source) => {
                let api = source.external_api.as_ref().and_then(|api| api.credential.as_ref());
                let scrape = source.prometheus.as_ref();
                api.or_else(|| scrape.and_then(|scrape| scrape.credential.as_ref()))
            }
            Self::Module(module) => module.credential.as_ref(),
            _ => None,
        }
    }
}

/// One step into a tree as it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a table's entry.
    Key(String),
    /// To a list's item, from 0.
    Index(usize),
}

/// A place in a tree as it is written: `page[0].widget[2].at`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location(pub Vec<Step>);

impl Location {
    /// The place one key further down.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key.to_owned()));
        Self(steps)
    }

    /// The place of a list's item.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }

    /// Reads the form in which the model's checks name fields, by the tree whose fields these are:
    /// a key may hold dots itself.
    fn parse(tree: &Value, text: &str) -> Self {
        let mut location = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, behind) = if let Some(index) = rest.strip_prefix('[') {
                let (index, behind) = index.split_once(']').unwrap_or((index, ""));
                (index.parse().ok().map(Step::Index), behind)
            } else {
                let key = location.get(tree).and_then(|table| longest_key(table, rest));
                let plain = || rest.split(['.', '[']).next().unwrap_or_default();
                let key = key.unwrap_or_else(plain);
                let named = (!key.is_empty()).then(|| Step::Key(key.to_owned()));
                (named, rest.strip_prefix(key).unwrap_or_default())
            };
            location.0.extend(step);
            rest = behind.strip_prefix('.').unwrap_or(behind);
        }
        location
    }

    fn get<'v>(&self, tree: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(tree, |value, step| match step {
            Step::Key(key) => value.as_object()?.get(key),
            Step::Index(index) => value.as_array()?.get(*index),
        })
    }

    fn get_mut<'v>(&self, tree: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(tree, |value, step| match step {
            Step::Key(key) => value.as_object_mut()?.get_mut(key),
            Step::Index(index) => value.as_array_mut()?.get_mut(*index),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The longest key of a table that a path begins with.
fn longest_key<'p>(table: &Value, path: &'p str) -> Option<&'p str> {
    let keys = table.as_object()?.keys();
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    let begins = keys.filter(|key| path.strip_prefix(key.as_str()).is_some_and(ends));
    path.get(..begins.map(String::len).max()?)
}

/// One problem of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub location: Location,
    /// The key is at fault rather than its value.
    pub at_key: bool,
    /// One sentence.
    pub sentence: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// Types and checks a tree.
pub fn check(kind: Kind, tree: &Value) -> Result<Spec, Vec<Problem>> {
    match kind {
        Kind::Layout => typed(tree, LayoutSpec::problems).map(|spec| Spec::Layout(Arc::new(spec))),
        Kind::Widget => typed(tree, WidgetSpec::problems).map(|spec| Spec::Widget(Arc::new(spec))),
        Kind::Source => typed(tree, source_problems).map(|spec| Spec::Source(Arc::new(spec))),
        Kind::Theme => typed(tree, ThemeSpec::problems).map(|spec| Spec::Theme(Arc::new(spec))),
        Kind::Egress => typed(tree, EgressSpec::problems).map(|spec| Spec::Egress(Arc::new(spec))),
        Kind::Module => typed(tree, ModuleSpec::problems).map(|spec| Spec::Module(Arc::new(spec))),
        Kind::Connector => {
            typed(tree, connector_problems).map(|spec| Spec::Connector(Arc::new(spec)))
        }
    }
}

/// What is wrong with a source. The model knows no expressions and no JSONPath, so that they are
/// read here, once everything else is right.
fn source_problems(source: &SourceSpec) -> Vec<(String, String)> {
    let problems = source.problems();
    if !problems.is_empty() {
        return problems;
    }
    let query = source.query.as_deref().into_iter().flat_map(query::check);
    let query = query.map(|(path, sentence)| (format!("query.{path}"), sentence));
    query.chain(extract_problems("extract", source.extract.as_deref())).collect()
}

/// What is wrong with a connector, the paths of its rules too.
fn connector_problems(connector: &ConnectorSpec) -> Vec<(String, String)> {
    let problems = connector.problems();
    if !problems.is_empty() {
        return problems;
    }
    let of = |(name, endpoint): (&Name, &Endpoint)| {
        let section = format!("endpoints.{name}.extract");
        extract_problems(&section, endpoint.extract.as_ref())
    };
    connector.endpoints.iter().flat_map(of).collect()
}

fn extract_problems(section: &str, rules: Option<&Extract>) -> Vec<(String, String)> {
    let found = rules.map(extract::problems).unwrap_or_default();
    found.into_iter().map(|(path, sentence)| (format!("{section}.{path}"), sentence)).collect()
}

/// Reads the tree again and again, each time with the newest problem out of the way, because a
/// typed reading ends at the first problem.
pub(super) fn typed<T: DeserializeOwned>(
    tree: &Value,
    rules: impl Fn(&T) -> Vec<(String, String)>,
) -> Result<T, Vec<Problem>> {
    let mut tree = tree.clone();
    let mut problems: Vec<Problem> = Vec::new();
    let mut dropped: BTreeSet<Location> = BTreeSet::new();
    while problems.len() < PROBLEMS_MAX {
        let spec: T = match serde_path_to_error::deserialize(&tree) {
            Ok(spec) => spec,
            Err(error) => {
                let location = location(error.path());
                let message = error.into_inner().to_string();
                let problem = Complaint::parse(&message).problem(location);
                if dropped.contains(&problem.location) {
                    break; // It is missing because it was wrong, which is told already.
                }
                let repaired = repair(&mut tree, &problem, &mut dropped);
                problems.push(problem);
                if repaired {
                    continue;
                }
                break;
            }
        };
        let broken = |(path, sentence): (String, String)| Problem {
            location: Location::parse(&tree, &path),
            at_key: false,
            sentence,
            suggestion: None,
        };
        problems.extend(rules(&spec).into_iter().map(broken));
        problems.truncate(PROBLEMS_MAX);
        if problems.is_empty() {
            return Ok(spec);
        }
        break;
    }
    Err(problems)
}

fn location(path: &serde_path_to_error::Path) -> Location {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    Location(path.iter().filter_map(step).collect())
}

/// Takes a problem out of the way; false when that is impossible.
fn repair(tree: &mut Value, problem: &Problem, dropped: &mut BTreeSet<Location>) -> bool {
    let Some((last, above)) = problem.location.0.split_last() else { return false };
    let Some(parent) = Location(above.to_vec()).get_mut(tree) else { return false };
    match (last, parent) {
        (Step::Key(key), Value::Object(map)) => {
            let Some(value) = map.shift_remove(key) else { return false };
            // A misspelt key is read as the one that was meant, so that nothing seems missing.
            let meant = problem.suggestion.as_deref().map(|word| word.trim_matches('`'));
            match meant.filter(|word| problem.at_key && !map.contains_key(*word)) {
                Some(word) => {
                    map.insert(word.to_owned(), value);
                }
                None => {
                    dropped.insert(problem.location.clone());
                }
            }
            true
        }
        (Step::Index(index), Value::Array(items)) if *index < items.len() => {
            // The other items keep their places; one at the end can go.
            if *index + 1 == items.len() {
                items.pop();
                return true;
            }
            false
        }
        _ => false,
    }
}

/// What a typed reading complains of, taken apart.
enum Complaint<'a> {
    UnknownField { word: &'a str, known: Vec<&'a str> },
    UnknownVariant { word: &'a str, known: Vec<&'a str> },
    MissingField(&'a str),
    Other(&'a str),
}

impl<'a> Complaint<'a> {
    fn parse(message: &'a str) -> Self {
        let quoted =
            |text: &'a str| -> Vec<&'a str> { text.split('`').skip(1).step_by(2).collect() };
        let split = |rest: &'a str| -> Option<(&'a str, Vec<&'a str>)> {
            // The word itself may hold backquotes; the expectation is written by the reader.
            let (word, expected) = rest
                .rsplit_once("`, expected ")
                .or_else(|| rest.rsplit_once("`, there are no "))?;
            Some((word, quoted(expected)))
        };
        if let Some((word, known)) = message.strip_prefix("unknown field `").and_then(split) {
            return Self::UnknownField { word, known };
        }
        if let Some((word, known)) = message.strip_prefix("unknown variant `").and_then(split) {
            return Self::UnknownVariant { word, known };
        }
        match message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            Some(field) => Self::MissingField(field),
            None => Self::Other(message),
        }
    }

    fn problem(self, location: Location) -> Problem {
        let place = |location: &Location| match location.0.last() {
            Some(Step::Key(key)) => format!("`{key}`"),
            Some(Step::Index(index)) => format!("item {}", index + 1),
            None => "the document".to_owned(),
        };
        let suggest = |word: &str, known: &[&str]| {
            nearest(word, known.iter().copied()).map(|name| format!("`{name}`"))
        };
        match self {
            Self::UnknownField { word, known } => {
                let suggestion = suggest(word, &known);
                let keys = match known.as_slice() {
                    [] => "no key is known here".to_owned(),
                    known => format!("the keys here are {}", known.join(", ")),
                };
                let sentence = match suggestion {
                    Some(_) => format!("there is no key `{word}` here"),
                    None => format!("there is no key `{word}` here; {keys}"),
                };
                let named = matches!(location.0.last(), Some(Step::Key(key)) if key == word);
                let location = if named { location } else { location.key(word) };
                Problem { location, at_key: true, sentence, suggestion }
            }
            Self::UnknownVariant { word, known } => {
                let suggestion = suggest(word, &known);
                let values = match suggestion {
                    Some(_) => String::new(),
                    None => format!("; it is one of {}", known.join(", ")),
                };
                let sentence = format!("{} cannot be `{word}`{values}", place(&location));
                Problem { location, at_key: false, sentence, suggestion }
            }
            Self::MissingField(field) => Problem {
                sentence: format!("{} needs the key `{field}`", place(&location)),
                location: location.key(field),
                at_key: true,
                suggestion: None,
            },
            Self::Other(message) => {
                Problem { location, at_key: false, sentence: message.to_owned(), suggestion: None }
            }
        }
    }
}
