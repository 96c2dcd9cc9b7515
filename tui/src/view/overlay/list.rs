//! A list that is filtered by typing: help, palette, themes.

use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::Paint;
use super::boxed;
use crate::format::width;
use crate::model::Model;
use crate::model::mode::{Item, List};

/// Columns of the box.
const WIDTH: u16 = 84;
/// Columns of the names.
const NAME_WIDTH: u16 = 24;
/// Items in sight.
const HEIGHT: u16 = 22;

pub(super) fn draw(
    model: &Model,
    title: &str,
    hint: &str,
    list: &List,
    items: &[Item],
    area: Rect,
    buffer: &mut Buffer,
) {
    let inside = boxed(model, title, (WIDTH, HEIGHT), area, buffer);
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
    let room = usize::from(inside.height.saturating_sub(1));
    let selected = list.selected.min(items.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(room);
    for (offset, item) in items.iter().skip(first).take(room).enumerate() {
        let y = inside.y + 1 + offset as u16;
        let line = Rect { y, height: 1, ..inside };
        let chosen = first + offset == selected;
        draw_item(model, item, chosen, line, &mut paint);
    }
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
