//! View data: what one widget shows, and the changes of it.
//!
//! A [`View`] has three planes: named fields, tracks over time, and keyed rows. The projection of
//! each widget type fills the planes it needs; a [`ViewDelta`] carries only what changed in them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::SafeText;

use super::{Interval, Quality, Timestamp};

/// One scalar that is ready to be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// There is no such thing here; never the same as zero.
    #[default]
    Absent,
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(SafeText),
    /// True or false.
    Boolean(bool),
}

impl Cell {
    /// The cell as a number; booleans are 0 and 1.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Integer(integer) => Some(*integer as f64),
            Self::Boolean(boolean) => Some(f64::from(u8::from(*boolean))),
            Self::Text(_) | Self::Absent => None,
        }
    }

    /// The cell's text.
    pub fn as_text(&self) -> Option<&SafeText> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&super::Value> for Cell {
    /// Lists and maps have no place in a cell and count as absent.
    fn from(value: &super::Value) -> Self {
        use super::Value;
        match value {
            Value::Number(number) if !number.is_nan() => Self::Number(*number),
            Value::Integer(integer) => Self::Integer(*integer),
            Value::Boolean(boolean) => Self::Boolean(*boolean),
            Value::Text(text) => Self::Text(SafeText::new(text)),
            Value::Absent | Value::Number(_) | Value::List(_) | Value::Map(_) => Self::Absent,
        }
    }
}

/// A named value beside rows and tracks.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name within the view.
    pub name: String,
    /// The value.
    pub value: Cell,
}

/// One line over time on a regular grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Identity within the view.
    pub id: String,
    /// What to call it.
    pub label: SafeText,
    /// The time of the first value, a multiple of `step`.
    pub start: Timestamp,
    /// From one value to the next; never zero.
    pub step: Interval,
    /// The values; not-a-number is a gap.
    pub values: Vec<f64>,
}

impl Track {
    /// The time just after the last value's step.
    pub fn end(&self) -> Timestamp {
        self.start + self.step.times(self.values.len() as u64)
    }

    /// The newest value that is not a gap.
    pub fn last(&self) -> Option<f64> {
        self.values.iter().rev().copied().find(|value| !value.is_nan())
    }

    /// Writes `other`'s values over this track's at the same times and extends it, with gaps
    /// between where the two do not touch. A different step starts the track anew, and so does a
    /// hole of more than [`TRACK_MAX`] steps.
    fn merge(&mut self, other: Self) {
        let offset = self.steps_to(other.start).filter(|_| self.step == other.step);
        let Some(index) = offset.filter(|index| *index <= TRACK_MAX) else {
            *self = other;
            self.values.truncate(TRACK_MAX);
            return;
        };
        self.label = other.label;
        let end = index.saturating_add(other.values.len()).min(TRACK_MAX);
        if self.values.len() < end {
            self.values.resize(end, f64::NAN);
        }
        for (slot, value) in self.values.iter_mut().skip(index).zip(other.values) {
            *slot = value;
        }
    }

    /// How many whole steps `at` is after the track's start; none when it is before it or between
    /// two steps.
    fn steps_to(&self, at: Timestamp) -> Option<usize> {
        let offset = u64::try_from(at.as_millis().checked_sub(self.start.as_millis())?).ok()?;
        let step = self.step.as_millis().max(1);
        if offset % step == 0 { usize::try_from(offset / step).ok() } else { None }
    }

    /// How many values are before `start`, rounded down to whole steps.
    fn steps_before(&self, start: Timestamp) -> usize {
        let early = start.since(self.start).as_millis() / self.step.as_millis().max(1);
        usize::try_from(early).unwrap_or(usize::MAX).min(self.values.len())
    }

    /// Forgets values before `start`.
    fn trim(&mut self, start: Timestamp) {
        let drop = self.steps_before(start);
        if drop > 0 {
            self.values.drain(..drop);
            self.start = self.start + self.step.times(drop as u64);
        }
    }
}

