//! The value that matters, in few words.

mod rows;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{
    BarsConfig, ChartConfig, Format, GaugeConfig, NumberFormat, StatConfig, State, TableConfig,
    Threshold, WidgetType, state_of,
};
use ccm_proto::model::{Cell, Row, Track};
use ratatui::style::Style;

use super::rows::row_count;
use super::{DrawContext, trend};
use crate::format::{self, Notation, width};

/// Lines of a chart that are named in its title; of more, only the highest is.
const NAMED_MAX: usize = 3;

/// A widget in one line, for lists, bars and the smallest terminals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The worst state of what it shows; none when nothing says what is good.
    pub state: Option<State>,
    /// The value that matters.
    pub text: SafeText,
}

/// A widget's state and value in one line.
pub fn summary(context: &DrawContext<'_>) -> Summary {
    let headline = Headline::of(context);
    let text = headline.groups.iter().map(Group::text).collect::<Vec<_>>().join("  ");
    Summary { state: headline.state, text: SafeText::from(text) }
}

/// One value and what to call it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Group {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) style: Style,
}

impl Group {
    pub(super) fn text(&self) -> String {
        if self.label.is_empty() {
            self.value.clone()
        } else {
            format!("{} {}", self.label, self.value)
        }
    }

    pub(super) fn width(&self) -> usize {
        let label = if self.label.is_empty() { 0 } else { width(&self.label) + 1 };
        width(&self.value) + label
    }
}

/// What stands in the title, most important first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Headline {
    pub(super) state: Option<State>,
    pub(super) groups: Vec<Group>,
}

impl Headline {
    pub(super) fn of(context: &DrawContext<'_>) -> Self {
        let Some(spec) = context.spec else { return Self::default() };
        let headline = match spec.widget_type {
            WidgetType::Stat => spec.stat.as_ref().map(|config| stat(context, config)),
            WidgetType::Gauge => spec.gauge.as_ref().map(|config| gauge(context, config)),
            WidgetType::Chart => spec.chart.as_ref().map(|config| chart(context, config)),
            WidgetType::Bars => spec.bars.as_ref().map(|config| bars(context, config)),
            WidgetType::Table => spec.table.as_ref().map(|config| table(context, config)),
            WidgetType::List => spec.list.as_ref().map(|config| rows::list(context, config)),
            WidgetType::Map => spec.map.as_ref().map(|config| rows::map(context, config)),
            WidgetType::Custom => spec.custom.as_ref().map(|_| rows::custom(context)),
        };
        headline.unwrap_or_default()
    }

    fn worsen(&mut self, threshold: Option<&Threshold>) {
        self.state = self.state.max(threshold.map(|threshold| threshold.state));
    }

    fn push(&mut self, label: &str, value: String, style: Style) {
        self.groups.push(Group { label: label.to_owned(), value, style });
    }
}

/// How a value of this state is written: plain while nothing is wrong.
pub(super) fn value_style(context: &DrawContext<'_>, state: Option<State>) -> Style {
    match state {
        Some(state @ (State::Warning | State::Critical)) => context.theme.state(state),
        Some(State::Ok) | None => context.theme.style(Role::Text),
    }
}

fn value(context: &DrawContext<'_>, notation: Notation, thresholds: &[Threshold]) -> Headline {
    let cell = context.view.field("value");
    let state = cell.as_number().and_then(|number| state_of(thresholds, number));
    let mut headline = Headline::default();
    headline.worsen(state);
    let style = value_style(context, headline.state);
    headline.push("", format::value(cell, notation).to_string(), style);
    headline
}

fn stat(context: &DrawContext<'_>, config: &StatConfig) -> Headline {
    let metric = &config.primary;
    let notation = context.notation(metric.number_format());
    let mut headline = value(context, notation, &metric.thresholds);
    for (index, metric) in config.secondary.iter().enumerate() {
        let number = context.view.field(&format!("secondary.{index}")).as_number();
        headline.worsen(number.and_then(|n| state_of(&metric.thresholds, n)));
    }
    if let Some(trend) = trend::of(context, config) {
        headline.push("", trend.moved, trend.style);
    }
    headline
}

fn gauge(context: &DrawContext<'_>, config: &GaugeConfig) -> Headline {
    let notation = context.notation(config.number_format());
    let mut headline = value(context, notation, &config.thresholds);
    let number = context.view.field("value").as_number();
    let band = number.and_then(|number| state_of(&config.thresholds, number));
    let label = band.and_then(|band| band.label.as_deref());
    if let (Some(label), Some(group)) = (label, headline.groups.first_mut()) {
        group.value = format!("{} {}", group.value, SafeText::new(label));
    }
    headline
}

