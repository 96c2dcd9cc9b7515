//! Numbers with a label each: parts of a whole, and stages of a funnel.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::widget::{ChartConfig, ChartStyle};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, ROWS_MAX, Reader, cell, count, key_text, numeric};

/// The most stages of a funnel; more of them are no picture.
const STAGES_MAX: usize = 100;

/// One number with its label.
struct Part {
    key: Arc<str>,
    label: Cell,
    value: f64,
}

pub(super) fn project(config: &ChartConfig, reader: &mut Reader<'_>) {
    let parts = parts(config, reader);
    reader.planes.rows_total = count(parts.len());
    reader.planes.rows = match config.style {
        ChartStyle::Funnel => stages(&parts),
        _ => shares(parts, config.rows.as_ref().map_or(usize::MAX, |rows| rows.parts as usize)),
    };
}

/// What is configured, and then what is listed. A part that is not a number, or less than nothing,
/// is none.
fn parts(config: &ChartConfig, reader: &mut Reader<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (index, item) in config.items.iter().enumerate() {
        if reader.cell(&item.value) == Cell::Absent {
            continue;
        }
        if let Some(value) = reader.value.at(&item.value).and_then(part_value) {
            let label = Cell::Text(SafeText::new(&item.label));
            parts.push(Part { key: format!("item.{index}").into(), label, value });
        }
    }
    let Some((rows, label, value)) = config
        .rows
        .as_ref()
        .and_then(|rows| Some((rows, rows.label.as_ref()?, rows.value.as_ref()?)))
    else {
        return parts;
    };
    let mut keys = Keys::default();
    let items = reader.list(&rows.path);
    if parts.is_empty() {
        reader.require(items, value);
    }
    for (index, item) in items.iter().take(ROWS_MAX).enumerate() {
        let Some(value) = item.at(value).and_then(part_value) else { continue };
        let key = keys.unique(item.at(label).and_then(key_text), index);
        let label = item.at(label).map_or(Cell::Absent, cell);
        parts.push(Part { key: format!("row.{key}").into(), label, value });
    }
    parts
}

fn part_value(value: &Value) -> Option<f64> {
    numeric(value).filter(|number| *number >= 0.0)
}

/// Label, value and share in percent; largest first, the smallest beyond `most` together.
fn shares(mut parts: Vec<Part>, most: usize) -> Vec<Arc<Row>> {
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let whole: f64 = parts.iter().map(|part| part.value).sum();
    if parts.len() > most.max(1) {
        let rest = parts.split_off(most.max(1) - 1);
        parts.push(Part {
            key: "other".into(),
            label: Cell::Text(SafeText::new("other")),
            value: rest.iter().map(|part| part.value).sum(),
        });
    }
    let row = |part: Part| {
        let cells = vec![part.label, Cell::Number(part.value), percent(part.value, whole)];
        Row::shared(part.key, cells)
    };
    parts.into_iter().map(row).collect()
}

/// Label, value, and in percent how many of the first stage and of the one before get here.
fn stages(parts: &[Part]) -> Vec<Arc<Row>> {
    let first = parts.first().map_or(0.0, |part| part.value);
    let before = std::iter::once(first).chain(parts.iter().map(|part| part.value));
    let row = |(part, before): (&Part, f64)| {
        let (all, step) = (percent(part.value, first), percent(part.value, before));
        let cells = vec![part.label.clone(), Cell::Number(part.value), all, step];
        Row::shared(Arc::clone(&part.key), cells)
    };
    parts.iter().zip(before).take(STAGES_MAX).map(row).collect()
}

/// A part of a whole in percent; of nothing there is none.
fn percent(part: f64, whole: f64) -> Cell {
    let percent = part / whole * 100.0;
    if whole > 0.0 && percent.is_finite() { Cell::Number(percent) } else { Cell::Absent }
}
