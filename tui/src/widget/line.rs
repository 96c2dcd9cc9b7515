//! A widget without a frame: one line, or two, or a mark.

use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::State;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::{Condition, DrawContext, frame, headline, spark};

/// Columns of a name before a value gives way.
const NAME_MIN: usize = 6;
/// Columns between name and value from which on a sparkline is worth it.
const SPARK_MIN: usize = 12;
/// The most columns of a sparkline between name and value.
const SPARK_MAX: usize = 40;

pub(super) fn draw(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let room = usize::from(area.width);
    let mark = mark(context);
    let taken = canvas.text(area.x, area.y, mark.0, room, mark.1);
    if room < 4 {
        return;
    }
    let mut x = area.x + clamp(taken) + 1;
    let room = room.saturating_sub(taken + 1);
    let known = !matches!(context.condition, Condition::Live { .. });
    let mut groups = frame::groups(context, area.width >= 24);
    // The mark stands at the left already.
    if known && area.width < 24 {
        groups.remove(0);
    }
    groups.retain(|group| group.value != mark.0);
    let name = frame::name(context);
    let kept = name.width().min(NAME_MIN).min(room / 2);
    let mut whole = groups.clone();
    let mut used = frame::fit(&mut groups, room.saturating_sub(kept + 1));
    if used == 0 {
        // The value matters more than the name.
        used = frame::fit(&mut whole, room);
        groups = whole;
    }
    let left = room.saturating_sub(if used == 0 { 0 } else { used + 1 });
    let style = name_style(context, canvas);
    let named = canvas.text(x, area.y, name.as_str(), left, style);
    frame::put(&groups, area.right().saturating_sub(clamp(used)), area.y, canvas);
    x += clamp(named) + 1;
    let free = left.saturating_sub(named + 1);
    if area.height == 1 && free >= SPARK_MIN {
        let columns = clamp(free.min(SPARK_MAX));
        let end = area.right().saturating_sub(clamp(used + 2));
        let from = end.saturating_sub(columns).max(x);
        sparkline(context, Rect::new(from, area.y, end.saturating_sub(from), 1), canvas);
    } else if area.height > 1 {
        sparkline(context, Rect { y: area.y + 1, height: area.height - 1, ..area }, canvas);
    }
}

fn name_style(context: &DrawContext<'_>, canvas: &Canvas<'_>) -> Style {
    let style = canvas.style(Role::Title);
    if context.focused { style.patch(canvas.style(Role::BorderFocus)) } else { style }
}

/// The worst that can be said, as one character.
fn mark(context: &DrawContext<'_>) -> (&'static str, Style) {
    let glyphs = context.glyphs;
    let condition = glyphs.condition(&context.condition);
    if !condition.is_empty() {
        let role = match context.condition {
            Condition::Error { .. } => Role::Critical,
            Condition::Stale { .. } => Role::Stale,
            _ => Role::Unknown,
        };
        return (condition, context.theme.style(role));
    }
    let state = headline::Headline::of(context).state.unwrap_or(State::Ok);
    (glyphs.state(state), context.theme.state(state))
}

fn sparkline(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let Some(track) = context.view.tracks.first() else { return };
    let window = spark::window(context.window, None, track);
    let style = if context.condition.is_old() {
        canvas.style(Role::Stale)
    } else {
        context.theme.series(0)
    };
    let ends = context.spec.and_then(|spec| spec.chart.as_ref());
    let ends = ends.map_or((None, None), |chart| (chart.min, chart.max));
    spark::draw(track, area, window, ends, style, canvas);
}
