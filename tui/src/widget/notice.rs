//! What a widget says when it has no data, or old data.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::Canvas;
use super::{Condition, DrawContext};
use crate::format;
use crate::format::width;

/// Draws a sentence in place of the data where there is none; says whether it did.
pub(super) fn instead(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) -> bool {
    let view = context.view;
    let empty = view.fields.is_empty() && view.tracks.is_empty() && view.rows.is_empty();
    let muted = canvas.style(Role::Muted);
    match &context.condition {
        _ if context.spec.is_none() => {
            sentences(area, &[("no definition yet", muted)], canvas);
        }
        Condition::Loading => {
            let style = canvas.style(Role::Unknown);
            sentences(area, &[("loading", style)], canvas);
        }
        Condition::Absent { cause } => {
            let style = canvas.style(Role::Unknown);
            let cause = cause.as_ref().map_or("", SafeText::as_str);
            sentences(area, &[("absent", style), (cause, muted)], canvas);
        }
        Condition::Error { cause, next_in, .. } if empty => {
            let mark = canvas.glyphs.condition(&context.condition);
            let text = format!("{mark} {cause}");
            let next = next_in.map(|next| format!("next try in {}", format::age(next)));
            let critical = canvas.style(Role::Critical);
            let next = next.as_deref().unwrap_or_default();
            sentences(area, &[(&text, critical), (next, muted)], canvas);
        }
        Condition::Live { .. } | Condition::Stale { .. } if empty => {
            sentences(area, &[("nothing here", muted)], canvas);
        }
        _ => return false,
    }
    true
}

/// Draws the cause of an error into the last line; returns the room above it.
pub(super) fn below(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) -> Rect {
    let Condition::Error { cause, next_in, .. } = &context.condition else { return area };
    if area.height < 2 {
        return area;
    }
    let y = area.bottom() - 1;
    let room = usize::from(area.width);
    let critical = canvas.style(Role::Critical);
    let mark = canvas.glyphs.condition(&context.condition);
    let next = next_in
        .map(|next| format!("{}next try in {}", canvas.glyphs.separator(), format::age(next)));
    let next = next.filter(|next| width(next) * 2 <= room).unwrap_or_default();
    let text = format!("{mark} {cause}");
    let used = canvas.text(area.x, y, &text, room - width(&next), critical);
    let muted = canvas.style(Role::Muted);
    canvas.text(area.x + super::canvas::clamp(used), y, &next, width(&next), muted);
    Rect { height: area.height - 1, ..area }
}

/// Sentences in the middle, each broken into lines where it is too long.
fn sentences(area: Rect, parts: &[(&str, Style)], canvas: &mut Canvas<'_>) {
    let room = usize::from(area.width);
    let mut lines: Vec<(String, Style)> = Vec::new();
    for (text, style) in parts.iter().filter(|(text, _)| !text.is_empty()) {
        lines.extend(wrap(text, room).into_iter().map(|line| (line, *style)));
    }
    lines.truncate(usize::from(area.height));
    let above = (usize::from(area.height) - lines.len()) / 2;
    for (y, (line, style)) in (area.y + super::canvas::clamp(above)..).zip(&lines) {
        canvas.text_centred(area, y, line, *style);
    }
}

/// The text in lines of at most `room` columns, broken between words; a longer word is cut when it
/// is drawn.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
