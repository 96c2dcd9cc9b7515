//! Options of a `query` source: values derived from other sources.
//!
//! Inputs give other sources a short name. Values, tables and series are named results, and each
//! result is found under its name in the reading, as `conversion` or `low.0.sku`. They may refer
//! to inputs and to each other by name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::model::widget::Order;
use crate::model::{Interval, Name};

/// The most inputs of one source: each is looked at whenever it changes.
pub const INPUTS_MAX: usize = 64;

/// The most results of one source; a document of the largest size holds about as many.
pub const RESULTS_MAX: usize = 4_096;

/// The most results over series of one source: each keeps a window of every series it means.
pub const SERIES_MAX: usize = 64;

/// The longest name of an input or a result.
const NAME_MAX: usize = 64;

/// The longest window, comparison or horizon: a year, longer than most things are kept.
const WINDOW_MAX: Interval = Interval::from_secs(366 * 86_400);

/// Where reasons are kept in the reading; no result can have this name.
const ERRORS: &str = "errors";

/// Words that mean something else in an expression.
const RESERVED: [&str; 8] = ["true", "false", "null", "in", "if", "for", "has", ERRORS];

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
}

/// A list made from another: joined, computed, filtered, grouped, sorted and cut, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableQuery {
    /// The list: an input and a path in it, as in `sales.top`, or another table's name.
    pub from: String,
    /// A second list, whose rows are put beside those of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Columns computed from the others, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Which rows stay.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Makes one row of all that are equal in some columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The column by which rows are ordered; in the order in which they come when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Which end of that column comes first.
    #[serde(default)]
    pub order: Order,
    /// The most rows, in the table's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Puts rows of a second list beside those that have the same key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The second list, written as `from` is.
    pub with: String,
    /// The column that must be equal.
    pub on: String,
    /// What that column is called in the second list, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_on: Option<String>,
    /// What becomes of rows without a partner.
    #[serde(default)]
    pub kind: JoinKind,
    /// Stands before the names of the second list's columns. Without it a column that both lists
    /// have is the first one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// What becomes of rows of the first list that have no partner in the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// They are left out.
    #[default]
    Inner,
    /// They stay, without the second list's columns.
    Left,
}

/// Makes one row of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Columns whose values tell groups apart; none makes one group of all rows.
    #[serde(default)]
    pub by: Vec<String>,
    /// Columns of the result, as in `sum(revenue)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aggregate: BTreeMap<String, String>,
}

/// A value computed from the past of series: a function over a window, such a value compared with
/// an earlier one, a forecast, or a band outside of which a value is unusual.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesQuery {
    /// An input and a metric of it, as in `web.requests_total`.
    pub of: String,
    /// Labels that the series must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How several series become one value.
    #[serde(default)]
    pub combine: Combine,
    /// What is computed of the window; its average when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
    /// How far back it looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Interval>,
    /// Which quantile, from 0 to 1; the median when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<f64>,
    /// Compares with the same window earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare: Option<Earlier>,
    /// Continues the series into the future.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// How far into the future; a quarter of the window when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<Interval>,
    /// Says whether the newest value is unusual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anomaly: Option<Anomaly>,
    /// After how long the series repeats itself; a day when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<Interval>,
    /// How many standard deviations wide a band is to either side; when not given, 2 of a forecast
    /// and 3 of what is unusual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<f64>,
}

/// What is computed of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// How much a counter rises a second.
    Rate,
    /// How much a counter rose.
    Increase,
    /// The last value less the first.
    Delta,
    /// The mean of the values.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The sum of the values.
    Sum,
    /// How many values there are.
    Count,
    /// How far values lie from their mean.
    Stddev,
    /// The value below which a share of the values lies.
    Quantile,
    /// The newest value.
    Last,
}

impl Function {
    /// Whether it takes the series for a counter, which only falls when it begins anew.
    pub const fn is_of_counter(self) -> bool {
        matches!(self, Self::Rate | Self::Increase)
    }
}

/// How values of several series become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean.
    Avg,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// An earlier window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Earlier {
    /// The one right before.
    Previous,
    /// 24 hours earlier.
    Yesterday,
    /// 7 days earlier.
    LastWeek,
    /// 30 days earlier.
    LastMonth,
}

impl Earlier {
    /// How much earlier a window of this length ended.
    pub const fn shift(self, window: Interval) -> Interval {
        match self {
            Self::Previous => window,
            Self::Yesterday => Interval::from_secs(86_400),
            Self::LastWeek => Interval::from_secs(7 * 86_400),
            Self::LastMonth => Interval::from_secs(30 * 86_400),
        }
    }

    /// The word for it in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Yesterday => "yesterday",
            Self::LastWeek => "last_week",
            Self::LastMonth => "last_month",
        }
    }
}

