//! A chart's legend: what each line is and its newest value.

use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, state_of};
use ratatui::layout::Rect;

use super::super::DrawContext;
use super::super::canvas::{Canvas, clamp};
use super::super::headline::value_style;
use super::{colour, newest};
use crate::format::{unit_width, width};

/// From this width on the legend stands beside the lines, its values below each other.
const BESIDE_WIDTH_MIN: u16 = 52;
/// From this height on there is a line for it.
const ABOVE_HEIGHT_MIN: u16 = 5;
/// The most columns of a label.
const LABEL_MAX: usize = 20;

/// Draws the legend of more than one line and returns the room that is left for them.
pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) -> Rect {
    let count = context.view.tracks.len();
    if count < 2 {
        area
    } else if area.width >= BESIDE_WIDTH_MIN {
        beside(context, config, area, canvas)
    } else if area.height >= ABOVE_HEIGHT_MIN {
        above(context, config, area, canvas);
        Rect { y: area.y + 1, height: area.height - 1, ..area }
    } else {
        area
    }
}

fn beside(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) -> Rect {
    let tracks = &context.view.tracks;
    let height = usize::from(area.height);
    let shown = if tracks.len() > height { height - 1 } else { tracks.len() };
    let entries: Vec<_> =
        tracks.iter().take(shown).map(|track| (track, newest(context, config, track))).collect();
    let labels = entries.iter().map(|(track, _)| track.label.width()).max().unwrap_or(0);
    let labels = labels.min(LABEL_MAX);
    let numbers = entries.iter().map(|(_, written)| width(&written.number)).max().unwrap_or(0);
    let numbers = numbers.max(5);
    let units = unit_width(context.notation(config.number_format()));
    let columns = clamp(2 + labels + 2 + numbers + usize::from(units > 0) + units);
    if columns + 20 > area.width {
        above(context, config, area, canvas);
        return Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let x = area.right() - columns;
    let muted = canvas.style(Role::Muted);
    for ((index, (track, written)), y) in entries.iter().enumerate().zip(area.y..) {
        let style = colour(context, index);
        canvas.text(x, y, context.glyphs.legend(), 1, style);
        canvas.text(x + 2, y, track.label.as_str(), labels, muted);
        let state = track.last().and_then(|value| state_of(&config.thresholds, value));
        let style = value_style(context, state.map(|threshold| threshold.state));
        let right = x + clamp(2 + labels + 2 + numbers);
        canvas.text_right(right, y, &written.number, numbers, style);
        canvas.text(right + 1, y, &written.unit, units, muted);
    }
    if shown < tracks.len() {
        let more = format!("{} more", tracks.len() - shown);
        canvas.text(x + 2, area.bottom() - 1, &more, usize::from(columns), muted);
    }
    Rect { width: area.width - columns - 2, ..area }
}

fn above(context: &DrawContext<'_>, config: &ChartConfig, area: Rect, canvas: &mut Canvas<'_>) {
    let muted = canvas.style(Role::Muted);
    let (mut x, y) = (area.x, area.y);
    for (index, track) in context.view.tracks.iter().enumerate() {
        let written = newest(context, config, track).to_string();
        let label = track.label.truncate(LABEL_MAX);
        let needed = 2 + label.width() + 1 + width(&written);
        if usize::from(area.right().saturating_sub(x)) < needed {
            canvas.text_right(area.right(), y, "…", 1, muted);
            break;
        }
        canvas.text(x, y, context.glyphs.legend(), 1, colour(context, index));
        x += 2 + clamp(canvas.text(x + 2, y, label.as_str(), LABEL_MAX, muted)) + 1;
        let state = track.last().and_then(|value| state_of(&config.thresholds, value));
        let style = value_style(context, state.map(|threshold| threshold.state));
        x += clamp(canvas.text(x, y, &written, usize::MAX, style)) + 2;
    }
}
