//! One number against another.

use ccm_proto::model::widget::ChartConfig;
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, Reader, cell, count, key_text, numeric};

/// The most dots: more than there are dots on an ordinary terminal's chart to tell apart.
const DOTS_MAX: usize = 2_000;

pub(super) fn project(config: &ChartConfig, reader: &mut Reader<'_>) {
    let Some((rows, across, up)) =
        config.rows.as_ref().and_then(|rows| Some((rows, rows.x.as_ref()?, rows.y.as_ref()?)))
    else {
        return;
    };
    let items = reader.list(&rows.path);
    for path in [across, up] {
        reader.require(items, path);
    }
    let mut keys = Keys::default();
    let mut dots = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = |path: &str| item.at(path).and_then(numeric);
        let (Some(x), Some(y)) = (at(across), at(up)) else { continue };
        dots.push((x, y));
        if dots.len() > DOTS_MAX {
            continue;
        }
        let label = rows.label.as_ref().and_then(|path| item.at(path));
        let key = keys.unique(label.and_then(key_text), index);
        let cells = vec![label.map_or(Cell::Absent, cell), Cell::Number(x), Cell::Number(y)];
        reader.planes.rows.push(Row::shared(key, cells));
    }
    let fields = [
        ("correlation", correlation(&dots).map_or(Cell::Absent, Cell::Number)),
        ("count", cell(&Value::from(dots.len() as u64))),
    ];
    for (name, value) in fields {
        reader.planes.fields.insert(name.to_owned(), value);
    }
    reader.planes.rows_total = count(items.len());
}

/// Pearson's r, -1 to 1; none of fewer than two dots, and none where one number stands still.
fn correlation(dots: &[(f64, f64)]) -> Option<f64> {
    if dots.len() < 2 {
        return None;
    }
    let count = dots.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| dots.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|dot| dot.0), mean(|dot| dot.1));
    let sums = dots.iter().fold((0.0, 0.0, 0.0), |(xx, yy, xy), dot| {
        let (dx, dy) = (dot.0 - x, dot.1 - y);
        (xx + dx * dx, yy + dy * dy, xy + dx * dy)
    });
    let r = sums.2 / (sums.0.sqrt() * sums.1.sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}
