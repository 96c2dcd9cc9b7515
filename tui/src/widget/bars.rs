//! Labelled meters, in as many columns as it takes to show all of them.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{BarsConfig, State, state_of};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;

use super::canvas::{Canvas, clamp};
use super::headline::{self, value_style};
use super::rows::ordered_rows;
use super::{DrawContext, meter};
use crate::format::{self, Written, width};

/// The shortest meter that still shows a difference.
const METER_MIN: usize = 4;
/// The most columns of a label.
const LABEL_MAX: usize = 18;
/// Columns between columns.
const GAP: usize = 3;

/// One meter, ready to be drawn.
struct Bar<'a> {
    label: SafeText,
    written: Written<'a>,
    percent: Option<f64>,
    state: Option<State>,
}

/// How wide the parts of a meter's line are.
struct Widths {
    label: usize,
    mark: usize,
    number: usize,
    unit: usize,
}

impl Widths {
    /// Columns of everything but the meter.
    const fn rest(&self) -> usize {
        let unit = if self.unit > 0 { self.unit + 1 } else { 0 };
        self.label + 1 + self.mark + 1 + self.number + unit
    }
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &BarsConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let bars: Vec<Bar<'_>> = rows.map(|row| bar(config, row)).collect();
    if bars.is_empty() {
        empty(context, area, canvas);
        return;
    }
    let widths = measure(context, config, &bars, area);
    let (room, height) = (usize::from(area.width), usize::from(area.height));
    let columns = bars.len().div_ceil(height.max(1));
    let least = widths.rest() + METER_MIN;
    if columns > 1 && columns * (least + GAP) > room + GAP {
        heat(context, &bars, area, canvas);
        return;
    }
    // Few meters would be needlessly long on a wide screen, and far from their numbers.
    let columns = columns.max(1);
    let each = (room + GAP) / columns - GAP.min((room + GAP) / columns);
    let per_column = bars.len().div_ceil(columns);
    let first = context.state.scroll.min(bars.len().saturating_sub(height * columns));
    for (index, bar) in bars.iter().skip(first).take(height * columns).enumerate() {
        let (column, line) = (index / per_column, index % per_column);
        let x = area.x + clamp(column * (each + GAP));
        let y = area.y + clamp(line);
        draw_bar(context, bar, (x, y), each, &widths, canvas);
    }
}

fn bar<'a>(config: &BarsConfig, row: &'a Row) -> Bar<'a> {
    let format = headline::meter_format(config, row);
    let percent = headline::meter(row).2;
    let text = row.cells.get(3).and_then(Cell::as_text);
    let cell = row.cells.get(1).unwrap_or(&Cell::Absent);
    let label =
        row.cells.first().map(|cell| format::value(cell, ccm_proto::model::widget::Format::Text));
    Bar {
        label: label.map(|label| SafeText::from(label.to_string())).unwrap_or_default(),
        written: match text {
            Some(text) => Written { number: text.as_str().into(), unit: "" },
            None if *cell == Cell::Absent => Written { number: "absent".into(), unit: "" },
            None => format::value(cell, format),
        },
        percent,
        state: percent.and_then(|p| state_of(&config.thresholds, p)).map(|band| band.state),
    }
}

fn measure(context: &DrawContext<'_>, config: &BarsConfig, bars: &[Bar<'_>], area: Rect) -> Widths {
    let labels = bars.iter().map(|bar| bar.label.width()).max().unwrap_or(0);
    let numbers = bars.iter().filter(|bar| bar.percent.is_some());
    let numbers = numbers.map(|bar| width(&bar.written.number)).max().unwrap_or(5);
    let units = bars.iter().map(|bar| width(bar.written.unit)).max().unwrap_or(0);
    let marks = !config.thresholds.is_empty();
    let mark = if marks { width(context.glyphs.state(State::Warning)) + 1 } else { 0 };
    let room = usize::from(area.width);
    Widths {
        label: labels.min(LABEL_MAX).min((room / 3).max(4)),
        mark,
        number: numbers.max(5).min(room / 2),
        unit: units,
    }
}

fn draw_bar(
    context: &DrawContext<'_>,
    bar: &Bar<'_>,
    (x, y): (u16, u16),
    columns: usize,
    widths: &Widths,
    canvas: &mut Canvas<'_>,
) {
    let muted = canvas.style(Role::Muted);
    let label = canvas.style(Role::Text);
    let style = value_style(context, bar.state);
    let end = x + clamp(columns);
    canvas.text(x, y, bar.label.as_str(), widths.label.min(columns), label);
    let mut at = x + clamp(widths.label + 1);
    if let Some(state @ (State::Warning | State::Critical)) = bar.state
        && widths.mark > 0
    {
        canvas.text(at, y, context.glyphs.state(state), widths.mark, style);
    }
    at += clamp(widths.mark);
    let left = usize::from(end.saturating_sub(at));
    let Some(percent) = bar.percent else {
        let absent = canvas.style(Role::Unknown);
        canvas.text(at, y, &bar.written.to_string(), left, absent);
        return;
    };
    let text = 1 + widths.number + if widths.unit > 0 { widths.unit + 1 } else { 0 };
    let length = left.saturating_sub(text);
    if length >= METER_MIN.min(2) {
        let style = match bar.state {
            Some(state @ (State::Warning | State::Critical)) => context.theme.state(state),
            _ => context.theme.series(0),
        };
        meter::draw((at, y), length, percent / 100.0, style, canvas);
    }
    let unit = if widths.unit > 0 { widths.unit + 1 } else { 0 };
    let right = end.saturating_sub(clamp(unit));
    let number = widths.number.min(usize::from(right.saturating_sub(x)));
    canvas.text_right(right, y, &bar.written.number, number, style);
    canvas.text(right + 1, y, bar.written.unit, widths.unit, muted);
}

/// One cell a meter, in reading order: what remains of 256 cores in a corner.
fn heat(context: &DrawContext<'_>, bars: &[Bar<'_>], area: Rect, canvas: &mut Canvas<'_>) {
    let room = usize::from(area.width) * usize::from(area.height);
    let first = context.state.scroll.min(bars.len().saturating_sub(room));
    for (index, bar) in bars.iter().skip(first).take(room).enumerate() {
        let x = area.x + clamp(index % usize::from(area.width.max(1)));
        let y = area.y + clamp(index / usize::from(area.width.max(1)));
        let style = match bar.state {
            Some(state @ (State::Warning | State::Critical)) => context.theme.state(state),
            _ => context.theme.series(0),
        };
        match bar.percent {
            Some(percent) => {
                let level = (percent / 100.0 * 8.0).round() as u8;
                canvas.glyph(x, y, canvas.glyphs.level(level), style);
            }
            None => canvas.glyph(x, y, '?', context.theme.style(Role::Unknown)),
        }
    }
}

/// Why there are no rows.
pub(super) fn empty(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let muted = canvas.style(Role::Muted);
    let hidden = context.view.rows.len();
    let text =
        if hidden > 0 { format!("filter hides {hidden} rows") } else { "nothing here".into() };
    canvas.text_centred(area, area.y + area.height / 2, &text, muted);
}
