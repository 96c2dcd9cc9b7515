//! What the text of a target with 1,000 series costs: read for the first time, read again with
//! other values, in another order, with rates and quantiles, and only taken apart. Throughput is
//! in samples.

#![expect(clippy::expect_used, reason = "a bench may end where it fails")]

use std::hint::black_box;
use std::time::Duration;

use ccm_daemon::collect::prometheus::Scraper;
use ccm_daemon::collect::prometheus::exposition::{Format, Lines};
use ccm_proto::model::Name;
use ccm_proto::model::source::PrometheusConfig;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const SERIES: u64 = 1_000;

/// A target's answer: 100 families of 10 series, a tenth of them buckets.
fn answer(round: u64) -> Vec<String> {
    let mut lines = Vec::new();
    for family in 0..SERIES / 10 {
        let (name, kind) = match family % 10 {
            0 => (format!("demo_seconds_{family}_bucket"), "histogram"),
            1..=6 => (format!("demo_requests_{family}_total"), "counter"),
            _ => (format!("demo_level_{family}_bytes"), "gauge"),
        };
        lines.push(format!("# HELP {name} What the target tells about {family}.\n"));
        lines.push(format!("# TYPE {name} {kind}\n"));
        for series in 0..10 {
            let bound = if series == 9 { "+Inf".to_owned() } else { format!("0.{series}") };
            let value = round * (series + 1) * 17 + family;
            let value = if family % 3 == 0 { format!("{value}.25") } else { value.to_string() };
            lines.push(format!(
                "{name}{{instance=\"db1.example.net:9100\",device=\"disk{series}\",le=\"{bound}\"}} {value}\n"
            ));
        }
    }
    lines
}

fn text(round: u64) -> Vec<u8> {
    answer(round).concat().into_bytes()
}

fn scraper(more: &str) -> Scraper {
    let config: PrometheusConfig =
        toml::from_str(&format!("url = \"http://a\"\n{more}")).expect("the bench's own document");
    Scraper::new(Name::new("target").expect("a name"), config)
}

fn again(criterion: &mut Criterion, name: &str, more: &str, answers: &[Vec<u8>; 2]) {
    let mut scraper = scraper(more);
    let mut round = 0;
    let mut group = criterion.benchmark_group("prometheus");
    group.throughput(Throughput::Elements(SERIES));
    group.bench_function(name, |bench| {
        bench.iter(|| {
            round += 1;
            let body = &answers[round % 2];
            let elapsed = Duration::from_secs(round as u64);
            black_box(scraper.read(body, Format::Text, elapsed).expect("a reading"))
        });
    });
}

fn scrapes(criterion: &mut Criterion) {
    let mut reversed = answer(2);
    reversed.reverse();
    let body = text(1);
    let mut group = criterion.benchmark_group("prometheus");
    group.throughput(Throughput::Elements(SERIES));
    group.bench_function("lines only", |bench| {
        bench.iter(|| {
            let text = std::str::from_utf8(&body).expect("text");
            let mut lines = Lines::new(text, Format::Text);
            while let Some(line) = lines.read().expect("a line") {
                black_box(line);
            }
        });
    });
    group.bench_function("first scrape", |bench| {
        let read = |mut scraper: Scraper| {
            scraper.read(&body, Format::Text, Duration::ZERO).expect("a reading")
        };
        bench.iter_batched(|| scraper(""), read, BatchSize::SmallInput);
    });
    group.finish();
    again(criterion, "same series", "", &[text(1), text(2)]);
    again(criterion, "another order", "", &[text(1), reversed.concat().into_bytes()]);
    let named = "rates = [\"demo_requests_1_total\", \"demo_requests_2_total\"]\n\
                 quantiles = [{ metric = \"demo_seconds_0\", q = [0.5, 0.99], by = [] }]";
    again(criterion, "same series, rates and quantiles", named, &[text(1), text(2)]);
}

criterion_group!(benches, scrapes);
criterion_main!(benches);
