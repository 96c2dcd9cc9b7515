//! The one way onto the buffer: never outside the widget, never half a wide character, and only
//! the characters that the terminal has.

use std::borrow::Cow;

use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::format::width;
use crate::glyph::GlyphSet;
use crate::theme::Theme;

pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    pub(super) theme: &'a Theme,
    pub(super) glyphs: GlyphSet,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(
        buffer: &'a mut Buffer,
        area: Rect,
        theme: &'a Theme,
        glyphs: GlyphSet,
    ) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, theme, glyphs }
    }

    pub(super) fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Empties a part and gives it the theme's background.
    pub(super) fn clear(&mut self, area: Rect) {
        let style = self.style(Role::Background).patch(self.style(Role::Text));
        for position in area.intersection(self.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.reset();
                cell.set_style(style);
            }
        }
    }

    /// One character of ours.
    pub(super) fn glyph(&mut self, x: u16, y: u16, glyph: char, style: Style) {
        if self.area.contains((x, y).into())
            && let Some(cell) = self.buffer.cell_mut((x, y))
        {
            cell.set_char(glyph).set_style(style);
        }
    }

    /// A character that may not replace another.
    pub(super) fn glyph_behind(&mut self, x: u16, y: u16, glyph: char, style: Style) {
        if self.buffer.cell((x, y)).is_some_and(|cell| cell.symbol() == " ") {
            self.glyph(x, y, glyph, style);
        }
    }

    /// Safe text from `x` on, at most `columns` of it; returns the columns it took. What is
    /// missing is marked.
    pub(super) fn text(
        &mut self,
        x: u16,
        y: u16,
        text: &str,
        columns: usize,
        style: Style,
    ) -> usize {
        let inside = y >= self.area.y && y < self.area.bottom() && x >= self.area.x;
        let columns = columns.min(usize::from(self.area.right().saturating_sub(x)));
        if !inside || columns == 0 {
            return 0;
        }
        let text = self.spell(text);
        if width(&text) <= columns {
            let (end, _) = self.buffer.set_stringn(x, y, &text, columns, style);
            return usize::from(end.saturating_sub(x));
        }
        let (end, _) = self.buffer.set_stringn(x, y, &text, columns - 1, style);
        let ellipsis = self.glyphs.ellipsis();
        self.glyph(end, y, ellipsis, style);
        usize::from(end.saturating_sub(x)) + 1
    }

    /// Safe text that ends before `right`, at most `columns` of it.
    pub(super) fn text_right(
        &mut self,
        right: u16,
        y: u16,
        text: &str,
        columns: usize,
        style: Style,
    ) -> usize {
        let taken = width(&self.spell(text)).min(columns);
        self.text(right.saturating_sub(clamp(taken)), y, text, taken, style)
    }

    /// Safe text in the middle of `area`'s width.
    pub(super) fn text_centred(&mut self, area: Rect, y: u16, text: &str, style: Style) {
        let room = usize::from(area.width);
        let taken = width(&self.spell(text)).min(room);
        self.text(area.x + clamp((room - taken) / 2), y, text, taken, style);
    }

    /// Changes the style of what is there.
    pub(super) fn restyle(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area.intersection(self.area), style);
    }

    /// Makes what is there look old.
    pub(super) fn fade(&mut self, area: Rect) {
        let style = self.style(Role::Stale).remove_modifier(Modifier::BOLD);
        for position in area.intersection(self.area).positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                cell.set_style(style);
            }
        }
    }

    /// The text in characters that the terminal has, as wide as before.
    fn spell<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.glyphs != GlyphSet::Ascii || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut spelt = String::with_capacity(text.len());
        for grapheme in text.graphemes(true) {
            let mut chars = grapheme.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if c.is_ascii() => spelt.push(c),
                (Some(c), None) if GlyphSet::plain(c).is_some() => {
                    spelt.extend(GlyphSet::plain(c));
                }
                _ => spelt.extend(std::iter::repeat_n('?', width(grapheme))),
            }
        }
        Cow::Owned(spelt)
    }
}

/// A count of cells; nothing is wider than a terminal.
pub(super) fn clamp(cells: usize) -> u16 {
    u16::try_from(cells).unwrap_or(u16::MAX)
}
