//! What one reading of this machine costs: without any processes, repeating their table, and
//! walking them; and what one of the daemon itself costs.

#![expect(clippy::expect_used, reason = "a bench may end where it fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::{Collector, Environment, Moment, Read, collectors};
use ccm_proto::model::{Name, SourceSpec, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};

fn collector(document: &str) -> Box<dyn Read> {
    let spec: SourceSpec = toml::from_str(document).expect("the bench's own document");
    match collectors(Environment::alone(Clock::system()))(&name(), &Arc::new(spec).into()) {
        Collector::Read(make) => make(),
        _ => unreachable!("the system and the daemon are read by threads"),
    }
}

fn name() -> Name {
    Name::new("host").expect("a name")
}

/// This machine, but its procfs has no processes in sight.
#[cfg(target_os = "linux")]
fn without_processes(proc: &std::path::Path) -> Box<dyn Read> {
    use ccm_daemon::collect::system::{self, Roots};
    let files = [
        "stat",
        "loadavg",
        "meminfo",
        "vmstat",
        "diskstats",
        "net",
        "uptime",
        "pressure",
        "sys",
        "self",
    ];
    for file in files {
        let target = std::path::Path::new("/proc").join(file);
        std::os::unix::fs::symlink(target, proc.join(file)).expect("a link");
    }
    let roots = Roots { proc: proc.to_owned(), ..Roots::default() };
    system::reader_at(name(), ccm_proto::model::source::SystemConfig::default(), &roots)
}

fn measure(criterion: &mut Criterion, name: &str, mut collector: Box<dyn Read>) {
    let mut elapsed = Duration::ZERO;
    collector.prime(elapsed);
    criterion.bench_function(name, |bench| {
        bench.iter(|| {
            elapsed += Duration::from_secs(1);
            let moment = Moment { at: Timestamp::EPOCH, elapsed };
            black_box(collector.read(moment).expect("a reading"))
        });
    });
}

fn readings(criterion: &mut Criterion) {
    #[cfg(target_os = "linux")]
    {
        let proc = tempfile::tempdir().expect("a directory");
        measure(criterion, "host without processes", without_processes(proc.path()));
    }
    let cases = [
        ("host repeating processes", "type = \"system\"\n[system]\nprocesses_interval = \"52w\""),
        ("host walking processes", "type = \"system\"\n[system]\nprocesses_interval = \"1s\""),
        ("daemon", "type = \"daemon\""),
    ];
    for (name, document) in cases {
        measure(criterion, name, collector(document));
    }
}

criterion_group!(benches, readings);
criterion_main!(benches);
