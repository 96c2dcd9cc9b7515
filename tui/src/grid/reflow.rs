//! Positions for fewer columns than a page was written for.

use ccm_proto::model::layout::{Area, COLUMNS, Page, Placement};

/// Columns that a widget needs at least where the grid has this many.
const fn width_min(columns: u16) -> u16 {
    if columns >= 4 { 2 } else { 1 }
}

/// The position of each widget of the page in a grid of so many columns; they never overlap.
pub(super) fn places(page: &Page, columns: u16) -> Vec<Area> {
    if columns == COLUMNS {
        let written: Vec<Area> = page.widgets.iter().map(|widget| widget.at).collect();
        if is_sound(&written, columns) { written } else { shelves(page, columns) }
    } else {
        explicit(page, columns)
            .or_else(|| scaled(page, columns))
            .unwrap_or_else(|| shelves(page, columns))
    }
}

/// What a widget says of itself for this grid.
fn own(placement: &Placement, columns: u16) -> Option<Area> {
    match columns {
        8 => placement.at_medium,
        4 => placement.at_narrow,
        _ => None,
    }
}

fn is_sound(places: &[Area], columns: u16) -> bool {
    let inside =
        |place: &Area| place.w > 0 && place.h > 0 && place.x.saturating_add(place.w) <= columns;
    let apart = |(index, place): (usize, &Area)| {
        places.iter().take(index).all(|other| !other.overlaps(*place))
    };
    places.iter().all(inside) && places.iter().enumerate().all(apart)
}

/// All positions as the page says them for this grid, when it says all.
fn explicit(page: &Page, columns: u16) -> Option<Vec<Area>> {
    let places: Option<Vec<Area>> =
        page.widgets.iter().map(|placement| own(placement, columns)).collect();
    places.filter(|places| is_sound(places, columns))
}

/// The written positions drawn together, when no widget becomes too narrow. Edges that met still
/// meet.
fn scaled(page: &Page, columns: u16) -> Option<Vec<Area>> {
    if columns == 1 || page.widgets.iter().any(|placement| own(placement, columns).is_some()) {
        return None;
    }
    let scale = |x: u16| (x.saturating_mul(columns).saturating_add(COLUMNS / 2)) / COLUMNS;
    let squeeze = |placement: &Placement| {
        let at = placement.at;
        let (left, right) = (scale(at.x), scale(at.x.saturating_add(at.w)));
        Area { x: left, w: right.saturating_sub(left), ..at }
    };
    let places: Vec<Area> = page.widgets.iter().map(squeeze).collect();
    let wide = places.iter().all(|place| place.w >= width_min(columns));
    (wide && is_sound(&places, columns)).then_some(places)
}

/// Shelves in reading order: each holds as many widgets as fit, which share its width and height,
/// so that there are no holes.
fn shelves(page: &Page, columns: u16) -> Vec<Area> {
    let mut order: Vec<usize> = (0..page.widgets.len()).collect();
    order.sort_by_key(|index| page.widgets.get(*index).map(|widget| (widget.at.y, widget.at.x)));
    let mut places = vec![Area { x: 0, y: 0, w: 1, h: 1 }; page.widgets.len()];
    let mut shelf: Vec<(usize, Area)> = Vec::new();
    let mut y = 0;
    for index in order {
        let Some(widget) = page.widgets.get(index) else { continue };
        let size = wanted(widget, columns);
        let used: u16 = shelf.iter().map(|(_, area)| area.w).sum();
        if used.saturating_add(size.w) > columns {
            y = put(&mut places, &mut shelf, y, columns);
        }
        shelf.push((index, size));
    }
    put(&mut places, &mut shelf, y, columns);
    places
}

/// The size that a widget should have in this grid.
fn wanted(widget: &Placement, columns: u16) -> Area {
    let area = own(widget, columns).unwrap_or_else(|| {
        let w = (widget.at.w.saturating_mul(columns).saturating_add(COLUMNS / 2)) / COLUMNS;
        Area { w: w.max(width_min(columns)), ..widget.at }
    });
    Area { w: area.w.clamp(1, columns), h: area.h.max(1), ..area }
}

/// Puts a shelf at `y`, gives its spare columns to its last widgets, and says where it ends.
fn put(places: &mut [Area], shelf: &mut Vec<(usize, Area)>, y: u16, columns: u16) -> u16 {
    let h = shelf.iter().map(|(_, area)| area.h).max().unwrap_or(0);
    let used: u16 = shelf.iter().map(|(_, area)| area.w).sum();
    let count = u16::try_from(shelf.len()).unwrap_or(u16::MAX).max(1);
    let spare = columns.saturating_sub(used);
    let mut x = 0;
    for (position, (index, area)) in (0_u16..).zip(shelf.drain(..)) {
        let extra = spare / count + u16::from(count - position <= spare % count);
        let w = area.w.saturating_add(extra);
        if let Some(place) = places.get_mut(index) {
            *place = Area { x, y, w, h };
        }
        x = x.saturating_add(w);
    }
    y.saturating_add(h)
}
