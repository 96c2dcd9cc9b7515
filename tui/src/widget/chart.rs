//! Pictures of many numbers: over time, of parts of a whole, of one against another.

mod columns;
mod funnel;
mod legend;
mod pie;
mod scatter;

use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{ChartConfig, ChartStyle, Format};
use ccm_proto::model::{Interval, Timestamp, Track};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};
use super::raster::{self, Raster};
use super::scale::{self, Scale};
use super::{DrawContext, spark};
use crate::format::{self, width};

/// Below these the axes would take more room than the line.
const AXES_HEIGHT_MIN: u16 = 3;
const AXES_WIDTH_MIN: u16 = 16;
/// From this height on there is a line for the times.
const TIMES_HEIGHT_MIN: u16 = 5;
/// The most lines that are drawn; more cannot be told apart, and they are all in the data.
const LINES_MAX: usize = 32;

/// Rank of a line's dots and of the area below it.
const EDGE: u8 = 2;
const BODY: u8 = 1;

/// One line: its values, and whether it hangs below the axis.
struct Line {
    negate: bool,
    values: Vec<f64>,
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    match config.style {
        ChartStyle::Line | ChartStyle::Area | ChartStyle::Bar => {
            over_time(context, config, area, canvas);
        }
        ChartStyle::Pie | ChartStyle::Donut => pie::draw(context, config, area, canvas),
        ChartStyle::Scatter => scatter::draw(context, config, area, canvas),
        ChartStyle::Funnel => funnel::draw(context, config, area, canvas),
    }
}

fn over_time(context: &DrawContext<'_>, config: &ChartConfig, area: Rect, canvas: &mut Canvas<'_>) {
    let tracks = &context.view.tracks;
    let Some(first) = tracks.first() else {
        let style = canvas.style(Role::Muted);
        canvas.text_centred(area, area.y + area.height / 2, "no history yet", style);
        return;
    };
    let window = spark::window(context.window, Some(config.window()), first);
    if area.height < AXES_HEIGHT_MIN || area.width < AXES_WIDTH_MIN {
        let style = context.theme.series(0);
        spark::draw(first, area, window, (config.min, config.max), style, canvas);
        return;
    }
    let area = legend::draw(context, config, area, canvas);
    let end = tracks.iter().map(Track::end).max().unwrap_or_default();
    let height = usize::from(area.height);
    let times = u16::from(area.height >= TIMES_HEIGHT_MIN);
    let steps = ((height - usize::from(times)) / 3).clamp(1, 6);
    let lines = |columns: usize| lines(context, config, window, end, columns);
    // The labels' width depends on the scale, and the scale on what is in sight: the widest
    // picture has all of it.
    let all = lines(usize::from(area.width) * raster::dots(canvas.glyphs).0);
    let scale = scale_of(config, &all, steps);
    let labels: Vec<String> = scale
        .ticks
        .iter()
        .map(|tick| scale::tick(*tick, context.notation(config.number_format())))
        .collect();
    let gutter = clamp(labels.iter().map(|label| width(label)).max().unwrap_or(0)) + 1;
    let plot = Rect {
        x: area.x + gutter.min(area.width - 1),
        width: area.width.saturating_sub(gutter).max(1),
        height: area.height - times,
        ..area
    };
    if config.style == ChartStyle::Bar {
        let shown = lines(spans(first, window).min(usize::from(plot.width)));
        columns::draw(context, &scale, &shown, plot, canvas);
    } else {
        let shown = lines(usize::from(plot.width) * raster::dots(canvas.glyphs).0);
        draw_lines(context, config, &scale, &shown, plot, canvas);
    }
    draw_values(&scale, &labels, area.x, plot, canvas);
    if times > 0 {
        draw_times(window, Rect { y: area.bottom() - 1, height: 1, ..plot }, plot, canvas);
    }
}

/// Spans of a window.
fn spans(track: &Track, window: Interval) -> usize {
    let spans = window.as_millis().div_ceil(track.step.as_millis().max(1));
    usize::try_from(spans).unwrap_or(usize::MAX).max(1)
}

/// Whether a track is drawn below the axis.
fn is_negative(config: &ChartConfig, track: &Track) -> bool {
    let of = |metric: &str| {
        track.id.strip_prefix(metric).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
    };
    config.series.iter().any(|series| series.negate && of(&series.metric))
}

fn lines(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    window: Interval,
    end: Timestamp,
    columns: usize,
) -> Vec<Line> {
    let tracks = context.view.tracks.iter().take(LINES_MAX);
    let line = |track: &Track| {
        let negate = is_negative(config, track);
        let mut values = spark::buckets(track, end, window, columns);
        if negate {
            values = values.into_iter().map(std::ops::Neg::neg).collect();
        }
        Line { negate, values }
    };
    tracks.map(line).collect()
}

