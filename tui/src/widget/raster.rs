//! A canvas of dots, several to a cell: braille, quadrants of blocks, or halves in ASCII.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use crate::glyph::GlyphSet;

const QUADRANTS: [char; 16] =
    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];
const HALVES: [char; 4] = [' ', '\'', '.', ':'];
const BRAILLE_BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

#[derive(Clone, Copy, Default)]
struct Dots {
    bits: u8,
    owner: u8,
    rank: u8,
}

pub(super) struct Raster {
    glyphs: GlyphSet,
    columns: usize,
    rows: usize,
    cells: Vec<Dots>,
}

/// Dots of a cell across and down.
pub(super) const fn dots(glyphs: GlyphSet) -> (usize, usize) {
    match glyphs {
        GlyphSet::Braille => (2, 4),
        GlyphSet::Block => (2, 2),
        GlyphSet::Ascii => (1, 2),
    }
}

impl Raster {
    pub(super) fn new(area: Rect, glyphs: GlyphSet) -> Self {
        let (columns, rows) = (usize::from(area.width), usize::from(area.height));
        Self { glyphs, columns, rows, cells: vec![Dots::default(); columns * rows] }
    }

    /// Dots across.
    pub(super) fn width(&self) -> usize {
        self.columns * dots(self.glyphs).0
    }

    /// Dots down.
    pub(super) fn height(&self) -> usize {
        self.rows * dots(self.glyphs).1
    }

    /// Sets a dot, counted from the upper left. A cell has one owner: the highest rank, and among
    /// equals the first.
    pub(super) fn set(&mut self, x: usize, y: usize, owner: u8, rank: u8) {
        let (across, down) = dots(self.glyphs);
        let (column, row) = (x / across, y / down);
        if column >= self.columns {
            return;
        }
        let Some(cell) = self.cells.get_mut(row * self.columns + column) else { return };
        if cell.bits == 0 || rank > cell.rank {
            (cell.owner, cell.rank) = (owner, rank);
        }
        cell.bits |= match self.glyphs {
            GlyphSet::Braille => {
                let column = BRAILLE_BITS.get(x % across);
                column.and_then(|bits| bits.get(y % down)).copied().unwrap_or_default()
            }
            GlyphSet::Block | GlyphSet::Ascii => 1 << (x % across + across * (y % down)),
        };
    }

    /// Sets the dots of a column from `from` to `to`, in either direction.
    pub(super) fn column(&mut self, x: usize, (from, to): (usize, usize), owner: u8, rank: u8) {
        for y in from.min(to)..=from.max(to) {
            self.set(x, y, owner, rank);
        }
    }

    /// Draws the dots; `style` is asked with a cell's owner and rank.
    pub(super) fn draw(
        &self,
        area: Rect,
        style: &dyn Fn(u8, u8) -> Style,
        canvas: &mut Canvas<'_>,
    ) {
        for (row, cells) in self.cells.chunks(self.columns.max(1)).enumerate() {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| cell.bits != 0) {
                let (x, y) = (area.x + clamp(column), area.y + clamp(row));
                canvas.glyph(x, y, self.glyph(cell.bits), style(cell.owner, cell.rank));
            }
        }
    }

    fn glyph(&self, bits: u8) -> char {
        let place = usize::from(bits);
        match self.glyphs {
            GlyphSet::Braille => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            GlyphSet::Block => QUADRANTS.get(place).copied().unwrap_or(' '),
            GlyphSet::Ascii => HALVES.get(place).copied().unwrap_or(' '),
        }
    }
}

/// The dots of a braille pattern, across and down from its upper left.
pub(super) fn braille_dots(bits: u8) -> impl Iterator<Item = (usize, usize)> {
    let columns = BRAILLE_BITS.iter().enumerate();
    let dots =
        columns.flat_map(|(x, column)| column.iter().enumerate().map(move |(y, bit)| (x, y, *bit)));
    dots.filter(move |(.., bit)| bits & bit != 0).map(|(x, y, _)| (x, y))
}
