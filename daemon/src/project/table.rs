//! Rows and columns.

use std::cmp::Ordering;

use ccm_proto::model::widget::{Order, TableConfig};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, ROWS_MAX, Reader, cell, key_text};

pub(super) fn project(config: &TableConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.rows);
    let mut keys = Keys::default();
    // Keys are given in the list's order, so that an item keeps its key wherever it is sorted to.
    let mut keyed: Vec<Keyed<'_>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| Keyed {
            key: keys.unique(item.at(&config.key).and_then(key_text), index),
            sort: config.sort.as_ref().and_then(|path| item.at(path)).unwrap_or(&Value::Absent),
            item,
        })
        .collect();
    if config.sort.is_some() {
        keyed.sort_by(|a, b| a.compare(b, config.order));
    }
    let limit = usize::try_from(config.limit).unwrap_or(ROWS_MAX).min(ROWS_MAX);
    keyed.truncate(limit);
    let row = |keyed: Keyed<'_>| {
        let columns = config.columns.iter();
        let cells = columns.map(|column| keyed.item.at(&column.field).map_or(Cell::Absent, cell));
        Row { key: keyed.key, cells: cells.collect() }
    };
    reader.planes.rows = keyed.into_iter().map(row).collect();
    reader.planes.rows_total = u32::try_from(items.len()).unwrap_or(u32::MAX);
}

struct Keyed<'a> {
    key: String,
    sort: &'a Value,
    item: &'a Value,
}

impl Keyed<'_> {
    /// Numbers before texts before what is absent, whichever end comes first; equal ones by key,
    /// short keys first, so that numbers as keys stand in their order.
    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let rank = |value: &Value| match value {
            Value::Number(_) | Value::Integer(_) | Value::Boolean(_) => 0,
            Value::Text(_) => 1,
            Value::Absent | Value::List(_) | Value::Map(_) => 2,
        };
        let direction = |ordering: Ordering| match order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        let value = match (self.sort, other.sort) {
            (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (a, b) => match (a.as_number(), b.as_number()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => Ordering::Equal,
            },
        };
        rank(self.sort)
            .cmp(&rank(other.sort))
            .then_with(|| direction(value))
            .then_with(|| self.key.len().cmp(&other.key.len()))
            .then_with(|| self.key.cmp(&other.key))
    }
}
