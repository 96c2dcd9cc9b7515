//! Labelled meters.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{BarRows, BarsConfig, PathOrNumber};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, ROWS_MAX, Reader, cell, key_text};

/// The maximum of a meter that does not name one.
const MAXIMUM: f64 = 100.0;

pub(super) fn project(config: &BarsConfig, reader: &mut Reader<'_>) {
    for (index, item) in config.items.iter().enumerate() {
        let value = reader.cell(&item.value);
        let max = maximum(item.max.as_ref(), reader.value);
        let label = Cell::Text(SafeText::new(&item.label));
        reader.planes.rows.push(meter(format!("item.{index}"), label, value, max));
    }
    let mut total = config.items.len();
    if let Some(rows) = &config.rows {
        let items = reader.list(&rows.path);
        list_meters(rows, items, &mut reader.planes.rows);
        total += items.len();
    }
    reader.planes.rows_total = u32::try_from(total).unwrap_or(u32::MAX);
}

fn list_meters(config: &BarRows, items: &[Value], rows: &mut Vec<Arc<Row>>) {
    let mut keys = Keys::default();
    for (index, item) in items.iter().take(ROWS_MAX).enumerate() {
        let key = keys.unique(item.at(&config.label).and_then(key_text), index);
        let label = item.at(&config.label).map_or(Cell::Absent, cell);
        let value = item.at(&config.value).map_or(Cell::Absent, cell);
        let max = maximum(config.max.as_ref(), item);
        rows.push(meter(format!("row.{key}"), label, value, max));
    }
}

/// Cells: label, value, maximum, text. A value that is text stands in the last, without a meter.
fn meter(key: String, label: Cell, value: Cell, max: Cell) -> Arc<Row> {
    let (value, text) = match value {
        Cell::Text(_) => (Cell::Absent, value),
        number => (number, Cell::Absent),
    };
    Row::shared(key, vec![label, value, max, text])
}

/// A maximum that the reading lacks is absent; one that is not configured is 100.
fn maximum(config: Option<&PathOrNumber>, value: &Value) -> Cell {
    match config {
        None => Cell::Number(MAXIMUM),
        Some(PathOrNumber::Number(number)) => Cell::Number(*number),
        Some(PathOrNumber::Path(path)) => value.at(path).map_or(Cell::Absent, cell),
    }
}
