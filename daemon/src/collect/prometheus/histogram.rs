//! Rates of counters, and quantiles of what a histogram counted.

/// How far a counter rose. One that fell began anew, so all it holds has been added since.
pub(super) fn rise(before: f64, now: f64) -> f64 {
    if now < before { now } else { now - before }
}

/// The quantile `q` of what cumulative buckets counted: upper bounds in ascending order with the
/// count up to each, the last bound being infinite. Within a bucket values are taken to lie evenly.
/// Not-a-number when nothing was counted or the last bucket is missing.
pub(super) fn quantile(q: f64, buckets: &[(f64, f64)]) -> f64 {
    let Some((&(last, total), finite)) = buckets.split_last() else { return f64::NAN };
    if last != f64::INFINITY || finite.is_empty() || total.is_nan() || total <= 0.0 {
        return f64::NAN;
    }
    let rank = q * total;
    let (mut lower, mut below) = (None, 0.0_f64);
    for &(upper, count) in finite {
        // What was added up from several series may lack a little here and there.
        let count = if count.is_nan() { below } else { count.max(below) };
        if count >= rank && count > below {
            let Some(start) = lower.or((upper > 0.0).then_some(0.0)) else { return upper };
            return start + (upper - start) * ((rank - below) / (count - below)).max(0.0);
        }
        (lower, below) = (Some(upper), count);
    }
    lower.unwrap_or(f64::NAN)
}

/// What a quantile is called: `p50`, `p95`, `p999`, `p100`.
pub(super) fn quantile_name(q: f64) -> String {
    if q >= 1.0 {
        return "p100".to_owned();
    }
    let digits = q.to_string();
    let fraction = digits.split_once('.').map_or("0", |(_, fraction)| fraction);
    format!("p{fraction:0<2}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_lies_evenly_within_its_bucket() {
        let buckets = [(0.1, 50.0), (0.5, 90.0), (1.0, 99.0), (INF, 100.0)];
        let table = [(0.0, 0.0), (0.25, 0.05), (0.5, 0.1), (0.7, 0.3), (0.9, 0.5), (0.99, 1.0)];
        for (q, expected) in table {
            assert!((quantile(q, &buckets) - expected).abs() < 1e-9, "{q}");
        }
        assert_eq!(
            Some(quantile(0.999, &buckets)),
            Some(1.0),
            "beyond the last bound nothing is known"
        );
    }

    #[test]
    fn what_was_not_counted_has_no_quantile() {
        let table: [&[(f64, f64)]; 6] = [
            &[],
            &[(INF, 5.0)],
            &[(1.0, 0.0), (INF, 0.0)],
            &[(1.0, 5.0)],
            &[(1.0, 5.0), (2.0, 5.0)],
            &[(1.0, 5.0), (INF, f64::NAN)],
        ];
        for buckets in table {
            assert!(quantile(0.5, buckets).is_nan(), "{buckets:?}");
        }
    }

    #[test]
    fn negative_bounds_and_gaps_are_borne() {
        assert_eq!(Some(quantile(0.1, &[(-1.0, 5.0), (1.0, 10.0), (INF, 10.0)])), Some(-1.0));
        assert_eq!(Some(quantile(1.0, &[(-1.0, 0.0), (1.0, 10.0), (INF, 10.0)])), Some(1.0));
        assert_eq!(
            Some(quantile(0.5, &[(1.0, 4.0), (2.0, f64::NAN), (4.0, 8.0), (INF, 8.0)])),
            Some(1.0)
        );
        assert_eq!(
            Some(quantile(1.0, &[(1.0, 4.0), (2.0, 3.0), (4.0, 8.0), (INF, 8.0)])),
            Some(4.0)
        );
    }

    #[test]
    fn a_counter_that_fell_began_anew() {
        assert_eq!(Some(rise(10.0, 15.0)), Some(5.0));
        assert_eq!(Some(rise(10.0, 4.0)), Some(4.0));
        assert!(rise(f64::NAN, 4.0).is_nan());
    }

    #[test]
    fn quantiles_are_called_as_people_call_them() {
        let table = [
            (0.0, "p00"),
            (0.05, "p05"),
            (0.5, "p50"),
            (0.95, "p95"),
            (0.999, "p999"),
            (1.0, "p100"),
        ];
        for (q, name) in table {
            assert_eq!(quantile_name(q), name);
        }
    }

    proptest! {
        #[test]
        fn quantiles_rise_with_q_and_stay_within_the_bounds(
            counts in prop::collection::vec(0_u32..100, 2..10),
            a in 0.0..=1.0_f64,
            b in 0.0..=1.0_f64,
        ) {
            let mut sum = 0.0;
            let mut buckets: Vec<(f64, f64)> = counts.iter().enumerate().map(|(index, count)| {
                sum += f64::from(*count);
                (index as f64 + 1.0, sum)
            }).collect();
            buckets.push((INF, sum));
            let (low, high) = (quantile(a.min(b), &buckets), quantile(a.max(b), &buckets));
            prop_assert_eq!(low.is_nan(), sum == 0.0);
            if !low.is_nan() {
                prop_assert!(low <= high && low >= 0.0 && high <= counts.len() as f64);
            }
        }
    }
}
