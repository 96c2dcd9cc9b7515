//! What readings of machines great and small hold.

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Reading, SourceSpec, Value};

use crate::machine::{BETWEEN, Machine, moment, reader};

fn number(reading: &Reading, path: &str) -> Option<f64> {
    reading.value.at(path).and_then(Value::as_number)
}

#[test]
fn a_full_machine_is_told_in_full() {
    let reading = Machine::full().reading();
    let told = [
        ("cpu.usage", 25.0),
        ("cpu.cores.3.usage", 25.0),
        ("load.per_core", 0.13),
        ("pressure.io.full_avg10", 0.5),
        ("memory.usage", 50.0),
        ("swap.usage", 20.0),
        ("disks.0.read_bytes_per_second", 4_000.0 * 512.0 / 2.0),
        ("disk.read_ops_per_second", 10.0),
        ("networks.0.receive_bytes_per_second", 2_000.0),
        ("temperatures.0.celsius", 45.0),
        ("tasks.total", 1.0),
        ("host.uptime_seconds", 350_735.0),
    ];
    for (path, expected) in told {
        assert_eq!(number(&reading, path), Some(expected), "{path}");
    }
    assert_eq!(reading.value.at("host.name").unwrap().as_text(), Some("orchid"));
    assert_eq!(reading.value.at("disks").unwrap().as_list().unwrap().len(), 1, "no partition");
    assert_eq!(reading.value.at("networks").unwrap().as_list().unwrap().len(), 1, "no loopback");
    assert!(number(&reading, "filesystems.0.usage").is_some());
    assert!(number(&reading, "health.score").unwrap() > 50.0);
}

#[test]
fn a_bare_machine_is_still_read_and_what_it_lacks_is_absent() {
    for cores in [1, 256] {
        let machine = Machine::bare(cores);
        let mut collector = machine.collector();
        collector.prime(Duration::ZERO);
        machine.stat(cores, 1);
        let reading = collector.read(moment(BETWEEN)).unwrap();
        assert_eq!(number(&reading, "cpu.usage"), Some(25.0));
        assert_eq!(number(&reading, "cpu.count"), Some(f64::from(cores)));
        let absent =
            ["load", "pressure", "memory", "swap", "disk", "network", "processes", "temperatures"];
        for branch in absent {
            assert!(reading.value.at(branch).unwrap().is_absent(), "{branch}");
        }
        assert!(reading.value.at("cgroup").is_none());
        assert!(reading.value.at("host.name").unwrap().is_absent());
        let components = reading.value.at("health.components").unwrap().as_list().unwrap().len();
        assert_eq!(components, 1, "the score is of what there is");
    }
}

#[test]
fn without_processors_the_reading_fails_in_one_sentence() {
    let machine = Machine::bare(1);
    machine.remove("proc/stat");
    let error = machine.collector().read(moment(BETWEEN)).unwrap_err().to_string();
    assert!(error.contains("/proc/stat") && error.contains("see that procfs"), "{error}");
}

#[test]
fn series_keep_their_keys_until_a_device_comes_or_goes() {
    let machine = Machine::full();
    let mut collector = machine.collector();
    collector.prime(Duration::ZERO);
    let first = collector.read(moment(BETWEEN)).unwrap();
    let second = collector.read(moment(BETWEEN * 2)).unwrap();
    assert!(Arc::ptr_eq(&first.samples.keys, &second.samples.keys));
    assert_eq!(second.samples.keys.len(), second.samples.values.len());
    machine.write("sys/block/sdb/size", "1\n");
    let line = |name| format!(" 8 0 {name} 5 0 5 0 5 0 5 0 0 5 0\n");
    machine.write("proc/diskstats", line("sda") + &line("sdb"));
    let third = collector.read(moment(BETWEEN * 3)).unwrap();
    assert!(!Arc::ptr_eq(&second.samples.keys, &third.samples.keys));
    let names: Vec<String> = third.samples.keys.iter().map(ToString::to_string).collect();
    assert!(names.contains(&"host:disks.busy{device=\"sdb\"}".to_owned()), "{names:?}");
    assert!(names.iter().all(|name| !name.contains("processes")));
}

#[test]
fn processes_have_users_commands_and_their_share_of_a_core() {
    let machine = Machine::full();
    machine.process(50, "evil) R 1 (\n\u{1b}[2J", 0);
    let mut collector = machine.collector();
    collector.prime(Duration::ZERO);
    machine.process(50, "evil) R 1 (\n\u{1b}[2J", 100);
    let reading = collector.read(moment(BETWEEN)).unwrap();
    let processes = reading.value.at("processes").unwrap().as_list().unwrap();
    let found = processes.iter().find(|p| p.at("pid") == Some(&Value::Integer(50))).unwrap();
    assert_eq!(found.at("command").unwrap().as_text(), Some("/usr/bin/prog-50 --flag"));
    assert_eq!(found.at("state").unwrap().as_text(), Some("sleep"));
    assert_eq!(found.at("threads").unwrap().as_number(), Some(3.0));
    let cpu = found.at("cpu").unwrap().as_number().unwrap();
    assert!(cpu > 0.0, "{cpu}");
    assert_eq!(number(&reading, "tasks.sleeping"), Some(2.0));
}

#[test]
fn the_table_of_processes_is_repeated_between_walks() {
    let machine = Machine::full();
    let mut collector = machine.collector();
    collector.prime(Duration::ZERO);
    let total = |reading: Reading| number(&reading, "tasks.total");
    assert_eq!(total(collector.read(moment(Duration::from_secs(1))).unwrap()), Some(1.0));
    machine.process(77, "new", 0);
    assert_eq!(total(collector.read(moment(Duration::from_secs(2))).unwrap()), Some(1.0));
    assert_eq!(total(collector.read(moment(Duration::from_secs(4))).unwrap()), Some(2.0));
    machine.remove("proc/77");
    assert_eq!(total(collector.read(moment(Duration::from_secs(7))).unwrap()), Some(1.0));
}

#[test]
fn a_container_with_limits_tells_them() {
    let machine = Machine::full();
    machine.write("sys/fs/cgroup/memory.max", "1073741824\n");
    machine.write("sys/fs/cgroup/memory.current", "536870912\n");
    machine.write("sys/fs/cgroup/cpu.max", "150000 100000\n");
    let reading = machine.reading();
    assert_eq!(number(&reading, "cgroup.cpu_limit"), Some(1.5));
    assert_eq!(number(&reading, "cgroup.memory_used"), Some(536_870_912.0));
}

#[test]
fn this_machine_can_be_read() {
    let mut reader = reader("host", SourceSpec::new(SourceType::System));
    reader.prime(Duration::ZERO);
    let reading = reader.read(moment(Duration::from_millis(100))).unwrap();
    assert!(number(&reading, "cpu.count").unwrap() >= 1.0);
    assert!(number(&reading, "memory.total").unwrap() > 0.0);
    assert!(number(&reading, "tasks.total").unwrap() >= 1.0);
    assert!(number(&reading, "health.score").is_some());
}