/// The most values a track may hold; a hostile daemon cannot make a client hold more.
pub const TRACK_MAX: usize = 16_384;

/// One keyed row; its cells stand in the order of the widget's columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Identity within the view.
    pub key: Arc<str>,
    /// The cells.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A row that views and their changes can share.
    pub fn shared(key: impl Into<Arc<str>>, cells: Vec<Cell>) -> Arc<Self> {
        Arc::new(Self { key: key.into(), cells })
    }
}

/// How a view came to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewStatus {
    /// How far the values can be trusted.
    pub quality: Quality,
    /// When the newest good reading was taken.
    pub sampled_at: Option<Timestamp>,
    /// How often the source is read; zero when it is not periodic.
    pub interval: Interval,
    /// When the source is tried next.
    pub next_at: Option<Timestamp>,
    /// Why the newest attempt failed, or why the value is absent.
    pub cause: Option<SafeText>,
    /// The past of the tracks is still being read: what is there is the newest part of it.
    pub backfilling: bool,
}

/// Everything one widget shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// How it came to be.
    pub status: ViewStatus,
    /// Named values.
    pub fields: BTreeMap<String, Cell>,
    /// Lines over time, in order.
    pub tracks: Vec<Track>,
    /// Keyed rows, in order.
    pub rows: Vec<Arc<Row>>,
    /// Rows there are in all, when `rows` is only a window of them.
    pub rows_total: u32,
}

/// A change of a [`View`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewDelta {
    /// The new status, when it moved.
    pub status: Option<ViewStatus>,
    /// Fields that are new or changed.
    pub fields: Vec<Field>,
    /// Fields that are gone.
    pub removed_fields: Vec<String>,
    /// Values that are new or changed, by track.
    pub tracks: Vec<Track>,
    /// Tracks that are gone, or begin anew with what `tracks` says; applied first.
    pub removed_tracks: Vec<String>,
    /// The ids of all tracks in order, when the order changed.
    pub track_order: Option<Vec<String>>,
    /// Values before this have left the window.
    pub window_start: Option<Timestamp>,
    /// Rows that are new or changed.
    pub rows: Vec<Arc<Row>>,
    /// Rows that are gone.
    pub removed_rows: Vec<Arc<str>>,
    /// The keys of all rows in order, when the order changed.
    pub row_order: Option<Vec<Arc<str>>>,
    /// Rows there are in all, when it changed.
    pub rows_total: Option<u32>,
}

impl View {
    /// A field's value; absent when there is none.
    pub fn field(&self, name: &str) -> &Cell {
        self.fields.get(name).unwrap_or(&Cell::Absent)
    }

    /// The whole view as a delta onto nothing.
    pub fn to_delta(&self) -> ViewDelta {
        Self::default().delta_to(self)
    }

    /// What turns this view into `next`. `self.apply(&self.delta_to(&next))` equals `next`, where
    /// gaps count as equal.
    pub fn delta_to(&self, next: &Self) -> ViewDelta {
        let mut delta = self.planes_delta_to(next);
        self.track_delta(next, &mut delta);
        delta
    }

    /// As [`View::delta_to`], with the tracks left out: for who knows how these changed.
    pub fn planes_delta_to(&self, next: &Self) -> ViewDelta {
        let mut delta = ViewDelta {
            status: (self.status != next.status).then(|| next.status.clone()),
            rows_total: (self.rows_total != next.rows_total).then_some(next.rows_total),
            ..ViewDelta::default()
        };
        self.field_delta(next, &mut delta);
        self.row_delta(next, &mut delta);
        delta
    }

    fn field_delta(&self, next: &Self, delta: &mut ViewDelta) {
        for (name, value) in &next.fields {
            if self.fields.get(name) != Some(value) {
                delta.fields.push(Field { name: name.clone(), value: value.clone() });
            }
        }
        let gone = self.fields.keys().filter(|name| !next.fields.contains_key(*name));
        delta.removed_fields.extend(gone.cloned());
    }

