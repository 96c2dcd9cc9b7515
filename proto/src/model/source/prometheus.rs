//! Options of a `prometheus` source: a target to scrape, or queries to ask a server.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::external_api::{Auth, auth_problems, base_problem};
use crate::model::{Interval, Name};

/// Where a target serves its metrics when nothing else is said.
pub const PATH_DEFAULT: &str = "/metrics";

/// The most series of a source when nothing else is said; a node exporter has about 1,000.
pub const LIMIT_SERIES_DEFAULT: u32 = 20_000;

/// The highest limit that may be set; one source with more would slow the start of the daemon.
pub const LIMIT_SERIES_MAX: u32 = 1_000_000;

/// The most globs, rows, rates or quantiles of a source; each is looked at for every new series.
pub const NAMED_MAX: usize = 256;

/// The most quantiles of one histogram.
pub const QUANTILES_MAX: usize = 16;

/// The most queries of a source; each is a request at every tick.
pub const QUERIES_MAX: usize = 64;

/// The most points of one range query: several times the columns of the widest terminal.
pub const POINTS_MAX: u64 = 5_000;

/// The name under which a reading of queries tells what the server warned of.
pub const WARNINGS: &str = "warnings";

/// Options of a `prometheus` source. With [`PrometheusConfig::query`] it asks a server, otherwise
/// it scrapes a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrometheusConfig {
    /// The target or server, such as `http://db1:9100`.
    pub url: String,
    /// Where the target serves its metrics; [`PATH_DEFAULT`] when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The credential that is sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Name>,
    /// How the credential is sent; as its kind says when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Headers that are sent along, without secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// A file of certificates (PEM) that is trusted besides what the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Globs of metric names; what none matches is not kept. All are kept when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Globs of metric names that are not kept, whatever `keep` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Labels that every series gets; a target's own label of such a name becomes
    /// `exported_NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A scrape with more series fails.
    #[serde(default = "limit_series", skip_serializing_if = "is_limit_default")]
    pub limit_series: u32,
    /// Metrics that the reading shows as lists, an item for each series.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// Counters whose rise a second is told as `NAME:rate`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<String>,
    /// Histograms whose quantiles are told as `NAME:p95`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<QuantileConfig>,
    /// Queries that a server answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Queries>,
}

/// Quantiles of one histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantileConfig {
    /// The histogram's name, without `_bucket`.
    pub metric: String,
    /// Which quantiles, from 0 to 1.
    pub q: Vec<f64>,
    /// Labels that are told apart; what differs in others is added up. All but `le` when not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<String>>,
}

/// Queries in PromQL, by the name that their answer has in the reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queries {
    /// Instant queries; their answers are kept as series.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Range queries; their answers are rows of the reading and are not kept.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ranges: BTreeMap<String, RangeQuery>,
}

/// A range query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeQuery {
    /// The expression.
    pub query: String,
    /// How far back it looks.
    pub window: Interval,
    /// The time between two points.
    pub step: Interval,
}

fn limit_series() -> u32 {
    LIMIT_SERIES_DEFAULT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_limit_default(limit: &u32) -> bool {
    *limit == LIMIT_SERIES_DEFAULT
}

/// Whether a text is a metric's name in the classic sense: letters, digits, `_` and `:`, not
/// beginning with a digit.
pub fn is_metric_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
    bytes.next().is_some_and(first) && bytes.all(|b| first(b) || b.is_ascii_digit())
}

/// Whether a text is a label's name: as a metric's, without `:`.
pub fn is_label_name(text: &str) -> bool {
    is_metric_name(text) && !text.contains(':')
}

/// The problems found so far, each with its field path.
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: impl Into<String>, sentence: impl Into<String>) {
        self.0.push((path.into(), sentence.into()));
    }

    /// Complains of what is set but means nothing here.
    fn unless_empty(&mut self, path: &str, empty: bool, sentence: &str) {
        if !empty {
            self.add(path, sentence);
        }
    }
}