fn scale_of(config: &ChartConfig, lines: &[Line], steps: usize) -> Scale {
    let values = || lines.iter().flat_map(|line| &line.values).filter(|value| value.is_finite());
    let mut high = values().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut low = values().copied().fold(f64::INFINITY, f64::min);
    let below = lines.iter().any(|line| line.negate);
    if high < low {
        (low, high) = (0.0, 1.0);
    }
    // Rates, sizes and shares are read against zero; temperatures are not.
    let zero = !matches!(config.format, Format::Celsius) || config.style != ChartStyle::Line;
    if zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let min = if below { config.max.map(|max| -max) } else { config.min };
    Scale::new((low, high), (min, config.max), steps, config.format)
}

fn draw_lines(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    scale: &Scale,
    lines: &[Line],
    plot: Rect,
    canvas: &mut Canvas<'_>,
) {
    let mut raster = Raster::new(plot, canvas.glyphs);
    let bottom = raster.height().saturating_sub(1);
    let row = |value: f64| bottom - (scale.place(value) * bottom as f64).round() as usize;
    let ground = row(0.0);
    for (index, line) in lines.iter().enumerate() {
        let owner = index.min(usize::from(u8::MAX)) as u8;
        let mut before: Option<usize> = None;
        for (x, value) in line.values.iter().enumerate().take(raster.width()) {
            if value.is_nan() {
                before = None;
                continue;
            }
            let y = row(*value);
            if config.style == ChartStyle::Area {
                raster.column(x, (y, ground), owner, BODY);
            }
            raster.column(x, (joint(before, y), y), owner, EDGE);
            before = Some(y);
        }
    }
    let theme = context.theme;
    let style = |owner: u8, rank: u8| {
        let index = usize::from(owner);
        if rank == BODY { theme.series_soft(index) } else { theme.series(index) }
    };
    raster.draw(plot, &style, canvas);
    // Lines of the pair below zero stand on a visible ground.
    if lines.iter().any(|line| line.negate) && scale.min < 0.0 {
        let y = plot.y + clamp(ground / raster::dots(canvas.glyphs).1);
        across(plot, y, canvas.glyphs.axis().zero, canvas);
    }
}

/// Where the dots of a column begin that goes on from `before` to `y`: next to the former column's
/// end, so that a steep line has no holes and no corners.
fn joint(before: Option<usize>, y: usize) -> usize {
    match before {
        Some(before) if before + 1 < y => before + 1,
        Some(before) if before > y + 1 => before - 1,
        _ => y,
    }
}

/// A thin line behind the data.
fn across(plot: Rect, y: u16, glyph: char, canvas: &mut Canvas<'_>) {
    let style = canvas.style(Role::Border);
    for x in plot.x..plot.right() {
        canvas.glyph_behind(x, y, glyph, style);
    }
}

fn draw_values(scale: &Scale, labels: &[String], x: u16, plot: Rect, canvas: &mut Canvas<'_>) {
    let axis = canvas.glyphs.axis();
    let (muted, line) = (canvas.style(Role::Muted), canvas.style(Role::Border));
    let at = plot.x.saturating_sub(1);
    for y in plot.y..plot.bottom() {
        canvas.glyph(at, y, axis.vertical, line);
    }
    let span = usize::from(plot.height.saturating_sub(1));
    let mut last: Option<u16> = None;
    let rows = scale.ticks.iter().zip(labels).map(|(tick, label)| {
        let up = (scale.place(*tick) * span as f64).round() as usize;
        (plot.bottom() - 1 - clamp(up.min(span)), label)
    });
    for (y, label) in rows {
        // Labels below each other need a line between them to be read.
        if last.is_some_and(|last| last.abs_diff(y) < 2) {
            continue;
        }
        last = Some(y);
        canvas.text_right(at, y, label, usize::from(at.saturating_sub(x)), muted);
        canvas.glyph(at, y, axis.tick, line);
        if y > plot.y && y + 1 < plot.bottom() {
            across(plot, y, axis.grid, canvas);
        }
    }
}

fn draw_times(window: Interval, row: Rect, plot: Rect, canvas: &mut Canvas<'_>) {
    let muted = canvas.style(Role::Muted);
    let span = window.as_millis().max(1);
    let room = usize::from(plot.width);
    canvas.text_right(row.right(), row.y, "now", room, muted);
    let mut free = row.right().saturating_sub(5);
    for (age, text) in scale::times(window, (room / 14).max(1)) {
        let back = (u128::from(age.as_millis()) * u128::from(plot.width) / u128::from(span)) as u64;
        let Some(x) = row.right().checked_sub(clamp(back as usize)) else { break };
        let (start, end) = (x, x.saturating_add(clamp(width(&text))));
        if start >= row.x && end <= free {
            canvas.text(start, row.y, &text, width(&text), muted);
            free = start.saturating_sub(2);
        }
    }
}

/// A line's newest value as it is written in the legend.
fn newest(
    context: &DrawContext<'_>,
    config: &ChartConfig,
    track: &Track,
) -> format::Written<'static> {
    let notation = context.notation(config.number_format());
    format::number(track.last().unwrap_or(f64::NAN), notation)
}

/// The colour of a line by its place.
fn colour(context: &DrawContext<'_>, index: usize) -> Style {
    context.theme.series(index)
}
