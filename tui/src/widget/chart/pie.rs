//! Parts of a whole: slices with a legend, or meters where there is no room or no colour.

use std::borrow::Cow;
use std::f64::consts::TAU;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, ChartStyle, Format};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::super::canvas::{Canvas, clamp};
use super::super::rows::ordered_rows;
use super::super::{DrawContext, bars, meter};
use crate::format::{self, unit_width, width};
use crate::glyph::GlyphSet;
use crate::theme::ColorDepth;

/// The smallest disc whose slices can be told apart, and the largest that says more, in lines.
const LINES_MIN: u16 = 5;
const LINES_MAX: u16 = 17;
/// Columns between a disc and its legend.
const GAP: usize = 3;
/// The hole of a ring as a part of its radius.
const HOLE: f64 = 0.58;
/// Colours that differ; from the seventh part on they are paler.
const COLOURS: usize = 6;

/// One part, ready to be drawn.
struct Part {
    label: SafeText,
    value: String,
    unit: Cow<'static, str>,
    share: Option<f64>,
    style: Style,
}

fn part(context: &DrawContext<'_>, config: &ChartConfig, index: usize, row: &Row) -> Part {
    let value = row.cells.get(1).unwrap_or(&Cell::Absent);
    let written = format::value(value, context.notation(config.number_format()));
    let style = match index {
        _ if &*row.key == "other" => context.theme.style(Role::Muted),
        0..COLOURS => context.theme.series(index),
        _ => context.theme.series_soft(index),
    };
    let label = row.cells.first().unwrap_or(&Cell::Absent);
    Part {
        label: SafeText::from(format::value(label, Format::Text).to_string()),
        value: written.number.into_owned(),
        unit: written.unit,
        share: row.cells.get(2).and_then(Cell::as_number).filter(|share| share.is_finite()),
        style,
    }
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| Some((*index, context.view.rows.get(*index)?)));
    let parts: Vec<Part> = rows.map(|(index, row)| part(context, config, index, row)).collect();
    if parts.is_empty() {
        bars::empty(context, area, canvas);
        return;
    }
    let widths = Widths::of(config, context, &parts);
    let coloured = context.theme.depth != ColorDepth::Mono && context.glyphs != GlyphSet::Ascii;
    // The disc gives way to its legend: to all of it, or at least to the names and the shares.
    let room = |legend: usize| area.width.saturating_sub(clamp(legend + GAP)) / 2;
    let most = area.height.min(LINES_MAX);
    let lines = match most.min(room(widths.whole())) {
        lines if lines >= LINES_MIN => lines,
        _ => most.min(room(widths.least())),
    };
    let whole = parts.iter().any(|part| part.share.is_some());
    if coloured && whole && lines >= LINES_MIN {
        let disc = Rect { width: lines * 2, height: lines, ..area };
        let disc = Rect { y: area.y + (area.height - lines) / 2, ..disc };
        slices(&parts, config.style == ChartStyle::Donut, disc, canvas);
        if config.style == ChartStyle::Donut {
            total(context, config, disc, canvas);
        }
        let x = disc.right() + clamp(GAP);
        let listed = clamp(parts.len()).min(area.height);
        let y = area.y + (area.height - listed) / 2;
        let legend = Rect { x, y, width: area.right().saturating_sub(x), height: listed };
        list(context, &parts, &widths, legend, false, canvas);
    } else {
        list(context, &parts, &widths, area, true, canvas);
    }
}

/// Columns of the parts of a legend's line.
struct Widths {
    label: usize,
    value: usize,
    unit: usize,
}

impl Widths {
    fn of(config: &ChartConfig, context: &DrawContext<'_>, parts: &[Part]) -> Self {
        let widest = |of: &dyn Fn(&Part) -> usize| parts.iter().map(of).max().unwrap_or(0);
        let notation = context.notation(config.number_format());
        let unit = widest(&|part| width(&part.unit)).min(unit_width(notation).max(1));
        Self {
            label: widest(&|part| part.label.width()).min(24),
            value: widest(&|part| width(&part.value)),
            unit,
        }
    }

    /// A line with a name and a share.
    const fn least(&self) -> usize {
        2 + self.label + 2 + SHARE
    }

    /// A line with everything but a meter.
    const fn whole(&self) -> usize {
        let unit = if self.unit > 0 { self.unit + 1 } else { 0 };
        self.least() + 2 + self.value + unit
    }
}

/// Columns of a share, such as `12.5 %`.
const SHARE: usize = 6;

