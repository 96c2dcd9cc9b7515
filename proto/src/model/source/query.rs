//! Options of a `query` source: values derived from other sources.
//!
//! Inputs give other sources a short name. Values, tables and series are named results, and each
//! result is found under its name in the reading, as `conversion` or `low.0.sku`. They may refer
//! to inputs and to each other by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::model::Name;

mod series;
mod table;

pub use series::{Anomaly, Combine, Earlier, Forecast, Function, SeriesQuery};
pub use table::{Group, Join, JoinKind, TableQuery};

/// The most inputs of one source: each is looked at whenever it changes.
pub const INPUTS_MAX: usize = 64;

/// The most results of one source; a document of the largest size holds about as many.
pub const RESULTS_MAX: usize = 4_096;

/// The most results over series of one source: each keeps a window of every series it means.
pub const SERIES_MAX: usize = 64;

/// The longest name of an input or a result.
const NAME_MAX: usize = 64;

/// Where reasons are kept in the reading; no result can have this name.
const REASONS: &str = "reasons";

/// Words that mean something else in an expression.
const RESERVED: [&str; 9] =
    ["true", "false", "null", "in", "if", "for", "has", "optional", REASONS];

/// Options of a `query` source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryConfig {
    /// Sources by the name that expressions have for them.
    #[serde(default)]
    pub inputs: BTreeMap<String, Name>,
    /// Values computed from the newest readings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, ValueConfig>,
    /// Lists made from lists.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, TableQuery>,
    /// Values computed from the past of series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<String, SeriesQuery>,
}

/// A value: its expression alone, or a table that says more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ValueConfig {
    /// The expression.
    Expression(String),
    /// The expression and what is known of its result.
    Described(DescribedValue),
}

/// A value with a description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedValue {
    /// The expression, in CEL.
    pub expr: String,
    /// What it is measured in, for people: `percent`, `EUR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl ValueConfig {
    /// The expression.
    pub fn expression(&self) -> &str {
        match self {
            Self::Expression(expression) => expression,
            Self::Described(value) => &value.expr,
        }
    }

    /// What it is measured in.
    pub fn unit(&self) -> Option<&str> {
        match self {
            Self::Expression(_) => None,
            Self::Described(value) => value.unit.as_deref(),
        }
    }
}

impl QueryConfig {
    /// The sources that it needs.
    pub fn sources(&self) -> BTreeSet<&Name> {
        self.inputs.values().collect()
    }

    /// Names of all results.
    pub fn results(&self) -> impl Iterator<Item = &String> {
        self.values.keys().chain(self.tables.keys()).chain(self.series.keys())
    }

    /// Finds what the types alone cannot refuse. Expressions are read elsewhere.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |field: String, sentence: String| problems.push((field, sentence));
        if self.inputs.is_empty() {
            problem("inputs".into(), "a query needs an input, as in `sales = \"shop\"`".into());
        }
        if self.inputs.len() > INPUTS_MAX {
            problem("inputs".into(), format!("a query has at most {INPUTS_MAX} inputs"));
        }
        if self.results().next().is_none() {
            problem(
                String::new(),
                "a query needs at least one of values, tables and series".into(),
            );
        }
        if self.results().count() > RESULTS_MAX {
            problem(String::new(), format!("a query has at most {RESULTS_MAX} results"));
        }
        if self.series.len() > SERIES_MAX {
            problem("series".into(), format!("a query has at most {SERIES_MAX} series"));
        }
        let mut seen = BTreeSet::new();
        let sections = [
            ("inputs", self.inputs.keys().collect::<Vec<_>>()),
            ("values", self.values.keys().collect()),
            ("tables", self.tables.keys().collect()),
            ("series", self.series.keys().collect()),
        ];
        for (section, names) in sections {
            for name in names {
                let path = format!("{section}.{name}");
                if let Some(sentence) = name_problem(name) {
                    problem(path, sentence);
                } else if !seen.insert(name) {
                    problem(path, format!("the name `{name}` is taken already in this query"));
                }
            }
        }
        for (name, table) in &self.tables {
            let inner = table.problems();
            problems.extend(inner.into_iter().map(|p| below(&format!("tables.{name}"), p)));
        }
        for (name, series) in &self.series {
            let inner = series.problems();
            problems.extend(inner.into_iter().map(|p| below(&format!("series.{name}"), p)));
        }
        problems
    }
}

fn below(section: &str, (path, sentence): Problem) -> Problem {
    let path = if path.is_empty() { section.to_owned() } else { format!("{section}.{path}") };
    (path, sentence)
}

/// Names stand in expressions, so they must be words there.
fn name_problem(name: &str) -> Option<String> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !first || !rest {
        return Some(
            "names here are lower-case letters, digits and `_`, and begin with a letter".to_owned(),
        );
    }
    if name.len() > NAME_MAX {
        return Some(format!("a name here has at most {NAME_MAX} characters"));
    }
    RESERVED.contains(&name).then(|| format!("`{name}` means something else; take another name"))
}
