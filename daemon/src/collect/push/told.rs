//! What one source was told. Pure: the time is given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::AddAssign;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::source::{PushConfig, SourceType};
use ccm_proto::model::{
    Interval, Labels, Name, Reading, Samples, SeriesKey, SourceSpec, Timestamp, Value,
};

use super::quality;
use crate::collect::SourceStatus;
use crate::collect::tree::{self, PlaceError};

/// The most rows of series that wait for the engine: of reports with times of their own each may
/// be one.
const ROWS_MAX: usize = 64;

/// The longest text that is kept as a value, in bytes.
const TEXT_MAX: usize = 4 << 10;

/// The most items of a list that is kept as a value, all levels together.
const NODES_MAX: usize = 10_000;

/// Values for one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The source.
    pub source: Name,
    /// Values by dotted path.
    pub values: Vec<(String, Value)>,
    /// The moment that they are of; the present when not given or not past.
    pub at: Option<Timestamp>,
}

/// Why reports are not taken: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReportError {
    /// No such source, or it is switched off.
    #[error(
        "there is no push source {0}; apply a document source/{0} with type = \"push\", and enabled if it is switched off"
    )]
    Unknown(Name),
    /// A name that no value can have.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Nothing to tell.
    #[error("the report for {0} holds no values; give at least one")]
    Empty(Name),
    /// More names than the source may have.
    #[error(
        "{source_name} would have more than {limit} values; report fewer names, or raise max_values in its document"
    )]
    TooMany {
        /// The source.
        source_name: Name,
        /// How many it may have.
        limit: u32,
    },
    /// A value that is too large.
    #[error(
        "the value {0} is too large; texts have at most {TEXT_MAX} bytes, lists at most {NODES_MAX} items"
    )]
    TooLarge(String),
}

/// What became of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Values that are the newest of their name now.
    pub accepted: u64,
    /// Values that are older than what is known, or older than they may be.
    pub outdated: u64,
}

impl AddAssign for Taken {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.outdated += other.outdated;
    }
}

/// A value and its time.
#[derive(Clone, Debug)]
struct Known {
    value: Value,
    at: Timestamp,
    /// Its place among the series; none for what is no number.
    series: Option<usize>,
    is_aged: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Told {
    source: Name,
    config: PushConfig,
    interval: Interval,
    values: BTreeMap<String, Known>,
    /// Only ever grows while the daemon runs, so that the order of series stays.
    keys: Arc<[SeriesKey]>,
    new_keys: Vec<SeriesKey>,
    /// Numbers of reports without a time of their own, and of when the last of them is.
    present: (Option<Timestamp>, HashMap<usize, f64>),
    /// Numbers of reports with one.
    past: BTreeMap<Timestamp, HashMap<usize, f64>>,
    /// Something that is no number, or too late to be kept, is to be shown.
    is_changed: bool,
    /// The time of the newest value, and of the newest reading.
    newest: Option<Timestamp>,
    sent: Option<Timestamp>,
    readings: u64,
    last_report: Option<Timestamp>,
}

impl Told {
    pub(super) fn new(source: Name, spec: &SourceSpec) -> Self {
        Self {
            source,
            config: spec.push.clone().unwrap_or_default(),
            interval: spec.effective_interval(),
            values: BTreeMap::new(),
            keys: Arc::from([]),
            new_keys: Vec::new(),
            present: (None, HashMap::new()),
            past: BTreeMap::new(),
            is_changed: false,
            newest: None,
            sent: None,
            readings: 0,
            last_report: None,
        }
    }

    /// Takes a changed document over; values stay.
    pub(super) fn redefine(&mut self, spec: &SourceSpec) {
        self.config = spec.push.clone().unwrap_or_default();
        self.interval = spec.effective_interval();
    }

    /// Whether reports can be taken, all of them.
    pub(super) fn check(&self, reports: &[&Report]) -> Result<(), ReportError> {
        let mut fresh = BTreeSet::new();
        for report in reports {
            if report.values.is_empty() {
                return Err(ReportError::Empty(self.source.clone()));
            }
            for (path, value) in &report.values {
                if !fits(value) {
                    return Err(ReportError::TooLarge(path.chars().take(60).collect()));
                }
                if !self.values.contains_key(path) {
                    tree::check_path(path)?;
                    fresh.insert(path.as_str());
                }
            }
        }
        let limit = self.config.max_values;
        if self.values.len() + fresh.len() > limit as usize {
            return Err(ReportError::TooMany { source_name: self.source.clone(), limit });
        }
        for path in &fresh {
            self.check_place(path, &fresh)?;
        }
        Ok(())
    }

    /// Whether neither a part of the path nor something below it is a value.
    fn check_place(&self, path: &str, fresh: &BTreeSet<&str>) -> Result<(), PlaceError> {
        let is_value = |path: &str| self.values.contains_key(path) || fresh.contains(path);
        let above = path.match_indices('.').any(|(at, _)| is_value(&path[..at]));
        let prefix = format!("{path}.");
        let begins = |other: Option<&str>| other.is_some_and(|other| other.starts_with(&prefix));
        let below =
            begins(self.values.range(prefix.clone()..).next().map(|(path, _)| path.as_str()))
                || begins(fresh.range(prefix.as_str()..).next().copied());
        if above || below { Err(PlaceError::Taken(path.to_owned())) } else { Ok(()) }
    }

