//! Values computed from the past of series.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Interval;
use crate::model::source::Problem;

/// The longest window, comparison or horizon: a year, longer than most things are kept.
const WINDOW_MAX: Interval = Interval::from_secs(366 * 86_400);

/// How many seasons are looked at when nothing is said: enough for a mean of them.
const SEASONS: u64 = 4;

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
    pub(super) fn problems(&self) -> Vec<Problem> {
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
