//! Lines that a source wrote, in styles of ours.

use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Format, LineStyle, State};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;

use super::canvas::{Canvas, clamp};
use super::rows::{first_row, ordered_rows};
use super::{DrawContext, bars, frame};
use crate::format::{self, width};

/// The style of a line.
pub(super) fn style_of(row: &Row) -> LineStyle {
    let word = row.cells.get(1).and_then(Cell::as_text);
    word.and_then(|word| LineStyle::parse(word.as_str())).unwrap_or_default()
}

/// The text of a line.
pub(super) fn text_of(row: &Row) -> String {
    match row.cells.first() {
        Some(Cell::Absent) | None => String::new(),
        Some(cell) => format::value(cell, Format::Text).to_string(),
    }
}

pub(super) fn draw(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let order = ordered_rows(context);
    let rows: Vec<&Row> =
        order.iter().filter_map(|index| Some(context.view.rows.get(*index)?.as_ref())).collect();
    if rows.is_empty() {
        bars::empty(context, area, canvas);
        return;
    }
    // All lines begin at one column, so that what a source drew over several of them stays whole.
    let marked = rows.iter().any(|row| matches!(style_of(row), LineStyle::State(_)));
    let indent = if marked { width(context.glyphs.state(State::Critical)) + 1 } else { 0 };
    let height = usize::from(area.height);
    let first = first_row(context, rows.len(), height);
    for ((place, row), y) in rows.iter().enumerate().skip(first).zip(area.y..area.bottom()) {
        let look = style_of(row);
        let style = canvas.style(Role::Text).patch(canvas.style(look.role()));
        if let LineStyle::State(state) = look {
            canvas.text(area.x, y, context.glyphs.state(state), indent, style);
        }
        let x = area.x.saturating_add(clamp(indent));
        let room = usize::from(area.width).saturating_sub(indent);
        canvas.text(x, y, &text_of(row), room, style);
        if context.state.selected == Some(place) {
            let style = canvas.style(Role::Selection);
            canvas.restyle(Rect { y, height: 1, ..area }, style);
        }
    }
    frame::thumb(area, (first, height, rows.len()), canvas, context.focused);
}
