//! Pictures of many numbers: over time, of parts of a whole, of one against another.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Currency, Format, NumberFormat, Problems, Scalar, Threshold, Unit};
use crate::model::Interval;

/// The most steps that rows are gathered into: more than a wide terminal has columns of dots.
pub const STEPS_MAX: u64 = 2_000;

/// How far back a chart of series looks when its definition does not say.
const SERIES_WINDOW: Interval = Interval::from_secs(300);

/// How far back a chart of rows looks when its definition does not say.
const ROWS_WINDOW: Interval = Interval::from_secs(86_400);

/// How a chart draws what it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartStyle {
    /// Thin lines over time.
    #[default]
    Line,
    /// Lines over time, filled down to the axis.
    Area,
    /// Bars over time.
    Bar,
    /// Parts of a whole as slices.
    Pie,
    /// Parts of a whole as slices of a ring.
    Donut,
    /// Dots, one number against another.
    Scatter,
    /// Stages that fewer and fewer get through.
    Funnel,
}

impl ChartStyle {
    /// The word for it in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
            Self::Pie => "pie",
            Self::Donut => "donut",
            Self::Scatter => "scatter",
            Self::Funnel => "funnel",
        }
    }

    /// Whether it shows tracks; the others show rows.
    pub const fn is_over_time(self) -> bool {
        matches!(self, Self::Line | Self::Area | Self::Bar)
    }

    /// Whether it shows numbers with a label each.
    pub const fn is_labelled(self) -> bool {
        matches!(self, Self::Pie | Self::Donut | Self::Funnel)
    }
}

/// Configuration of a `chart`.
///
/// Over time (`line`, `area`, `bar`) its view has one track for every series that a selection
/// matches; of several selections the first one counts. The track's id is the metric followed by
/// the labels, as in `cpu.cores.usage{core="0"}`, and the metric alone when there are none. Values
/// are as they were measured: turning them over for `negate` is part of the drawing. With
/// `chart.rows` there is one track for each of its series instead, with the ids `rows.0` and so on.
///
/// Of a `pie` and a `donut` its view has one row a part with the cells label, value, share (in
/// percent); of a `funnel` one row a stage with label, value, share of the first stage, share of the
/// stage before; of a `scatter` one row a dot with label, x, y, and the fields `correlation`
/// (Pearson's r) and `count`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartConfig {
    /// What kind of picture.
    #[serde(default)]
    pub style: ChartStyle,
    /// Series of the source that are drawn over time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<ChartSeries>,
    /// A list in the newest reading that is drawn instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<ChartRows>,
    /// Parts or stages that are always there, one for each value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ChartItem>,
    /// How far back it looks when nobody says otherwise; 5 minutes for series and 24 hours for rows
    /// when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Interval>,
    /// How to write the values.
    #[serde(default)]
    pub format: Format,
    /// Of amounts of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Of plain numbers, what they count: `hPa`, `pods`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The axis' lower end; by the data when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The axis' upper end; by the data when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Bands of the newest value's state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

/// Selects series of the widget's source for a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartSeries {
    /// The metric.
    pub metric: String,
    /// Labels that must be there with these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What to call it; `{name}` stands for the value of the label `name`.
    pub label: String,
    /// Draws the values below the axis, as for the sending half of a network chart.
    #[serde(default)]
    pub negate: bool,
}

/// A part or a stage that is always there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartItem {
    /// What to call it.
    pub label: String,
    /// Path of its value.
    pub value: String,
}

/// A list whose items are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChartRows {
    /// Path of the list.
    pub path: String,
    /// Over time, path of the time in an item: seconds, milliseconds, microseconds or nanoseconds
    /// since 1970, or a text as in RFC 3339. Of a scatter, path of the number across.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Path of the number that is drawn upwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Path of a part's, stage's or dot's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Path of a part's or stage's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How to write the numbers across a scatter.
    #[serde(default)]
    pub x_format: Format,
    /// Over time, the lines that items are split into; one line of all items when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<RowSeries>,
    /// Over time, the span that items are gathered over; by the window when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// What becomes of the items of one span.
    #[serde(default)]
    pub function: Aggregate,
    /// The most parts of a pie; the smallest ones are counted together as "other".
    #[serde(default = "parts")]
    pub parts: u32,
}

const fn parts() -> u32 {
    8
}

/// Items that make one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowSeries {
    /// What to call it.
    pub label: String,
    /// Path of its number, where it is not `y` of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// What its items have at these paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filter: BTreeMap<String, Scalar>,
}

/// What becomes of several numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// All of them together.
    #[default]
    Sum,
    /// Their mean.
    Avg,
    /// How many there are.
    Count,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

/// A span that items are gathered over: `minutely`, `hourly`, `daily`, or any duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Aggregation(Interval);

/// The spans that have a word.
const SPANS: [(&str, u64); 3] = [("minutely", 60), ("hourly", 3_600), ("daily", 86_400)];

impl Aggregation {
    /// The span; never zero.
    pub const fn interval(self) -> Interval {
        self.0
    }
}

impl FromStr for Aggregation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, seconds)) = SPANS.iter().find(|(word, _)| *word == text) {
            return Ok(Self(Interval::from_secs(*seconds)));
        }
        let short: String = text.chars().take(40).collect();
        let span: Interval = text.parse().map_err(|_| {
            format!("{short:?} is not a span; write minutely, hourly, daily, or as in 15m")
        })?;
        if span.is_zero() {
            Err("a span is longer than nothing".to_owned())
        } else {
            Ok(Self(span))
        }
    }
}

