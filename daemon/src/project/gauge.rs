//! One number on a scale, and what it is made of.

use ccm_proto::model::widget::GaugeConfig;
use ccm_proto::model::{Cell, Row};

use super::{Keys, ROWS_MAX, Reader, cell, key_text};

/// The cells of a part, in order.
const CELLS: [&str; 4] = ["name", "score", "weight", "detail"];

pub(super) fn project(config: &GaugeConfig, reader: &mut Reader<'_>) {
    reader.field("value", &config.value);
    let Some(path) = &config.breakdown else { return };
    // The parts explain the value; without a value they do not make the widget present.
    let present = reader.planes.present;
    let items = reader.list(path);
    reader.planes.present = present;
    let mut keys = Keys::default();
    for (index, item) in items.iter().take(ROWS_MAX).enumerate() {
        let key = keys.unique(item.at("name").and_then(key_text), index);
        let cells = CELLS.map(|path| item.at(path).map_or(Cell::Absent, cell));
        reader.planes.rows.push(Row::shared(key, cells.to_vec()));
    }
    reader.planes.rows_total = u32::try_from(items.len()).unwrap_or(u32::MAX);
}