fn chart(context: &DrawContext<'_>, config: &ChartConfig) -> Headline {
    if !config.style.is_over_time() {
        return rows::chart(context, config);
    }
    let mut headline = Headline::default();
    let tracks = &context.view.tracks;
    let state = |value: Option<f64>| value.and_then(|value| state_of(&config.thresholds, value));
    for track in tracks {
        headline.worsen(state(track.last()));
    }
    let mut push = |label: &str, value: Option<f64>| {
        let style = value_style(context, state(value).map(|threshold| threshold.state));
        let notation = context.notation(config.number_format());
        let written = format::number(value.unwrap_or(f64::NAN), notation);
        headline.push(label, written.to_string(), style);
    };
    match tracks.as_slice() {
        [] => {}
        [track] => push("", track.last()),
        some if some.len() <= NAMED_MAX => {
            for track in some {
                push(track.label.as_str(), track.last());
            }
        }
        many => {
            let highest = many.iter().filter_map(Track::last).max_by(f64::total_cmp);
            push("max", highest);
        }
    }
    headline
}

/// A meter's value, maximum, and how full it is in percent.
pub(super) fn meter(row: &Row) -> (Option<f64>, Option<f64>, Option<f64>) {
    let number = |index: usize| row.cells.get(index).and_then(Cell::as_number);
    let (value, max) = (number(1), number(2));
    let percent = value
        .zip(max)
        .filter(|(_, max)| *max > 0.0)
        .map(|(value, max)| (value / max * 100.0).clamp(0.0, 100.0));
    (value, max, percent)
}

/// How a meter's value is written: an item may say its format itself.
pub(super) fn meter_format(config: &BarsConfig, row: &Row) -> NumberFormat {
    let index = row.key.strip_prefix("item.").and_then(|index| index.parse::<usize>().ok());
    let item = index.and_then(|index| config.items.get(index));
    let number = config.number_format();
    NumberFormat { format: item.and_then(|item| item.format).unwrap_or(number.format), ..number }
}

fn bars(context: &DrawContext<'_>, config: &BarsConfig) -> Headline {
    let mut headline = Headline::default();
    let rows = &context.view.rows;
    let state = |row: &Row| meter(row).2.and_then(|percent| state_of(&config.thresholds, percent));
    for row in rows {
        headline.worsen(state(row));
    }
    let percent = |row: &Row| meter(row).2.unwrap_or(f64::NEG_INFINITY);
    let fixed = config.rows.is_none();
    let fullest = rows.iter().max_by(|a, b| percent(a).total_cmp(&percent(b)));
    let Some(row) = (if fixed { rows.first() } else { fullest }) else { return headline };
    let number = meter_format(config, row);
    let notation = context.notation(number);
    let cell = row.cells.get(1).unwrap_or(&Cell::Absent);
    let written = format::value(cell, notation);
    let max = meter(row).1.filter(|_| !matches!(number.format, Format::Percent));
    let text = match max.map(|max| format::number(max, notation)) {
        Some(max) if max.unit == written.unit => format!("{}/{max}", written.number),
        Some(max) => format!("{written} / {max}"),
        None => written.to_string(),
    };
    let style = value_style(context, state(row).map(|threshold| threshold.state));
    let label = if fixed { None } else { row.cells.first().and_then(Cell::as_text) };
    let label = label.map(|label| label.truncate(16));
    headline.push(label.as_ref().map_or("", SafeText::as_str), text, style);
    headline
}

fn table(context: &DrawContext<'_>, config: &TableConfig) -> Headline {
    let mut headline = Headline::default();
    for row in &context.view.rows {
        for (column, cell) in config.columns.iter().zip(&row.cells) {
            if !column.thresholds.is_empty() {
                headline.worsen(cell.as_number().and_then(|n| state_of(&column.thresholds, n)));
            }
        }
    }
    let total = (context.view.rows_total as usize).max(context.view.rows.len());
    let shown = row_count(context);
    let style = context.theme.style(Role::Text);
    if context.state.filter.is_some() {
        headline.push("", format!("{shown} of {total}"), style);
    } else {
        headline.push("", total.to_string(), style);
    }
    if let Some((label, order)) = sorted_by(context, config) {
        let mark = context.glyphs.sort(order);
        headline.push("sort", format!("{} {mark}", SafeText::new(label)), muted(context));
    }
    if let Some(filter) = &context.state.filter {
        let text = SafeText::new(filter.text()).truncate(24);
        headline.push("", format!("/{text}"), context.theme.style(Role::Match));
    }
    headline
}

fn muted(context: &DrawContext<'_>) -> Style {
    context.theme.style(Role::Muted)
}

fn sorted_by<'a>(
    context: &DrawContext<'_>,
    config: &'a TableConfig,
) -> Option<(&'a str, ccm_proto::model::widget::Order)> {
    if let Some((column, order)) = context.state.sort {
        return config.columns.get(column).map(|column| (column.label.as_str(), order));
    }
    let field = config.sort.as_ref()?;
    let column = config.columns.iter().find(|column| column.field == *field)?;
    Some((column.label.as_str(), config.order))
}
