//! Rows and columns.

use std::cmp::Ordering;

use ccm_proto::model::widget::{Order, TableConfig};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, ROWS_MAX, Reader, cell, key_text};

pub(super) fn project(config: &TableConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.rows);
    let sort = |item| config.sort.as_ref().and_then(|path| Value::at(item, path));
    let mut entries: Vec<Entry<'_>> = items
        .iter()
        .map(|item| Entry {
            key: item.at(&config.key).unwrap_or(&Value::Absent),
            sort: sort(item).unwrap_or(&Value::Absent),
            item,
        })
        .collect();
    if config.sort.is_some() {
        entries.sort_by(|a, b| a.compare(b, config.order));
    }
    let limit = usize::try_from(config.limit).unwrap_or(ROWS_MAX).min(ROWS_MAX);
    entries.truncate(limit);
    let mut keys = Keys::default();
    let row = |(index, entry): (usize, Entry<'_>)| {
        let columns = config.columns.iter();
        let cells = columns.map(|column| entry.item.at(&column.field).map_or(Cell::Absent, cell));
        Row::shared(keys.unique(key_text(entry.key), index), cells.collect())
    };
    reader.planes.rows = entries.into_iter().enumerate().map(row).collect();
    reader.planes.rows_total = u32::try_from(items.len()).unwrap_or(u32::MAX);
}

/// One item before it is a row: most tables are longer than what is shown of them.
struct Entry<'a> {
    key: &'a Value,
    sort: &'a Value,
    item: &'a Value,
}

impl Entry<'_> {
    /// Numbers before texts before what is absent, whichever end comes first; equal ones by key.
    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let direction = |ordering: Ordering| match order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        rank(self.sort)
            .cmp(&rank(other.sort))
            .then_with(|| direction(scalar(self.sort, other.sort)))
            .then_with(|| rank(self.key).cmp(&rank(other.key)))
            .then_with(|| scalar(self.key, other.key))
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) | Value::Integer(_) | Value::Boolean(_) => 0,
        Value::Text(_) => 1,
        Value::Absent | Value::List(_) | Value::Map(_) => 2,
    }
}

/// The order of two values of one rank.
fn scalar(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        },
    }
}
