//! One number on a scale with bands, and what it is made of.

use std::f64::consts::PI;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Format, GaugeConfig, State, Threshold, state_of};
use ccm_proto::model::{Cell, Row};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::canvas::{Canvas, clamp};
use super::headline::value_style;
use super::raster::{self, Raster};
use super::{DrawContext, meter};
use crate::format::{self, Notation, width};
use crate::glyph::GlyphSet;

/// The smallest arc that is one: lines, and columns.
const ARC_HEIGHT_MIN: u16 = 4;
const ARC_WIDTH_MIN: u16 = 16;
/// The largest arc; more of it would say no more.
const ARC_HEIGHT_MAX: u16 = 9;
/// Thickness of the arc as a part of its radius.
const THICKNESS: f64 = 0.24;
/// Owners of the arc's dots.
const FILLED: u8 = 1;
const EMPTY: u8 = 0;

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &GaugeConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let cell = context.view.field("value");
    let number = cell.as_number();
    let band = number.and_then(|number| state_of(&config.thresholds, number));
    let span = config.max - config.min;
    let part = number.map_or(0.0, |number| (number - config.min) / span).clamp(0.0, 1.0);
    let rows = clamp(context.view.rows.len());
    let labels_line = u16::from(config.show_labels && area.height > 1);
    let arc_room = Rect { height: area.height - labels_line, ..area };
    let arc = arc_height(context.glyphs, arc_room, rows);
    let reading = Reading { cell, notation: context.notation(config.number_format()), band, part };
    match arc {
        Some(height) => draw_arc(context, &reading, Rect { height, ..area }, canvas),
        None => draw_meter(context, &reading, Rect { height: area.height.min(1), ..area }, canvas),
    }
    let mut top = area.y + arc.unwrap_or(1);
    if config.show_labels && top < area.bottom() {
        let line = Rect { y: top, height: 1, ..area };
        top += u16::from(labels(context, config, &reading, line, arc.is_some(), canvas));
    }
    let rest = Rect { y: top, height: area.bottom().saturating_sub(top), ..area };
    breakdown(context, rest, canvas);
}

/// What the gauge points at.
struct Reading<'a> {
    cell: &'a Cell,
    notation: Notation,
    band: Option<&'a Threshold>,
    part: f64,
}

impl Reading<'_> {
    fn state(&self) -> Option<State> {
        self.band.map(|band| band.state)
    }

    /// The filled part has the state's colour where there is a state, else a line's.
    fn style(&self, context: &DrawContext<'_>) -> Style {
        self.state().map_or_else(|| context.theme.series(0), |state| context.theme.state(state))
    }

    /// The band's mark and name.
    fn words(&self, context: &DrawContext<'_>) -> String {
        let Some(band) = self.band else { return String::new() };
        let mark = context.glyphs.state(band.state);
        let label = band.label.as_deref().unwrap_or(context.glyphs.state_word(band.state));
        format!("{mark} {}", SafeText::new(label))
    }
}

/// Lines of the arc, where there is room for one and for what explains it.
fn arc_height(glyphs: GlyphSet, area: Rect, rows: u16) -> Option<u16> {
    if glyphs == GlyphSet::Ascii || area.width < ARC_WIDTH_MIN {
        return None;
    }
    // An arc is about four times as wide as it is high.
    let widest = area.width / 4;
    let left = area.height.saturating_sub(rows.min(area.height / 2));
    let height = left.min(widest).min(ARC_HEIGHT_MAX);
    (height >= ARC_HEIGHT_MIN).then_some(height)
}

