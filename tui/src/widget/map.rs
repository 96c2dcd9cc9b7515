//! Places on a map of the world, or, where there is no room for one, as a list.

use std::collections::HashSet;

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Format, MapConfig, State, state_of};
use ccm_proto::model::{Cell, Row};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget as _;
use ratatui::widgets::canvas::{Canvas as World, Map, MapResolution};

use super::canvas::{Canvas, clamp};
use super::headline::value_style;
use super::list::{self, Item};
use super::raster::Raster;
use super::rows::ordered_rows;
use super::{DrawContext, bars};
use crate::format::{self, width};

/// The degrees that are shown: what lies beyond has ice and no places.
const LATITUDES: (f64, f64) = (-58.0, 84.0);
const LONGITUDES: (f64, f64) = (-180.0, 180.0);
/// Columns of a line of the map, so that a degree is as high as it is wide.
const COLUMNS_A_LINE: f64 = 2.0 * 360.0 / 142.0;
/// The smallest map on which a continent is one.
const WIDTH_MIN: u16 = 30;
const HEIGHT_MIN: u16 = 6;
/// Room beside or below a map from which on there is a list in it.
const LIST_WIDTH_MIN: u16 = 24;
const LIST_HEIGHT_MIN: u16 = 3;
/// The most columns of a label on the map.
const LABEL_MAX: usize = 14;
/// Dots across from which on the finer coast lines are worth drawing.
const FINE_FROM: usize = 140;

/// One place.
struct Place {
    lat: f64,
    lon: f64,
    item: Item,
}

/// The state of a place: as the source says, else by its value.
pub(super) fn state(config: &MapConfig, row: &Row) -> Option<State> {
    let said = row.cells.get(4).and_then(Cell::as_text);
    let band = || {
        let value = row.cells.get(3).and_then(Cell::as_number)?;
        state_of(&config.thresholds, value).map(|band| band.state)
    };
    said.and_then(|word| State::parse(word.as_str())).or_else(band)
}

/// A place's name.
pub(super) fn label(row: &Row) -> SafeText {
    let cell = row.cells.first().unwrap_or(&Cell::Absent);
    SafeText::from(format::value(cell, Format::Text).to_string())
}

/// A place's value; nothing where values are not shown.
pub(super) fn value(context: &DrawContext<'_>, config: &MapConfig, row: &Row) -> String {
    let cell = row.cells.get(3).unwrap_or(&Cell::Absent);
    match config.value {
        Some(_) => format::value(cell, context.notation(config.number_format())).to_string(),
        None => String::new(),
    }
}

fn place(context: &DrawContext<'_>, config: &MapConfig, row: &Row) -> Place {
    let degrees = |index: usize, most: f64| {
        let degrees = row.cells.get(index).and_then(Cell::as_number).unwrap_or_default();
        if degrees.is_finite() { degrees.clamp(-most, most) } else { 0.0 }
    };
    Place {
        lat: degrees(1, 90.0),
        lon: degrees(2, 180.0),
        item: Item {
            title: label(row),
            subtitle: SafeText::default(),
            badge: value(context, config, row),
            state: state(config, row),
        },
    }
}

pub(super) fn draw(
    context: &DrawContext<'_>,
    config: &MapConfig,
    area: Rect,
    canvas: &mut Canvas<'_>,
) {
    let order = ordered_rows(context);
    let rows = order.iter().filter_map(|index| context.view.rows.get(*index));
    let mut places: Vec<Place> = rows.map(|row| place(context, config, row)).collect();
    // The worst are named first, and drawn over the others.
    places.sort_by_key(|place| std::cmp::Reverse(place.item.state));
    let (map, list) = share(area);
    if let Some(plot) = map {
        coasts(context, plot, canvas);
        marks(context, &places, plot, canvas);
    } else if places.is_empty() {
        bars::empty(context, area, canvas);
    }
    if let Some(area) = list.filter(|_| !places.is_empty()) {
        let items: Vec<Item> = places.into_iter().map(|place| place.item).collect();
        list::draw_items(context, &items, 1, area, canvas);
    }
}

/// Places of the list that are in sight at once in the room inside the frame; none when there is
/// no list.
pub(super) fn in_sight(area: Rect) -> Option<usize> {
    share(area).1.map(|list| usize::from(list.height).max(1))
}

