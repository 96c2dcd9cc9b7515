use std::collections::BTreeMap;

use ccm_proto::model::{Cell, Interval, Labels, Quality, Samples, Value, View};

use super::event::{Asker, Publication};
use super::*;
use crate::history::Retention;

mod derived;
mod feeds;
mod replay;
mod trend;

const STAT: &str = r#"
title = "Load"
source = "host"
type = "stat"
stat.primary = { value = "load.one", label = "load" }
stat.secondary = [{ value = "load.five", label = "5 min" }]
"#;

const CHART: &str = r#"
title = "CPU"
source = "host"
type = "chart"
chart.window = "10s"
chart.series = [
  { metric = "cpu.usage", label = "total" },
  { metric = "cpu.cores.usage", label = "core {core}" },
]
"#;

const SENSORS: &str = r#"
title = "Temperatures"
source = "host"
type = "bars"
bars.rows = { path = "temperatures", label = "sensor", value = "celsius" }
"#;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn widget(toml: &str) -> Arc<WidgetSpec> {
    let spec: WidgetSpec = toml::from_str(toml).unwrap();
    assert_eq!(spec.problems(), []);
    Arc::new(spec)
}

fn configuration(widgets: &[(&str, &str)], interval: &str) -> Arc<Configuration> {
    let host = toml::from_str(&format!("type = 'system'\ninterval = '{interval}'")).unwrap();
    let widgets = widgets.iter().map(|(id, toml)| (name(id), widget(toml)));
    Arc::new(Configuration {
        widgets: widgets.collect(),
        sources: BTreeMap::from([(name("host"), Arc::new(host))]),
        ..Configuration::default()
    })
}

fn default_configuration() -> Arc<Configuration> {
    configuration(&[("load", STAT), ("cpu", CHART), ("sensors", SENSORS)], "1s")
}

fn key(widget: &str) -> FeedKey {
    FeedKey { widget: name(widget), window: Interval::ZERO, max_points: 100 }
}

fn series(metric: &str, core: Option<u32>) -> SeriesKey {
    let labels = Labels::new(core.map(|core| ("core", core.to_string())));
    SeriesKey { source: name("host"), metric: metric.into(), labels }
}

/// A reading whose load and CPU usage are `number`.
fn reading(at: i64, number: f64) -> Reading {
    let load = Value::map([("one", Value::from(number)), ("five", Value::Absent)]);
    Reading {
        source: name("host"),
        at: second(at),
        value: Value::map([("load", load)]),
        samples: Samples { keys: Arc::from([series("cpu.usage", None)]), values: vec![number] },
    }
}

fn failure(at: i64, cause: &str) -> Event {
    let next_at = Some(second(at + 5));
    Event::Failed(Failure { source: name("host"), at: second(at), cause: cause.into(), next_at })
}

/// An engine, and what its feeds look like to who applies every delta.
struct Bench {
    engine: Engine,
    now: Timestamp,
    views: BTreeMap<FeedId, (u64, View)>,
}

impl Bench {
    fn new() -> Self {
        let engine = Engine::new(History::new(Retention::default()));
        Self { engine, now: second(0), views: BTreeMap::new() }
    }

    fn configured() -> Self {
        let mut bench = Self::new();
        bench.step(Event::Configured(default_configuration()));
        bench
    }

    /// Steps and applies; the outputs but for what history keeps.
    fn step(&mut self, event: Event) -> Vec<Output> {
        let mut out = Vec::new();
        if let Event::Closed(id) | Event::Opened(id, _) = &event {
            self.views.remove(id);
        }
        self.engine.step(event, self.now, &mut out);
        out.retain(|output| !matches!(output, Output::History(_)));
        for output in &out {
            if let Output::Publish(publication) = output {
                self.apply(publication);
            }
        }
        out
    }

    fn apply(&mut self, publication: &Publication) {
        let (version, view) = self.views.entry(publication.feed).or_default();
        assert_eq!(publication.version, *version + 1, "versions rise by one");
        *version = publication.version;
        view.apply((*publication.delta).clone());
        assert!(
            view.delta_to(&publication.view).is_empty(),
            "the deltas lead to {view:#?}, the view is {:#?}",
            publication.view
        );
    }

    fn at(&mut self, seconds: i64, event: Event) -> Vec<Output> {
        self.now = second(seconds);
        self.step(event)
    }

    fn open(&mut self, id: u64, widget: &str) -> Vec<Output> {
        self.step(Event::Opened(FeedId(id), key(widget)))
    }

    fn view(&self, id: u64) -> &View {
        &self.views[&FeedId(id)].1
    }

    fn quality(&self, id: u64) -> Quality {
        self.view(id).status.quality
    }

