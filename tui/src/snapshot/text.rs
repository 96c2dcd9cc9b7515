//! Plain lines: what a copy from the terminal would give.

use ratatui::buffer::Buffer;

/// The symbols without styles; no line ends with spaces, every line with a line end.
pub(super) fn render(buffer: &Buffer) -> String {
    let mut out = String::with_capacity(buffer.content.len() + usize::from(buffer.area.height));
    for line in super::lines(buffer) {
        for (_, _, cell) in line {
            out.extend(super::printable(cell.symbol()));
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}
