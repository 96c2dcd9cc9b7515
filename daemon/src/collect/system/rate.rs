//! From counters to rates.

/// How much a counter rose; none when it was reset. A 32-bit counter that went past its end is
/// followed, as those of some network drivers and of 32-bit kernels do.
pub(super) fn rise(before: u64, now: u64) -> Option<u64> {
    const SPAN: u64 = 1 << 32;
    if now >= before {
        return Some(now - before);
    }
    let wrapped = before < SPAN && before > SPAN / 4 * 3 && now < SPAN / 4;
    wrapped.then(|| SPAN - before + now)
}

/// The rate of a counter over `seconds`; none without a former value.
pub(super) fn per_second(before: Option<u64>, now: u64, seconds: f64) -> Option<f64> {
    let rise = rise(before?, now)?;
    (seconds > 0.0).then(|| rise as f64 / seconds)
}

/// To a tenth: finer than anyone reads, and coarse enough to compress.
pub(super) fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// `part` of `whole` in percent, to a tenth; none of nothing.
pub(super) fn percent(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| tenths((part / whole * 100.0).clamp(0.0, 100.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_rise_wrap_and_are_reset() {
        let end = u64::from(u32::MAX);
        let table = [
            (10, 25, Some(15)),
            (end - 4, 5, Some(10)),
            (1_000_000, 5, None),
            (end * 1_000, 5, None),
            (u64::MAX, u64::MAX, Some(0)),
        ];
        for (before, now, expected) in table {
            assert_eq!(rise(before, now), expected, "{before} -> {now}");
        }
    }

    #[test]
    fn there_is_no_rate_over_no_time_and_no_share_of_nothing() {
        assert_eq!(per_second(Some(1), 5, 0.0), None);
        assert_eq!(per_second(None, 5, 1.0), None);
        assert_eq!(percent(1.0, 0.0), None);
        assert_eq!(percent(7.0, 5.0), Some(100.0));
    }
}
