//! Writing into cells without ever leaving an area.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::format::width;

/// Writes into one area of a buffer.
pub(super) struct Paint<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl<'a> Paint<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area }
    }

    /// Blanks cells.
    pub(super) fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.area);
        for position in area.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// Writes from a column on; returns the column after the last one.
    pub(super) fn text(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        let inside =
            y >= self.area.y && y < self.area.bottom() && x >= self.area.x && x < self.area.right();
        if !inside {
            return x;
        }
        let room = usize::from(self.area.right() - x);
        self.buffer.set_stringn(x, y, text, room, style).0
    }

    /// Writes so that the text ends before a column; returns its first column.
    pub(super) fn right(&mut self, end: u16, y: u16, text: &str, style: Style) -> u16 {
        let start = end.saturating_sub(width(text) as u16).max(self.area.x);
        self.text(start, y, text, style);
        start
    }

    /// Writes in the middle of the area.
    pub(super) fn centred(&mut self, y: u16, text: &str, style: Style) {
        let room = usize::from(self.area.width);
        let start = self.area.x + (room.saturating_sub(width(text)) / 2) as u16;
        self.text(start, y, text, style);
    }
}
