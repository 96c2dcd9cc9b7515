//! The tracks of one feed as they grow.
//!
//! All tracks of a feed share the start and the step. [`Lines`] knows of each track which series
//! it shows and the bucket that is still filling; the values themselves live in the view alone, so
//! that a sample costs one value and not a window.

use std::sync::Arc;

use ccm_proto::model::series::Range;
use ccm_proto::model::{Bucket, Reading, SeriesKey, Timestamp, Track, ViewDelta};

use super::grid::Grid;
use crate::history::History;
use crate::project::{Selection, natural};

mod backfill;

/// The most tracks of one view: a machine with more cores than this is better shown otherwise.
const TRACKS_MAX: usize = 512;

/// Which tracks a feed has, and on which grid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LinePlan {
    /// The series; of several selections that mean one series the first counts.
    pub selections: Vec<Selection>,
    /// The grid.
    pub grid: Grid,
}

impl LinePlan {
    /// The first selection that means a series.
    pub(super) fn selection_of(&self, key: &SeriesKey) -> Option<usize> {
        self.selections.iter().position(|selection| selection.matches(key))
    }

    /// The series that history knows of, each once and no more than there can be tracks.
    pub(super) fn series(&self, history: &History) -> Vec<SeriesKey> {
        let mut keys: Vec<SeriesKey> = Vec::new();
        for (index, selection) in self.selections.iter().enumerate() {
            let known = history.select(&selection.selector).into_iter();
            keys.extend(known.filter(|key| self.selection_of(key) == Some(index)));
        }
        keys.truncate(TRACKS_MAX);
        keys
    }
}

/// Samples of one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    count: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1.0;
    }

    fn mean(self) -> f64 {
        self.sum / self.count
    }
}

/// One track; stands where its track stands in the view.
#[derive(Debug)]
struct Line {
    selection: usize,
    key: SeriesKey,
    id: String,
    /// The bucket of the newest value.
    bucket: Timestamp,
    /// What that bucket holds.
    tail: Sum,
    /// What came into the bucket of the seam since history was asked.
    after_seam: Sum,
}

/// Where what history was asked for ends and what arrives live begins.
#[derive(Clone, Copy, Debug)]
struct Seam {
    request: u64,
    bucket: Timestamp,
}

/// Where the samples of a group go, for as long as its keys are the same allocation.
#[derive(Debug)]
struct Slots {
    keys: Arc<[SeriesKey]>,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    sample: usize,
    selection: usize,
    /// None until there is a value.
    line: Option<usize>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lines {
    plan: LinePlan,
    /// The bucket of the first value of all tracks; meaningless without lines.
    start: Timestamp,
    /// The newest bucket.
    newest: Option<Timestamp>,
    /// The newest reading.
    read_at: Option<Timestamp>,
    drawn: Vec<Line>,
    slots: Option<Slots>,
    seam: Option<Seam>,
}

impl Lines {
    pub(super) fn new(plan: LinePlan) -> Self {
        let start = Timestamp::EPOCH;
        Self {
            plan,
            start,
            newest: None,
            read_at: None,
            drawn: Vec::new(),
            slots: None,
            seam: None,
        }
    }

    pub(super) fn plan(&self) -> &LinePlan {
        &self.plan
    }

    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.drawn.is_empty()
    }

