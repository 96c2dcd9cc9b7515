//! The past of series, for as long as someone computes with it.
//!
//! A track is a window of every series that a wish means, no more than [`SERIES_MAX`] of them. The
//! window up to the present is asked of history once and grows with what is read from then on. A
//! window that ended earlier is asked of history again and again. The engine puts the questions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Bucket, Interval, Labels, Name, Reading, SeriesKey, Timestamp};

use super::event::TrackId;
use super::grid::Grid;
use crate::history::History;
use crate::query::series::POINTS_MAX;
use crate::query::window::{Bin, Window};

/// The most series of one track.
pub(super) const SERIES_MAX: usize = 64;

/// The most windows of all tracks together; with [`POINTS_MAX`] steps each they take some 65 MB, and
/// those of the shortest intervals that ended earlier a little more.
pub(super) const WINDOWS_MAX: usize = 2_048;

/// How often a window that ended earlier is asked for, unless its steps are longer.
const REFRESH: Interval = Interval::from_secs(60);

/// What someone computes with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    /// The source.
    pub source: Name,
    /// The metric.
    pub metric: Arc<str>,
    /// Labels that the series must have.
    pub labels: Labels,
    /// How far back the window looks from its end.
    pub window: Interval,
    /// How long ago the window ended; no time for one that ends at present.
    pub shift: Interval,
    /// The series is a counter.
    pub counter: bool,
    /// The source's interval.
    pub interval: Interval,
}

impl Wish {
    /// The series that it means.
    pub(super) fn selector(&self) -> SeriesSelector {
        SeriesSelector {
            source: Some(self.source.clone()),
            metric: Some(Arc::clone(&self.metric)),
            labels: self.labels.clone(),
        }
    }
}