fn draw_arc(context: &DrawContext<'_>, reading: &Reading<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let columns = (area.height * 4).min(area.width);
    let left = area.x + (area.width - columns) / 2;
    let plot = Rect { x: left, width: columns, ..area };
    let mut raster = Raster::new(plot, context.glyphs);
    let (across, down) = raster::dots(context.glyphs);
    // A dot is as high as it is wide in braille; quadrants are twice as high.
    let aspect = 2.0 * across as f64 / down as f64;
    let centre = (raster.width() as f64 - 1.0) / 2.0;
    let outer = (raster.height() as f64 * aspect).min(centre + 0.5);
    let inner = outer * (1.0 - THICKNESS);
    for y in 0..raster.height() {
        for x in 0..raster.width() {
            let dx = x as f64 - centre;
            let dy = (raster.height() - 1 - y) as f64 * aspect;
            let radius = dx.hypot(dy);
            if radius <= outer && radius >= inner {
                let turn = 1.0 - dy.atan2(dx) / PI;
                let filled = turn <= reading.part && reading.part > 0.0;
                raster.set(x, y, if filled { FILLED } else { EMPTY }, u8::from(filled));
            }
        }
    }
    let (filled, empty) = (reading.style(context), context.theme.style(Role::Track));
    let style = |owner: u8, _: u8| if owner == FILLED { filled } else { empty };
    raster.draw(plot, &style, canvas);
    let written = format::value(reading.cell, reading.notation);
    let style = value_style(context, reading.state()).add_modifier(Modifier::BOLD);
    let bottom = area.bottom() - 1;
    let hollow =
        Rect { x: plot.x + plot.width / 5, width: plot.width - 2 * (plot.width / 5), ..plot };
    canvas.text_centred(hollow, bottom - 1, &written.to_string(), style);
    let words = reading.words(context);
    canvas.text_centred(hollow, bottom, &words, reading.style(context));
}

fn draw_meter(
    context: &DrawContext<'_>,
    reading: &Reading<'_>,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    if area.is_empty() {
        return;
    }
    let written = format::value(reading.cell, reading.notation).to_string();
    let words = reading.words(context);
    let room = usize::from(area.width);
    let bold = value_style(context, reading.state()).add_modifier(Modifier::BOLD);
    let used = canvas.text(area.x, area.y, &written, room, bold) + 1;
    let words_width = if words.is_empty() { 0 } else { width(&words) + 1 };
    let length = room.saturating_sub(used + words_width);
    if length >= 6 {
        let at = (area.x + clamp(used), area.y);
        meter::draw(at, length, reading.part, reading.style(context), canvas);
        canvas.text_right(area.right(), area.y, &words, words_width, reading.style(context));
    } else {
        let left = room.saturating_sub(used);
        canvas.text_right(area.right(), area.y, &words, left, reading.style(context));
    }
}

/// The bands of the scale: marks with beginnings and names, or with as much of that as there is
/// room for. The one that is reached is bold. Says whether there was room for any.
fn labels(
    context: &DrawContext<'_>,
    config: &GaugeConfig,
    reading: &Reading<'_>,
    line: Rect,
    centred: bool,
    canvas: &mut Canvas<'_>,
) -> bool {
    let mut bands: Vec<&Threshold> = config.thresholds.iter().collect();
    bands.sort_by(|a, b| a.value.total_cmp(&b.value));
    let written = |band: &Threshold, numbered: bool, named: bool| {
        let mut text = context.glyphs.state(band.state).to_owned();
        if numbered {
            let from = format::number(band.value, reading.notation);
            text = format!("{text} {}", format::shortest(&from.number));
        }
        if named {
            let label = band.label.as_deref().unwrap_or(context.glyphs.state_word(band.state));
            text = format!("{text} {}", SafeText::new(label));
        }
        text
    };
    let forms = [(true, true), (false, true), (true, false)].map(|(numbered, named)| {
        bands.iter().map(|band| written(band, numbered, named)).collect::<Vec<String>>()
    });
    let wide = |texts: &[String]| {
        texts.iter().map(|text| width(text) + 2).sum::<usize>().saturating_sub(2)
    };
    let room = usize::from(line.width);
    let Some(shown) = forms.into_iter().find(|texts| wide(texts) <= room) else { return false };
    let spare = if centred { room.saturating_sub(wide(&shown)) / 2 } else { 0 };
    let mut x = line.x + clamp(spare);
    for (band, text) in bands.iter().zip(&shown) {
        let reached = reading.band.is_some_and(|at| std::ptr::eq(at, *band));
        let style = context.theme.state(band.state);
        let style = if reached { style.add_modifier(Modifier::BOLD) } else { style };
        x += clamp(canvas.text(x, line.y, text, width(text), style)) + 2;
    }
    true
}

