//! Cells as the fewest bytes that bring a terminal from one frame to the next.

use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// Frames with more changed cells are written line by line: most of them changed, and then no other
/// order is shorter.
const SORTED_CELLS_MAX: usize = 4_000;

/// Remembers how the terminal stands between frames.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    pen: Pen,
    /// Column and row where the terminal's cursor is known to stand, within one frame.
    cursor: Option<(u16, u16)>,
}

/// A cell of a frame that has to be written.
#[derive(Clone, Copy, Debug)]
struct Place {
    x: u16,
    y: u16,
}

/// How the terminal writes at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pen {
    known: bool,
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const MODIFIERS: [(Modifier, &str, &str); 5] = [
    (Modifier::BOLD, "1", "22"),
    (Modifier::DIM, "2", "22"),
    (Modifier::ITALIC, "3", "23"),
    (Modifier::UNDERLINED, "4", "24"),
    (Modifier::REVERSED, "7", "27"),
];

impl Encoder {
    /// The bytes that turn `from` on the screen into `to`; all of `to` when the sizes differ.
    pub fn encode(&mut self, from: &Buffer, to: &Buffer) -> Vec<u8> {
        let mut out = Vec::new();
        let anew = from.area != to.area;
        if anew {
            self.pen = Pen::default();
            out.extend_from_slice(b"\x1b[0m\x1b[2J");
        }
        let width = usize::from(to.area.width);
        if width == 0 {
            return out;
        }
        let mut places = Vec::new();
        for (y, line) in to.content.chunks(width).enumerate() {
            let former = if anew { None } else { from.content.get(y * width..(y + 1) * width) };
            changed(y as u16, former, line, &mut places);
        }
        let mut by_pen = self.clone();
        let start = out.len();
        self.write(&places, to, &mut out);
        if let Some(sorted) = sorted_by_pen(&places, to, by_pen.pen).filter(|_| !anew) {
            let mut other = Vec::new();
            by_pen.write(&sorted, to, &mut other);
            if other.len() < out.len() - start {
                out.truncate(start);
                out.extend(other);
                *self = by_pen;
            }
        }
        out
    }

    fn write(&mut self, places: &[Place], to: &Buffer, out: &mut Vec<u8>) {
        self.cursor = None;
        let width = usize::from(to.area.width);
        for Place { x, y } in places.iter().copied() {
            let row = usize::from(y) * width;
            let line = to.content.get(row..row + width).unwrap_or_default();
            let Some(cell) = line.get(usize::from(x)) else { continue };
            self.move_to(x, y, line, out);
            self.put(cell, out);
            // Terminals may disagree about the width of anything but ASCII and our own glyphs, and
            // about where the cursor stands behind the last column.
            let after = x + columns(cell);
            let inside = usize::from(after) < line.len();
            self.cursor = (certain(cell) && inside).then_some((after, y));
        }
    }

    fn move_to(&self, x: u16, y: u16, line: &[Cell], out: &mut Vec<u8>) {
        if self.cursor == Some((x, y)) {
            return;
        }
        let mut shortest = format!("\x1b[{};{}H", y + 1, x + 1);
        if let Some((at, row)) = self.cursor
            && let Some(down) = y.checked_sub(row)
        {
            let relative = format!("{}{}", steps(down, 'B'), sideways(at, x));
            if relative.len() < shortest.len() {
                shortest = relative;
            }
            if down == 0 && at < x && self.can_rewrite(at, x, line) {
                let cells = line.get(usize::from(at)..usize::from(x)).unwrap_or_default();
                let again: String = cells.iter().map(Cell::symbol).collect();
                if again.len() < shortest.len() {
                    shortest = again;
                }
            }
        }
        out.extend_from_slice(shortest.as_bytes());
    }

    /// Whether the cells between look as the pen writes, and are single columns for certain.
    fn can_rewrite(&self, from: u16, to: u16, line: &[Cell]) -> bool {
        let plain =
            |cell: &Cell| self.pen == self.pen_for(cell) && certain(cell) && columns(cell) == 1;
        line.get(usize::from(from)..usize::from(to)).is_some_and(|cells| cells.iter().all(plain))
    }

    fn put(&mut self, cell: &Cell, out: &mut Vec<u8>) {
        let wanted = self.pen_for(cell);
        if wanted != self.pen {
            self.turn(wanted, out);
        }
        let symbol = cell.symbol();
        out.extend_from_slice(if symbol.is_empty() { b" " } else { symbol.as_bytes() });
    }

    /// How a cell must be written. A blank shows nothing but its background, so that the rest of
    /// the pen can stay as it is.
    fn pen_for(&self, cell: &Cell) -> Pen {
        let wanted = pen(cell);
        if is_blank(cell) && self.pen.known && !self.pen.modifier.intersects(LINES) {
            return Pen { bg: wanted.bg, ..self.pen };
        }
        wanted
    }