    fn track_delta(&self, next: &Self, delta: &mut ViewDelta) {
        let starts = next.tracks.iter().map(|track| track.start).min();
        let before = self.tracks.iter().map(|track| track.start).min();
        if before.is_some() && starts > before {
            delta.window_start = starts;
        }
        let old: HashMap<&str, &Track> = self.tracks.iter().map(|t| (t.id.as_str(), t)).collect();
        for track in &next.tracks {
            let known = old.get(track.id.as_str());
            match known.map(|known| track_change(known, track, delta.window_start)) {
                Some(TrackChange::None) => {}
                Some(TrackChange::Tail(tail)) => delta.tracks.push(tail),
                Some(TrackChange::Anew) => {
                    delta.removed_tracks.push(track.id.clone());
                    delta.tracks.push(track.clone());
                }
                None => delta.tracks.push(track.clone()),
            }
        }
        let same_order = self.tracks.len() == next.tracks.len()
            && self.tracks.iter().zip(&next.tracks).all(|(a, b)| a.id == b.id);
        if !same_order || !delta.removed_tracks.is_empty() {
            delta.track_order = Some(next.tracks.iter().map(|track| track.id.clone()).collect());
        }
        let kept: HashSet<&str> = next.tracks.iter().map(|t| t.id.as_str()).collect();
        let gone = self.tracks.iter().filter(|track| !kept.contains(track.id.as_str()));
        delta.removed_tracks.extend(gone.map(|track| track.id.clone()));
    }

    fn row_delta(&self, next: &Self, delta: &mut ViewDelta) {
        let same_order = self.rows.len() == next.rows.len()
            && self.rows.iter().zip(&next.rows).all(|(a, b)| a.key == b.key);
        if same_order {
            let both = self.rows.iter().zip(&next.rows);
            delta.rows.extend(both.filter(|(a, b)| a != b).map(|(_, row)| Arc::clone(row)));
            return;
        }
        let old: HashMap<&str, &Arc<Row>> = self.rows.iter().map(|row| (&*row.key, row)).collect();
        let changed = next.rows.iter().filter(|row| old.get(&*row.key) != Some(row));
        delta.rows.extend(changed.cloned());
        let kept: HashSet<&str> = next.rows.iter().map(|row| &*row.key).collect();
        let gone = self.rows.iter().filter(|row| !kept.contains(&*row.key));
        delta.removed_rows.extend(gone.map(|row| Arc::clone(&row.key)));
        delta.row_order = Some(next.rows.iter().map(|row| Arc::clone(&row.key)).collect());
    }

    /// Takes a change over. Any delta can be applied to any view: what does not fit is dropped.
    pub fn apply(&mut self, delta: ViewDelta) {
        if let Some(status) = delta.status {
            self.status = status;
        }
        if let Some(total) = delta.rows_total {
            self.rows_total = total;
        }
        for field in delta.fields {
            self.fields.insert(field.name, field.value);
        }
        for name in delta.removed_fields {
            self.fields.remove(&name);
        }
        self.apply_tracks(
            delta.tracks,
            &delta.removed_tracks,
            delta.window_start,
            delta.track_order.as_deref(),
        );
        self.apply_rows(delta.rows, &delta.removed_rows, delta.row_order.as_deref());
    }

    /// The window moves before values are taken over, so that a full track has room for them.
    fn apply_tracks(
        &mut self,
        changed: Vec<Track>,
        removed: &[String],
        window_start: Option<Timestamp>,
        order: Option<&[String]>,
    ) {
        if !removed.is_empty() {
            let gone: HashSet<&String> = removed.iter().collect();
            self.tracks.retain(|track| !gone.contains(&track.id));
        }
        if let Some(start) = window_start {
            self.tracks.iter_mut().for_each(|track| track.trim(start));
        }
        let mut cursor = 0;
        for mut track in changed {
            if track.step.is_zero() {
                continue;
            }
            if let Some(at) = find_from(&self.tracks, cursor, &track.id) {
                if let Some(known) = self.tracks.get_mut(at) {
                    known.merge(track);
                }
                cursor = at + 1;
            } else {
                track.values.truncate(TRACK_MAX);
                self.tracks.push(track);
            }
        }
        if let Some(order) = order {
            let rank = ranks(order);
            self.tracks
                .sort_by_key(|track| rank.get(track.id.as_str()).copied().unwrap_or(usize::MAX));
        }
    }

