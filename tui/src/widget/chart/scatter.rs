//! One number against another.

use ccm_proto::model::Cell;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, State};
use ratatui::layout::Rect;

use super::super::canvas::{Canvas, clamp};
use super::super::raster::Raster;
use super::super::rows::ordered_rows;
use super::super::scale::{self, Scale};
use super::super::{DrawContext, bars};
use super::draw_values;
use crate::format::width;
use crate::glyph::GlyphSet;

/// The smallest picture with axes.
const HEIGHT_MIN: u16 = 4;
const WIDTH_MIN: u16 = 20;
/// From this height on the axes have names.
const NAMED_HEIGHT_MIN: u16 = 6;
/// Up to one dot in so many cells is drawn as a mark, which is seen better.
const MARKS_PER_CELLS: usize = 4;

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let dots: Vec<(f64, f64)> = rows
        .filter_map(|row| {
            let number = |index: usize| row.cells.get(index).and_then(Cell::as_number);
            Some((number(1)?, number(2)?))
        })
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .collect();
    if dots.is_empty() {
        bars::empty(context, area, canvas);
        return;
    }
    let axes = area.height >= HEIGHT_MIN && area.width >= WIDTH_MIN;
    let height = area.height - u16::from(axes);
    let ends = |part: fn(&(f64, f64)) -> f64| {
        let low = dots.iter().map(part).fold(f64::INFINITY, f64::min);
        let high = dots.iter().map(part).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let steps = usize::from(height / 3).clamp(2, 6);
    let notation = context.notation(config.number_format());
    let up = Scale::new(ends(|dot| dot.1), (config.min, config.max), steps, config.format);
    let labels: Vec<String> = up.ticks.iter().map(|tick| scale::tick(*tick, notation)).collect();
    let gutter = labels.iter().map(|label| width(label)).max().unwrap_or(0) + 1;
    let gutter = if axes { clamp(gutter).min(area.width - 1) } else { 0 };
    let plot = Rect { x: area.x + gutter, width: area.width - gutter, height, ..area };
    let x_format = config.rows.as_ref().map(|rows| rows.x_format).unwrap_or_default();
    let steps = usize::from(plot.width / 9).clamp(2, 8);
    // Across, dots from edge to edge: nothing is read against zero there.
    let (low, high) = ends(|dot| dot.0);
    let across = Scale::new((low, high), (Some(low), Some(high)), steps, x_format);
    if axes && area.height >= NAMED_HEIGHT_MIN {
        names(config, area, plot, canvas);
    }
    draw_dots(context, &dots, (&across, &up), plot, canvas);
    if axes {
        draw_values(&up, &labels, area.x, plot, canvas);
        ticks(context, config, &across, plot, canvas);
    }
}

fn draw_dots(
    context: &DrawContext<'_>,
    dots: &[(f64, f64)],
    (across, up): (&Scale, &Scale),
    plot: Rect,
    canvas: &mut Canvas<'_>,
) {
    let cells = usize::from(plot.width) * usize::from(plot.height);
    let style = context.theme.series(0);
    let at = |value: f64, count: usize| (value * count.saturating_sub(1) as f64).round() as usize;
    if dots.len() * MARKS_PER_CELLS <= cells || context.glyphs == GlyphSet::Ascii {
        let mark = context.glyphs.state(State::Ok);
        for (x, y) in dots {
            let column = at(across.place(*x), usize::from(plot.width));
            let row = at(1.0 - up.place(*y), usize::from(plot.height));
            canvas.text(plot.x + clamp(column), plot.y + clamp(row), mark, 1, style);
        }
        return;
    }
    let mut raster = Raster::new(plot, context.glyphs);
    for (x, y) in dots {
        let column = at(across.place(*x), raster.width());
        let row = at(1.0 - up.place(*y), raster.height());
        raster.set(column, row, 0, 0);
    }
    raster.draw(plot, &|_, _| style, canvas);
}

/// What is counted upwards, and what across.
fn names(config: &ChartConfig, area: Rect, plot: Rect, canvas: &mut Canvas<'_>) {
    let Some(rows) = &config.rows else { return };
    let muted = canvas.style(Role::Muted);
    let name = |path: &Option<String>| {
        let path = path.as_deref().unwrap_or_default();
        ccm_proto::SafeText::new(&path.replace(['.', '_'], " "))
    };
    let up = name(&rows.y);
    canvas.text(plot.x + 1, plot.y, up.as_str(), usize::from(plot.width) / 2, muted);
    let across = name(&rows.x);
    let room = usize::from(plot.width) / 2;
    canvas.text_right(area.right(), area.bottom() - 1, across.as_str(), room, muted);
}

/// The numbers across, as far as the name at the right leaves room.
fn ticks(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    across: &Scale,
    plot: Rect,
    canvas: &mut Canvas<'_>,
) {
    let muted = canvas.style(Role::Muted);
    let Some(rows) = &config.rows else { return };
    let name = rows.x.as_deref().unwrap_or_default();
    let named = plot.height + 1 >= NAMED_HEIGHT_MIN;
    let name = if named { width(name).min(usize::from(plot.width) / 2) + 2 } else { 0 };
    let end = plot.right().saturating_sub(clamp(name));
    let mut free = plot.x;
    for tick in &across.ticks {
        let text = scale::tick(*tick, context.notation(rows.x_format));
        let place = across.place(*tick) * f64::from(plot.width.saturating_sub(1));
        let length = clamp(width(&text));
        let x = plot.x + (place.round() as u16).saturating_sub(length / 2);
        if x >= free && x.saturating_add(length) <= end {
            canvas.text(x, plot.bottom(), &text, usize::from(length), muted);
            free = x + length + 2;
        }
    }
}
