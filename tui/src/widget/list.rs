//! Items below each other: what each is, what else to say of it, and a badge.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Format, ListConfig, State};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;

use super::canvas::{Canvas, clamp};
use super::headline::value_style;
use super::rows::{first_row, ordered_rows, row_count};
use super::{DrawContext, bars, frame};
use crate::format::{self, width};

/// The most columns of a badge, as a part of the room: 1/2.
const BADGE_SHARE: usize = 2;
/// Columns between the parts of a line.
const GAP: usize = 2;
/// The least columns that a subtitle is worth drawing with.
const SUBTITLE_MIN: usize = 4;

/// One item, ready to be drawn.
pub(super) struct Item {
    pub(super) title: SafeText,
    pub(super) subtitle: SafeText,
    pub(super) badge: String,
    pub(super) state: Option<State>,
}

/// An item of a list.
pub(super) fn item(context: &DrawContext<'_>, config: &ListConfig, row: &Row) -> Item {
    let template = &config.item;
    let badge = row.cells.get(2).unwrap_or(&Cell::Absent);
    let notation = context.notation(template.number_format());
    Item {
        title: text(row.cells.first()),
        subtitle: template.subtitle.as_ref().map(|_| text(row.cells.get(1))).unwrap_or_default(),
        badge: match template.badge {
            Some(_) => format::value(badge, notation).to_string(),
            None => String::new(),
        },
        state: template.state(badge.as_number()),
    }
}

fn text(cell: Option<&Cell>) -> SafeText {
    let text = format::value(cell.unwrap_or(&Cell::Absent), Format::Text).to_string();
    SafeText::from(text)
}

/// Items that are in sight at once in the room inside the frame.
pub(super) fn in_sight(context: &DrawContext<'_>, config: &ListConfig, area: Rect) -> usize {
    let count = row_count(context);
    (usize::from(area.height) / lines(config, count, area)).max(1)
}

/// Lines of an item: two where there is room for the subtitles of all.
fn lines(config: &ListConfig, count: usize, area: Rect) -> usize {
    let two = config.item.subtitle.is_some() && count * 2 <= usize::from(area.height);
    if two { 2 } else { 1 }
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ListConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let items: Vec<Item> = rows.map(|row| item(context, config, row)).collect();
    if items.is_empty() {
        bars::empty(context, area, canvas);
        return;
    }
    let each = lines(config, items.len(), area);
    draw_items(context, &items, each, area, canvas);
}

/// Draws items from where the list was scrolled to.
pub(super) fn draw_items(
    context: &DrawContext<'_>,
    items: &[Item],
    each: usize,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let seen = (usize::from(area.height) / each.max(1)).max(1);
    let first = first_row(context, items.len(), seen);
    let shown = items.get(first..).unwrap_or_default();
    let shown = shown.get(..seen).unwrap_or(shown);
    let widths = Widths::of(context, items, each, usize::from(area.width));
    for (place, item) in shown.iter().enumerate() {
        let y = area.y + clamp(place * each);
        let height = clamp(each).min(area.bottom().saturating_sub(y));
        draw_item(context, item, &widths, Rect { y, height, ..area }, canvas);
        if context.state.selected == Some(first + place) {
            let style = canvas.style(Role::Selection);
            canvas.restyle(Rect { y, height, ..area }, style);
        }
    }
    frame::thumb(area, (first, seen, items.len()), canvas, context.focused);
}

/// How the columns of a line are shared.
struct Widths {
    /// Of the title, where a subtitle stands beside it.
    title: usize,
    mark: usize,
    badge: usize,
}

impl Widths {
    fn of(context: &DrawContext<'_>, items: &[Item], each: usize, room: usize) -> Self {
        let widest = |part: &dyn Fn(&Item) -> usize| items.iter().map(part).max().unwrap_or(0);
        let badge = widest(&|item| width(&item.badge)).min(room / BADGE_SHARE);
        let marked = items.iter().any(|item| mark(context, item).is_some());
        let mark = if marked { width(context.glyphs.state(State::Critical)) + 1 } else { 0 };
        let badge_gap = if badge > 0 { badge + GAP } else { 0 };
        let left = room.saturating_sub(mark + badge_gap);
        let beside = each == 1 && items.iter().any(|item| !item.subtitle.is_empty());
        let title = widest(&|item| item.title.width());
        let title = if beside { title.min((left * 2 / 3).max(left.min(12))) } else { left };
        Self { title: title.min(left), mark, badge }
    }
}

/// The mark of an item that needs someone.
fn mark(context: &DrawContext<'_>, item: &Item) -> Option<&'static str> {
    let worse = item.state.filter(|state| *state > State::Ok);
    worse.map(|state| context.glyphs.state(state))
}

fn draw_item(
    context: &DrawContext<'_>,
    item: &Item,
    widths: &Widths,
    line: Rect,
    canvas: &mut Canvas<'_>,
) {
    let (text, muted) = (canvas.style(Role::Text), canvas.style(Role::Muted));
    let style = value_style(context, item.state);
    let mut end = line.right();
    canvas.text_right(end, line.y, &item.badge, widths.badge, style);
    if widths.badge > 0 {
        end = end.saturating_sub(clamp(widths.badge + GAP));
    }
    let mut x = line.x;
    if let Some(mark) = mark(context, item) {
        canvas.text(x, line.y, mark, widths.mark, style);
    }
    x = x.saturating_add(clamp(widths.mark));
    let room = usize::from(end.saturating_sub(x));
    canvas.text(x, line.y, item.title.as_str(), widths.title.min(room), text);
    if item.subtitle.is_empty() {
        return;
    }
    if line.height > 1 {
        let room = usize::from(line.right().saturating_sub(x));
        canvas.text(x, line.y + 1, item.subtitle.as_str(), room, muted);
        return;
    }
    let x = x.saturating_add(clamp(widths.title + GAP));
    let room = usize::from(end.saturating_sub(x));
    if room >= SUBTITLE_MIN {
        canvas.text(x, line.y, item.subtitle.as_str(), room, muted);
    }
}
