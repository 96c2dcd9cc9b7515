//! Samples a second that one core takes through the engine's step.

#![expect(clippy::expect_used, reason = "a benchmark may end at once when its own input is wrong")]

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_daemon::engine::Engine;
use ccm_daemon::engine::event::{Configuration, Event, FeedId, FeedKey, Output, Publication};
use ccm_daemon::history::{History, Retention};
use ccm_proto::model::{
    Interval, Labels, Name, Reading, Samples, SeriesKey, SourceSpec, Timestamp, Value, WidgetSpec,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const HOST_SERIES: usize = 150;
const LARGE_SERIES: usize = 10_000;
const PROCESSES: usize = 300;

/// One widget a type; each is opened four times with different windows.
const WIDGETS: [&str; 5] = [
    r#"
type = "stat"
[stat]
window = "5m"
primary = { value = "m.0", label = "m" }
secondary = [{ value = "m.1", label = "1" }, { value = "m.2", label = "2" }]
"#,
    r#"
type = "gauge"
[gauge]
value = "m.3"
breakdown = "parts"
"#,
    r#"
type = "chart"
[chart]
window = "5m"
series = [{ metric = "cores", label = "{n}" }]
"#,
    r#"
type = "bars"
[bars]
rows = { path = "parts", label = "name", value = "score" }
"#,
    r#"
type = "table"
[table]
rows = "processes"
key = "pid"
sort = "cpu"
limit = 100
columns = [{ field = "pid", label = "p" }, { field = "cpu", label = "c" },
           { field = "memory", label = "m" }, { field = "command", label = "c" }]
"#,
];

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn configuration() -> Arc<Configuration> {
    let widget = |(index, toml): (usize, &&str)| {
        let toml = format!("title = 't'\nsource = 'host'\n{toml}");
        let spec: WidgetSpec = toml::from_str(&toml).expect("a widget");
        (name(&format!("w{index}")), Arc::new(spec))
    };
    let source: SourceSpec = toml::from_str("type = 'system'").expect("a source");
    Arc::new(Configuration {
        widgets: WIDGETS.iter().enumerate().map(widget).collect(),
        sources: BTreeMap::from([(name("host"), Arc::new(source))]),
        ..Configuration::default()
    })
}

fn keys(count: usize) -> Arc<[SeriesKey]> {
    let key = |index: usize| {
        let (metric, labels) = match index {
            0..16 => ("cores".to_owned(), Labels::new([("n", index.to_string())])),
            16..36 => (format!("m.{}", index - 16), Labels::none()),
            _ => ("other".to_owned(), Labels::new([("n", index.to_string())])),
        };
        SeriesKey { source: name("host"), metric: metric.into(), labels }
    };
    (0..count).map(key).collect()
}

/// A tree as large as a host's, whose numbers move with every tick.
fn tree(tick: i64) -> Value {
    let number = |salt: usize| Value::Number((tick as f64 + salt as f64).sin().mul_add(50.0, 50.0));
    let numbers = (0..20).map(|index| (index.to_string(), number(index)));
    let part = |index: usize| {
        let name = format!("part {index}");
        Value::map([("name", Value::from(name)), ("score", number(index))])
    };
    let process = |index: usize| {
        Value::map([
            ("pid", Value::Integer(index as i64)),
            ("cpu", if index.is_multiple_of(10) { number(index) } else { Value::Number(0.0) }),
            ("memory", Value::Integer(index as i64 * 4_096)),
            ("command", Value::from(format!("/usr/lib/program --instance {index}"))),
        ])
    };
    Value::map([
        ("m", Value::map(numbers)),
        ("parts", Value::List((0..8).map(part).collect())),
        ("processes", Value::List((0..PROCESSES).map(process).collect())),
    ])
}

struct Feeder {
    engine: Engine,
    keys: Arc<[SeriesKey]>,
    tick: i64,
    out: Vec<Output>,
    /// As a hub does, the newest view of each feed is held.
    held: BTreeMap<FeedId, Publication>,
    trees: Vec<Value>,
}

impl Feeder {
    fn new(series: usize, feeds: u64, trees: Vec<Value>) -> Self {
        let mut engine = Engine::new(History::new(Retention::default()));
        let mut out = Vec::new();
        let now = Timestamp::from_millis(0);
        engine.step(Event::Configured(configuration()), now, &mut out);
        for id in 0..feeds {
            let widget = name(&format!("w{}", id % 5));
            let window = Interval::from_secs(300 + 60 * (id / 5));
            let key = FeedKey { widget, window, max_points: 600 };
            engine.step(Event::Opened(FeedId(id), key), now, &mut out);
        }
        let held = BTreeMap::new();
        Self { engine, keys: keys(series), tick: 0, out, held, trees }
    }

    fn reading(&mut self) -> Reading {
        self.tick += 1;
        let tick = self.tick;
        let values = (0..self.keys.len()).map(|index| ((tick + index as i64) % 1_000) as f64 / 7.0);
        let tree = self.trees.get(tick as usize % self.trees.len().max(1));
        Reading {
            source: name("host"),
            at: Timestamp::from_millis(tick * 1_000),
            value: tree.cloned().unwrap_or_default(),
            samples: Samples { keys: Arc::clone(&self.keys), values: values.collect() },
        }
    }

    fn step(&mut self, reading: Reading) {
        let now = reading.at;
        self.engine.step(Event::Read(reading), now, &mut self.out);
        for output in self.out.drain(..) {
            if let Output::Publish(publication) = output {
                self.held.insert(publication.feed, publication);
            }
        }
    }
}

fn benchmark(criterion: &mut Criterion) {
    let cases = [
        ("host of 150 series with 20 feeds", HOST_SERIES, 20, (0..16).map(tree).collect()),
        ("150 series without feeds", HOST_SERIES, 0, Vec::new()),
        ("10000 series without feeds", LARGE_SERIES, 0, Vec::new()),
    ];
    let mut group = criterion.benchmark_group("engine step");
    for (label, series, feeds, trees) in cases {
        let mut feeder = Feeder::new(series, feeds, trees);
        for _ in 0..700 {
            let reading = feeder.reading();
            feeder.step(reading);
        }
        group.throughput(Throughput::Elements(series as u64));
        let shared = std::cell::RefCell::new(feeder);
        group.bench_function(label, |bencher| {
            bencher.iter_batched(
                || shared.borrow_mut().reading(),
                |reading| shared.borrow_mut().step(reading),
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
