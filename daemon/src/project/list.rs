//! Items with a title, a subtitle and a badge.

use ccm_proto::model::widget::ListConfig;
use ccm_proto::model::{Cell, Row};

use super::order::{Entry, entries};
use super::{Keys, Reader, cell, count, key_text, limit};

pub(super) fn project(config: &ListConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.rows);
    let key = config.key.as_ref().unwrap_or(&config.item.title);
    let most = limit(config.max_items);
    let entries = entries(items, key, config.sort.as_ref(), config.order, most);
    let template = &config.item;
    let paths = [Some(&template.title), template.subtitle.as_ref(), template.badge.as_ref()];
    let mut keys = Keys::default();
    let row = |(index, entry): (usize, Entry<'_>)| {
        let at = |path: &String| entry.item.at(path).map_or(Cell::Absent, cell);
        let cells = paths.map(|path| path.map_or(Cell::Absent, at));
        Row::shared(keys.unique(key_text(entry.key), index), cells.to_vec())
    };
    reader.planes.rows = entries.into_iter().enumerate().map(row).collect();
    reader.planes.rows_total = count(items.len());
}
