use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Absent),
        any::<i8>().prop_map(|number| Cell::Integer(number.into())),
        (-3.0..3.0).prop_map(Cell::Number),
        "[a-c]{0,2}".prop_map(|text| Cell::Text(SafeText::new(&text))),
        any::<bool>().prop_map(Cell::Boolean),
    ]
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), (0..3_i8).prop_map(f64::from)]
}

fn status() -> impl Strategy<Value = ViewStatus> {
    let quality = prop_oneof![Just(Quality::Live), Just(Quality::Error)];
    (quality, proptest::option::of(0..4_i64)).prop_map(|(quality, at)| ViewStatus {
        quality,
        sampled_at: at.map(Timestamp::from_millis),
        ..ViewStatus::default()
    })
}

fn track(id: &'static str) -> impl Strategy<Value = Track> {
    let values = proptest::collection::vec(value(), 0..8);
    (0..2_u8, 0..6_i64, 1..3_u64, values).prop_map(move |(label, start, step, values)| Track {
        id: id.to_owned(),
        label: SafeText::from(label.to_string()),
        start: Timestamp::from_millis(start * 2),
        step: Interval::from_millis(step * 2),
        values,
    })
}

/// Every id at most once, in any order.
fn tracks() -> impl Strategy<Value = Vec<Track>> {
    let all = (track("a"), track("b"), track("c"), track("d"));
    let all = all.prop_map(|(a, b, c, d)| vec![a, b, c, d]).prop_shuffle();
    (all, 0..5_usize).prop_map(|(mut all, keep)| {
        all.truncate(keep);
        all
    })
}

fn rows() -> impl Strategy<Value = Vec<Arc<Row>>> {
    let keys = proptest::sample::subsequence(vec!["k", "l", "m", "n", "o"], 0..5).prop_shuffle();
    let cells = proptest::collection::vec(proptest::collection::vec(cell(), 0..2), 5);
    (keys, cells).prop_map(|(keys, cells)| {
        let rows = keys.into_iter().zip(cells);
        rows.map(|(key, cells)| Row::shared(key, cells)).collect()
    })
}

fn view() -> impl Strategy<Value = View> {
    let fields = proptest::collection::btree_map("[v-z]", cell(), 0..4);
    (status(), fields, tracks(), rows(), 0..3_u32).prop_map(
        |(status, fields, tracks, rows, rows_total)| View {
            status,
            fields,
            tracks,
            rows,
            rows_total,
        },
    )
}

/// A track as a hostile peer may send it.
fn wild_track() -> impl Strategy<Value = Track> {
    let start = prop_oneof![any::<i64>(), -3..40_000_i64];
    let step = prop_oneof![any::<u64>(), 0..3_u64];
    let length = prop_oneof![0..3_usize, TRACK_MAX - 1..TRACK_MAX + 3];
    ("[a-d]", start, step, length).prop_map(|(id, start, step, length)| Track {
        id,
        label: SafeText::default(),
        start: Timestamp::from_millis(start),
        step: Interval::from_millis(step),
        values: vec![1.0; length],
    })
}

prop_compose! {
    fn wild_delta()(
        tracks in proptest::collection::vec(wild_track(), 0..4),
        removed_tracks in proptest::collection::vec("[a-d]", 0..3),
        track_order in proptest::option::of(proptest::collection::vec("[a-d]", 0..5)),
        window_start in proptest::option::of(prop_oneof![any::<i64>(), 0..40_000_i64]),
        rows in proptest::collection::vec(
            ("[k-o]", proptest::collection::vec(cell(), 0..2)), 0..4),
        removed_rows in proptest::collection::vec("[k-o]", 0..3),
        row_order in proptest::option::of(proptest::collection::vec("[k-o]", 0..5)),
        fields in proptest::collection::vec(("[v-z]", cell()), 0..3),
        removed_fields in proptest::collection::vec("[v-z]", 0..3),
    ) -> ViewDelta {
        ViewDelta {
            status: None,
            fields: fields.into_iter().map(|(name, value)| Field { name, value }).collect(),
            removed_fields,
            tracks,
            removed_tracks,
            track_order,
            window_start: window_start.map(Timestamp::from_millis),
            rows: rows.into_iter().map(|(key, cells)| Row::shared(key, cells)).collect(),
            removed_rows: removed_rows.into_iter().map(Into::into).collect(),
            row_order: row_order.map(|keys| keys.into_iter().map(Into::into).collect()),
            rows_total: None,
        }
    }
}

