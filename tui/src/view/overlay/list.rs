//! A list that is filtered by typing: help, palette, themes.

use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::paint::Paint;
use super::boxed;
use crate::format::width;
use crate::model::Model;
use crate::model::mode::{Item, List};

/// Columns of the box, and lines inside it.
pub(super) const SIZE: (u16, u16) = (84, 22);
/// Columns of the names.
const NAME_WIDTH: u16 = 24;

pub(super) fn draw(
    model: &Model,
    title: &str,
    hint: &str,
    list: &List,
    items: &[Item],
    area: Rect,
    buffer: &mut Buffer,
) {
    let inside = boxed(model, title, SIZE, area, buffer);
    let theme = &model.themes.theme;
    let muted = theme.style(Role::Muted);
    let mut paint = Paint::new(buffer, inside);
    let x = paint.text(inside.x, inside.y, &list.query, theme.style(Role::Text));
    let x = paint.text(x, inside.y, "_", theme.style(Role::Accent));
    if list.query.is_empty() {
        paint.text(x + 1, inside.y, hint, muted);
    }
    let count =
        if items.is_empty() { "nothing matches".to_owned() } else { items.len().to_string() };
    paint.right(inside.right(), inside.y, &count, muted);
    let (first, selected, room) = window(list, items.len(), inside);
    for (offset, item) in items.iter().skip(first).take(room).enumerate() {
        let y = inside.y + 1 + offset as u16;
        let line = Rect { y, height: 1, ..inside };
        let chosen = first + offset == selected;
        draw_item(model, item, chosen, line, &mut paint);
    }
}

/// The first item in sight, the chosen one, and how many have room.
fn window(list: &List, count: usize, inside: Rect) -> (usize, usize, usize) {
    let room = usize::from(inside.height.saturating_sub(1));
    let selected = list.selected.min(count.saturating_sub(1));
    ((selected + 1).saturating_sub(room), selected, room)
}

/// The item that stands in a cell, of `count`.
pub(super) fn item_at(list: &List, count: usize, inside: Rect, at: Position) -> Option<usize> {
    let (first, ..) = window(list, count, inside);
    let row = at.y.checked_sub(inside.y + 1).filter(|_| inside.contains(at))?;
    Some(first + usize::from(row)).filter(|item| *item < count)
}

fn draw_item(model: &Model, item: &Item, chosen: bool, line: Rect, paint: &mut Paint<'_>) {
    let theme = &model.themes.theme;
    let ground = theme.style(Role::Background).patch(theme.style(Role::Text));
    let ground = if chosen { ground.patch(theme.style(Role::Selection)) } else { ground };
    paint.fill(line, ground);
    let mark = if chosen { ">" } else { " " };
    paint.text(line.x, line.y, mark, ground.patch(theme.style(Role::Accent)));
    paint.text(line.x + 2, line.y, &item.name, ground);
    let keys_width = width(&item.keys) as u16;
    let description = line.x + NAME_WIDTH.min(line.width / 2);
    let room = line.right().saturating_sub(description + keys_width + 1);
    let text = crate::format::truncate(&item.description.as_str().into(), usize::from(room));
    paint.text(description, line.y, text.as_str(), ground.patch(theme.style(Role::Muted)));
    paint.right(line.right(), line.y, &item.keys, ground.patch(theme.style(Role::Key)));
}
