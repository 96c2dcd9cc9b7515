//! Lines with colours: SGR sequences and nothing else.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// The symbols in their styles. Each line begins and ends in the terminal's own style, so that
/// lines can be cut, sorted and paged.
pub(super) fn render(buffer: &Buffer) -> String {
    let mut out = String::with_capacity(buffer.content.len() * 2);
    for line in super::lines(buffer) {
        let mut pen = Pen::default();
        // Blanks in the terminal's own style are only written when something follows.
        let mut blanks = 0;
        for (_, _, cell) in line {
            let wanted = Pen::of(cell);
            if cell.symbol().trim_start_matches(' ').is_empty() && wanted.is_invisible() {
                blanks += 1;
                continue;
            }
            if blanks > 0 {
                let modifier = pen.modifier.difference(ON_BLANKS);
                pen.change_to(Pen { bg: Color::Reset, modifier, ..pen }, &mut out);
                out.extend(std::iter::repeat_n(' ', std::mem::take(&mut blanks)));
            }
            pen.change_to(wanted.on(cell, pen), &mut out);
            out.extend(super::printable(cell.symbol()));
        }
        pen.change_to(Pen::default(), &mut out);
        out.push('\n');
    }
    out
}

/// The style that the terminal writes with.
#[derive(Clone, Copy, Default, PartialEq)]
struct Pen {
    fg: Color,
    bg: Color,
    underline: Color,
    modifier: Modifier,
}

/// What shows on a blank.
const ON_BLANKS: Modifier =
    Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);

const CODES: [(Modifier, u8); 9] = [
    (Modifier::BOLD, 1),
    (Modifier::DIM, 2),
    (Modifier::ITALIC, 3),
    (Modifier::UNDERLINED, 4),
    (Modifier::SLOW_BLINK, 5),
    (Modifier::RAPID_BLINK, 6),
    (Modifier::REVERSED, 7),
    (Modifier::HIDDEN, 8),
    (Modifier::CROSSED_OUT, 9),
];

impl Pen {
    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, underline: cell.underline_color, modifier: cell.modifier }
    }

    /// Whether a blank in this style looks like no cell at all.
    fn is_invisible(self) -> bool {
        self.bg == Color::Reset && !self.modifier.intersects(ON_BLANKS)
    }

    /// This style for a cell; where the cell is blank, the pen keeps what cannot be seen.
    fn on(self, cell: &Cell, pen: Self) -> Self {
        let blank = cell.symbol().trim_start_matches(' ').is_empty();
        if !blank || self.modifier.intersects(ON_BLANKS) || pen.modifier.intersects(ON_BLANKS) {
            return self;
        }
        Self { bg: self.bg, ..pen }
    }

    /// Writes the shortest way from this style to another.
    fn change_to(&mut self, next: Self, out: &mut String) {
        if *self == next {
            return;
        }
        if next == Self::default() {
            out.push_str("\x1b[0m");
            *self = next;
            return;
        }
        let mut codes = String::new();
        if !next.modifier.contains(self.modifier) {
            codes.push_str(";0");
            *self = Self::default();
        }
        for (modifier, code) in CODES {
            if next.modifier.contains(modifier) && !self.modifier.contains(modifier) {
                let _ = write!(codes, ";{code}");
            }
        }
        if next.fg != self.fg {
            colour(next.fg, 30, &mut codes);
        }
        if next.bg != self.bg {
            colour(next.bg, 40, &mut codes);
        }
        if next.underline != self.underline {
            colour(next.underline, 50, &mut codes);
        }
        if let Some(codes) = codes.strip_prefix(';') {
            let _ = write!(out, "\x1b[{codes}m");
        }
        *self = next;
    }
}

/// Adds a colour's codes; `base` is 30 for text, 40 for the background, 50 for underlines.
fn colour(colour: Color, base: u8, codes: &mut String) {
    let plain = |index: u8| match (index, base) {
        (_, 50) => format!(";58;5;{index}"),
        (0..8, _) => format!(";{}", base + index),
        _ => format!(";{}", base + 52 + index),
    };
    let text = match colour {
        Color::Reset => format!(";{}", base + 9),
        Color::Rgb(red, green, blue) => format!(";{};2;{red};{green};{blue}", base + 8),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        Color::Black => plain(0),
        Color::Red => plain(1),
        Color::Green => plain(2),
        Color::Yellow => plain(3),
        Color::Blue => plain(4),
        Color::Magenta => plain(5),
        Color::Cyan => plain(6),
        Color::Gray => plain(7),
        Color::DarkGray => plain(8),
        Color::LightRed => plain(9),
        Color::LightGreen => plain(10),
        Color::LightYellow => plain(11),
        Color::LightBlue => plain(12),
        Color::LightMagenta => plain(13),
        Color::LightCyan => plain(14),
        Color::White => plain(15),
    };
    codes.push_str(&text);
}
