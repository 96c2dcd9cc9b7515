//! Bars over time: the values of one span beside each other, or before each other where there is
//! no room.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::DrawContext;
use super::super::canvas::{Canvas, clamp};
use super::super::scale::Scale;
use super::{Line, colour};
use crate::glyph::GlyphSet;

/// Draws lines whose values are one a span.
pub(super) fn draw(
    context: &DrawContext<'_>,
    scale: &Scale,
    lines: &[Line],
    plot: Rect,
    canvas: &mut Canvas<'_>,
) {
    let spans = lines.iter().map(|line| line.values.len()).max().unwrap_or(0).max(1);
    let edge = |index: usize| plot.x + clamp(index * usize::from(plot.width) / spans);
    let count = clamp(lines.len()).max(1);
    // Bars with gaps between them are equally wide everywhere, as wide as the narrowest span has
    // room for; where there is no room for gaps, bars fill their spans.
    let least = plot.width / clamp(spans).max(1);
    let gap = u16::from(least > count.max(2));
    let each = least.saturating_sub(gap) / count;
    for span in 0..spans {
        let (from, to) = (edge(span), edge(span + 1));
        let whole = if gap == 0 { to.saturating_sub(from) } else { least - gap }.max(1);
        let bars: Vec<(usize, f64)> = (lines.iter().enumerate())
            .filter_map(|(index, line)| Some((index, *line.values.get(span)?)))
            .filter(|(_, value)| value.is_finite())
            .collect();
        if each == 0 || count == 1 {
            let place = Rect { x: from, width: whole, ..plot };
            before_each_other(context, scale, bars, place, canvas);
            continue;
        }
        for (index, value) in bars {
            let x = from + clamp(index) * each;
            let style = colour(context, index);
            bar(scale, value, Rect { x, width: each, ..plot }, (style, None), canvas);
        }
    }
}

/// The longest behind, so that each is seen.
fn before_each_other(
    context: &DrawContext<'_>,
    scale: &Scale,
    mut bars: Vec<(usize, f64)>,
    place: Rect,
    canvas: &mut Canvas<'_>,
) {
    bars.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let mut behind = None;
    for (index, value) in bars {
        let style = colour(context, index);
        bar(scale, value, place, (style, behind), canvas);
        behind = Some(style);
    }
}

/// One bar from the ground to its value; `behind` is the style of a longer one in its place.
fn bar(
    scale: &Scale,
    value: f64,
    place: Rect,
    (style, behind): (Style, Option<Style>),
    canvas: &mut Canvas<'_>,
) {
    let height = f64::from(place.height);
    let ground = (scale.place(0.0) * height).round();
    let top = scale.place(value) * height;
    let ascii = canvas.glyphs == GlyphSet::Ascii;
    let partial = match behind.and_then(|behind| behind.fg) {
        Some(colour) => style.bg(colour),
        None => style,
    };
    let eighths = ((top - ground) * 8.0).round();
    let rows = (eighths.abs() / 8.0).ceil() as u16;
    for row in 0..rows {
        let filled = (eighths.abs() - f64::from(row) * 8.0).min(8.0) as u8;
        let (up, glyph) = if eighths > 0.0 {
            (ground as u16 + row, canvas.glyphs.level(filled))
        } else {
            // Nothing fills a cell from above in eighths.
            let half = if ascii { '#' } else { '▀' };
            let glyph = if filled > 5 { canvas.glyphs.level(8) } else { half };
            match (ground as u16).checked_sub(row + 1) {
                Some(up) => (up, glyph),
                None => break,
            }
        };
        let Some(y) = place.bottom().checked_sub(up + 1).filter(|y| *y >= place.y) else { break };
        let style = if filled < 8 { partial } else { style };
        for x in place.x..place.right() {
            canvas.glyph(x, y, glyph, style);
        }
    }
}