impl Serialize for Aggregation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let word = SPANS.iter().find(|(_, seconds)| Interval::from_secs(*seconds) == self.0);
        match word {
            Some((word, _)) => serializer.serialize_str(word),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Aggregation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl ChartRows {
    /// The span that items of this window are gathered over: as written, else about a sixtieth.
    pub fn step(&self, window: Interval) -> Interval {
        /// In seconds.
        const STEPS: [u64; 13] =
            [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
        let least = Interval::from_millis(window.as_millis().div_ceil(STEPS_MAX));
        let wanted = self.aggregation.map_or_else(
            || {
                let wanted = Interval::from_millis(window.as_millis().div_ceil(60));
                let steps = STEPS.into_iter().map(Interval::from_secs);
                steps.into_iter().find(|step| *step >= wanted).unwrap_or(wanted)
            },
            Aggregation::interval,
        );
        wanted.max(least).max(Interval::from_millis(1))
    }
}

impl ChartConfig {
    /// How its numbers are written.
    pub const fn number_format(&self) -> NumberFormat {
        NumberFormat { format: self.format, currency: self.currency, unit: self.unit }
    }

    /// How far back it looks when nobody says otherwise.
    pub fn window(&self) -> Interval {
        self.window.unwrap_or(if self.rows.is_some() { ROWS_WINDOW } else { SERIES_WINDOW })
    }

    /// The list whose items make tracks.
    pub fn rows_over_time(&self) -> Option<&ChartRows> {
        self.rows.as_ref().filter(|_| self.style.is_over_time())
    }

    /// The selection that a track came from, by the track's id.
    pub fn selection_of(&self, track_id: &str) -> Option<&ChartSeries> {
        let (metric, labels) = track_id.split_at(track_id.find('{').unwrap_or(track_id.len()));
        self.series.iter().find(|series| {
            let labelled = |(name, value): (&String, &String)| {
                // Quotes within a value are escaped, so that this cannot be found inside one.
                let pair = format!("{name}={value:?}");
                labels.match_indices(&pair).any(|(at, _)| {
                    matches!(labels.as_bytes().get(at.wrapping_sub(1)), Some(b'{' | b','))
                })
            };
            series.metric == metric && series.labels.iter().all(labelled)
        })
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        let style = self.style.as_str();
        self.number_format().problems("chart.", problems);
        if self.style.is_over_time() {
            self.problems_over_time(problems);
        } else {
            if !self.series.is_empty() {
                problems.push((
                    "chart.series".to_owned(),
                    format!("a {style} chart shows rows, not series over time"),
                ));
            }
            if self.window.is_some() {
                problems.push((
                    "chart.window".to_owned(),
                    format!("a {style} chart shows the newest reading and has no window"),
                ));
            }
            if self.rows.is_none() && (self.items.is_empty() || !self.style.is_labelled()) {
                problems.push(("chart.rows".to_owned(), format!("a {style} chart needs rows")));
            }
        }
        if !self.items.is_empty() && !self.style.is_labelled() {
            problems.push(("chart.items".to_owned(), format!("a {style} chart has no items")));
        }
        if let Some(rows) = &self.rows {
            self.problems_of_rows(rows, problems);
        }
    }

    fn problems_over_time(&self, problems: &mut Problems) {
        if self.series.is_empty() && self.rows.is_none() {
            problems.push((
                "chart.series".to_owned(),
                "a chart needs at least one series, or rows".to_owned(),
            ));
        }
        if !self.series.is_empty() && self.rows.is_some() {
            problems.push((
                "chart.series".to_owned(),
                "a chart shows series or rows; the series of rows are [[chart.rows.series]]"
                    .to_owned(),
            ));
        }
        if self.window() < Interval::from_secs(10) {
            problems.push(("chart.window".to_owned(), "a window is at least 10s".to_owned()));
        }
    }

    fn problems_of_rows(&self, rows: &ChartRows, problems: &mut Problems) {
        let style = self.style.as_str();
        let labelled = self.style.is_labelled();
        let counts = rows.function == Aggregate::Count && self.style.is_over_time();
        let each = !rows.series.is_empty() && rows.series.iter().all(|series| series.y.is_some());
        let places = [
            ("x", rows.x.is_some(), !labelled, !labelled),
            ("y", rows.y.is_some(), !labelled, !(labelled || counts || each)),
            ("label", rows.label.is_some(), !self.style.is_over_time(), labelled),
            ("value", rows.value.is_some(), labelled, labelled),
        ];
        for (name, given, known, needed) in places {
            let path = format!("chart.rows.{name}");
            if given && !known {
                problems.push((path, format!("the rows of a {style} chart have no `{name}`")));
            } else if needed && !given {
                problems.push((path, format!("the rows of a {style} chart need `{name}`, a path")));
            }
        }
        if !self.style.is_over_time() && (!rows.series.is_empty() || rows.aggregation.is_some()) {
            let name = if rows.series.is_empty() { "aggregation" } else { "series" };
            problems.push((
                format!("chart.rows.{name}"),
                format!("the rows of a {style} chart are not gathered over time"),
            ));
        }
        let window = self.window();
        if let Some(span) = rows.aggregation.map(Aggregation::interval)
            && (span > window || rows.step(window) != span)
        {
            problems.push((
                "chart.rows.aggregation".to_owned(),
                format!("a window of {window} is divided into 1 to {STEPS_MAX} spans"),
            ));
        }
        if rows.parts == 0 {
            problems
                .push(("chart.rows.parts".to_owned(), "a pie has at least one part".to_owned()));
        }
    }
}
