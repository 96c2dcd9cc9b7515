//! Any sequence of what can happen, against a model that keeps everything.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// So many readings of one set of series, one interval apart.
    Read {
        set: usize,
        count: usize,
        interval: i64,
    },
    /// A reading that is not newer than the last.
    Late,
    Maintain,
    Wait(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let interval = prop::sample::select(vec![250_i64, 1_000, 1_000, 7_000, 10_000, 60_000]);
    prop_oneof![
        6 => (0_usize..3, 1_usize..80, interval)
            .prop_map(|(set, count, interval)| Step::Read { set, count, interval }),
        1 => (0_usize..3, 600_usize..800, Just(1_000))
            .prop_map(|(set, count, interval)| Step::Read { set, count, interval }),
        1 => Just(Step::Late),
        4 => Just(Step::Maintain),
        2 => prop::sample::select(vec![90_000_i64, 1_900_000, 8_000_000, 90_000_000])
            .prop_map(Step::Wait),
        2 => Just(Step::Restart),
    ]
}

/// A value for each moment and series: level, two decimals, whole, or now and then missing.
fn value(time: i64, index: usize) -> f64 {
    let noise = (time / 250 * 7_919 + index as i64 * 104_729).rem_euclid(10_007);
    match index % 4 {
        0 => 42.5,
        1 => noise as f64 / 100.0,
        2 if noise % 3 == 0 => f64::NAN,
        _ => (noise * 4_096) as f64,
    }
}

fn check(kept: &Kept, naive: &Naive) {
    let all: Vec<SeriesKey> = naive.series.keys().cloned().collect();
    assert_eq!(kept.opened.history.select(&SeriesSelector::default()), all);
    let mut some: Vec<SeriesKey> = all.iter().step_by(9).take(3).cloned().collect();
    some.push(key("host", "disks.unknown", 0));
    for (step, steps) in [
        (1_000, 900),
        (13_000, 300),
        (60_000, 200),
        (90_000, 100),
        (3_600_000, 60),
        (7_200_000, 40),
    ] {
        for end in [naive.newest + 1, naive.newest - 500_000] {
            let range = range(end - step * steps, end, step);
            for (key, found) in some.iter().zip(kept.query(&some, range)) {
                assert_same(&found, &naive.query(key, range), &format!("{key} {range:?}"));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn queries_answer_as_if_everything_were_kept(steps in prop::collection::vec(step(), 1..10)) {
        // One set is a part of another, one goes over a stripe.
        let sets = [keys(3), keys(40), (20..24).map(|i| key("host", "disks.busy", i)).collect()];
        let mut kept = Kept::new(FOREVER);
        let mut naive = Naive::default();
        let mut now = 1_700_000_000_000;
        for step in steps {
            match step {
                Step::Read { set, count, interval } => for _ in 0..count {
                    now += interval;
                    let values: Vec<f64> = (0..sets[set].len()).map(|i| value(now, i)).collect();
                    naive.append(now, &sets[set], &values);
                    kept.append(now, &sets[set], values);
                },
                Step::Late if naive.newest == 0 => {}
                Step::Late => kept.append(naive.newest, &sets[0], vec![1.0; 3]),
                Step::Maintain => kept.maintain(now),
                Step::Wait(millis) => {
                    now += millis;
                    kept.maintain(now);
                }
                Step::Restart => kept.restart(),
            }
        }
        check(&kept, &naive);
        kept.maintain(now);
        kept.restart();
        check(&kept, &naive);
    }
}