    /// Writes the shortest sequence from the present pen to another.
    fn turn(&mut self, wanted: Pen, out: &mut Vec<u8>) {
        let mut parts: Vec<String> = Vec::new();
        let former = self.pen;
        if former.known {
            let gone = former.modifier.difference(wanted.modifier);
            let weight = Modifier::BOLD | Modifier::DIM;
            for (modifier, _, off) in MODIFIERS {
                if gone.contains(modifier) && !parts.iter().any(|part| part == off) {
                    parts.push(off.to_owned());
                }
            }
            // One code takes both weights away; the one that stays is set again.
            let kept = if gone.intersects(weight) {
                former.modifier.difference(weight)
            } else {
                former.modifier
            };
            for (modifier, on, _) in MODIFIERS {
                if wanted.modifier.contains(modifier) && !kept.contains(modifier) {
                    parts.push(on.to_owned());
                }
            }
            if former.fg != wanted.fg {
                parts.push(colour(wanted.fg, 30));
            }
            if former.bg != wanted.bg {
                parts.push(colour(wanted.bg, 40));
            }
        } else {
            parts.push("0".to_owned());
            let on = MODIFIERS.iter().filter(|(modifier, ..)| wanted.modifier.contains(*modifier));
            parts.extend(on.map(|(_, on, _)| (*on).to_owned()));
            parts.extend((wanted.fg != Color::Reset).then(|| colour(wanted.fg, 30)));
            parts.extend((wanted.bg != Color::Reset).then(|| colour(wanted.bg, 40)));
        }
        self.pen = wanted;
        let _ = write!(out, "\x1b[{}m", parts.join(";"));
    }
}

/// Adds the cells of a line that must be written.
fn changed(y: u16, former: Option<&[Cell]>, line: &[Cell], places: &mut Vec<Place>) {
    let mut x = 0_u16;
    while let Some(cell) = line.get(usize::from(x)) {
        let width = columns(cell);
        if differs(former, line, x, width) {
            places.push(Place { x, y });
        }
        x += width;
    }
}

/// The places with those of one pen together, beginning with the present one: a change of colours
/// takes more bytes than a move. None where a glyph might cover more columns than it should, so that
/// its neighbour must be written after it.
fn sorted_by_pen(places: &[Place], to: &Buffer, present: Pen) -> Option<Vec<Place>> {
    if places.len() > SORTED_CELLS_MAX || !present.known {
        return None;
    }
    let mut pens = vec![present];
    let mut keyed = Vec::with_capacity(places.len());
    for place in places {
        let index = usize::from(place.y) * usize::from(to.area.width) + usize::from(place.x);
        let cell = to.content.get(index).filter(|cell| certain(cell))?;
        let wanted = pen(cell);
        // A blank goes along with any pen of its background.
        let fits = |pen: &Pen| {
            *pen == wanted
                || (is_blank(cell) && pen.bg == wanted.bg && !pen.modifier.intersects(LINES))
        };
        let key = pens.iter().position(fits).unwrap_or_else(|| {
            pens.push(wanted);
            pens.len() - 1
        });
        keyed.push((key, *place));
    }
    keyed.sort_by_key(|(key, _)| *key);
    Some(keyed.into_iter().map(|(_, place)| place).collect())
}

/// A relative move: nothing for no step.
fn steps(count: u16, direction: char) -> String {
    match count {
        0 => String::new(),
        1 => format!("\x1b[{direction}"),
        _ => format!("\x1b[{count}{direction}"),
    }
}

/// A move within a line.
fn sideways(from: u16, to: u16) -> String {
    if to >= from { steps(to - from, 'C') } else { steps(from - to, 'D') }
}

fn pen(cell: &Cell) -> Pen {
    let mut modifier = Modifier::empty();
    for (known, ..) in MODIFIERS {
        modifier |= cell.modifier & known;
    }
    Pen { known: true, fg: cell.fg, bg: cell.bg, modifier }
}

/// Modifiers that show on a blank.
const LINES: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED);

/// Whether a cell shows its background alone.
fn is_blank(cell: &Cell) -> bool {
    matches!(cell.symbol(), "" | " ") && !cell.modifier.intersects(LINES)
}

fn columns(cell: &Cell) -> u16 {
    cell.symbol().width().max(1) as u16
}

/// Whether every terminal takes the same columns for a cell: ASCII, box drawing, blocks, braille.
fn certain(cell: &Cell) -> bool {
    cell.symbol().chars().all(|c| {
        c.is_ascii()
            || ('\u{2500}'..='\u{259f}').contains(&c)
            || ('\u{2800}'..='\u{28ff}').contains(&c)
    })
}

fn differs(former: Option<&[Cell]>, line: &[Cell], x: u16, width: u16) -> bool {
    let Some(former) = former else { return true };
    let x = usize::from(x);
    let range = x..(x + usize::from(width)).min(line.len());
    if former.get(range.clone()) != line.get(range) {
        return true;
    }
    // A wide symbol that was half overwritten leaves a blank of no certain look.
    let Some(before) = x.checked_sub(1) else { return false };
    former.get(before).is_some_and(|cell| columns(cell) > 1)
        && former.get(before) != line.get(before)
}

/// The SGR code of a colour; `base` is 30 for the foreground and 40 for the background.
fn colour(colour: Color, base: u8) -> String {
    let named = |index: u8| {
        if index < 8 { (base + index).to_string() } else { (base + 60 + index - 8).to_string() }
    };
    match colour {
        Color::Reset => (base + 9).to_string(),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(index) if index < 16 => named(index),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

#[cfg(test)]
mod tests;
