//! Putting what history holds under what has arrived live since it was asked.

use super::{Bucket, Line, Lines, Seam, SeriesKey, Sum, TRACKS_MAX, Timestamp, Track};

/// One track on the whole window.
struct Canvas {
    line: Line,
    label: ccm_proto::SafeText,
    values: Vec<f64>,
}

impl Lines {
    /// Takes over the answer of history. Whole buckets come from either side; the bucket in which
    /// history was asked gets the samples of both, each once. False when nobody waits for this
    /// answer.
    pub(in crate::engine) fn backfill(
        &mut self,
        request: u64,
        series: &[(SeriesKey, Vec<Bucket>)],
        tracks: &mut Vec<Track>,
    ) -> bool {
        let Some(seam) = self.seam.take_if(|seam| seam.request == request) else { return false };
        let newest = self.newest.unwrap_or(seam.bucket);
        let window_start = self.plan.grid.window_start(newest);
        let mut canvases = self.live(window_start, tracks);
        for (key, buckets) in series {
            self.paint(key, buckets, seam, window_start, &mut canvases);
        }
        canvases.retain(|canvas| canvas.values.iter().any(|value| !value.is_nan()));
        self.newest = canvases.iter().map(|canvas| canvas.line.bucket).chain(self.newest).max();
        self.frame(canvases, window_start, tracks);
        true
    }

    /// What arrived live, on the whole window.
    fn live(&mut self, window_start: Timestamp, tracks: &mut Vec<Track>) -> Vec<Canvas> {
        let grid = self.plan.grid;
        let offset = grid.index(window_start, self.start).unwrap_or_default();
        let size = usize::try_from(grid.points).unwrap_or_default();
        let both = self.drawn.drain(..).zip(tracks.drain(..));
        let canvas = |(line, track): (Line, Track)| {
            let mut values = vec![f64::NAN; size];
            for (slot, value) in values.iter_mut().skip(offset).zip(track.values) {
                *slot = value;
            }
            Canvas { line, label: track.label, values }
        };
        both.map(canvas).collect()
    }

    fn paint(
        &self,
        key: &SeriesKey,
        buckets: &[Bucket],
        seam: Seam,
        window_start: Timestamp,
        canvases: &mut Vec<Canvas>,
    ) {
        let grid = self.plan.grid;
        let Some(index) = self.plan.selection_of(key) else { return };
        let Some(selection) = self.plan.selections.get(index) else { return };
        let at = canvases.iter().position(|canvas| canvas.line.key == *key).unwrap_or_else(|| {
            let id = selection.track_id(key);
            let size = usize::try_from(grid.points).unwrap_or_default();
            let line = Line::new(index, key.clone(), id, window_start);
            let label = selection.track_label(key);
            canvases.push(Canvas { line, label, values: vec![f64::NAN; size] });
            canvases.len() - 1
        });
        let Some(canvas) = canvases.get_mut(at) else { return };
        for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
            let start = bucket.start.floor(grid.step);
            let Some(slot) =
                grid.index(window_start, start).and_then(|index| canvas.values.get_mut(index))
            else {
                continue;
            };
            let mut sum =
                Sum { sum: bucket.mean * bucket.count as f64, count: bucket.count as f64 };
            let mut mean = bucket.mean;
            if start == seam.bucket && canvas.line.after_seam.count > 0.0 {
                sum.sum += canvas.line.after_seam.sum;
                sum.count += canvas.line.after_seam.count;
                mean = sum.mean();
            }
            *slot = mean;
            if start >= canvas.line.bucket {
                canvas.line.bucket = start;
                canvas.line.tail = sum;
            }
        }
    }

    /// Cuts what no track has a value for off the beginning.
    fn frame(
        &mut self,
        mut canvases: Vec<Canvas>,
        window_start: Timestamp,
        tracks: &mut Vec<Track>,
    ) {
        canvases.sort_by(|a, b| {
            let order = a.line.selection.cmp(&b.line.selection);
            order.then_with(|| super::natural(&a.line.id, &b.line.id))
        });
        canvases.truncate(TRACKS_MAX);
        let first = |canvas: &Canvas| canvas.values.iter().position(|value| !value.is_nan());
        let skip = canvases.iter().filter_map(first).min().unwrap_or_default();
        let step = self.plan.grid.step;
        self.start = window_start + step.times(skip as u64);
        for canvas in canvases {
            let last = canvas.values.iter().rposition(|value| !value.is_nan()).unwrap_or_default();
            let values = canvas.values.get(skip..=last).unwrap_or_default().to_vec();
            let (id, label) = (canvas.line.id.clone(), canvas.label);
            tracks.push(Track { id, label, start: self.start, step, values });
            self.drawn.push(canvas.line);
        }
        self.drop_slots();
    }
}
