//! The value that matters of what shows rows without columns.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{
    ChartConfig, ChartStyle, Format, LineStyle, ListConfig, MapConfig, State,
};
use ccm_proto::model::{Cell, Row};

use super::super::rows::row_count;
use super::super::{DrawContext, custom, list, map};
use super::{Headline, value_style};
use crate::format;

/// The most columns of a name in a title.
const NAME_MAX: usize = 16;
/// The most columns of a line in a title.
const LINE_MAX: usize = 40;

pub(super) fn list(context: &DrawContext<'_>, config: &ListConfig) -> Headline {
    let mut headline = Headline::default();
    let state = |row: &Row| config.item.state(row.cells.get(2).and_then(Cell::as_number));
    headline.state = context.view.rows.iter().filter_map(|row| state(row)).max();
    total(context, &mut headline);
    if let Some(row) = context.view.rows.first() {
        let item = list::item(context, config, row);
        let title = item.title.truncate(NAME_MAX);
        headline.push("", named(&title, &item.badge), value_style(context, item.state));
    }
    headline
}

pub(super) fn map(context: &DrawContext<'_>, config: &MapConfig) -> Headline {
    let mut headline = Headline::default();
    let rows = &context.view.rows;
    let worst = rows.iter().rev().max_by_key(|row| map::state(config, row));
    headline.state = worst.and_then(|row| map::state(config, row));
    total(context, &mut headline);
    if let Some(row) = worst {
        let label = map::label(row).truncate(NAME_MAX);
        let style = value_style(context, map::state(config, row));
        headline.push("", named(&label, &map::value(context, config, row)), style);
    }
    headline
}

/// A value with its name, which says nothing without it.
fn named(name: &SafeText, value: &str) -> String {
    if value.is_empty() { name.to_string() } else { format!("{name} {value}") }
}

/// Rows in sight, of how many, and the filter that hides the others.
fn total(context: &DrawContext<'_>, headline: &mut Headline) {
    let total = (context.view.rows_total as usize).max(context.view.rows.len());
    let shown = row_count(context);
    let style = context.theme.style(Role::Text);
    let text = if shown < total { format!("{shown} of {total}") } else { total.to_string() };
    headline.push("", text, style);
    if let Some(filter) = &context.state.filter {
        let text = SafeText::new(filter.text()).truncate(24);
        headline.push("", format!("/{text}"), context.theme.style(Role::Match));
    }
}

/// The first line of the worst state, else the first one below the headings.
pub(super) fn custom(context: &DrawContext<'_>) -> Headline {
    let state = |row: &Row| match custom::style_of(row) {
        LineStyle::State(state) => Some(state),
        _ => None,
    };
    let rows = &context.view.rows;
    let mut headline =
        Headline { state: rows.iter().filter_map(|row| state(row)).max(), ..Headline::default() };
    let worst = headline.state.filter(|worst| *worst > State::Ok);
    let said = |row: &&Arc<Row>| {
        let plain = custom::style_of(row) != LineStyle::Title;
        plain && !custom::text_of(row).trim().is_empty()
    };
    let row = rows.iter().filter(said).find(|row| worst.is_none() || state(row) == worst);
    if let Some(row) = row.or_else(|| rows.first()) {
        let text = SafeText::from(custom::text_of(row)).truncate(LINE_MAX);
        headline.push("", text.to_string(), value_style(context, worst));
    }
    headline
}

/// The largest part, how many get through to the end, or how far two numbers go together.
pub(super) fn chart(context: &DrawContext<'_>, config: &ChartConfig) -> Headline {
    let mut headline = Headline::default();
    let style = context.theme.style(Role::Text);
    if config.style == ChartStyle::Scatter {
        let r = context.view.field("correlation").as_number();
        let r = r.map_or_else(|| format::ABSENT.to_owned(), |r| format!("{r:.2}"));
        let count = format::value(context.view.field("count"), Format::Count).to_string();
        headline.push("r", r, style);
        headline.push("n", count, style);
        return headline;
    }
    let rows = &context.view.rows;
    let row = if config.style == ChartStyle::Funnel { rows.last() } else { rows.first() };
    if let Some(row) = row {
        let label = row.cells.first().unwrap_or(&Cell::Absent);
        let label = SafeText::from(format::value(label, Format::Text).to_string());
        let share = row.cells.get(2).unwrap_or(&Cell::Absent);
        let share = format::value(share, Format::Percent).to_string();
        headline.push(label.truncate(NAME_MAX).as_str(), share, style);
    }
    headline
}
