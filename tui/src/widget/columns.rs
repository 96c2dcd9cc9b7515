//! The columns of a table: how wide each is, and which there is no room for.

use ccm_proto::model::widget::{Column, Format, State, TableConfig};
use ccm_proto::model::{Cell, Row};

use super::DrawContext;
use crate::format::{self, width};

/// Columns between columns.
pub(super) const GAP: usize = 2;
/// The most columns of a text that does not grow, as long as others need the room.
const TEXT_MAX: usize = 20;
/// The most where nobody does.
const TEXT_ALONE_MAX: usize = 48;
/// The least that a growing column is worth drawing with.
const GROW_MIN: usize = 8;
/// Columns of a meter in a cell; more when there is room to spare.
const METER: usize = 10;
const METER_MAX: usize = 40;

/// One column that is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Its place in the definition and in the rows.
    pub(super) index: usize,
    /// All of it.
    pub(super) width: usize,
    /// What its texts would need; nothing for numbers and meters, which have what they need.
    wanted: usize,
    /// Of it for the state's mark and the space behind.
    pub(super) mark: usize,
    /// Of it for the meter, without the space behind.
    pub(super) meter: usize,
    /// Of it for the unit.
    pub(super) unit: usize,
    /// Whether numbers stand at its right.
    pub(super) right: bool,
}

/// The columns that fit, from the first on.
pub(super) fn slots(
    context: &DrawContext<'_>,
    config: &TableConfig,
    rows: &[&Row],
    room: usize,
) -> Vec<Slot> {
    let skipped = context.state.hscroll;
    let wanted = config.columns.iter().enumerate();
    let wanted = wanted.filter(|(index, _)| *index == 0 || *index > skipped);
    let mut slots: Vec<Slot> = Vec::new();
    let mut used = 0;
    for (index, column) in wanted {
        let slot = slot(context, index, column, rows);
        let gap = if slots.is_empty() { 0 } else { GAP };
        let least = if column.grow { slot.width.min(GROW_MIN) } else { slot.width - slot.meter };
        if used + gap + least > room && !slots.is_empty() {
            break;
        }
        used += gap + least;
        slots.push(slot);
    }
    share(config, &mut slots, room);
    slots
}

/// Meters and growing columns take what the others leave.
fn share(config: &TableConfig, slots: &mut [Slot], room: usize) {
    let grows = |slot: &Slot| config.columns.get(slot.index).is_some_and(|column| column.grow);
    let gaps = GAP * slots.len().saturating_sub(1);
    let fixed: usize = slots.iter().filter(|slot| !grows(slot)).map(|slot| slot.width).sum();
    let growing: usize =
        slots.iter().filter(|slot| grows(slot)).map(|slot| slot.width.min(GROW_MIN)).sum();
    let mut left = room.saturating_sub(gaps);
    // Too little: meters go before numbers do.
    if fixed + growing > left {
        for slot in slots.iter_mut().filter(|slot| slot.meter > 0) {
            slot.width -= slot.meter + 1;
            slot.meter = 0;
        }
    }
    left =
        left.saturating_sub(slots.iter().filter(|slot| !grows(slot)).map(|slot| slot.width).sum());
    let count = slots.iter().filter(|slot| grows(slot)).count();
    let needed: usize =
        slots.iter().filter(|slot| grows(slot)).map(|slot| slot.wanted.max(slot.width)).sum();
    let mut spare = left.saturating_sub(needed.max(growing));
    for slot in slots.iter_mut().filter(|slot| !grows(slot)) {
        let more = slot.wanted.saturating_sub(slot.width).min(spare);
        slot.width += more;
        spare -= more;
        left -= more;
    }
    if count > 0 {
        let mut rest = left % count;
        for slot in slots.iter_mut().filter(|slot| grows(slot)) {
            let extra = usize::from(rest > 0);
            rest -= extra;
            let meter = slot.meter > 0;
            let before = slot.width;
            slot.width = left / count + extra;
            if meter {
                slot.meter = (slot.meter + slot.width).saturating_sub(before);
            }
        }
        return;
    }
    let meters = slots.iter().filter(|slot| slot.meter > 0).count();
    for slot in slots.iter_mut().filter(|slot| slot.meter > 0) {
        let extra = (left / meters.max(1)).min(METER_MAX - METER);
        slot.width += extra;
        slot.meter += extra;
    }
    if let [only] = slots {
        only.width = only.width.min(room);
    }
}

fn slot(context: &DrawContext<'_>, index: usize, column: &Column, rows: &[&Row]) -> Slot {
    let right = column.format != Format::Text;
    let mark = if column.thresholds.is_empty() {
        0
    } else {
        width(context.glyphs.state(State::Critical)) + 1
    };
    let unit = unit_of(column);
    let cells = rows.iter().filter_map(|row| row.cells.get(index));
    let widest = cells.map(|cell| content_width(context, column, cell, unit)).max().unwrap_or(0);
    let usual = if right { format::usual_width(column.format).saturating_sub(2) } else { 0 };
    let meter = if column.bar { METER } else { 0 };
    let beside = mark + if meter > 0 { meter + 1 } else { 0 };
    let value = widest.max(usual).min(TEXT_MAX) + beside;
    let texts = !right && meter == 0;
    let wanted = if texts { widest.min(TEXT_ALONE_MAX) + beside } else { 0 };
    let sorted = 2;
    let label = width(&column.label);
    let label = if sorted_by(context, column, index) { label + sorted } else { label };
    let width = value.max(label.min(TEXT_MAX));
    Slot { index, width, wanted, mark, meter, unit, right }
}

fn sorted_by(context: &DrawContext<'_>, column: &Column, index: usize) -> bool {
    if let Some((sorted, _)) = context.state.sort {
        return sorted == index;
    }
    let table = context.spec.and_then(|spec| spec.table.as_ref());
    table.and_then(|table| table.sort.as_ref()) == Some(&column.field)
}

/// Columns of a column's unit; none where the heading says it.
fn unit_of(column: &Column) -> usize {
    let percent = column.format == Format::Percent && column.label.contains('%');
    if percent || column.unit.is_some_and(|unit| column.label.contains(unit.as_str())) {
        return 0;
    }
    format::unit_width(column.number_format())
}

/// Whether texts are read as points in time.
pub(super) const fn is_moment(format: Format) -> bool {
    matches!(format, Format::Datetime | Format::Age)
}

/// Columns of a number and the room of its unit.
fn content_width(context: &DrawContext<'_>, column: &Column, cell: &Cell, unit: usize) -> usize {
    if let (Cell::Text(text), false) = (cell, is_moment(column.format)) {
        return text.width();
    }
    let written = format::column_value(cell, context.notation(column.number_format()));
    width(&written.number) + if unit > 0 { unit + 1 } else { 0 }
}