/// Where the samples of a group go, for as long as its keys are the same allocation.
#[derive(Debug)]
struct Slots {
    keys: Arc<[SeriesKey]>,
    /// Positions of a sample and of a window.
    slots: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Track {
    wish: Wish,
    selector: SeriesSelector,
    grid: Grid,
    windows: Vec<(SeriesKey, Window)>,
    slots: Option<Slots>,
    /// The newest reading.
    read_at: Option<Timestamp>,
    /// The number of the question that is not answered yet.
    asked: Option<u64>,
    /// When to ask; none when there is nothing more to ask.
    ask_at: Option<Timestamp>,
    /// History has answered once.
    whole: bool,
    /// More series are meant than there is room for.
    crowded: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Past {
    tracks: BTreeMap<TrackId, Track>,
    /// The tracks that grow with the readings of a source.
    growing: HashMap<Name, BTreeSet<TrackId>>,
    next: u64,
    request: u64,
    /// Windows of all tracks.
    windows: usize,
}

/// A question to history.
#[derive(Debug)]
pub(super) struct Question {
    pub track: TrackId,
    pub request: u64,
    pub keys: Vec<SeriesKey>,
    pub range: Range,
}

impl Past {
    /// Begins a track. Its past is asked for with the next [`Self::questions`].
    pub(super) fn want(&mut self, wish: Wish) -> TrackId {
        self.next += 1;
        let id = TrackId(self.next);
        if wish.shift.is_zero() {
            self.growing.entry(wish.source.clone()).or_default().insert(id);
        }
        let grid = Grid::new(wish.window, POINTS_MAX, wish.interval);
        let track = Track {
            selector: wish.selector(),
            grid,
            windows: Vec::new(),
            slots: None,
            read_at: None,
            asked: None,
            ask_at: Some(Timestamp::EPOCH),
            whole: false,
            crowded: false,
            wish,
        };
        self.tracks.insert(id, track);
        id
    }

    /// Ends a track.
    pub(super) fn forget(&mut self, id: TrackId) {
        let Some(track) = self.tracks.remove(&id) else { return };
        self.windows -= track.windows.len();
        if let Some(growing) = self.growing.get_mut(&track.wish.source) {
            growing.remove(&id);
            if growing.is_empty() {
                self.growing.remove(&track.wish.source);
            }
        }
    }

    /// The windows of a track's series.
    pub(super) fn windows(&self, id: TrackId) -> impl Iterator<Item = &Window> + Clone {
        let track = self.tracks.get(&id);
        track.into_iter().flat_map(|track| track.windows.iter().map(|(_, window)| window))
    }

    /// The newest value of a track's series without labels that is not after `at`.
    pub(super) fn newest(&self, id: TrackId, at: Timestamp) -> Option<f64> {
        let windows = &self.tracks.get(&id)?.windows;
        let (_, window) = windows.iter().find(|(key, _)| key.labels.is_empty())?;
        window.bins().rev().find(|bin| bin.last_at <= at).map(|bin| bin.last)
    }

    /// Whether history has answered, so that what is missing is really not there.
    pub(super) fn is_whole(&self, id: TrackId) -> bool {
        self.tracks.get(&id).is_some_and(|track| track.whole)
    }

    /// Whether more series are meant than there is room for, so that the windows are not all.
    pub(super) fn is_crowded(&self, id: TrackId) -> bool {
        self.tracks.get(&id).is_some_and(|track| track.crowded)
    }

    /// How many tracks there are.
    #[cfg(test)]
    pub(super) fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// Takes a reading's samples in.
    pub(super) fn read(&mut self, reading: &Reading) {
        let Some(growing) = self.growing.get(&reading.source) else { return };
        if reading.samples.keys.is_empty() {
            return;
        }
        for id in growing {
            if let Some(track) = self.tracks.get_mut(id) {
                track.read(reading, &mut self.windows);
            }
        }
    }

    /// What history must be asked now.
    pub(super) fn questions(&mut self, history: &History, now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        for (id, track) in &mut self.tracks {
            if track.asked.is_some() || track.ask_at.is_none_or(|at| now < at) {
                continue;
            }
            self.request += 1;
            track.asked = Some(self.request);
            let step = track.grid.step;
            let refresh = REFRESH.max(step);
            let earlier = !track.wish.shift.is_zero();
            track.ask_at = earlier.then(|| now + refresh);
            let end = now - track.wish.shift;
            let start = (end - track.wish.window).floor(step);
            // The end moves on until it is asked again.
            let end = if earlier { (end + refresh).min(now) } else { end };
            let mut keys = history.select(&track.selector);
            track.crowded = keys.len() > SERIES_MAX;
            keys.truncate(SERIES_MAX);
            let range = Range { start, end: end.floor(step) + step, step };
            questions.push(Question { track: *id, request: self.request, keys, range });
        }
        questions
    }

    /// Takes an answer of history over; false when nobody waits for it.
    pub(super) fn answer(
        &mut self,
        id: TrackId,
        request: u64,
        series: &[(SeriesKey, Vec<Bucket>)],
    ) -> bool {
        let Some(track) = self.tracks.get_mut(&id) else { return false };
        if track.asked.take_if(|asked| *asked == request).is_none() {
            return false;
        }
        track.whole = true;
        if !track.wish.shift.is_zero() {
            self.windows -= track.windows.len();
            track.windows.clear();
        }
        let (step, counter) = (track.grid.step, track.wish.counter);
        for (key, buckets) in series {
            let bins = buckets.iter().filter_map(|bucket| Bin::of_bucket(bucket, step, counter));
            let mut bins = bins.peekable();
            if bins.peek().is_none() {
                continue;
            }
            if let Some(at) = track.window_of(key, &mut self.windows)
                && let Some((_, window)) = track.windows.get_mut(at)
            {
                window.fill(bins);
            }
        }
        track.slots = None;
        true
    }
}

impl Track {
    /// Samples that are not newer than the last ones are ignored, as in history, unless the clock
    /// was set back far; the window sees to that.
    fn read(&mut self, reading: &Reading, windows: &mut usize) {
        if self.read_at == Some(reading.at) {
            return;
        }
        self.read_at = Some(reading.at);
        if !self.slots.as_ref().is_some_and(|s| Arc::ptr_eq(&s.keys, &reading.samples.keys)) {
            let keys = Arc::clone(&reading.samples.keys);
            let meant = |(at, key): (usize, &SeriesKey)| {
                if !self.selector.matches(key) {
                    return None;
                }
                Some((at, self.window_of(key, windows)?))
            };
            let slots = keys.iter().enumerate().filter_map(meant).collect();
            self.slots = Some(Slots { keys, slots });
        }
        for (sample, window) in self.slots.iter().flat_map(|slots| &slots.slots) {
            if let (Some(value), Some((_, window))) =
                (reading.samples.values.get(*sample), self.windows.get_mut(*window))
            {
                window.push(reading.at, *value);
            }
        }
    }

    /// The position of a series' window, which begins when there is none.
    fn window_of(&mut self, key: &SeriesKey, windows: &mut usize) -> Option<usize> {
        if let Some(at) = self.windows.iter().position(|(own, _)| own == key) {
            return Some(at);
        }
        if self.windows.len() >= SERIES_MAX || *windows >= WINDOWS_MAX {
            self.crowded = true;
            return None;
        }
        *windows += 1;
        // The newest step is seldom whole, and one that ended earlier moves on until it is asked
        // for again.
        let ahead = if self.wish.shift.is_zero() { Interval::ZERO } else { REFRESH };
        let ahead = 1 + ahead.as_millis().div_ceil(self.grid.step.as_millis().max(1));
        let points = usize::try_from(self.grid.points + ahead).unwrap_or(usize::MAX);
        let window = Window::new(self.grid.step, points);
        self.windows.push((key.clone(), window));
        Some(self.windows.len() - 1)
    }
}

#[cfg(test)]
mod tests;
