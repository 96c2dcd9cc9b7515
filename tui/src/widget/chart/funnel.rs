//! Stages that fewer and fewer get through.

use ccm_proto::SafeText;
use ccm_proto::model::Cell;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, Format};
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, clamp};
use super::super::rows::ordered_rows;
use super::super::{DrawContext, bars};
use crate::format::{self, width};
use crate::glyph::GlyphSet;

/// The least columns that bars of different lengths are worth drawing in.
const BAR_MIN: usize = 8;
/// The most columns of a stage's name.
const LABEL_MAX: usize = 20;
/// Columns of a share, such as `12.5 %`.
const SHARE: usize = 6;

/// One stage, ready to be drawn.
struct Stage {
    label: SafeText,
    value: String,
    /// In percent, of the first stage and of the one before.
    whole: Option<f64>,
    step: Option<f64>,
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let stages = stages(context, config);
    if stages.is_empty() {
        bars::empty(context, area, canvas);
        return;
    }
    let height = usize::from(area.height);
    let spread = stages.len() * 2 - 1 <= height;
    let each = if spread { 2 } else { 1 };
    let shown = if stages.len() > height { height.saturating_sub(1).max(1) } else { stages.len() };
    let room = usize::from(area.width);
    let label = stages.iter().map(|stage| stage.label.width()).max().unwrap_or(0);
    let label = label.min(LABEL_MAX).min(room / 3);
    let value = stages.iter().map(|stage| width(&stage.value)).max().unwrap_or(0).min(room / 2);
    let shares = room >= label + 1 + BAR_MIN + 1 + value + 2 + SHARE;
    let behind = value + if shares { 2 + SHARE } else { 0 };
    let length = room.saturating_sub(label + 2 + behind);
    let length = if length >= BAR_MIN { length } else { 0 };
    let (text, muted) = (canvas.style(Role::Text), canvas.style(Role::Muted));
    for (index, stage) in stages.iter().take(shown).enumerate() {
        let y = area.y + clamp(index * each);
        canvas.text(area.x, y, stage.label.as_str(), label, muted);
        let x = area.x + clamp(label + 1);
        let plot = Rect { x, y, width: clamp(length), height: 1 };
        bar(context, stage, plot, canvas);
        let gap = if length > 0 { length + 1 } else { 0 };
        let end = (x + clamp(gap + value)).min(area.right());
        canvas.text_right(end, y, &stage.value, value, text);
        if shares {
            let share = format::number(stage.whole.unwrap_or(f64::NAN), Format::Percent);
            canvas.text_right(area.right(), y, &share.to_string(), SHARE, muted);
        }
        if spread && index + 1 < stages.len() {
            passage(stages.get(index + 1), Rect { y: y + 1, ..plot }, canvas);
        }
    }
    if shown < stages.len() && height > 1 {
        let more = format!("{} more", stages.len() - shown);
        canvas.text(area.x, area.bottom() - 1, &more, room, muted);
    }
}

fn stages(context: &DrawContext<'_>, config: &ChartConfig) -> Vec<Stage> {
    let notation = context.notation(config.number_format());
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let stages = rows.map(|row| {
        let number = |index: usize| {
            let number = row.cells.get(index).and_then(Cell::as_number);
            number.filter(|number| number.is_finite())
        };
        let label = row.cells.first().unwrap_or(&Cell::Absent);
        Stage {
            label: SafeText::from(format::value(label, Format::Text).to_string()),
            value: format::value(row.cells.get(1).unwrap_or(&Cell::Absent), notation).to_string(),
            whole: number(2),
            step: number(3),
        }
    });
    stages.collect()
}

/// A bar in the middle, as long as its part of the first.
fn bar(context: &DrawContext<'_>, stage: &Stage, plot: Rect, canvas: &mut Canvas<'_>) {
    let part = (stage.whole.unwrap_or(0.0) / 100.0).clamp(0.0, 1.0);
    let exact = part * f64::from(plot.width);
    // What is there at all is seen.
    let least = u16::from(part > 0.0);
    let columns = (exact.round() as u16).clamp(least.min(plot.width), plot.width);
    let from = plot.x + (plot.width - columns) / 2;
    let glyph = if context.glyphs == GlyphSet::Ascii { '#' } else { '█' };
    let style = context.theme.series(0);
    for x in from..from + columns {
        canvas.glyph(x, plot.y, glyph, style);
    }
}

/// How many of one stage get to the next, between the two.
fn passage(next: Option<&Stage>, plot: Rect, canvas: &mut Canvas<'_>) {
    let Some(share) = next.and_then(|stage| stage.step) else { return };
    let text = format!("↓ {}", format::number(share, Format::Percent));
    let muted = canvas.style(Role::Muted);
    if usize::from(plot.width) >= width(&text) {
        canvas.text_centred(plot, plot.y, &text, muted);
    }
}