    fn apply_rows(
        &mut self,
        changed: Vec<Arc<Row>>,
        removed: &[Arc<str>],
        order: Option<&[Arc<str>]>,
    ) {
        if changed.is_empty() && removed.is_empty() && order.is_none() {
            return;
        }
        let index: HashMap<Arc<str>, usize> = (self.rows.iter().enumerate())
            .map(|(index, row)| (Arc::clone(&row.key), index))
            .collect();
        for row in changed {
            match index.get(&row.key) {
                Some(&at) if at < self.rows.len() => self.rows[at] = row,
                _ => self.rows.push(row),
            }
        }
        if !removed.is_empty() {
            let gone: HashSet<&Arc<str>> = removed.iter().collect();
            self.rows.retain(|row| !gone.contains(&row.key));
        }
        if let Some(order) = order {
            let rank = ranks(order);
            self.rows.sort_by_key(|row| rank.get(&*row.key).copied().unwrap_or(usize::MAX));
        }
    }
}

impl ViewDelta {
    /// Whether nothing but, at most, the status moved.
    pub fn is_status_only(&self) -> bool {
        self.fields.is_empty()
            && self.removed_fields.is_empty()
            && self.tracks.is_empty()
            && self.removed_tracks.is_empty()
            && self.track_order.is_none()
            && self.window_start.is_none()
            && self.rows.is_empty()
            && self.removed_rows.is_empty()
            && self.row_order.is_none()
            && self.rows_total.is_none()
    }

    /// Whether nothing moved at all.
    pub fn is_empty(&self) -> bool {
        self.status.is_none() && self.is_status_only()
    }
}

fn ranks<K: AsRef<str>>(order: &[K]) -> HashMap<&str, usize> {
    order.iter().enumerate().map(|(rank, key)| (key.as_ref(), rank)).collect()
}

/// Where the track of this id stands. Deltas name tracks in order, so the search goes on where the
/// one before ended.
fn find_from(tracks: &[Track], cursor: usize, id: &str) -> Option<usize> {
    let (before, after) = tracks.split_at_checked(cursor)?;
    let later = after.iter().position(|track| track.id == id).map(|at| at + cursor);
    later.or_else(|| before.iter().position(|track| track.id == id))
}

enum TrackChange {
    None,
    /// From the first differing value on.
    Tail(Track),
    /// Nothing of the old track can be kept.
    Anew,
}

/// What turns `known`, once it lost what is before the window, into `next`.
fn track_change(known: &Track, next: &Track, window_start: Option<Timestamp>) -> TrackChange {
    let dropped = window_start.map_or(0, |start| known.steps_before(start));
    let start = known.start + known.step.times(dropped as u64);
    let old = known.values.get(dropped..).unwrap_or_default();
    if known.step != next.step || start != next.start || old.len() > next.values.len() {
        return TrackChange::Anew;
    }
    let same = |a: &f64, b: &f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    let equal = old.iter().zip(&next.values).take_while(|(a, b)| same(a, b)).count();
    if equal == next.values.len() && known.label == next.label {
        return TrackChange::None;
    }
    TrackChange::Tail(Track {
        id: next.id.clone(),
        label: next.label.clone(),
        start: next.start + next.step.times(equal as u64),
        step: next.step,
        values: next.values.get(equal..).unwrap_or_default().to_vec(),
    })
}

#[cfg(test)]
mod tests;
