//! Meters: a length that stands for a part of a whole.

use ccm_proto::model::theme::Role;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use crate::glyph::GlyphSet;

/// Draws a meter `columns` wide, filled to `part` (0 to 1) in the given style.
pub(super) fn draw(
    (x, y): (u16, u16),
    columns: usize,
    part: f64,
    style: Style,
    canvas: &mut Canvas<'_>,
) {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    if canvas.glyphs == GlyphSet::Braille {
        return line((x, y), columns, part, style, canvas);
    }
    let eighths = (part * columns as f64 * 8.0).round() as usize;
    // What is there at all is seen.
    let eighths = if part > 0.0 { eighths.max(1) } else { 0 };
    let trough = canvas.theme.trough();
    let empty = trough.unwrap_or_else(|| canvas.style(Role::Track));
    for column in 0..columns {
        let filled = eighths.saturating_sub(column * 8).min(8) as u8;
        let drawn = filled > if canvas.glyphs == GlyphSet::Ascii { 3 } else { 0 };
        let at = x.saturating_add(clamp(column));
        match (drawn, trough) {
            (true, Some(trough)) if filled < 8 => {
                canvas.glyph(at, y, canvas.glyphs.meter(filled), style.patch(trough));
            }
            (true, _) => canvas.glyph(at, y, canvas.glyphs.meter(filled), style),
            (false, Some(_)) if canvas.glyphs != GlyphSet::Ascii => {
                canvas.glyph(at, y, ' ', empty);
            }
            (false, _) => {
                let style = canvas.style(Role::Track);
                canvas.glyph(at, y, canvas.glyphs.trough(), style);
            }
        }
    }
}

/// A heavy line: unlike full blocks it leaves room between the meters of two rows, so that each
/// length is read by itself. The empty part is a thin line, so that it is told from the filled one
/// where there is no colour.
fn line((x, y): (u16, u16), columns: usize, part: f64, style: Style, canvas: &mut Canvas<'_>) {
    let halves = (part * columns as f64 * 2.0).round() as usize;
    let halves = if part > 0.0 { halves.max(1) } else { 0 };
    let track = canvas.style(Role::Track);
    for column in 0..columns {
        let at = x.saturating_add(clamp(column));
        match halves.saturating_sub(column * 2) {
            0 => canvas.glyph(at, y, '─', track),
            1 => canvas.glyph(at, y, '╸', style),
            _ => canvas.glyph(at, y, '━', style),
        }
    }
}