/// What the value is made of: a line each, or, where there is only one, the names of the worst.
fn breakdown(context: &DrawContext<'_>, area: Rect, canvas: &mut Canvas<'_>) {
    let mut rows: Vec<&Row> = context.view.rows.iter().map(AsRef::as_ref).collect();
    let height = usize::from(area.height);
    if rows.is_empty() || height == 0 {
        return;
    }
    let score = |row: &Row| row.cells.get(1).and_then(Cell::as_number).unwrap_or(f64::INFINITY);
    if rows.len() > height {
        // What pulls the value down comes first when not all of it fits.
        rows.sort_by(|a, b| score(a).total_cmp(&score(b)));
    }
    if height == 1 && rows.len() > 1 {
        one_line(context, &rows, area, canvas);
        return;
    }
    let label =
        |row: &Row| row.cells.first().map(|cell| format::value(cell, Format::Text).to_string());
    let labels: Vec<String> = rows.iter().map(|row| label(row).unwrap_or_default()).collect();
    let widest = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let widest = widest.min(usize::from(area.width) / 3);
    for ((row, label), y) in rows.iter().zip(&labels).zip(area.y..area.bottom()) {
        part(context, row, label, widest, Rect { y, height: 1, ..area }, canvas);
    }
}

/// One part: name, meter, score, and why.
fn part(
    context: &DrawContext<'_>,
    row: &Row,
    label: &str,
    widest: usize,
    line: Rect,
    canvas: &mut Canvas<'_>,
) {
    let muted = canvas.style(Role::Muted);
    let text = canvas.style(Role::Text);
    let y = line.y;
    canvas.text(line.x, y, label, widest, muted);
    let mut x = line.x + clamp(widest) + 1;
    let left = usize::from(line.right().saturating_sub(x));
    let score = row.cells.get(1).unwrap_or(&Cell::Absent);
    let written = format::value(score, Format::Integer);
    let detail = row.cells.get(3).and_then(Cell::as_text);
    let detail_width = detail.map_or(0, SafeText::width);
    let fits = left >= 6 + 4 + 2 + detail_width.min(12);
    let length = if fits { (left / 4).clamp(4, 12) } else { 0 };
    if let Some(number) = score.as_number().filter(|_| length > 0) {
        meter::draw((x, y), length, number / 100.0, context.theme.series(0), canvas);
        x += clamp(length) + 1;
    }
    let end = x + 3;
    canvas.text_right(end.min(line.right()), y, &written.number, 3, text);
    if let Some(detail) = detail {
        let x = end + 2;
        let room = usize::from(line.right().saturating_sub(x));
        if room >= 4 {
            canvas.text(x, y, detail.as_str(), room, muted);
        }
    }
}

fn one_line(context: &DrawContext<'_>, rows: &[&Row], area: Rect, canvas: &mut Canvas<'_>) {
    let separator = context.glyphs.separator();
    let mut text = String::new();
    for row in rows {
        let name = row.cells.first().map(|cell| format::value(cell, Format::Text).to_string());
        let score = row.cells.get(1).map(|cell| format::value(cell, Format::Integer).to_string());
        let (Some(name), Some(score)) = (name, score) else { continue };
        let part = format!("{name} {score}");
        let gap = if text.is_empty() { "" } else { separator };
        if width(&text) + width(gap) + width(&part) > usize::from(area.width) && !text.is_empty() {
            break;
        }
        text.push_str(gap);
        text.push_str(&part);
    }
    let muted = canvas.style(Role::Muted);
    canvas.text(area.x, area.y, &text, usize::from(area.width), muted);
}
