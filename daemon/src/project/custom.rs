//! Lines that a source writes by itself.

use ccm_proto::SafeText;
use ccm_proto::model::widget::{CustomConfig, LineStyle};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, Reader, cell, count};

/// The most lines: what nobody scrolls through is not worth sending.
const LINES_MAX: usize = 1_000;

pub(super) fn project(config: &CustomConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.lines);
    let mut keys = Keys::default();
    let row = |(index, item): (usize, &Value)| {
        let text = if matches!(item, Value::Map(_)) { item.at("text") } else { Some(item) };
        // A module may say what a line is, or how it looks; both come from the same closed set.
        let word = item.at("style").or_else(|| item.at("state")).and_then(Value::as_text);
        let style = word.and_then(LineStyle::parse).unwrap_or_default();
        let style = Cell::Text(SafeText::new(style.as_str()));
        Row::shared(keys.unique(None, index), vec![text.map_or(Cell::Absent, cell), style])
    };
    reader.planes.rows = items.iter().take(LINES_MAX).enumerate().map(row).collect();
    reader.planes.rows_total = count(items.len());
}
