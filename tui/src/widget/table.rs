//! Rows and columns.

use std::ops::Range;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Column, Order, State, TableConfig, state_of};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::columns::{GAP, Slot, is_moment, slots};
use super::headline::value_style;
use super::rows::{first_row, ordered_rows};
use super::{DrawContext, bars, frame, meter};
use crate::format::{self, width};

/// From this height on there is a heading.
const HEADING_HEIGHT_MIN: u16 = 2;

/// Rows of a table that are in sight in the room inside the frame.
pub(super) fn in_sight(area: Rect) -> usize {
    let heading = u16::from(area.height >= HEADING_HEIGHT_MIN);
    usize::from(area.height - heading)
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &TableConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let heading = u16::from(area.height >= HEADING_HEIGHT_MIN);
    let body = Rect { y: area.y + heading, height: area.height - heading, ..area };
    let rows: Vec<&Row> =
        order.iter().filter_map(|index| Some(context.view.rows.get(*index)?.as_ref())).collect();
    let slots = slots(context, config, &rows, usize::from(area.width));
    if heading > 0 {
        draw_heading(context, config, &slots, area, canvas);
    }
    if rows.is_empty() {
        bars::empty(context, body, canvas);
        return;
    }
    let height = usize::from(body.height);
    let first = first_row(context, rows.len(), height);
    for ((place, row), y) in rows.iter().enumerate().skip(first).zip(body.y..body.bottom()) {
        draw_row(context, config, &slots, row, (body.x, y), canvas);
        if context.state.selected == Some(place) {
            let style = canvas.style(Role::Selection);
            canvas.restyle(Rect { y, height: 1, ..body }, style);
        }
    }
    frame::thumb(body, (first, height, rows.len()), canvas, context.focused);
}

fn draw_heading(
    context: &DrawContext<'_>,
    config: &TableConfig,
    slots: &[Slot],
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let style = canvas.style(Role::Muted);
    let mut x = area.x;
    for slot in slots {
        let Some(column) = config.columns.get(slot.index) else { continue };
        let room = slot.width.min(usize::from(area.right().saturating_sub(x)));
        let label = SafeText::new(&column.label);
        let order = order_of(context, config, slot.index, column);
        let text = match order {
            Some(order) => format!("{label} {}", context.glyphs.sort(order)),
            None => label.to_string(),
        };
        let style = if order.is_some() { canvas.style(Role::Text) } else { style };
        if slot.right && slot.meter == 0 {
            canvas.text_right(x + clamp(room), area.y, &text, room, style);
        } else {
            canvas.text(
                x + clamp(if slot.meter > 0 { slot.mark } else { 0 }),
                area.y,
                &text,
                room,
                style,
            );
        }
        x = x.saturating_add(clamp(slot.width + GAP));
    }
}

fn order_of(
    context: &DrawContext<'_>,
    config: &TableConfig,
    index: usize,
    column: &Column,
) -> Option<Order> {
    match context.state.sort {
        Some((sorted, order)) => (sorted == index).then_some(order),
        None => (config.sort.as_ref() == Some(&column.field)).then_some(config.order),
    }
}

fn draw_row(
    context: &DrawContext<'_>,
    config: &TableConfig,
    slots: &[Slot],
    row: &Row,
    (x, y): (u16, u16),
    canvas: &mut Canvas<'_>,
) {
    let mut x = x;
    for slot in slots {
        if let Some(column) = config.columns.get(slot.index) {
            let cell = row.cells.get(slot.index).unwrap_or(&Cell::Absent);
            draw_cell(context, column, cell, slot, (x, y), canvas);
        }
        x = x.saturating_add(clamp(slot.width + GAP));
    }
}

fn draw_cell(
    context: &DrawContext<'_>,
    column: &Column,
    cell: &Cell,
    slot: &Slot,
    (x, y): (u16, u16),
    canvas: &mut Canvas<'_>,
) {
    let number = cell.as_number();
    let state = number.and_then(|number| state_of(&column.thresholds, number));
    let state = state.map(|threshold| threshold.state);
    let style = value_style(context, state);
    let mut at = x;
    if let Some(state @ (State::Warning | State::Critical)) = state {
        canvas.text(at, y, context.glyphs.state(state), slot.mark, style);
    }
    at += clamp(slot.mark);
    if slot.meter > 0 {
        if let Some(number) = number {
            let style = match state {
                Some(state @ (State::Warning | State::Critical)) => context.theme.state(state),
                _ => context.theme.series(0),
            };
            meter::draw((at, y), slot.meter, number / 100.0, style, canvas);
        }
        at += clamp(slot.meter + 1);
    }
    let end = x + clamp(slot.width);
    let room = usize::from(end.saturating_sub(at));
    let muted = canvas.style(Role::Muted);
    match cell {
        Cell::Absent if slot.right => {
            let end = end.saturating_sub(clamp(if slot.unit > 0 { slot.unit + 1 } else { 0 }));
            canvas.text_right(end, y, format::ABSENT, 1, muted);
        }
        Cell::Absent => {
            canvas.text(at, y, format::ABSENT, 1, muted);
        }
        Cell::Text(text) if slot.right && !is_moment(column.format) => {
            canvas.text_right(end, y, text.as_str(), room, style);
        }
        Cell::Text(text) if !slot.right => draw_text(context, text, (at, y), room, style, canvas),
        _ => {
            let written = format::column_value(cell, context.notation(column.number_format()));
            let unit = if slot.unit > 0 { slot.unit + 1 } else { 0 };
            let digits = room.saturating_sub(unit);
            let right = end.saturating_sub(clamp(unit));
            if slot.right {
                canvas.text_right(right, y, &written.number, digits, style);
                if slot.unit > 0 {
                    canvas.text(right + 1, y, &written.unit, slot.unit, muted);
                }
            } else {
                canvas.text(at, y, &written.to_string(), room, style);
            }
        }
    }
}

/// Text with what the filter matched in it.
fn draw_text(
    context: &DrawContext<'_>,
    text: &SafeText,
    (x, y): (u16, u16),
    room: usize,
    style: Style,
    canvas: &mut Canvas<'_>,
) {
    let used = canvas.text(x, y, text.as_str(), room, style);
    let Some(filter) = &context.state.filter else { return };
    let mark = canvas.style(Role::Match);
    for range in filter.matches(text.as_str()) {
        let Some((from, to)) = columns_of(text.as_str(), &range) else { continue };
        let (from, to) = (from.min(used), to.min(used));
        let area = Rect::new(x + clamp(from), y, clamp(to - from), 1);
        canvas.restyle(area, mark);
    }
}

/// The columns of a range of bytes.
fn columns_of(text: &str, range: &Range<usize>) -> Option<(usize, usize)> {
    let from = width(text.get(..range.start)?);
    Some((from, from + width(text.get(range.clone())?)))
}
