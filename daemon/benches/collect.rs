//! What one reading of this machine costs, with and without walking its processes.

#![expect(clippy::expect_used, reason = "a bench may end where it fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::collect::{Collector, Moment, SelfMetrics, collectors};
use ccm_proto::model::{Name, SourceSpec, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

fn collector(document: &str) -> Box<dyn Collector> {
    let spec: SourceSpec = toml::from_str(document).expect("the bench's own document");
    let name = Name::new("host").expect("a name");
    let mut collector = collectors(Arc::new(SelfMetrics::default()))(&name, &spec);
    collector.prime(Duration::ZERO);
    collector
}

fn readings(criterion: &mut Criterion) {
    let cases = [
        ("host without processes", "type = \"system\"\n[system]\nprocesses_interval = \"52w\""),
        ("host with processes", "type = \"system\"\n[system]\nprocesses_interval = \"1s\""),
        ("daemon", "type = \"daemon\""),
    ];
    for (name, document) in cases {
        let mut collector = collector(document);
        let mut elapsed = Duration::ZERO;
        criterion.bench_function(name, |bench| {
            bench.iter(|| {
                elapsed += Duration::from_secs(1);
                let moment = Moment { at: Timestamp::EPOCH, elapsed };
                black_box(collector.read(moment).expect("a reading"))
            });
        });
    }
}

criterion_group!(benches, readings);
criterion_main!(benches);
