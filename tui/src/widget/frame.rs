//! The frame: its title tells what, how it is, and the value that matters.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::State;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::headline::{Group, Headline};
use super::{Condition, DrawContext};

/// Columns of a title that are kept before a value gives way.
const TITLE_MIN: usize = 8;
/// From this width on a state is written as mark and word.
const WORD_WIDTH_MIN: u16 = 36;
/// From this width on data stands off the frame.
const PADDED_WIDTH_MIN: u16 = 14;

/// Draws the frame and returns the room inside.
pub(super) fn draw(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) -> Rect {
    let role = if context.focused { Role::BorderFocus } else { Role::Border };
    let style = canvas.style(role);
    let borders = canvas.glyphs.borders(context.focused);
    let (left, right) = (area.x, area.right() - 1);
    let (top, bottom) = (area.y, area.bottom() - 1);
    for x in left..=right {
        canvas.glyph(x, top, borders.horizontal, style);
        canvas.glyph(x, bottom, borders.horizontal, style);
    }
    for y in top..=bottom {
        canvas.glyph(left, y, borders.vertical, style);
        canvas.glyph(right, y, borders.vertical, style);
    }
    canvas.glyph(left, top, borders.top_left, style);
    canvas.glyph(right, top, borders.top_right, style);
    canvas.glyph(left, bottom, borders.bottom_left, style);
    canvas.glyph(right, bottom, borders.bottom_right, style);
    title(context, area, canvas);
    inner(area)
}

/// The room inside the frame.
pub(super) fn inner(area: Rect) -> Rect {
    let padding = u16::from(area.width >= PADDED_WIDTH_MIN);
    Rect {
        x: area.x + 1 + padding,
        y: area.y + 1,
        width: area.width.saturating_sub(2 + 2 * padding),
        height: area.height.saturating_sub(2),
    }
}

/// The widget's title as text.
pub(super) fn name(context: &DrawContext<'_>) -> SafeText {
    match context.spec {
        Some(spec) => SafeText::new(&spec.title),
        None => SafeText::from(context.name),
    }
}

/// What stands at the right of the title, most important first.
pub(super) fn groups(context: &DrawContext<'_>, words: bool) -> Vec<Group> {
    let headline = Headline::of(context);
    let mut groups = Vec::with_capacity(headline.groups.len() + 2);
    if let Some(said) = context.condition.words() {
        let role = match context.condition {
            Condition::Error { .. } => Role::Critical,
            Condition::Stale { .. } => Role::Stale,
            _ => Role::Unknown,
        };
        let mark = context.glyphs.condition(&context.condition);
        let value = if words { format!("{mark} {said}") } else { mark.to_owned() };
        groups.push(Group { value, style: context.theme.style(role), ..Group::default() });
    }
    let known = !matches!(context.condition, Condition::Loading | Condition::Absent { .. });
    if let Some(state @ (State::Warning | State::Critical)) = headline.state.filter(|_| known) {
        let mark = context.glyphs.state(state);
        let word = context.glyphs.state_word(state);
        let value = if words { format!("{mark} {word}") } else { mark.to_owned() };
        groups.push(Group { value, style: context.theme.state(state), ..Group::default() });
    }
    if known {
        let old = context.condition.is_old();
        let stale = context.theme.style(Role::Stale);
        let shown = |group| if old { Group { style: stale, ..group } } else { group };
        groups.extend(headline.groups.into_iter().map(shown));
    }
    groups
}

/// Keeps the groups that fit, from the first on, and says how wide they are together. The first
/// value stays without its name where there is no room for both.
pub(super) fn fit(groups: &mut Vec<Group>, room: usize) -> usize {
    let (mut used, mut kept, mut named) = (0, 0, false);
    for group in groups.iter_mut() {
        let gap = if used == 0 { 0 } else { 2 };
        if used + gap + group.width() > room && !named {
            group.label.clear();
        }
        let wanted = used + gap + group.width();
        if wanted > room {
            break;
        }
        named |= !group.label.is_empty();
        (used, kept) = (wanted, kept + 1);
    }
    groups.truncate(kept);
    used
}

/// Draws groups from `x` on, two columns apart.
pub(super) fn put(groups: &[Group], mut x: u16, y: u16, canvas: &mut Canvas<'_>) {
    let muted = canvas.style(Role::Muted);
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            x += clamp(canvas.text(x, y, "  ", 2, Style::new()));
        }
        if !group.label.is_empty() {
            x += clamp(canvas.text(x, y, &group.label, usize::MAX, muted));
            x += clamp(canvas.text(x, y, " ", 1, muted));
        }
        x += clamp(canvas.text(x, y, &group.value, usize::MAX, group.style));
    }
}

fn title(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let room = usize::from(area.width.saturating_sub(6));
    let name = name(context);
    let mut groups = groups(context, area.width >= WORD_WIDTH_MIN);
    let kept = name.width().min(TITLE_MIN).min(room);
    let used = fit(&mut groups, room.saturating_sub(kept + 1));
    let left = if used == 0 { room } else { room.saturating_sub(used + 1) };
    let style = if context.focused {
        canvas.style(Role::Title).patch(canvas.style(Role::BorderFocus))
    } else {
        canvas.style(Role::Title)
    };
    let mut x = area.x + 1;
    x += clamp(canvas.text(x, area.y, " ", 1, style));
    x += clamp(canvas.text(x, area.y, name.as_str(), left, style));
    canvas.text(x, area.y, " ", 1, style);
    if used > 0 {
        let end = area.right() - 1;
        let begin = end.saturating_sub(clamp(used) + 1);
        canvas.text(begin - 1, area.y, " ", 1, style);
        put(&groups, begin, area.y, canvas);
        canvas.text(end - 1, area.y, " ", 1, style);
    }
}

/// The rows in sight as a part of the right edge beside the body that shows them.
pub(super) fn thumb(
    body: Rect,
    (first, seen, all): (usize, usize, usize),
    canvas: &mut Canvas<'_>,
    focused: bool,
) {
    let height = usize::from(body.height);
    if all <= seen || height == 0 {
        return;
    }
    let length = (height * seen / all).max(1);
    let room = height - length.min(height);
    let start = (room * first).div_ceil((all - seen).max(1)).min(room);
    let style = canvas.style(if focused { Role::Accent } else { Role::Muted });
    let glyph = canvas.glyphs.borders(focused).thumb;
    let padding = u16::from(body.width >= PADDED_WIDTH_MIN - 4);
    let edge = body.right() + padding;
    for y in start..start + length {
        canvas.glyph(edge, body.y + clamp(y), glyph, style);
    }
}
