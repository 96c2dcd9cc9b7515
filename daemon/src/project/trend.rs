//! How a number compares with an earlier one.

use ccm_proto::SafeText;
use ccm_proto::model::widget::{Compare, TrendConfig};
use ccm_proto::model::{Cell, Value};

use super::{Reader, cell, numeric};

/// The fields of a trend, in the order of [`compared`].
const FIELDS: [&str; 5] =
    ["trend.before", "trend.change", "trend.percentage", "trend.direction", "trend.comparison"];

/// The fields of a trend from `before` to `now`; all but the comparison are absent when either is.
/// Of nothing before there is no percentage.
pub fn compared(
    before: Option<f64>,
    now: Option<f64>,
    compare: Compare,
) -> [(&'static str, Cell); 5] {
    let finite = |number: f64| if number.is_finite() { Cell::Number(number) } else { Cell::Absent };
    let before = before.filter(|before| before.is_finite());
    let change = before.zip(now).map(|(before, now)| now - before).filter(|it| it.is_finite());
    let percentage = before.zip(change).map(|(before, change)| change / before.abs() * 100.0);
    let values = [
        before.map_or(Cell::Absent, Cell::Number),
        change.map_or(Cell::Absent, Cell::Number),
        percentage.map_or(Cell::Absent, finite),
        change.map_or(Cell::Absent, direction),
        Cell::Text(SafeText::new(compare.as_str())),
    ];
    let mut values = values.into_iter();
    FIELDS.map(|name| (name, values.next().unwrap_or_default()))
}

/// What the source itself says of the trend. It is no part of what makes the widget present.
pub(super) fn project(config: &TrendConfig, reader: &mut Reader<'_>) {
    let Some(trend) = config.from.as_ref().and_then(|path| reader.value.at(path)) else { return };
    let number = |name: &str| trend.at(name).and_then(numeric);
    let (change, percentage) = (number("change"), number("percentage"));
    let said = trend.at("direction").and_then(Value::as_text);
    let said = said.filter(|word| matches!(*word, "up" | "down" | "flat"));
    let direction = match said {
        Some(word) => Cell::Text(SafeText::new(word)),
        None => change.or(percentage).map_or(Cell::Absent, direction),
    };
    if direction == Cell::Absent && percentage.is_none() {
        return;
    }
    let cells = [
        number("before").map_or(Cell::Absent, Cell::Number),
        change.map_or(Cell::Absent, Cell::Number),
        percentage.map_or(Cell::Absent, Cell::Number),
        direction,
        trend.at("comparison").map_or(Cell::Absent, cell),
    ];
    let named = FIELDS.iter().map(|name| (*name).to_owned()).zip(cells);
    reader.planes.fields.extend(named);
}

fn direction(change: f64) -> Cell {
    let word = match change.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => "up",
        Some(std::cmp::Ordering::Less) => "down",
        _ => "flat",
    };
    Cell::Text(SafeText::new(word))
}
