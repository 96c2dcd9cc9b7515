//! Scripts of events, against a plain list of all samples.

use ccm_proto::SafeText;
use proptest::prelude::*;

use super::*;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Act {
    /// Seconds pass and the source answers, with the CPU's total and that of some cores.
    Read {
        pass: i64,
        total: Option<u8>,
        cores: Vec<Option<u8>>,
    },
    Fail,
    Tick {
        pass: i64,
    },
    Open {
        feed: u64,
        points: u32,
    },
    Close {
        feed: u64,
    },
    /// History answers what it was asked first.
    Answer,
    Reconfigure {
        window: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let number = || proptest::option::weighted(0.8, 0..5_u8);
    let pass = prop_oneof![8 => Just(1_i64), 1 => 2..30_i64];
    let read = (pass, number(), proptest::collection::vec(number(), 0..12));
    prop_oneof![
        10 => read.prop_map(|(pass, total, cores)| Act::Read { pass, total, cores }),
        1 => Just(Act::Fail),
        1 => (0..9_i64).prop_map(|pass| Act::Tick { pass }),
        2 => (1..4_u64, 3..12_u32).prop_map(|(feed, points)| Act::Open { feed, points }),
        1 => (1..4_u64).prop_map(|feed| Act::Close { feed }),
        3 => Just(Act::Answer),
        1 => (10..14_u64).prop_map(|window| Act::Reconfigure { window }),
    ]
}

type Answer = (Asker, u64, Vec<(SeriesKey, Vec<Bucket>)>);

struct Script {
    bench: Bench,
    clock: i64,
    samples: Vec<(Timestamp, SeriesKey, f64)>,
    keys: Arc<[SeriesKey]>,
    /// What history was asked, answered as of then, and not delivered yet.
    answers: Vec<Answer>,
}

impl Script {
    fn new() -> Self {
        let keys = Arc::from([]);
        let (samples, answers) = (Vec::new(), Vec::new());
        Self { bench: Bench::configured(), clock: 1_000, samples, keys, answers }
    }

    fn act(&mut self, act: Act) {
        let event = match act {
            Act::Read { pass, total, cores } => self.read(pass, total, &cores),
            Act::Fail => failure(self.clock, "no answer"),
            Act::Tick { pass } => {
                self.clock += pass;
                Event::Tick
            }
            Act::Open { feed, points } => {
                Event::Opened(FeedId(feed), FeedKey { max_points: points, ..key("cpu") })
            }
            Act::Close { feed } => Event::Closed(FeedId(feed)),
            Act::Answer if self.answers.is_empty() => return,
            Act::Answer => {
                let (asker, request, series) = self.answers.remove(0);
                Event::Backfilled { asker, request, series }
            }
            Act::Reconfigure { window } => {
                let chart = CHART.replace("10s", &format!("{window}s"));
                Event::Configured(configuration(&[("cpu", &chart)], "1s"))
            }
        };
        let out = self.bench.at(self.clock, event);
        for output in out {
            if let Output::Backfill { asker, request, range, plan: _ } = output {
                self.answers.push((asker, request, self.buckets(range)));
            }
        }
    }

    fn read(&mut self, pass: i64, total: Option<u8>, cores: &[Option<u8>]) -> Event {
        self.clock += pass;
        let cores = cores.iter().enumerate();
        let cores =
            cores.map(|(core, value)| (series("cpu.cores.usage", Some(core as u32)), *value));
        let all: Vec<_> =
            std::iter::once((series("cpu.usage", None), total)).chain(cores).collect();
        if !self.keys.iter().eq(all.iter().map(|(key, _)| key)) {
            self.keys = all.iter().map(|(key, _)| key.clone()).collect();
        }
        let at = second(self.clock);
        let given =
            all.iter().filter_map(|(key, value)| Some((at, key.clone(), f64::from((*value)?))));
        self.samples.extend(given);
        let values = all.iter().map(|(_, value)| value.map_or(f64::NAN, f64::from)).collect();
        let samples = Samples { keys: Arc::clone(&self.keys), values };
        Event::Read(Reading { samples, ..reading(self.clock, 1.0) })
    }

    fn buckets(&self, range: Range) -> Vec<(SeriesKey, Vec<Bucket>)> {
        let mut all: BTreeMap<SeriesKey, BTreeMap<Timestamp, Bucket>> = BTreeMap::new();
        for (at, key, value) in &self.samples {
            let start = at.floor(range.step);
            if start < range.start || start >= range.end {
                continue;
            }
            let empty = Bucket { start, ..Bucket::default() };
            let bucket = all.entry(key.clone()).or_default().entry(start).or_insert(empty);
            bucket.mean = (bucket.mean * bucket.count as f64 + value) / (bucket.count + 1) as f64;
            bucket.count += 1;
        }
        all.into_iter().map(|(key, buckets)| (key, buckets.into_values().collect())).collect()
    }

    fn answer_all(&mut self) {
        while !self.answers.is_empty() {
            self.act(Act::Answer);
        }
    }
}

/// Values by track and time, rounded to what sums in another order may differ by.
fn points(view: &View) -> BTreeMap<(String, SafeText, Timestamp), i64> {
    let mut points = BTreeMap::new();
    for track in &view.tracks {
        for (index, value) in track.values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            let at = track.start + track.step.times(index as u64);
            let value = (value * 1e6).round() as i64;
            points.insert((track.id.clone(), track.label.clone(), at), value);
        }
    }
    points
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// `Bench` checks after every step that the deltas of every feed lead to its newest view.
    #[test]
    fn the_deltas_of_a_feed_lead_to_its_newest_view(
        acts in proptest::collection::vec(act(), 0..60)
    ) {
        let mut script = Script::new();
        for act in acts {
            script.act(act);
            for (_, view) in script.bench.views.values() {
                let grids = view.tracks.iter().map(|track| (track.start, track.step));
                prop_assert!(grids.collect::<BTreeSet<_>>().len() <= 1);
                let ids = view.tracks.iter().map(|track| &track.id);
                prop_assert_eq!(
                    ids.collect::<BTreeSet<_>>().len(), view.tracks.len());
            }
        }
    }

    #[test]
    fn a_feed_that_opened_late_shows_what_one_open_from_the_beginning_shows(
        before in proptest::collection::vec(act(), 0..40),
        between in proptest::collection::vec(act(), 0..8),
        points_max in 3..12_u32,
    ) {
        let alike = |act: &Act| !matches!(act, Act::Reconfigure { .. });
        let mut script = Script::new();
        let key = FeedKey { max_points: points_max, ..key("cpu") };
        script.bench.step(Event::Opened(FeedId(10), key));
        for act in before.into_iter().filter(alike) {
            script.act(act);
        }
        script.act(Act::Open { feed: 11, points: points_max });
        for act in between.into_iter().filter(alike) {
            script.act(act);
        }
        script.answer_all();
        prop_assert_eq!(points(script.bench.view(10)), points(script.bench.view(11)));
    }
}
