//! One number with its past and its companions.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Metric, StatConfig, State, state_of};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::{DrawContext, digits, headline, spark, trend};
use crate::format::{self, Notation, width};
use crate::glyph::GlyphSet;

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &StatConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let companions = clamp(config.secondary.len());
    // The companions' lines are worth more than big digits, but not more than the number itself.
    let big = area.height > digits::HEIGHT + companions.min(1) && big_fits(context, config, area);
    let lines = if big { digits::HEIGHT } else { 1 };
    let shown = companions.min(area.height.saturating_sub(lines));
    let trend = trend::of(context, config);
    let room = area.height - lines - shown;
    // A trend has a line of its own where there is one, else it stands behind the number.
    let below = u16::from(trend.is_some() && room > 0);
    let room = room - below;
    let value = Rect { height: lines, ..area };
    let mut used = primary(context, config, value, big, canvas);
    if let Some(trend) = &trend {
        let line = if below > 0 {
            Rect { y: area.y + lines, height: 1, ..area }
        } else {
            let x = area.x.saturating_add(used + 1);
            let width = area.right().saturating_sub(x);
            Rect { x, y: area.y + lines - 1, width, height: 1 }
        };
        let columns = trend::draw(trend, line, canvas);
        used += if below > 0 { 0 } else { columns + 1 };
    }
    let lines = lines + below;
    let track = context.view.tracks.first();
    let style = context.theme.series(0);
    if let Some(track) = track {
        let window = spark::window(context.window, config.window, track);
        let beside = Rect {
            x: area.x.saturating_add(used + 2),
            width: area.width.saturating_sub(used + 2),
            ..value
        };
        if room >= 2 {
            let gap = u16::from(room > 2);
            let below = Rect { y: area.y + lines + gap, height: (room - gap).min(4), ..area };
            spark::draw(track, below, window, (None, None), style, canvas);
        } else if beside.width >= 8 {
            spark::draw(track, beside, window, (None, None), style, canvas);
        }
    }
    let list = Rect { y: area.bottom() - shown, height: shown, ..area };
    secondary(context, &config.secondary, list, canvas);
}

fn big_fits(context: &DrawContext<'_>, config: &StatConfig, area: Rect) -> bool {
    let written = format::value(context.view.field("value"), notation(context, &config.primary));
    let digits = digits::width(&written.number);
    context.glyphs != GlyphSet::Ascii
        && digits.is_some_and(|digits| digits + 1 + width(&written.unit) <= usize::from(area.width))
}

/// Draws the number and returns the columns it took.
fn primary(
    context: &DrawContext<'_>,
    config: &StatConfig,
    area: Rect,
    big: bool,
    canvas: &mut Canvas<'_>,
) -> u16 {
    let cell = context.view.field("value");
    let state = cell.as_number().and_then(|number| state_of(&config.primary.thresholds, number));
    let style = state_style(context, state.map(|threshold| threshold.state));
    let muted = canvas.style(Role::Muted);
    let written = format::value(cell, notation(context, &config.primary));
    let room = usize::from(area.width);
    let (x, y) = (area.x, area.bottom().saturating_sub(1));
    if big {
        let digits = digits::draw(&written.number, (x, area.y), style, canvas);
        // Big digits have an empty half line below; the unit stands on their ground line.
        let unit = canvas.text(x + digits + 1, y, &written.unit, room, muted);
        return digits + 1 + clamp(unit);
    }
    let bold = style.add_modifier(ratatui::style::Modifier::BOLD);
    let number = canvas.text(x, y, &written.number, room, bold);
    let left = room.saturating_sub(number + 1);
    let unit = if left >= width(&written.unit) {
        canvas.text(x + clamp(number) + 1, y, &written.unit, left, muted)
    } else {
        0
    };
    clamp(number + 1 + unit)
}

/// How a number is written now.
fn notation(context: &DrawContext<'_>, metric: &Metric) -> Notation {
    context.notation(metric.number_format())
}

fn state_style(context: &DrawContext<'_>, state: Option<State>) -> Style {
    headline::value_style(context, state)
}

/// Label and value, one companion a line, values below each other.
fn secondary(context: &DrawContext<'_>, metrics: &[Metric], area: Rect, canvas: &mut Canvas<'_>) {
    let muted = canvas.style(Role::Muted);
    let shown = metrics.get(..usize::from(area.height)).unwrap_or(metrics);
    let labels = shown.iter().map(|metric| SafeText::new(&metric.label).width()).max();
    let labels = labels.unwrap_or(0).min(usize::from(area.width) / 2);
    let cell = |index: usize| context.view.field(&format!("secondary.{index}"));
    let numbers: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(index, metric)| format::value(cell(index), notation(context, metric)))
        .collect();
    let widest = numbers.iter().map(|written| width(&written.number)).max().unwrap_or(0);
    for ((index, metric), (written, y)) in
        shown.iter().enumerate().zip(numbers.iter().zip(area.y..))
    {
        let state = cell(index).as_number().and_then(|n| state_of(&metric.thresholds, n));
        let state = state.map(|threshold| threshold.state);
        canvas.text(area.x, y, SafeText::new(&metric.label).as_str(), labels, muted);
        let x = area.x + clamp(labels) + 2;
        let room = usize::from(area.right().saturating_sub(x));
        let x = x + clamp(widest.saturating_sub(width(&written.number)));
        let style = state_style(context, state);
        let used = clamp(canvas.text(x, y, &written.number, room, style));
        let unit = canvas.text(x + used + 1, y, &written.unit, room, muted);
        if let Some(state @ (State::Warning | State::Critical)) = state {
            let at = x + used + 2 + clamp(unit);
            canvas.text(at, y, context.glyphs.state(state), 2, style);
        }
    }
}
