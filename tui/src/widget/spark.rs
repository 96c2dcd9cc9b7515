//! Sparklines: the shape of the recent past in one or two lines.

use ccm_proto::model::{Interval, Timestamp, Track};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::canvas::{Canvas, clamp};

/// The values of a track in buckets, oldest first; a bucket without a value is a gap. Buckets lie
/// at multiples of their width, so that a picture moves only when one of them is complete, and
/// hold the value farthest from zero, so that no peak is lost. Where buckets are narrower than the
/// track's steps, a value fills all of its step.
pub(super) fn buckets(track: &Track, end: Timestamp, window: Interval, count: usize) -> Vec<f64> {
    let mut buckets = vec![f64::NAN; count];
    let step = track.step.as_millis().clamp(1, i64::MAX as u64) as i64;
    let width = bucket_width(window, count);
    let last = end.as_millis().saturating_sub(1).div_euclid(width);
    let first = last.saturating_sub(count as i64).saturating_add(1);
    let reach = if width < step { step - 1 } else { 0 };
    let mut at = track.start.as_millis();
    for value in &track.values {
        let from = at.div_euclid(width).saturating_sub(first).max(0);
        let to = at.saturating_add(reach).div_euclid(width).saturating_sub(first);
        at = at.saturating_add(step);
        if value.is_nan() || to < 0 {
            continue;
        }
        let (from, to) = (from as usize, (to as usize).saturating_add(1).min(count));
        for slot in buckets.get_mut(from..to).unwrap_or_default() {
            if slot.is_nan() || value.abs() > slot.abs() {
                *slot = *value;
            }
        }
    }
    buckets
}

/// Milliseconds of a bucket.
fn bucket_width(window: Interval, count: usize) -> i64 {
    let share = window.as_millis().div_ceil(count.max(1) as u64);
    i64::try_from(share).unwrap_or(i64::MAX).max(1)
}

/// Draws a track's past into `area` as columns from the bottom up.
pub(super) fn draw(
    track: &Track,
    area: Rect,
    window: Interval,
    (min, max): (Option<f64>, Option<f64>),
    style: Style,
    canvas: &mut Canvas<'_>,
) {
    let count = usize::from(area.width);
    if count == 0 || area.height == 0 {
        return;
    }
    let values = buckets(track, track.end(), window, count);
    let seen = || values.iter().copied().filter(|value| value.is_finite());
    let high = max.unwrap_or_else(|| seen().fold(f64::NEG_INFINITY, f64::max));
    let low = min.unwrap_or_else(|| seen().fold(f64::INFINITY, f64::min).min(0.0));
    let span = if high > low { high - low } else { 1.0 };
    let levels = u32::from(area.height) * 8;
    for (column, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        let part = ((value - low) / span).clamp(0.0, 1.0);
        let level = (part * f64::from(levels)).round() as u32;
        let x = area.x + clamp(column);
        for row in 0..area.height {
            let filled = level.saturating_sub(u32::from(row) * 8).min(8) as u8;
            if filled > 0 || row == 0 {
                canvas.glyph(x, area.bottom() - 1 - row, canvas.glyphs.level(filled), style);
            }
        }
    }
}

/// How far back a widget's lines look.
pub(super) fn window(asked: Interval, configured: Option<Interval>, track: &Track) -> Interval {
    if !asked.is_zero() {
        return asked;
    }
    let held = track.step.times(track.values.len().max(1) as u64);
    configured.filter(|window| !window.is_zero()).unwrap_or(held)
}