/// Mark, label, share and value, a part a line; with a meter of the share where there is room.
fn list(
    context: &DrawContext<'_>,
    parts: &[Part],
    widths: &Widths,
    area: Rect,
    meters: bool,
    canvas: &mut Canvas<'_>,
) {
    let (text, muted) = (canvas.style(Role::Text), canvas.style(Role::Muted));
    let room = usize::from(area.width);
    let whole = widths.whole();
    let valued = room >= whole.min(2 + 8 + 2 + SHARE + 2 + widths.value);
    let behind = if valued { whole - widths.label - 2 } else { 2 + SHARE };
    let label = widths.label.min(room.saturating_sub(behind + 2));
    let length = if meters { room.saturating_sub(2 + label + behind + 1).min(40) } else { 0 };
    let shown = if parts.len() > usize::from(area.height) {
        usize::from(area.height).saturating_sub(1)
    } else {
        parts.len()
    };
    for (part, y) in parts.iter().take(shown.max(1)).zip(area.y..area.bottom()) {
        canvas.text(area.x, y, context.glyphs.legend(), 1, part.style);
        canvas.text(area.x + 2, y, part.label.as_str(), label, muted);
        let mut x = area.x + 2 + clamp(label) + 1;
        if length >= 4 {
            let share = part.share.unwrap_or(0.0) / 100.0;
            meter::draw((x, y), length - 1, share, part.style, canvas);
            x += clamp(length);
        }
        let share = format::number(part.share.unwrap_or(f64::NAN), Format::Percent).to_string();
        x += 1 + clamp(SHARE);
        canvas.text_right(x.min(area.right()), y, &share, SHARE, text);
        if valued {
            x += 2 + clamp(widths.value);
            canvas.text_right(x.min(area.right()), y, &part.value, widths.value, text);
            let left = usize::from(area.right().saturating_sub(x + 1));
            if left >= width(&part.unit) {
                canvas.text(x + 1, y, &part.unit, left, muted);
            }
        }
    }
    if shown < parts.len() && shown > 0 {
        let more = format!("{} more", parts.len() - shown);
        canvas.text(area.x + 2, area.bottom() - 1, &more, room.saturating_sub(2), muted);
    }
}

/// Slices clockwise from the top, two squares to a cell.
fn slices(parts: &[Part], ring: bool, disc: Rect, canvas: &mut Canvas<'_>) {
    let mut ends = Vec::with_capacity(parts.len());
    let mut sum = 0.0;
    for part in parts {
        sum += part.share.unwrap_or(0.0);
        ends.push(sum);
    }
    let whole = sum.max(f64::MIN_POSITIVE);
    let radius = f64::from(disc.width.min(disc.height * 2)) / 2.0;
    let colour_at = |x: u16, y: u16| -> Option<Color> {
        let dx = f64::from(x) + 0.5 - f64::from(disc.width) / 2.0;
        let dy = f64::from(y) + 0.5 - f64::from(disc.height);
        let far = dx.hypot(dy);
        if far > radius || (ring && far < radius * HOLE) {
            return None;
        }
        let turn = dx.atan2(-dy).rem_euclid(TAU) / TAU * whole;
        let index = ends.iter().position(|end| turn < *end).unwrap_or(parts.len() - 1);
        parts.get(index)?.style.fg
    };
    for row in 0..disc.height {
        for column in 0..disc.width {
            let (x, y) = (disc.x + column, disc.y + row);
            match (colour_at(column, row * 2), colour_at(column, row * 2 + 1)) {
                (None, None) => {}
                (Some(above), Some(below)) if above == below => {
                    canvas.glyph(x, y, '█', Style::new().fg(above));
                }
                (Some(above), Some(below)) => {
                    canvas.glyph(x, y, '▀', Style::new().fg(above).bg(below));
                }
                (Some(above), None) => canvas.glyph(x, y, '▀', Style::new().fg(above)),
                (None, Some(below)) => canvas.glyph(x, y, '▄', Style::new().fg(below)),
            }
        }
    }
}

/// What all parts are together, in the hole of a ring.
fn total(context: &DrawContext<'_>, config: &ChartConfig, disc: Rect, canvas: &mut Canvas<'_>) {
    let values = context.view.rows.iter().filter_map(|row| row.cells.get(1)?.as_number());
    let sum: f64 = values.sum();
    let written = format::number(sum, context.notation(config.number_format()));
    let hole = (f64::from(disc.width) * HOLE * 0.9) as usize;
    let text = written.fit(hole).to_string();
    if width(&text) < 2 && hole < 4 {
        return;
    }
    let style = canvas.style(Role::Text).add_modifier(Modifier::BOLD);
    canvas.text_centred(disc, disc.y + disc.height / 2, &text, style);
}
