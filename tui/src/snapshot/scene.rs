//! Cells worked out into rectangles, lines and runs of text, the same for every picture format.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use unicode_segmentation::UnicodeSegmentation as _;

use super::colour::{Look, Palette, Rgb};
use super::outline::{CELL_HEIGHT, CELL_WIDTH, Outline, Part, outline};

/// From a line's top to the feet of its letters.
pub(super) const BASELINE: f32 = 15.0;

/// Everything that is drawn, back to front: fills, shapes, texts.
pub(super) struct Scene {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) background: Rgb,
    pub(super) fills: Vec<(Rgb, Part)>,
    pub(super) shapes: BTreeMap<Rgb, Shapes>,
    pub(super) texts: Vec<Text>,
}

/// Shapes of one colour.
#[derive(Default)]
pub(super) struct Shapes {
    pub(super) parts: Vec<Part>,
    /// Path data with the place of its origin.
    pub(super) strokes: Vec<(f32, f32, &'static str)>,
}

/// Letters of one look on one line.
pub(super) struct Text {
    pub(super) column: u16,
    pub(super) row: u16,
    /// Columns that the letters take.
    pub(super) columns: u16,
    pub(super) content: String,
    pub(super) colour: Rgb,
    pub(super) bold: bool,
    pub(super) italic: bool,
}

impl Scene {
    /// Works the cells out. A glyph that the font does not cover becomes an empty box, so that
    /// nothing vanishes.
    pub(super) fn of(buffer: &Buffer, palette: &Palette, covers: &dyn Fn(char) -> bool) -> Self {
        let mut scene = Self {
            width: f32::from(buffer.area.width.max(1)) * CELL_WIDTH,
            height: f32::from(buffer.area.height.max(1)) * CELL_HEIGHT,
            background: palette.bg,
            fills: Vec::new(),
            shapes: BTreeMap::new(),
            texts: Vec::new(),
        };
        for (row, line) in (0..).zip(super::lines(buffer)) {
            for (column, columns, cell) in line {
                let look = Look::of(cell, palette);
                let place = Place { column, row, columns };
                scene.ground(place, look);
                scene.glyph(place, cell.symbol(), look, covers);
            }
        }
        scene
    }

    fn ground(&mut self, place: Place, look: Look) {
        if look.bg != self.background {
            self.fill(look.bg, place.whole());
        }
        if look.is(Modifier::UNDERLINED) {
            self.part(look.fg, place.part(0.0, BASELINE + 2.0, BASELINE + 3.0));
        }
        if look.is(Modifier::CROSSED_OUT) {
            self.part(look.fg, place.part(0.0, 10.0, 11.0));
        }
    }

    fn glyph(&mut self, place: Place, symbol: &str, look: Look, covers: &dyn Fn(char) -> bool) {
        let text: String = super::printable(symbol).collect();
        if look.is(Modifier::HIDDEN) || text.trim_matches(' ').is_empty() {
            return;
        }
        let mut chars = text.chars();
        if let (Some(only), None) = (chars.next(), chars.next())
            && let Some(outline) = outline(only)
        {
            return self.outline(place, &outline, look);
        }
        // The mark of a critical state is not in every font; its plain sibling is.
        let text = if text == "✖" && !covers('✖') { "×".to_owned() } else { text };
        if text.chars().all(covers) {
            self.text(place, &text, look);
        } else {
            self.empty_box(place, look.fg);
        }
    }

    fn outline(&mut self, place: Place, outline: &Outline, look: Look) {
        let (x, y) = place.origin();
        match outline {
            Outline::Parts(parts) => {
                for part in parts {
                    self.part(look.fg, moved(*part, x, y));
                }
            }
            Outline::Shade(share) => {
                self.fill(look.fg.over(look.bg, *share), place.whole());
            }
            Outline::Stroke(path) => {
                self.shapes.entry(look.fg).or_default().strokes.push((x, y, path));
            }
        }
    }

