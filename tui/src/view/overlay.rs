//! What lies over the page.

mod list;
mod login;
mod notices;
mod offers;
mod why;

use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::Target;
use super::paint::Paint;
use crate::model::Model;
use crate::model::mode::Overlay;
use crate::update::{help_items, palette_items, theme_items};

pub(super) fn draw(model: &Model, overlay: &Overlay, area: Rect, buffer: &mut Buffer) {
    match overlay {
        Overlay::Help(state) => {
            let items = help_items(model, &state.query);
            list::draw(model, "help", "type a name or a key", state, &items, area, buffer);
        }
        Overlay::Palette(state) => {
            let items = palette_items(model, &state.query);
            list::draw(
                model,
                ":",
                "type a command, page, widget or theme",
                state,
                &items,
                area,
                buffer,
            );
        }
        Overlay::Themes(state, _) => {
            let items = theme_items(model, &state.query);
            list::draw(model, "theme", "Enter keeps, Esc goes back", state, &items, area, buffer);
        }
        Overlay::Why(name, scroll) => why::draw(model, name, *scroll, area, buffer),
        Overlay::Notices(scroll) => notices::draw(model, *scroll, area, buffer),
        Overlay::Offers(selected) => offers::draw(model, *selected, area, buffer),
        Overlay::Login => login::draw(model, area, buffer),
    }
}

/// What stands in a cell while the overlay is open: an item of a list, or nothing, and beside the
/// overlay what closes it. Text is closed by a press anywhere.
pub(super) fn target_at(
    model: &Model,
    overlay: &Overlay,
    area: Rect,
    at: Position,
) -> Option<Target> {
    let (state, items) = match overlay {
        Overlay::Help(state) => (state, help_items(model, &state.query)),
        Overlay::Palette(state) => (state, palette_items(model, &state.query)),
        Overlay::Themes(state, _) => (state, theme_items(model, &state.query)),
        Overlay::Why(..) | Overlay::Notices(_) => return Some(Target::Close),
        Overlay::Login => {
            let beside = !frame(login::SIZE, area).contains(at);
            return beside.then_some(Target::Close);
        }
        Overlay::Offers(selected) => {
            let frame = frame(offers::size(model), area);
            if !frame.contains(at) {
                return Some(Target::Close);
            }
            return offers::item_at(model, *selected, inside(frame), at).map(Target::Item);
        }
    };
    let frame = frame(list::SIZE, area);
    if !frame.contains(at) {
        return Some(Target::Close);
    }
    list::item_at(state, items.len(), inside(frame), at).map(Target::Item)
}

/// A box in the middle, as large as it needs and the area allows.
fn frame(want: (u16, u16), area: Rect) -> Rect {
    let width = want.0.min(area.width);
    let height = want.1.saturating_add(2).min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 3,
        width,
        height,
    }
}

/// What a frame leaves for its content; a box that is too small for one has none.
fn inside(frame: Rect) -> Rect {
    if frame.height < 3 || frame.width < 4 {
        return frame;
    }
    Rect { x: frame.x + 2, y: frame.y + 1, width: frame.width - 4, height: frame.height - 2 }
}

/// Draws the box; returns its inside.
fn boxed(model: &Model, title: &str, want: (u16, u16), area: Rect, buffer: &mut Buffer) -> Rect {
    let frame = frame(want, area);
    let theme = &model.themes.theme;
    let ground = theme.style(Role::Background).patch(theme.style(Role::Text));
    let mut paint = Paint::new(buffer, frame);
    paint.fill(frame, ground);
    let inside = inside(frame);
    if inside == frame {
        return frame;
    }
    border(model, frame, ground.patch(theme.style(Role::BorderFocus)), &mut paint);
    let title = format!(" {title} ");
    paint.text(frame.x + 2, frame.y, &title, ground.patch(theme.style(Role::Title)));
    inside
}

fn border(model: &Model, frame: Rect, style: Style, paint: &mut Paint<'_>) {
    let borders = model.glyphs.borders(true);
    let (right, bottom) = (frame.right() - 1, frame.bottom() - 1);
    let line: String =
        std::iter::repeat_n(borders.horizontal, usize::from(frame.width - 2)).collect();
    let ends = [
        (frame.y, borders.top_left, borders.top_right),
        (bottom, borders.bottom_left, borders.bottom_right),
    ];
    for (y, left, end) in ends {
        paint.text(frame.x, y, &format!("{left}{line}{end}"), style);
    }
    for y in frame.y + 1..bottom {
        paint.text(frame.x, y, &borders.vertical.to_string(), style);
        paint.text(right, y, &borders.vertical.to_string(), style);
    }
}

/// A line of a text overlay.
struct Line {
    text: String,
    style: Style,
}

/// Lines in a box, from one on.
fn lines(
    model: &Model,
    title: &str,
    lines: &[Line],
    scroll: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let widest = lines.iter().map(|line| crate::format::width(&line.text)).max().unwrap_or(0);
    let want = (u16::try_from(widest + 4).unwrap_or(u16::MAX).max(40), lines.len() as u16);
    let inside = boxed(model, title, want, area, buffer);
    let scroll = scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    let mut paint = Paint::new(buffer, inside);
    for (line, y) in lines.iter().skip(scroll).zip(inside.y..inside.bottom()) {
        paint.text(inside.x, y, &line.text, line.style);
    }
}
