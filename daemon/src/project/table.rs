//! Rows and columns.

use ccm_proto::model::widget::TableConfig;
use ccm_proto::model::{Cell, Row};

use super::order::{Entry, entries};
use super::{Keys, Reader, cell, count, key_text, limit};

pub(super) fn project(config: &TableConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.rows);
    let most = limit(config.limit);
    let entries = entries(items, &config.key, config.sort.as_ref(), config.order, most);
    let mut keys = Keys::default();
    let row = |(index, entry): (usize, Entry<'_>)| {
        let columns = config.columns.iter();
        let cells = columns.map(|column| entry.item.at(&column.field).map_or(Cell::Absent, cell));
        Row::shared(keys.unique(key_text(entry.key), index), cells.collect())
    };
    reader.planes.rows = entries.into_iter().enumerate().map(row).collect();
    reader.planes.rows_total = count(items.len());
}