    fn text(&mut self, place: Place, text: &str, look: Look) {
        if let Some(last) = self.texts.last_mut()
            && last.continues_at(place, text, look)
        {
            if last.column + last.columns < place.column {
                last.content.push(' ');
            }
            last.content.push_str(text);
            last.columns = place.column + place.columns - last.column;
            return;
        }
        self.texts.push(Text {
            column: place.column,
            row: place.row,
            columns: place.columns,
            content: text.to_owned(),
            colour: look.fg,
            bold: look.is(Modifier::BOLD),
            italic: look.is(Modifier::ITALIC),
        });
    }

    fn empty_box(&mut self, place: Place, colour: Rgb) {
        let whole = place.whole();
        let Part { left, top, right, bottom } = whole;
        let (left, top, right, bottom) = (left + 1.0, top + 3.0, right - 1.0, bottom - 4.0);
        let sides = [
            Part { left, top, right, bottom: top + 1.0 },
            Part { left, top: bottom - 1.0, right, bottom },
            Part { left, top: top + 1.0, right: left + 1.0, bottom: bottom - 1.0 },
            Part { left: right - 1.0, top: top + 1.0, right, bottom: bottom - 1.0 },
        ];
        for side in sides {
            self.part(colour, side);
        }
    }

    fn fill(&mut self, colour: Rgb, part: Part) {
        if let Some((last, known)) = self.fills.last_mut()
            && *last == colour
            && extend(known, part)
        {
            return;
        }
        self.fills.push((colour, part));
    }

    fn part(&mut self, colour: Rgb, part: Part) {
        let parts = &mut self.shapes.entry(colour).or_default().parts;
        if !parts.last_mut().is_some_and(|known| extend(known, part)) {
            parts.push(part);
        }
    }
}

impl Text {
    /// Whether a glyph belongs to this run. Two signs that follow each other are kept apart:
    /// fonts for programmers make arrows of them.
    fn continues_at(&self, place: Place, text: &str, look: Look) -> bool {
        let end = self.column + self.columns;
        let is_sign = |c: Option<char>| c.is_some_and(|c| c.is_ascii_punctuation());
        let signs = is_sign(self.content.chars().next_back()) && is_sign(text.chars().next());
        let is_single = place.columns == 1 && usize::from(self.columns) == self.count();
        self.row == place.row
            && (end == place.column && !signs || end + 1 == place.column)
            && is_single
            && self.colour == look.fg
            && self.bold == look.is(Modifier::BOLD)
            && self.italic == look.is(Modifier::ITALIC)
    }

    fn count(&self) -> usize {
        if self.content.is_ascii() {
            self.content.len()
        } else {
            self.content.graphemes(true).count()
        }
    }

    /// The glyphs and their columns. A run is of glyphs of one column each, or one that is wide.
    #[cfg(feature = "png")]
    pub(super) fn glyphs(&self) -> impl Iterator<Item = (u16, super::atlas::Glyph<'_>)> {
        let glyphs = (self.column..).zip(self.content.graphemes(true));
        glyphs.filter(|(_, grapheme)| *grapheme != " ").map(|(column, grapheme)| {
            let (bold, italic) = (self.bold, self.italic);
            (column, super::atlas::Glyph::Text { grapheme, bold, italic })
        })
    }
}

/// Where a cell is.
#[derive(Clone, Copy)]
struct Place {
    column: u16,
    row: u16,
    columns: u16,
}

impl Place {
    fn origin(self) -> (f32, f32) {
        (f32::from(self.column) * CELL_WIDTH, f32::from(self.row) * CELL_HEIGHT)
    }

    fn whole(self) -> Part {
        self.part(0.0, 0.0, CELL_HEIGHT)
    }

    fn part(self, left: f32, top: f32, bottom: f32) -> Part {
        let (x, y) = self.origin();
        let right = f32::from(self.columns) * CELL_WIDTH;
        moved(Part { left, top, right, bottom }, x, y)
    }
}

fn moved(part: Part, x: f32, y: f32) -> Part {
    Part { left: part.left + x, top: part.top + y, right: part.right + x, bottom: part.bottom + y }
}

/// Lengthens a part by one that touches it on the right, if there is no step between the two.
fn extend(known: &mut Part, next: Part) -> bool {
    let same = |a: f32, b: f32| (a - b).abs() < 0.01;
    let joins = same(known.right, next.left)
        && same(known.top, next.top)
        && same(known.bottom, next.bottom);
    if joins {
        known.right = next.right;
    }
    joins
}
