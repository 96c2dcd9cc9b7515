//! The grid: which rectangle of the terminal each widget of a page gets.
//!
//! Positions are written for 12 columns. Narrower terminals have 8, 4 or one; what is not said for
//! them is derived. Rows stretch to fill the height, and scroll when they would become too low.

mod reflow;
#[cfg(test)]
mod tests;

use ccm_proto::model::layout::{Area, COLUMNS, Page};
use ratatui::layout::Rect;

/// Lines of a grid row where the page scrolls.
const ROW_LINES: u16 = 3;
/// Lines that a grid row may be pressed to, so that a page need not scroll.
const ROW_LINES_MIN: u16 = 2;
/// Below these a frame has no use and each widget gets one line.
const FRAMED_WIDTH_MIN: u16 = 20;
const FRAMED_HEIGHT_MIN: u16 = 8;

/// A page's rectangles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solved {
    /// The index of each widget in the page that is in sight, and its rectangle.
    pub placements: Vec<(usize, Rect)>,
    /// Lines of the whole page; more than the area has when it scrolls.
    pub content_height: u16,
}

/// Columns of the grid for a terminal of this width.
pub const fn columns(width: u16) -> u16 {
    match width {
        160.. => COLUMNS,
        100.. => 8,
        60.. => 4,
        _ => 1,
    }
}

/// Places a page's widgets in `area`, after `scroll` of its lines.
pub fn solve(page: &Page, area: Rect, scroll: u16) -> Solved {
    if area.is_empty() || page.widgets.is_empty() {
        return Solved::default();
    }
    if area.width < FRAMED_WIDTH_MIN || area.height < FRAMED_HEIGHT_MIN {
        return lines(page, area, scroll);
    }
    let columns = columns(area.width);
    let places = reflow::places(page, columns);
    let rows = places.iter().map(|place| place.y.saturating_add(place.h)).max().unwrap_or(1).max(1);
    let height = content_height(&places, rows, area.height);
    let scroll = scroll.min(height.saturating_sub(area.height));
    let column = |x: u16| edge(x, columns, area.width);
    let row = |y: u16| edge(y, rows, height);
    let mut placements = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        let (left, right) = (column(place.x), column(place.x.saturating_add(place.w)));
        let (top, bottom) = (row(place.y), row(place.y.saturating_add(place.h)));
        let top = top.clamp(scroll, scroll.saturating_add(area.height)) - scroll;
        let bottom = bottom.clamp(scroll, scroll.saturating_add(area.height)) - scroll;
        if bottom > top && right > left {
            let (x, y) = (area.x.saturating_add(left), area.y.saturating_add(top));
            placements.push((index, Rect::new(x, y, right - left, bottom - top)));
        }
    }
    Solved { placements, content_height: height }
}

/// The lines of `rows` grid rows: all there is when they fit, else what they need.
fn content_height(places: &[Area], rows: u16, available: u16) -> u16 {
    // A widget of one row cannot be pressed: a frame takes two lines.
    let least = if places.iter().any(|place| place.h == 1) { ROW_LINES } else { ROW_LINES_MIN };
    if rows.saturating_mul(least) <= available { available } else { rows.saturating_mul(ROW_LINES) }
}

/// Where unit `index` of `units` begins in `length` cells; neighbours share their edges.
fn edge(index: u16, units: u16, length: u16) -> u16 {
    let position = u32::from(index.min(units)) * u32::from(length) / u32::from(units.max(1));
    u16::try_from(position).unwrap_or(u16::MAX)
}

/// One line a widget, as the page lists them.
fn lines(page: &Page, area: Rect, scroll: u16) -> Solved {
    let count = u16::try_from(page.widgets.len()).unwrap_or(u16::MAX);
    let scroll = scroll.min(count.saturating_sub(area.height));
    let placements = (scroll..count)
        .zip(area.y..area.bottom())
        .map(|(index, y)| (usize::from(index), Rect::new(area.x, y, area.width, 1)));
    Solved { placements: placements.collect(), content_height: count }
}
