//! View data and its changes.

use std::sync::Arc;

use super::{ConvertError, each, long, millis, optional_text, optional_time, short, value};
use crate::SafeText;
use crate::model::view::TRACK_MAX;
use crate::model::{Field, Row, Timestamp, Track, ViewDelta, ViewStatus};
use crate::wire;

impl TryFrom<wire::Field> for Field {
    type Error = ConvertError;

    fn try_from(field: wire::Field) -> Result<Self, ConvertError> {
        let value = super::required("value", field.value)?;
        Ok(Self { name: field.name, value })
    }
}

impl TryFrom<wire::Track> for Track {
    type Error = ConvertError;

    fn try_from(track: wire::Track) -> Result<Self, ConvertError> {
        if track.step_ms == 0 {
            return Err(ConvertError::new("must be more than 0").within("step_ms"));
        }
        if track.values.len() > TRACK_MAX {
            let count = track.values.len();
            let problem = format!("holds {count} values, at most {TRACK_MAX} are taken");
            return Err(ConvertError::new(problem).within("values"));
        }
        Ok(Self {
            id: track.id,
            label: SafeText::new(&track.label),
            start: Timestamp::from_millis(track.start_ms),
            step: long(track.step_ms),
            values: track.values,
        })
    }
}

impl From<&Track> for wire::Track {
    fn from(track: &Track) -> Self {
        Self {
            id: track.id.clone(),
            label: track.label.to_string(),
            start_ms: track.start.as_millis(),
            step_ms: short(track.step),
            values: track.values.clone(),
        }
    }
}

impl TryFrom<wire::Row> for Row {
    type Error = ConvertError;

    fn try_from(row: wire::Row) -> Result<Self, ConvertError> {
        Ok(Self { key: row.key.into(), cells: each("cells", row.cells)? })
    }
}

impl From<&Row> for wire::Row {
    fn from(row: &Row) -> Self {
        Self { key: row.key.to_string(), cells: row.cells.iter().map(Into::into).collect() }
    }
}

impl From<wire::ViewStatus> for ViewStatus {
    fn from(status: wire::ViewStatus) -> Self {
        Self {
            quality: value::quality(status.quality),
            sampled_at: optional_time(status.sampled_at_ms),
            interval: long(status.interval_ms),
            next_at: optional_time(status.next_at_ms),
            cause: optional_text(&status.cause),
            backfilling: status.backfilling,
        }
    }
}

impl From<&ViewStatus> for wire::ViewStatus {
    fn from(status: &ViewStatus) -> Self {
        Self {
            quality: wire::Quality::from(status.quality).into(),
            sampled_at_ms: millis(status.sampled_at),
            interval_ms: short(status.interval),
            next_at_ms: millis(status.next_at),
            cause: status.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
            backfilling: status.backfilling,
        }
    }
}

impl TryFrom<wire::ViewDelta> for ViewDelta {
    type Error = ConvertError;

    fn try_from(delta: wire::ViewDelta) -> Result<Self, ConvertError> {
        Ok(Self {
            status: delta.status.map(Into::into),
            fields: each("fields", delta.fields)?,
            removed_fields: delta.removed_fields,
            tracks: each("tracks", delta.tracks)?,
            removed_tracks: delta.removed_tracks,
            track_order: delta.track_order_changed.then_some(delta.track_order),
            window_start: delta.window_start_ms.map(Timestamp::from_millis),
            rows: each("rows", delta.rows)?.into_iter().map(Arc::new).collect(),
            removed_rows: delta.removed_rows.into_iter().map(Into::into).collect(),
            row_order: delta
                .row_order_changed
                .then(|| delta.row_order.into_iter().map(Into::into).collect()),
            rows_total: delta.rows_total,
        })
    }
}

fn keys(keys: &[Arc<str>]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}

impl From<&ViewDelta> for wire::ViewDelta {
    fn from(delta: &ViewDelta) -> Self {
        let field = |field: &Field| wire::Field {
            name: field.name.clone(),
            value: Some((&field.value).into()),
        };
        Self {
            status: delta.status.as_ref().map(Into::into),
            fields: delta.fields.iter().map(field).collect(),
            removed_fields: delta.removed_fields.clone(),
            tracks: delta.tracks.iter().map(Into::into).collect(),
            removed_tracks: delta.removed_tracks.clone(),
            track_order: delta.track_order.clone().unwrap_or_default(),
            track_order_changed: delta.track_order.is_some(),
            window_start_ms: delta.window_start.map(Timestamp::as_millis),
            rows: delta.rows.iter().map(|row| row.as_ref().into()).collect(),
            removed_rows: keys(&delta.removed_rows),
            row_order: delta.row_order.as_deref().map(keys).unwrap_or_default(),
            row_order_changed: delta.row_order.is_some(),
            rows_total: delta.rows_total,
        }
    }
}
