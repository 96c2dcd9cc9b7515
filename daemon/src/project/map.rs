//! Places on earth.

use ccm_proto::SafeText;
use ccm_proto::model::widget::{MapConfig, State};
use ccm_proto::model::{Cell, Row, Value};

use super::{Keys, Reader, cell, count, key_text, limit, numeric};

pub(super) fn project(config: &MapConfig, reader: &mut Reader<'_>) {
    let items = reader.list(&config.rows);
    for path in [&config.lat, &config.lon] {
        reader.require(items, path);
    }
    let mut keys = Keys::default();
    for (index, item) in items.iter().enumerate() {
        if reader.planes.rows.len() >= limit(config.max_items) {
            break;
        }
        let Some((lat, lon)) = place(config, item) else { continue };
        let at = |path: &Option<String>| path.as_ref().and_then(|path| item.at(path));
        let key = at(&config.key).or_else(|| at(&config.label));
        let state = at(&config.state).and_then(Value::as_text).and_then(State::parse);
        let cells = vec![
            at(&config.label).map_or(Cell::Absent, cell),
            Cell::Number(lat),
            Cell::Number(lon),
            at(&config.value).map_or(Cell::Absent, cell),
            state.map_or(Cell::Absent, |state| Cell::Text(SafeText::new(state.as_str()))),
        ];
        let key = keys.unique(key.and_then(key_text), index);
        reader.planes.rows.push(Row::shared(key, cells));
    }
    reader.planes.rows_total = count(items.len());
}

/// Latitude and longitude, when both are there and on earth.
fn place(config: &MapConfig, item: &Value) -> Option<(f64, f64)> {
    let lat = numeric(item.at(&config.lat)?).filter(|lat| lat.abs() <= 90.0)?;
    let lon = numeric(item.at(&config.lon)?).filter(|lon| lon.abs() <= 180.0)?;
    Some((lat, lon))
}
