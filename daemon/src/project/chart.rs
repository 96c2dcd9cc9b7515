//! What a widget draws over time.

use std::cmp::Ordering;
use std::fmt::Write as _;

use ccm_proto::SafeText;
use ccm_proto::model::series::SeriesSelector;
use ccm_proto::model::widget::WidgetType;
use ccm_proto::model::{Interval, Labels, SeriesKey, WidgetSpec};

use super::TEXT_MAX;

/// Selects the series of some tracks and names the tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Which series.
    pub selector: SeriesSelector,
    /// The id of the one track, where it is not made from the series.
    id: Option<&'static str>,
    /// What to call a track; `{name}` stands for the value of the label `name`.
    label: String,
}

/// The selections of a widget, in the order of its tracks; none when it draws nothing over time.
pub fn selections(widget: &WidgetSpec) -> Vec<Selection> {
    let selector = |metric: &str, labels: Labels| SeriesSelector {
        source: Some(widget.source.clone()),
        metric: Some(metric.into()),
        labels,
    };
    match (widget.widget_type, &widget.stat, &widget.chart) {
        (WidgetType::Stat, Some(stat), _) if stat.window.is_some() => vec![Selection {
            selector: selector(&stat.primary.value, Labels::none()),
            id: Some("value"),
            label: stat.primary.label.clone(),
        }],
        (WidgetType::Chart, _, Some(chart)) => {
            let selection = |series: &ccm_proto::model::widget::ChartSeries| {
                let labels = series.labels.iter().map(|(name, value)| (&**name, &**value));
                Selection {
                    selector: selector(&series.metric, Labels::new(labels)),
                    id: None,
                    label: series.label.clone(),
                }
            };
            chart.series.iter().map(selection).collect()
        }
        _ => Vec::new(),
    }
}

/// How far back a widget looks when nobody says otherwise; none when it draws nothing over time.
pub fn window(widget: &WidgetSpec) -> Option<Interval> {
    match widget.widget_type {
        WidgetType::Stat => widget.stat.as_ref()?.window,
        WidgetType::Chart => {
            let chart = widget.chart.as_ref()?;
            (!chart.series.is_empty()).then(|| chart.window())
        }
        _ => None,
    }
}

impl Selection {
    /// Whether the selection means this series. A selection of one track means only the series
    /// without labels.
    pub fn matches(&self, key: &SeriesKey) -> bool {
        self.selector.matches(key) && (self.id.is_none() || key.labels.is_empty())
    }

    /// The id of a series' track.
    pub fn track_id(&self, key: &SeriesKey) -> String {
        if let Some(id) = self.id {
            return id.to_owned();
        }
        let mut id = key.metric.to_string();
        for (index, (name, value)) in key.labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            // Writing to a string does not fail.
            let _ = write!(id, "{open}{name}={value:?}");
        }
        if !key.labels.is_empty() {
            id.push('}');
        }
        id
    }

    /// What a series' track is called. A label that the series lacks leaves nothing.
    pub fn track_label(&self, key: &SeriesKey) -> SafeText {
        let mut label = String::new();
        let mut rest = self.label.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            label.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                label.push('{');
                rest = after;
                continue;
            };
            label.push_str(key.labels.get(name).unwrap_or_default());
            rest = behind;
        }
        label.push_str(rest);
        label.truncate(label.floor_char_boundary(TEXT_MAX));
        SafeText::from(label)
    }
}

/// The order of the tracks of one selection: numbers within labels count as numbers, so that the
/// core 10 comes after the core 2.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, y) = (digits(&mut left), digits(&mut right));
            match x.len().cmp(&y.len()).then_with(|| x.cmp(y)) {
                Ordering::Equal => {}
                order => return order,
            }
        } else if x == y {
            left = left.get(x.len_utf8()..).unwrap_or_default();
            right = right.get(y.len_utf8()..).unwrap_or_default();
        } else {
            return x.cmp(&y);
        }
    }
}

/// Takes the digits that a text begins with, without leading zeros.
fn digits<'a>(text: &mut &'a str) -> &'a str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    number.trim_start_matches('0')
}
