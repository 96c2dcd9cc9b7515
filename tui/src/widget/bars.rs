//! Labelled meters, in as many columns as it takes to show all of them.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{BarsConfig, State, state_of};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::headline::{self, value_style};
use super::rows::{first_row, ordered_rows};
use super::{DrawContext, frame, meter};
use crate::format::{self, Written, width};

/// The shortest meter that still shows a difference.
const METER_MIN: usize = 2;
/// The most columns of a label.
const LABEL_MAX: usize = 18;
/// Up to as many times the lines there are, names are worth more than seeing all meters at once.
const SCROLLED_MAX: usize = 4;
/// Columns between columns.
const GAP: usize = 3;

/// One meter, ready to be drawn.
struct Bar<'a> {
    label: SafeText,
    written: Written<'a>,
    percent: Option<f64>,
    state: Option<State>,
}

impl Bar<'_> {
    /// The filled part has a line's colour until something is wrong.
    fn style(&self, context: &DrawContext<'_>) -> Style {
        match self.state {
            Some(state @ (State::Warning | State::Critical)) => context.theme.state(state),
            Some(State::Ok) | None => context.theme.series(0),
        }
    }
}

/// How wide the parts of a meter's line are.
struct Widths {
    label: usize,
    mark: usize,
    number: usize,
    unit: usize,
}

impl Widths {
    /// Columns of everything but the meter, which gives way first.
    const fn rest(&self) -> usize {
        let unit = if self.unit > 0 { self.unit + 1 } else { 0 };
        self.label + 1 + self.mark + 1 + self.number + unit
    }
}

/// How the meters share the room.
enum Arrangement {
    /// A name, a meter and a number each, below and then beside each other.
    Named { columns: usize },
    /// A few cells each, beside and then below each other, with a name of `label` columns before
    /// each line.
    Cells { label: usize, per_line: usize },
}

impl Arrangement {
    /// The arrangement for so many meters, whose lines need `least` columns each, and whose names
    /// have at most `label`.
    fn of(count: usize, least: usize, label: usize, area: Rect) -> Self {
        let (room, height) = (usize::from(area.width), usize::from(area.height).max(1));
        let columns = count.div_ceil(height).max(1);
        if columns == 1 || columns * (least + GAP) <= room + GAP {
            return Self::Named { columns };
        }
        if columns <= SCROLLED_MAX {
            return Self::Named { columns: 1 };
        }
        let label = if label * 4 <= room { label + 1 } else { 0 };
        Self::Cells { label, per_line: columns.clamp(1, (room - label).max(1)) }
    }

    /// Meters that are in sight at once.
    fn in_sight(&self, area: Rect) -> usize {
        let (Self::Named { columns: across } | Self::Cells { per_line: across, .. }) = self;
        across * usize::from(area.height)
    }
}

/// Meters that are in sight at once in the room inside the frame.
pub(super) fn in_sight(context: &DrawContext<'_>, config: &BarsConfig, area: Rect) -> usize {
    let bars: Vec<Bar<'_>> =
        context.view.rows.iter().map(|row| bar(context, config, row)).collect();
    arrange(context, config, &bars, area).0.in_sight(area)
}