    fn cause(&self, id: u64) -> String {
        self.view(id).status.cause.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

#[test]
fn a_feed_begins_as_loading_and_shows_the_first_reading() {
    let mut bench = Bench::configured();
    assert_eq!(bench.open(1, "load").len(), 1);
    assert_eq!(bench.quality(1), Quality::Loading);
    bench.at(1, Event::Read(reading(1, 0.5)));
    assert_eq!(bench.quality(1), Quality::Live);
    assert_eq!(*bench.view(1).field("value"), Cell::Number(0.5));
    assert_eq!(*bench.view(1).field("secondary.0"), Cell::Absent);
    assert_eq!(bench.view(1).status.sampled_at, Some(second(1)));
    assert_eq!(bench.view(1).status.interval, Interval::from_secs(1));
}

#[test]
fn a_feed_that_opens_later_shows_the_newest_reading_at_once() {
    let mut bench = Bench::configured();
    bench.at(1, Event::Read(reading(1, 0.5)));
    bench.open(1, "load");
    assert_eq!(*bench.view(1).field("value"), Cell::Number(0.5));
    assert_eq!(bench.quality(1), Quality::Live);
}

#[test]
fn values_grow_stale_after_three_intervals_and_live_again() {
    let mut bench = Bench::configured();
    bench.at(1, Event::Read(reading(1, 0.5)));
    bench.open(1, "load");
    assert!(bench.at(4, Event::Tick).is_empty(), "three intervals are not too old");
    assert_eq!(bench.at(5, Event::Tick).len(), 1);
    assert_eq!(bench.quality(1), Quality::Stale);
    assert!(bench.at(6, Event::Tick).is_empty(), "nothing changed since");
    bench.at(7, Event::Read(reading(7, 0.5)));
    assert_eq!(bench.quality(1), Quality::Live);
}

#[test]
fn a_failure_keeps_the_last_good_value() {
    let mut bench = Bench::configured();
    bench.open(1, "load");
    bench.at(1, Event::Read(reading(1, 0.5)));
    bench.at(2, failure(2, "no answer"));
    assert_eq!(bench.quality(1), Quality::Error);
    assert_eq!(bench.cause(1), "no answer");
    assert_eq!(bench.view(1).status.next_at, Some(second(7)));
    assert_eq!(bench.view(1).status.sampled_at, Some(second(1)));
    assert_eq!(*bench.view(1).field("value"), Cell::Number(0.5));
    assert!(bench.at(3, failure(2, "no answer")).is_empty(), "the same failure is no news");
    bench.at(7, Event::Read(reading(7, 0.5)));
    assert_eq!(bench.quality(1), Quality::Live);
    assert_eq!(bench.view(1).status.next_at, None);
}

#[test]
fn what_the_machine_lacks_is_absent_with_a_cause() {
    let mut bench = Bench::configured();
    bench.open(1, "sensors");
    bench.open(2, "cpu");
    bench.step(Event::Backfilled {
        asker: Asker::Feed(FeedId(2)),
        request: bench.engine.request,
        series: vec![],
    });
    let mut bare = reading(1, 0.5);
    bare.samples = Samples::none();
    bench.at(1, Event::Read(bare));
    assert_eq!(bench.quality(1), Quality::Absent);
    assert_eq!(bench.cause(1), "this machine gives no temperatures");
    assert_eq!(bench.quality(2), Quality::Absent);
    assert_eq!(bench.cause(2), "this machine gives no cpu usage or cpu cores usage");
    bench.at(2, Event::Read(reading(2, 0.5)));
    assert_eq!(bench.quality(2), Quality::Live);
}

#[test]
fn a_view_says_so_until_its_past_is_there() {
    let mut bench = Bench::configured();
    bench.at(1, Event::Read(reading(1, 0.5)));
    bench.open(1, "cpu");
    assert_eq!(bench.quality(1), Quality::Live, "the newest value is shown at once");
    assert!(bench.view(1).status.backfilling);
    bench.at(2, Event::Read(reading(2, 0.5)));
    assert!(bench.view(1).status.backfilling);
    let answer =
        |request| Event::Backfilled { asker: Asker::Feed(FeedId(1)), request, series: vec![] };
    let request = bench.engine.request;
    bench.step(answer(request + 1));
    assert!(bench.view(1).status.backfilling, "that was the answer to another question");
    let out = bench.step(answer(request));
    assert_eq!(out.len(), 1, "that it is whole now is news, even with no past");
    assert!(!bench.view(1).status.backfilling);
}

#[test]
fn a_widget_may_come_go_and_change_while_its_feed_is_open() {
    let mut bench = Bench::new();
    bench.open(1, "load");
    assert_eq!(bench.cause(1), "there is no widget load; apply a document widget/load");
    bench.step(Event::Configured(default_configuration()));
    assert_eq!(bench.quality(1), Quality::Loading);
    bench.at(1, Event::Read(reading(1, 0.5)));

    let other = STAT.replace("load.one", "load.five").replace("\"5 min\"", "\"five\"");
    bench.step(Event::Configured(configuration(&[("load", &other)], "1s")));
    assert_eq!(bench.quality(1), Quality::Absent);
    assert_eq!(bench.cause(1), "this machine gives no load five");

    bench.step(Event::Configured(configuration(&[], "1s")));
    assert_eq!(bench.cause(1), "there is no widget load; apply a document widget/load");
    assert!(bench.view(1).fields.is_empty());

    bench.step(Event::Configured(default_configuration()));
    assert_eq!(*bench.view(1).field("value"), Cell::Number(0.5));
}

#[test]
fn a_source_may_vanish_and_be_switched_off() {
    let mut bench = Bench::configured();
    bench.open(1, "load");
    bench.at(1, Event::Read(reading(1, 0.5)));
    let mut without = Configuration::clone(&default_configuration());
    without.sources.clear();
    bench.step(Event::Configured(Arc::new(without)));
    assert_eq!(bench.cause(1), "there is no source host; apply a document source/host");
    assert!(bench.at(2, Event::Read(reading(2, 0.5))).is_empty(), "a late reading is dropped");

    let mut off = Configuration::clone(&default_configuration());
    for source in off.sources.values_mut() {
        Arc::make_mut(source).enabled = false;
    }
    let out = bench.step(Event::Configured(Arc::new(off)));
    assert!(out.iter().all(|output| !matches!(output, Output::Collect(_))), "none ran before");
    assert_eq!(bench.quality(1), Quality::Absent);
    assert!(bench.cause(1).contains("switched off"));
}

#[test]
fn sources_are_collected_anew_only_when_they_changed() {
    let mut bench = Bench::new();
    let collects = |out: &[Output]| out.iter().any(|output| matches!(output, Output::Collect(_)));
    assert!(collects(&bench.step(Event::Configured(default_configuration()))));
    assert!(!collects(&bench.step(Event::Configured(default_configuration()))));
    assert!(!collects(&bench.step(Event::Configured(configuration(&[], "1s")))));
    assert!(collects(&bench.step(Event::Configured(configuration(&[], "2s")))));
}

#[test]
fn nothing_is_published_when_nothing_changed() {
    let mut bench = Bench::configured();
    bench.open(1, "load");
    bench.open(2, "cpu");
    bench.at(1, Event::Read(reading(1, 0.5)));
    assert!(bench.step(Event::Tick).is_empty());
    assert!(bench.step(Event::Configured(default_configuration())).is_empty());
    let unknown = Event::Backfilled { asker: Asker::Feed(FeedId(2)), request: 999, series: vec![] };
    assert!(bench.step(unknown).is_empty());
}

#[test]
fn nothing_is_done_for_widgets_that_nobody_looks_at() {
    let mut bench = Bench::configured();
    assert!(bench.at(1, Event::Read(reading(1, 0.5))).is_empty());
    bench.open(1, "load");
    bench.step(Event::Closed(FeedId(1)));
    assert!(bench.at(2, Event::Read(reading(2, 0.5))).is_empty());
    assert!(bench.at(3, failure(3, "no answer")).is_empty());
    assert!(bench.engine.watchers.is_empty());
}

#[test]
fn a_reading_sends_one_point_and_not_the_window() {
    let mut bench = Bench::configured();
    bench.open(1, "cpu");
    for at in 1..=30 {
        let out = bench.at(at, Event::Read(reading(at, at as f64)));
        let [Output::Publish(publication)] = out.as_slice() else { panic!("{out:?}") };
        assert_eq!(publication.delta.tracks.len(), 1);
        assert_eq!(publication.delta.tracks[0].values, [at as f64]);
        assert!(publication.delta.track_order.is_none() || at == 1);
    }
    let track = &bench.view(1).tracks[0];
    assert_eq!(track.start, second(21));
    assert_eq!(track.values, (21..=30).map(f64::from).collect::<Vec<_>>());
    assert_eq!(track.id, "cpu.usage");
    assert_eq!(track.label.as_str(), "total");
}

#[test]
fn a_bucket_of_several_readings_is_their_mean() {
    let mut bench = Bench::configured();
    let key = FeedKey { max_points: 5, ..key("cpu") };
    bench.step(Event::Opened(FeedId(1), key));
    for (at, number) in [(10, 1.0), (11, 4.0), (12, 7.0)] {
        bench.at(at, Event::Read(reading(at, number)));
    }
    let track = &bench.view(1).tracks[0];
    assert_eq!((track.start, track.step), (second(10), Interval::from_secs(2)));
    assert_eq!(track.values, [2.5, 7.0]);
}

#[test]
fn a_reading_that_comes_twice_counts_once() {
    let mut bench = Bench::configured();
    let key = FeedKey { max_points: 5, ..key("cpu") };
    bench.step(Event::Opened(FeedId(1), key));
    for (at, number) in [(10, 1.0), (11, 4.0), (11, 4.0), (10, 1.0)] {
        bench.at(at, Event::Read(reading(at, number)));
    }
    assert_eq!(bench.view(1).tracks[0].values, [2.5]);
}

#[test]
fn a_clock_that_is_set_back_far_begins_the_tracks_anew() {
    let mut bench = Bench::configured();
    bench.open(1, "cpu");
    bench.at(1_000, Event::Read(reading(1_000, 1.0)));
    bench.at(998, Event::Read(reading(998, 2.0)));
    assert_eq!(bench.view(1).tracks[0].values, [1.0], "its bucket is closed");
    bench.at(100, Event::Read(reading(100, 3.0)));
    assert_eq!(bench.view(1).tracks[0].start, second(100));
    assert_eq!(bench.view(1).tracks[0].values, [3.0]);
}