/// The room of the map and that of the list.
fn share(area: Rect) -> (Option<Rect>, Option<Rect>) {
    let most = (f64::from(area.height) * COLUMNS_A_LINE) as u16;
    let columns = most.min(area.width);
    let lines = ((f64::from(columns) / COLUMNS_A_LINE).round() as u16).min(area.height);
    if columns < WIDTH_MIN || lines < HEIGHT_MIN {
        return (None, Some(area));
    }
    let (right, below) = (area.width - columns, area.height - lines);
    if right >= LIST_WIDTH_MIN + 2 {
        let list = Rect { x: area.x + columns + 2, width: right - 2, ..area };
        return (Some(Rect { width: columns, ..area }), Some(list));
    }
    if below > LIST_HEIGHT_MIN {
        let list = Rect { y: area.y + lines + 1, height: below - 1, ..area };
        return (Some(Rect { height: lines, width: columns, ..area }), Some(list));
    }
    let (x, y) = (area.x + right / 2, area.y + below / 2);
    (Some(Rect { x, y, width: columns, height: lines }), None)
}

/// Draws the coast lines. They are drawn aside as patterns of two by four dots and taken over dot
/// by dot, so that every set of characters has them.
fn coasts(context: &DrawContext<'_>, plot: Rect, canvas: &mut Canvas<'_>) {
    let mut raster = Raster::new(plot, context.glyphs);
    let aside =
        Rect::new(0, 0, clamp(raster.width().div_ceil(2)), clamp(raster.height().div_ceil(4)));
    let mut drawn = Buffer::empty(aside);
    let resolution =
        if raster.width() >= FINE_FROM { MapResolution::High } else { MapResolution::Low };
    World::default()
        .marker(Marker::Braille)
        .x_bounds([LONGITUDES.0, LONGITUDES.1])
        .y_bounds([LATITUDES.0, LATITUDES.1])
        .paint(|painter| painter.draw(&Map { resolution, ..Map::default() }))
        .render(aside, &mut drawn);
    for position in aside.positions() {
        let symbol = drawn.cell(position).and_then(|cell| cell.symbol().chars().next());
        let bits = symbol.and_then(|c| u8::try_from(u32::from(c).wrapping_sub(0x2800)).ok());
        let (x, y) = (usize::from(position.x) * 2, usize::from(position.y) * 4);
        for (dx, dy) in super::raster::braille_dots(bits.unwrap_or(0)) {
            if x + dx < raster.width() && y + dy < raster.height() {
                raster.set(x + dx, y + dy, 0, 0);
            }
        }
    }
    let style = canvas.style(Role::Border);
    raster.draw(plot, &|_, _| style, canvas);
}

/// The cell of a place.
fn cell_of(place: &Place, plot: Rect) -> (u16, u16) {
    let part = |value: f64, (from, to): (f64, f64)| ((value - from) / (to - from)).clamp(0.0, 1.0);
    let across = part(place.lon, LONGITUDES) * f64::from(plot.width.saturating_sub(1));
    let up = part(place.lat, LATITUDES) * f64::from(plot.height.saturating_sub(1));
    let y = plot.bottom().saturating_sub(1).saturating_sub(up.round() as u16);
    (plot.x + across.round() as u16, y.max(plot.y))
}

fn marks(context: &DrawContext<'_>, places: &[Place], plot: Rect, canvas: &mut Canvas<'_>) {
    let mut taken: HashSet<(u16, u16)> = places.iter().map(|place| cell_of(place, plot)).collect();
    let muted = canvas.style(Role::Muted);
    for place in places {
        let (x, y) = cell_of(place, plot);
        let label = place.item.title.truncate(LABEL_MAX);
        let length = clamp(label.width());
        let after = x.saturating_add(2);
        let before = x.checked_sub(length + 1).filter(|from| *from >= plot.x);
        let fits =
            |from: u16| (from..from.saturating_add(length)).all(|x| !taken.contains(&(x, y)));
        let from = Some(after)
            .filter(|from| from.saturating_add(length) <= plot.right() && fits(*from))
            .or_else(|| before.filter(|from| fits(*from)));
        if let Some(from) = from.filter(|_| length > 0) {
            canvas.text(from, y, label.as_str(), usize::from(length), muted);
            taken.extend((from.saturating_sub(2)..from.saturating_add(length + 2)).map(|x| (x, y)));
        }
    }
    // The worst come first; what is drawn last is seen.
    for place in places.iter().rev() {
        let (x, y) = cell_of(place, plot);
        let state = place.item.state.unwrap_or(State::Ok);
        let mark = context.glyphs.state(state);
        let style = match place.item.state {
            Some(State::Ok) => context.theme.state(State::Ok),
            None => context.theme.series(0),
            worse => value_style(context, worse),
        };
        canvas.text(x, y, mark, width(mark), style);
    }
}
