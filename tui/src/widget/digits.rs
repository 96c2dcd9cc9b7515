//! Big digits, three lines high.

use ratatui::style::Style;

use super::canvas::{Canvas, clamp};

/// Lines of a big digit.
pub(super) const HEIGHT: u16 = 3;

/// Five rows of dots, two to a line of the terminal; the most significant bit is the left column.
const fn dots(c: char) -> Option<(u16, [u8; 5])> {
    Some(match c {
        '0' => (3, [0b111, 0b101, 0b101, 0b101, 0b111]),
        '1' => (3, [0b010, 0b110, 0b010, 0b010, 0b111]),
        '2' => (3, [0b111, 0b001, 0b111, 0b100, 0b111]),
        '3' => (3, [0b111, 0b001, 0b111, 0b001, 0b111]),
        '4' => (3, [0b101, 0b101, 0b111, 0b001, 0b001]),
        '5' => (3, [0b111, 0b100, 0b111, 0b001, 0b111]),
        '6' => (3, [0b111, 0b100, 0b111, 0b101, 0b111]),
        '7' => (3, [0b111, 0b001, 0b001, 0b001, 0b001]),
        '8' => (3, [0b111, 0b101, 0b111, 0b101, 0b111]),
        '9' => (3, [0b111, 0b101, 0b111, 0b001, 0b111]),
        '-' => (3, [0b000, 0b000, 0b111, 0b000, 0b000]),
        '.' => (1, [0, 0, 0, 0, 1]),
        ' ' => (1, [0; 5]),
        _ => return None,
    })
}

/// Columns of a number in big digits; none when it has another character.
pub(super) fn width(number: &str) -> Option<usize> {
    let widths: Option<Vec<u16>> =
        number.chars().map(|c| dots(c).map(|(width, _)| width)).collect();
    let widths = widths.filter(|widths| !widths.is_empty())?;
    Some(widths.iter().map(|width| usize::from(*width) + 1).sum::<usize>() - 1)
}

/// Draws a number in big digits and returns the columns it took.
pub(super) fn draw(number: &str, (x, y): (u16, u16), style: Style, canvas: &mut Canvas<'_>) -> u16 {
    let mut at = x;
    for (columns, rows) in number.chars().filter_map(dots) {
        for column in 0..columns {
            let bit = 1 << (columns - 1 - column);
            let lit = |row: usize| rows.get(row).is_some_and(|row| row & bit != 0);
            for line in 0..HEIGHT {
                let row = usize::from(line) * 2;
                let glyph = match (lit(row), lit(row + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => continue,
                };
                canvas.glyph(at + column, y + line, glyph, style);
            }
        }
        at = at.saturating_add(clamp(usize::from(columns) + 1));
    }
    at.saturating_sub(x).saturating_sub(1)
}