/// Equality in which gaps are equal.
fn assert_same(left: &View, right: &View) {
    assert_eq!(left.status, right.status);
    assert_eq!(left.fields, right.fields);
    assert_eq!(left.rows, right.rows);
    assert_eq!(left.rows_total, right.rows_total);
    let plain = |view: &View| {
        let track = |track: &Track| {
            let values: Vec<Option<f64>> =
                track.values.iter().map(|v| (!v.is_nan()).then_some(*v)).collect();
            (track.id.clone(), track.label.clone(), track.start, track.step, values)
        };
        view.tracks.iter().map(track).collect::<Vec<_>>()
    };
    assert_eq!(plain(left), plain(right));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_delta_between_two_views_turns_one_into_the_other(a in view(), b in view()) {
        let mut applied = a.clone();
        applied.apply(a.delta_to(&b));
        assert_same(&applied, &b);
    }

    #[test]
    fn a_view_has_no_delta_to_itself(a in view()) {
        prop_assert!(a.delta_to(&a).is_empty());
    }

    #[test]
    fn a_whole_view_as_a_delta_builds_it_from_nothing(a in view()) {
        let mut applied = View::default();
        applied.apply(a.to_delta());
        assert_same(&applied, &a);
    }

    #[test]
    fn any_delta_can_be_applied_to_any_view(
        a in view(),
        deltas in proptest::collection::vec(wild_delta(), 1..4),
    ) {
        let mut applied = a;
        for delta in deltas {
            applied.apply(delta);
            for track in &applied.tracks {
                prop_assert!(track.values.len() <= TRACK_MAX);
                prop_assert!(!track.step.is_zero());
            }
        }
    }
}

#[test]
fn a_full_track_moves_on_with_its_window() {
    let second = Interval::from_secs(1);
    let full = |start: i64| View {
        tracks: vec![Track {
            id: "a".to_owned(),
            label: SafeText::default(),
            start: Timestamp::from_millis(start * 1_000),
            step: second,
            values: (0..TRACK_MAX as i64).map(|index| (start + index) as f64).collect(),
        }],
        ..View::default()
    };
    let delta = full(0).delta_to(&full(3));
    assert_eq!(delta.tracks[0].values.len(), 3, "only the new values travel");
    let mut applied = full(0);
    applied.apply(delta);
    assert_same(&applied, &full(3));
}

#[test]
fn a_track_that_lags_behind_the_window_is_sent_whole() {
    let track = |id: &str, start: i64| Track {
        id: id.to_owned(),
        label: SafeText::default(),
        start: Timestamp::from_millis(start),
        step: Interval::from_millis(1),
        values: vec![1.0, 2.0],
    };
    let a = View { tracks: vec![track("x", 0), track("y", 3)], ..View::default() };
    let b = View { tracks: vec![track("x", 5), track("y", 3)], ..View::default() };
    let mut applied = a.clone();
    applied.apply(a.delta_to(&b));
    assert_same(&applied, &b);
}

#[test]
fn a_change_of_status_alone_is_told_apart() {
    let status = ViewStatus { quality: Quality::Live, ..ViewStatus::default() };
    let live = View { status, ..View::default() };
    let delta = View::default().delta_to(&live);
    assert!(delta.is_status_only());
    assert!(!delta.is_empty());
}