fn arrange(
    context: &DrawContext<'_>,
    config: &BarsConfig,
    bars: &[Bar<'_>],
    area: Rect,
) -> (Arrangement, Widths) {
    let widths = measure(context, config, bars, area);
    let label = bars.iter().map(|bar| bar.label.width()).max().unwrap_or(0);
    (Arrangement::of(bars.len(), widths.rest(), label, area), widths)
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &BarsConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let bars: Vec<Bar<'_>> = rows.map(|row| bar(context, config, row)).collect();
    if bars.is_empty() {
        empty(context, area, canvas);
        return;
    }
    let (arrangement, widths) = arrange(context, config, &bars, area);
    let seen = arrangement.in_sight(area);
    let first = first_row(context, bars.len(), seen);
    let shown = bars.get(first..).unwrap_or_default();
    let shown = shown.get(..seen).unwrap_or(shown);
    let chosen = context.state.selected.and_then(|selected| selected.checked_sub(first));
    match arrangement {
        Arrangement::Named { columns } => {
            let room = usize::from(area.width) + GAP;
            let each = (room / columns).saturating_sub(GAP);
            let per_column = shown.len().div_ceil(columns).max(1);
            for (index, bar) in shown.iter().enumerate() {
                let (column, line) = (index / per_column, index % per_column);
                let x = area.x + clamp(column * (each + GAP));
                let y = area.y + clamp(line);
                draw_bar(context, bar, (x, y), each, &widths, canvas);
                if chosen == Some(index) {
                    let style = canvas.style(Role::Selection);
                    canvas.restyle(Rect { x, y, width: clamp(each), height: 1 }, style);
                }
            }
        }
        Arrangement::Cells { label, per_line } => {
            cells(context, shown, (label, per_line), area, canvas);
        }
    }
    frame::thumb(area, (first, seen, bars.len()), canvas, context.focused);
}

fn bar<'a>(context: &DrawContext<'_>, config: &BarsConfig, row: &'a Row) -> Bar<'a> {
    let number = headline::meter_format(config, row);
    let percent = headline::meter(row).2;
    let text = row.cells.get(3).and_then(Cell::as_text);
    let cell = row.cells.get(1).unwrap_or(&Cell::Absent);
    let label =
        row.cells.first().map(|cell| format::value(cell, ccm_proto::model::widget::Format::Text));
    Bar {
        label: label.map(|label| SafeText::from(label.to_string())).unwrap_or_default(),
        written: match text {
            Some(text) => Written { number: text.as_str().into(), unit: "".into() },
            None if *cell == Cell::Absent => Written { number: "absent".into(), unit: "".into() },
            None => format::value(cell, context.notation(number)),
        },
        percent,
        state: percent.and_then(|p| state_of(&config.thresholds, p)).map(|band| band.state),
    }
}

fn measure(context: &DrawContext<'_>, config: &BarsConfig, bars: &[Bar<'_>], area: Rect) -> Widths {
    let labels = bars.iter().map(|bar| bar.label.width()).max().unwrap_or(0);
    let numbers = bars.iter().filter(|bar| bar.percent.is_some());
    let numbers = numbers.map(|bar| width(&bar.written.number)).max().unwrap_or(5);
    let units = bars.iter().map(|bar| width(&bar.written.unit)).max().unwrap_or(0);
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
    if length >= METER_MIN {
        meter::draw((at, y), length, percent / 100.0, bar.style(context), canvas);
    }
    let unit = if widths.unit > 0 { widths.unit + 1 } else { 0 };
    let right = end.saturating_sub(clamp(unit));
    let number = widths.number.min(usize::from(right.saturating_sub(x)));
    canvas.text_right(right, y, &bar.written.number, number, style);
    canvas.text(right + 1, y, &bar.written.unit, widths.unit, muted);
}

/// Some cells a meter, in reading order, the first one's name before each line: what remains of
/// 256 cores in a corner.
fn cells(
    context: &DrawContext<'_>,
    bars: &[Bar<'_>],
    (label, per_line): (usize, usize),
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let (muted, unknown) = (canvas.style(Role::Muted), canvas.style(Role::Unknown));
    let each = (usize::from(area.width) - label) / per_line;
    // Wider cells stand apart.
    let drawn = if each > 2 { each - 1 } else { each };
    for (index, bar) in bars.iter().enumerate() {
        let (line, column) = (index / per_line, index % per_line);
        let y = area.y + clamp(line);
        if column == 0 && label > 0 {
            canvas.text(area.x, y, bar.label.as_str(), label - 1, muted);
        }
        let x = area.x + clamp(label + column * each);
        let style = bar.style(context);
        match bar.percent {
            None => canvas.glyph(x, y, '?', unknown),
            Some(percent) if drawn >= METER_MIN => {
                meter::draw((x, y), drawn, percent / 100.0, style, canvas);
            }
            Some(percent) => {
                let level = canvas.glyphs.level((percent / 100.0 * 8.0).round() as u8);
                canvas.glyph(x, y, level, style);
            }
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