/// How a series is continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forecast {
    /// Along a straight line.
    Linear,
    /// By level, trend and season, of which newer values count more.
    HoltWinters,
}

/// What a value is compared with to be called unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anomaly {
    /// The window's median.
    Robust,
    /// The same moment of earlier seasons.
    Seasonal,
}

impl SeriesQuery {
    /// How far back it looks: 5 minutes, and far enough for what repeats itself or is continued.
    pub fn effective_window(&self) -> Interval {
        let own = match (self.forecast, self.anomaly) {
            (Some(Forecast::HoltWinters), _) | (_, Some(Anomaly::Seasonal)) => {
                self.effective_season().times(SEASONS)
            }
            (Some(Forecast::Linear), _) | (_, Some(Anomaly::Robust)) => Interval::from_secs(3_600),
            _ => Interval::from_secs(300),
        };
        self.window.unwrap_or(own)
    }

    /// After how long the series repeats itself.
    pub fn effective_season(&self) -> Interval {
        self.season.unwrap_or(Interval::from_secs(86_400))
    }

    /// How far into the future a forecast looks.
    pub fn effective_horizon(&self) -> Interval {
        let quarter = Interval::from_millis(self.effective_window().as_millis() / 4);
        self.horizon.unwrap_or(quarter)
    }

    /// What is computed of the window.
    pub fn effective_function(&self) -> Function {
        self.function.unwrap_or(Function::Avg)
    }

    /// Finds what the types alone cannot refuse.
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |field: &str, sentence: &str| {
            problems.push((field.to_owned(), sentence.to_owned()));
        };
        if !self.of.contains('.') {
            problem("of", "name an input and a metric of it, as in `web.requests_total`");
        }
        let purposes = [self.compare.is_some(), self.forecast.is_some(), self.anomaly.is_some()];
        match purposes.iter().filter(|given| **given).count() {
            0 if self.function.is_none() => {
                problem("function", "say `function`, `compare`, `forecast` or `anomaly`");
            }
            0 | 1 => {}
            _ => problem("", "only one of `compare`, `forecast` and `anomaly` can be given"),
        }
        if self.function.is_some() && (self.forecast.is_some() || self.anomaly.is_some()) {
            problem("function", "a forecast or a band is of the series itself; drop `function`");
        }
        if self.q.is_some_and(|q| !(0.0..=1.0).contains(&q)) {
            problem("q", "a quantile is from 0 to 1");
        }
        if self.q.is_some() && self.function != Some(Function::Quantile) {
            problem("q", "only `function = \"quantile\"` has `q`");
        }
        if self.horizon.is_some() && self.forecast.is_none() {
            problem("horizon", "only a forecast has a `horizon`");
        }
        let seasonal =
            self.forecast == Some(Forecast::HoltWinters) || self.anomaly == Some(Anomaly::Seasonal);
        if self.season.is_some() && !seasonal {
            problem("season", "only `holt_winters` and `seasonal` have a `season`");
        }
        if seasonal && self.effective_window() < self.effective_season().times(2) {
            problem("window", "a window of what repeats itself is at least two seasons long");
        }
        let banded = self.forecast.is_some() || self.anomaly.is_some();
        if self.sensitivity.is_some() && !banded {
            problem("sensitivity", "only a forecast or a band has a `sensitivity`");
        }
        if self.sensitivity.is_some_and(|s| !(s > 0.0 && s.is_finite())) {
            problem("sensitivity", "a band is more than nothing wide");
        }
        for (field, span) in
            [("window", self.window), ("season", self.season), ("horizon", self.horizon)]
        {
            if span.is_some_and(|span| span.is_zero() || span > WINDOW_MAX) {
                problem(field, "this is more than no time and at most 366d");
            }
        }
        problems
    }
}

/// How many seasons are looked at when nothing is said: enough for a mean of them.
const SEASONS: u64 = 4;

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
            problem("".into(), "a query needs at least one of values, tables and series".into());
        }
        if self.results().count() > RESULTS_MAX {
            problem("".into(), format!("a query has at most {RESULTS_MAX} results"));
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

impl TableQuery {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for name in self.columns.keys() {
            if let Some(sentence) = name_problem(name) {
                problems.push((format!("columns.{name}"), sentence));
            }
        }
        if self.limit == Some(0) {
            problems.push(("limit".to_owned(), "a table of no rows shows nothing".to_owned()));
        }
        if let Some(group) = &self.group {
            if group.by.is_empty() && group.aggregate.is_empty() {
                let sentence = "say what groups are made `by`, or what they `aggregate`";
                problems.push(("group".to_owned(), sentence.to_owned()));
            }
            for name in group.aggregate.keys().filter(|name| group.by.contains(name)) {
                let sentence = format!("the column `{name}` is one that groups are made by");
                problems.push((format!("group.aggregate.{name}"), sentence));
            }
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
