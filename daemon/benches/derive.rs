//! What derived values cost: all of them anew, and after a change of one input.
//!
//! 50,000 numbers come from 100 sources. 10,000 values are computed from them by 100 queries, each
//! value from five numbers of one or two sources.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to say")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use ccm_daemon::engine::Engine;
use ccm_daemon::engine::event::{Configuration, Event, Output};
use ccm_daemon::history::{History, Retention};
use ccm_daemon::query::{Input, Query, State};
use ccm_proto::model::{Name, Reading, Samples, SourceSpec, Timestamp, Value};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const SOURCES: usize = 100;
const NUMBERS: usize = 500;
const VALUES: usize = 100;

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn source(index: usize) -> Name {
    name(&format!("s{index}"))
}

/// A reading whose numbers all moved since the last tick.
fn tree(source: usize, tick: usize) -> Value {
    let number = |at: usize| Value::Number((source * 31 + at * 7 + tick) as f64 / 3.0);
    let group = |group: usize| {
        let numbers = (0..10).map(|at| (format!("n{at}"), number(group * 10 + at)));
        (format!("g{group}"), Value::map(numbers))
    };
    Value::map((0..NUMBERS / 10).map(group))
}

fn place(source: char, at: usize) -> String {
    format!("{source}.g{}.n{}", at / 10 % 50, at % 10)
}

/// Values of two sources.
fn query(index: usize) -> SourceSpec {
    let value = |at: usize| {
        let of = |source: char, part: usize| place(source, at * 5 + part);
        format!(
            "v{at} = '({} + {}) / {} * 100 - max({}, {})'\n",
            of('a', 0),
            of('a', 1),
            of('a', 2),
            of('a', 3),
            of(if at.is_multiple_of(10) { 'b' } else { 'a' }, 4)
        )
    };
    let values: String = (0..VALUES).map(value).collect();
    let text = format!(
        "type = 'query'\n[query]\ninputs = {{ a = 's{index}', b = 's{}' }}\n[query.values]\n{values}",
        (index + 1) % SOURCES
    );
    toml::from_str(&text).expect("a query")
}

fn configuration() -> Arc<Configuration> {
    let given: SourceSpec = toml::from_str("type = 'push'").expect("a source");
    let given = Arc::new(given);
    let sources = (0..SOURCES).map(|index| (source(index), Arc::clone(&given)));
    let queries = (0..SOURCES).map(|index| (name(&format!("q{index}")), Arc::new(query(index))));
    Arc::new(Configuration {
        sources: sources.chain(queries).collect(),
        ..Configuration::default()
    })
}

struct Feeder {
    engine: Engine,
    tick: usize,
    out: Vec<Output>,
}

impl Feeder {
    fn new() -> Self {
        let engine = Engine::new(History::new(Retention::default()));
        let mut feeder = Self { engine, tick: 0, out: Vec::new() };
        feeder.step(Event::Configured(configuration()));
        for index in 0..SOURCES {
            let reading = feeder.reading(index);
            feeder.step(Event::Read(reading));
        }
        feeder
    }

    fn reading(&mut self, index: usize) -> Reading {
        self.tick += 1;
        let at = Timestamp::from_millis(self.tick as i64 * 10);
        let value = tree(index, self.tick);
        Reading { source: source(index), at, value, samples: Samples::none() }
    }

    fn step(&mut self, event: Event) {
        let now = Timestamp::from_millis(self.tick as i64 * 10);
        self.engine.step(event, now, &mut self.out);
        self.out.clear();
    }
}

/// All queries, without the engine around them.
struct Programs {
    queries: Vec<(Query, State)>,
    trees: [Vec<Value>; 2],
}

impl Programs {
    fn new() -> Self {
        let compile = |index: usize| {
            let config = query(index).query.expect("a query");
            let query = Query::compile(&config).expect("a right one");
            let state = query.begin();
            (query, state)
        };
        let trees = [0, 1].map(|tick| (0..SOURCES).map(|index| tree(index, tick)).collect());
        Self { queries: (0..SOURCES).map(compile).collect(), trees }
    }

    fn compute(&mut self, tick: usize) {
        let trees = &self.trees[tick % 2];
        for (index, (query, state)) in self.queries.iter_mut().enumerate() {
            let input = |at: usize| Input { value: trees.get(at % SOURCES), changed: true };
            query.compute(state, &[input(index), input(index + 1)], Vec::new());
            black_box(query.tree(state));
            black_box(query.numbers(state));
        }
    }
}

fn benchmark(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("derive");
    group.throughput(Throughput::Elements((SOURCES * VALUES) as u64));
    group.sample_size(20);
    let mut programs = Programs::new();
    let mut tick = 0;
    group.bench_function("10000 values over 50000 inputs, all anew", |bencher| {
        bencher.iter(|| {
            tick += 1;
            programs.compute(tick);
        });
    });
    drop(programs);
    let feeder = std::cell::RefCell::new(Feeder::new());
    group.bench_function("all 100 sources read, each in a step of the engine", |bencher| {
        bencher.iter_batched(
            || (0..SOURCES).map(|index| feeder.borrow_mut().reading(index)).collect::<Vec<_>>(),
            |readings| {
                for reading in readings {
                    feeder.borrow_mut().step(Event::Read(reading));
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("one source of 500 numbers read, of 100", |bencher| {
        bencher.iter_batched(
            || feeder.borrow_mut().reading(7),
            |reading| feeder.borrow_mut().step(Event::Read(reading)),
            BatchSize::LargeInput,
        );
    });
    let one = std::cell::Cell::new(0.0);
    let still = tree(7, 0);
    group.bench_function("one number of 50000 changed", |bencher| {
        bencher.iter_batched(
            || {
                let mut feeder = feeder.borrow_mut();
                let mut reading = feeder.reading(7);
                reading.value = still.clone();
                one.set(one.get() + 1.0);
                change(&mut reading.value, one.get());
                reading
            },
            |reading| feeder.borrow_mut().step(Event::Read(reading)),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn change(tree: &mut Value, to: f64) {
    let Value::Map(groups) = tree else { return };
    let Some(Value::Map(numbers)) = groups.get_mut("g0") else { return };
    let numbers: &mut BTreeMap<_, Value> = numbers;
    numbers.insert("n0".into(), Value::Number(to));
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