impl PrometheusConfig {
    /// Finds what the types alone cannot refuse; each problem names its field path within the
    /// section.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Problems(Vec::new());
        self.check_address(&mut problems);
        for name in self.headers.keys() {
            let secret = ["authorization", "cookie", "proxy-authorization"];
            if secret.iter().any(|header| name.eq_ignore_ascii_case(header)) {
                let sentence = "secrets have no place in a document; name a `credential` instead";
                problems.add(format!("headers.{name}"), sentence);
            }
        }
        match &self.query {
            Some(query) => {
                self.check_no_scrape(&mut problems);
                query.check(&mut problems);
            }
            None => self.check_scrape(&mut problems),
        }
        problems.0
    }

    fn check_address(&self, problems: &mut Problems) {
        if let Some(sentence) = base_problem(&self.url) {
            problems.add("url", sentence);
        }
        problems.0.extend(auth_problems(self.auth.as_ref()));
        if self.auth.is_some() && self.credential.is_none() {
            let sentence = "auth needs the name of a credential; set one with ccm cred set";
            problems.add("credential", sentence);
        }
        if self.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            problems.add("path", "a path begins with /");
        }
    }

    fn check_no_scrape(&self, problems: &mut Problems) {
        let sentence = "this is for a target; a source with queries scrapes none";
        problems.unless_empty("path", self.path.is_none(), sentence);
        problems.unless_empty("keep", self.keep.is_empty(), sentence);
        problems.unless_empty("drop", self.drop.is_empty(), sentence);
        problems.unless_empty("rows", self.rows.is_empty(), sentence);
        problems.unless_empty("rates", self.rates.is_empty(), sentence);
        problems.unless_empty("quantiles", self.quantiles.is_empty(), sentence);
        self.check_common(problems);
    }

    fn check_common(&self, problems: &mut Problems) {
        for name in self.labels.keys().filter(|name| !is_label_name(name)) {
            problems.add(format!("labels.{name}"), "a label is letters, digits and _");
        }
        if !(1..=LIMIT_SERIES_MAX).contains(&self.limit_series) {
            let sentence = format!("a limit is between 1 and {LIMIT_SERIES_MAX}");
            problems.add("limit_series", sentence);
        }
    }

    fn check_scrape(&self, problems: &mut Problems) {
        self.check_common(problems);
        let lists = [("keep", &self.keep), ("drop", &self.drop)];
        for (path, globs) in lists {
            for (index, glob) in globs.iter().enumerate() {
                if !is_metric_name(&glob.replace('*', "_")) {
                    let sentence = "a glob is a metric's name in which * stands for any letters";
                    problems.add(format!("{path}.{index}"), sentence);
                }
            }
        }
        for (path, names) in [("rows", &self.rows), ("rates", &self.rates)] {
            for (index, name) in names.iter().enumerate() {
                if !is_metric_name(name) {
                    problems.add(format!("{path}.{index}"), NOT_A_NAME);
                } else if names.iter().take(index).any(|other| other == name) {
                    problems.add(format!("{path}.{index}"), "a metric is named once");
                }
            }
        }
        for (index, quantile) in self.quantiles.iter().enumerate() {
            quantile.check(&format!("quantiles.{index}"), problems);
            let before = self.quantiles.iter().take(index);
            if before.clone().any(|other| other.metric == quantile.metric) {
                let sentence = "a histogram is named once; make a second source for another `by`";
                problems.add(format!("quantiles.{index}.metric"), sentence);
            }
        }
        let counts = [
            ("keep", self.keep.len()),
            ("drop", self.drop.len()),
            ("rows", self.rows.len()),
            ("rates", self.rates.len()),
            ("quantiles", self.quantiles.len()),
        ];
        for (path, _) in counts.iter().filter(|(_, count)| *count > NAMED_MAX) {
            problems.add(*path, format!("a source names at most {NAMED_MAX}"));
        }
    }
}

const NOT_A_NAME: &str = "a metric's name is letters, digits, _ and :";

impl QuantileConfig {
    fn check(&self, path: &str, problems: &mut Problems) {
        if !is_metric_name(&self.metric) {
            problems.add(format!("{path}.metric"), NOT_A_NAME);
        } else if self.metric.ends_with("_bucket") {
            let sentence = "name the histogram itself, without _bucket";
            problems.add(format!("{path}.metric"), sentence);
        }
        if self.q.is_empty() || self.q.len() > QUANTILES_MAX {
            problems.add(format!("{path}.q"), format!("1 to {QUANTILES_MAX} quantiles are named"));
        }
        let repeated = |(index, q): (usize, &f64)| {
            self.q.iter().take(index).any(|other| other.total_cmp(q).is_eq())
        };
        if self.q.iter().enumerate().any(repeated) {
            problems.add(format!("{path}.q"), "a quantile is named once");
        }
        if self.q.iter().any(|q| !(0.0..=1.0).contains(q)) {
            problems.add(format!("{path}.q"), "a quantile is between 0 and 1, such as 0.95");
        }
        for name in self.by.iter().flatten().filter(|name| !is_label_name(name) || *name == "le") {
            let sentence = format!("{name:?} is not a label that histograms are told apart by");
            problems.add(format!("{path}.by"), sentence);
        }
    }
}

impl Queries {
    fn check(&self, problems: &mut Problems) {
        let count = self.values.len() + self.ranges.len();
        if count == 0 || count > QUERIES_MAX {
            let sentence = format!("1 to {QUERIES_MAX} queries are named, in values or ranges");
            problems.add("query", sentence);
        }
        let values = self.values.iter().map(|(name, text)| ("values", name, text));
        let ranges = self.ranges.iter().map(|(name, range)| ("ranges", name, &range.query));
        for (table, name, text) in values.chain(ranges) {
            let path = format!("query.{table}.{name}");
            if !is_metric_name(name) || name == WARNINGS {
                problems.add(&path, "the answer's name is letters, digits and _, not `warnings`");
            }
            if text.trim().is_empty() {
                problems.add(&path, "the query is empty");
            }
        }
        for (name, range) in &self.ranges {
            let path = format!("query.ranges.{name}");
            if self.values.contains_key(name) {
                problems.add(&path, "a name stands for one query; values has it too");
            }
            if range.step.is_zero()
                || range.window.as_millis() / range.step.as_millis() > POINTS_MAX
            {
                let sentence = format!("window / step gives at most {POINTS_MAX} points");
                problems.add(format!("{path}.step"), sentence);
            }
        }
    }
}

#[cfg(test)]
mod tests;