    /// Takes a report that was checked.
    pub(super) fn take(&mut self, report: Report, now: Timestamp) -> Taken {
        self.last_report = Some(now);
        let own_time = report.at.filter(|at| *at < now);
        let at = own_time.unwrap_or(now);
        let mut taken = Taken::default();
        for (path, value) in report.values {
            let is_old = now.since(at) > self.config.max_age
                || self.values.get(&path).is_some_and(|known| known.at > at);
            if is_old {
                taken.outdated += 1;
            } else {
                taken.accepted += 1;
                self.know(path, value, at, own_time);
            }
        }
        taken
    }

    fn know(&mut self, path: String, value: Value, at: Timestamp, own_time: Option<Timestamp>) {
        let number = value.as_number();
        let mut series = self.values.get(&path).and_then(|known| known.series);
        if number.is_some() && series.is_none() {
            series = Some(self.keys.len() + self.new_keys.len());
            let metric = Arc::from(path.as_str());
            let source = self.source.clone();
            self.new_keys.push(SeriesKey { source, metric, labels: Labels::none() });
        }
        // History only grows forwards: what is late is shown, and not kept.
        let is_kept = self.sent.is_none_or(|sent| at > sent);
        match (number.filter(|_| is_kept).zip(series), own_time) {
            (Some((number, series)), Some(time)) => {
                self.past.entry(time).or_default().insert(series, number);
            }
            (Some((number, series)), None) => {
                self.present.0 = self.present.0.max(Some(at));
                self.present.1.insert(series, number);
            }
            (None, _) => {}
        }
        self.is_changed = true;
        self.newest = self.newest.max(Some(at));
        self.values.insert(path, Known { value, at, series, is_aged: false });
    }

    /// Whether what waits should go before more comes.
    pub(super) fn is_full(&self) -> bool {
        self.past.len() >= ROWS_MAX
    }

    /// Values that are older than they may be are absent from now on.
    pub(super) fn age(&mut self, now: Timestamp) {
        let limit = self.config.max_age;
        for known in self.values.values_mut() {
            if !known.is_aged && now.since(known.at) > limit {
                known.is_aged = true;
                self.is_changed = true;
            }
        }
    }

    /// The readings that wait, oldest first.
    pub(super) fn readings(&mut self, now: Timestamp) -> Vec<Reading> {
        if !self.is_changed {
            return Vec::new();
        }
        self.age(now);
        self.is_changed = false;
        if !self.new_keys.is_empty() {
            self.keys = self.keys.iter().cloned().chain(self.new_keys.drain(..)).collect();
        }
        let mut rows = std::mem::take(&mut self.past);
        let (at, numbers) = std::mem::take(&mut self.present);
        if let Some(at) = at {
            rows.entry(at).or_default().extend(numbers);
        }
        let newest = self.newest.unwrap_or(now);
        let value = self.tree();
        let mut readings = Vec::with_capacity(rows.len() + 1);
        for (at, numbers) in rows {
            self.sent = self.sent.max(Some(at));
            readings.push(self.reading(at, value.clone(), self.row(&numbers)));
        }
        if readings.last().is_none_or(|last| last.at < newest) {
            readings.push(self.reading(newest, value, Samples::none()));
        }
        self.readings += readings.len() as u64;
        readings
    }

    fn row(&self, numbers: &HashMap<usize, f64>) -> Samples {
        let mut values = vec![f64::NAN; self.keys.len()];
        for (series, number) in numbers {
            if let Some(value) = values.get_mut(*series) {
                *value = *number;
            }
        }
        Samples { keys: Arc::clone(&self.keys), values }
    }

    fn reading(&self, at: Timestamp, value: Value, samples: Samples) -> Reading {
        Reading { source: self.source.clone(), at, value, samples }
    }

    fn tree(&self) -> Value {
        let mut map = BTreeMap::new();
        for (path, known) in &self.values {
            let value = if known.is_aged { Value::Absent } else { known.value.clone() };
            // Places were checked when the values came.
            let _ = tree::insert(&mut map, path, value);
        }
        Value::Map(map)
    }

    pub(super) fn status(&self, now: Timestamp) -> SourceStatus {
        let is_stale = self.newest.is_some_and(|at| now.since(at) > self.config.max_age);
        let mut status = SourceStatus::new(self.source.clone(), SourceType::Push, self.interval);
        status.quality = quality(self.newest, is_stale);
        status.last_success = self.newest;
        status.last_attempt = self.last_report;
        status.readings = self.readings;
        status.series = (self.keys.len() + self.new_keys.len()) as u64;
        status.cause = match self.newest {
            None => Some(SafeText::from(format!(
                "nothing was reported yet; try ccm push {} 1",
                self.source
            ))),
            Some(_) if is_stale => Some(SafeText::from(format!(
                "nothing was reported for {}; see what should report",
                self.config.max_age
            ))),
            Some(_) => None,
        };
        status
    }
}

fn fits(value: &Value) -> bool {
    fn nodes(value: &Value, left: &mut usize) -> bool {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        match value {
            Value::Text(text) => text.len() <= TEXT_MAX,
            Value::List(items) => items.iter().all(|item| nodes(item, left)),
            Value::Map(map) => {
                map.iter().all(|(name, item)| name.len() <= TEXT_MAX && nodes(item, left))
            }
            _ => true,
        }
    }
    nodes(value, &mut NODES_MAX.clone())
}