    /// Whether history was asked and has not answered yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.seam.is_some()
    }

    /// Takes note that history is asked now, and says for what range.
    pub(super) fn ask(&mut self, request: u64, now: Timestamp) -> Range {
        let step = self.plan.grid.step;
        let bucket = self.newest.unwrap_or_else(|| now.floor(step));
        self.seam = Some(Seam { request, bucket });
        for line in &mut self.drawn {
            line.after_seam = Sum::default();
        }
        Range { start: self.plan.grid.window_start(bucket), end: bucket + step, step }
    }

    /// Takes a reading's samples over into the tracks and says in `delta` what changed.
    ///
    /// A reading without series changes nothing. Neither does one that is not newer than the last
    /// one, as in history; when it is
    /// from before the whole window, the clock was set back, and the tracks begin anew.
    pub(super) fn push(
        &mut self,
        reading: &Reading,
        tracks: &mut Vec<Track>,
        delta: &mut ViewDelta,
    ) {
        if reading.samples.keys.is_empty() {
            return;
        }
        let grid = self.plan.grid;
        let bucket = reading.at.floor(grid.step);
        let late = self.newest.filter(|newest| bucket < *newest);
        if late.is_some_and(|newest| bucket < grid.window_start(newest)) {
            self.drawn.clear();
            self.seam = None;
            self.drop_slots();
            delta.removed_tracks.extend(tracks.drain(..).map(|track| track.id));
        } else if late.is_some() || self.read_at.is_some_and(|last| reading.at <= last) {
            return;
        }
        self.read_at = Some(reading.at);
        self.advance(bucket, tracks, delta);
        self.resolve(&reading.samples.keys);
        let new = self.extend(bucket, &reading.samples.values, tracks, delta);
        for (slot, value) in new {
            self.begin(slot, bucket, value, &reading.samples.keys, tracks, delta);
        }
        if !delta.removed_tracks.is_empty() || self.slots.is_none() {
            delta.track_order = Some(tracks.iter().map(|track| track.id.clone()).collect());
        }
    }

    /// Moves the window so that `bucket` is its last step; tracks that left it whole are gone.
    fn advance(&mut self, bucket: Timestamp, tracks: &mut Vec<Track>, delta: &mut ViewDelta) {
        self.newest = Some(bucket);
        let window_start = self.plan.grid.window_start(bucket);
        if self.drawn.is_empty() || self.start >= window_start {
            return;
        }
        let dropped = window_start.since(self.start).as_millis() / self.plan.grid.step.as_millis();
        let dropped = usize::try_from(dropped).unwrap_or(usize::MAX);
        self.start = window_start;
        delta.window_start = Some(window_start);
        let mut left = false;
        for track in tracks.iter_mut() {
            track.values.drain(..dropped.min(track.values.len()));
            track.start = window_start;
            left |= track.values.is_empty();
        }
        if left {
            let gone = tracks.iter().filter(|track| track.values.is_empty());
            delta.removed_tracks.extend(gone.map(|track| track.id.clone()));
            let mut kept = tracks.iter().map(|track| !track.values.is_empty());
            self.drawn.retain(|_| kept.next().unwrap_or(false));
            tracks.retain(|track| !track.values.is_empty());
            self.drop_slots();
        }
    }

    fn drop_slots(&mut self) {
        self.slots = None;
    }

    /// Finds out where the samples of a group go, unless it is the group of last time.
    fn resolve(&mut self, keys: &Arc<[SeriesKey]>) {
        if self.slots.as_ref().is_some_and(|slots| Arc::ptr_eq(&slots.keys, keys)) {
            return;
        }
        let slot = |(sample, key)| {
            let selection = self.plan.selection_of(key)?;
            let line = self.drawn.iter().position(|line| line.key == *key);
            Some(Slot { sample, selection, line })
        };
        let slots = keys.iter().enumerate().filter_map(slot).collect();
        self.slots = Some(Slots { keys: Arc::clone(keys), slots });
    }

    /// Adds to the lines there are; returns the values that have no line yet.
    fn extend(
        &mut self,
        bucket: Timestamp,
        values: &[f64],
        tracks: &mut [Track],
        delta: &mut ViewDelta,
    ) -> Vec<(Slot, f64)> {
        let grid = self.plan.grid;
        let seam = self.seam.is_some_and(|seam| seam.bucket == bucket);
        let index = grid.index(self.start, bucket);
        let mut new = Vec::new();
        for slot in self.slots.iter().flat_map(|slots| &slots.slots) {
            let Some(value) = values.get(slot.sample).copied().filter(|value| value.is_finite())
            else {
                continue;
            };
            let Some(at) = slot.line else {
                new.push((*slot, value));
                continue;
            };
            let (Some(line), Some(track), Some(index)) =
                (self.drawn.get_mut(at), tracks.get_mut(at), index)
            else {
                continue;
            };
            line.add(bucket, value, seam);
            if track.values.len() <= index {
                track.values.resize(index + 1, f64::NAN);
            }
            if let Some(newest) = track.values.get_mut(index) {
                *newest = line.tail.mean();
            }
            delta.tracks.push(Track {
                id: track.id.clone(),
                label: track.label.clone(),
                start: bucket,
                step: grid.step,
                values: vec![line.tail.mean()],
            });
        }
        new
    }

    /// Begins the track of a series that had no value so far.
    fn begin(
        &mut self,
        slot: Slot,
        bucket: Timestamp,
        value: f64,
        keys: &[SeriesKey],
        tracks: &mut Vec<Track>,
        delta: &mut ViewDelta,
    ) {
        let (Some(key), Some(selection)) =
            (keys.get(slot.sample), self.plan.selections.get(slot.selection))
        else {
            return;
        };
        if self.drawn.len() >= TRACKS_MAX {
            return;
        }
        if self.drawn.is_empty() {
            self.start = bucket;
        }
        let Some(index) = self.plan.grid.index(self.start, bucket) else { return };
        let mut line = Line::new(slot.selection, key.clone(), selection.track_id(key), bucket);
        let seam = self.seam.is_some_and(|seam| seam.bucket == bucket);
        line.add(bucket, value, seam);
        let mut values = vec![f64::NAN; index];
        values.push(value);
        let label = selection.track_label(key);
        let step = self.plan.grid.step;
        let track = Track { id: line.id.clone(), label, start: self.start, step, values };
        delta.tracks.push(track.clone());
        let at = self.drawn.partition_point(|other| other.is_before(&line));
        self.drawn.insert(at, line);
        tracks.insert(at, track);
        self.drop_slots();
    }
}

impl Line {
    fn new(selection: usize, key: SeriesKey, id: String, bucket: Timestamp) -> Self {
        let (tail, after_seam) = (Sum::default(), Sum::default());
        Self { selection, key, id, bucket, tail, after_seam }
    }

    fn add(&mut self, bucket: Timestamp, value: f64, seam: bool) {
        if self.bucket != bucket {
            self.bucket = bucket;
            self.tail = Sum::default();
        }
        self.tail.add(value);
        if seam {
            self.after_seam.add(value);
        }
    }

    /// Tracks stand in the order of their selections, and within one in that of their ids.
    fn is_before(&self, other: &Self) -> bool {
        let order = self.selection.cmp(&other.selection);
        order.then_with(|| natural(&self.id, &other.id)).is_lt()
    }
}
