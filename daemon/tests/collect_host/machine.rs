//! A machine made of files.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::system::{self, Roots};
use ccm_daemon::collect::{Collector, Environment, Moment, Read, collectors};
use ccm_proto::model::source::SystemConfig;
use ccm_proto::model::{Name, Reading, SourceSpec, Timestamp};
use tempfile::TempDir;

/// What reads a source that blocks, as the daemon makes it.
pub(crate) fn reader(name: &str, spec: SourceSpec) -> Box<dyn Read> {
    reader_in(Environment::alone(Clock::system()), name, spec)
}

/// As [`reader`], within a daemon that does something.
pub(crate) fn reader_in(environment: Environment, name: &str, spec: SourceSpec) -> Box<dyn Read> {
    let factory = collectors(environment);
    match factory(&Name::new(name).unwrap(), &Arc::new(spec).into()) {
        Collector::Read(make) => make(),
        _ => panic!("{name} does not block"),
    }
}

/// A machine whose procfs, sysfs and configuration are files of a test.
pub(crate) struct Machine {
    directory: TempDir,
}

/// How long lies between priming and reading.
pub(crate) const BETWEEN: Duration = Duration::from_secs(2);

impl Machine {
    /// Nothing but what a reading cannot do without: processors.
    pub(crate) fn bare(cores: u32) -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap() };
        machine.stat(cores, 0);
        machine
    }

    /// Everything that a reading may have.
    pub(crate) fn full() -> Self {
        let machine = Self::bare(4);
        machine.write("proc/loadavg", "0.52 0.58 0.59 1/389 12345\n");
        machine.write("proc/uptime", "350735.47 234388.90\n");
        machine.write("proc/meminfo", MEMINFO);
        machine.write("proc/self/mountinfo", "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n");
        machine.write("proc/sys/kernel/hostname", "orchid\n");
        machine.write("proc/sys/kernel/osrelease", "6.12.9\n");
        machine.write("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13\"\n");
        machine.write("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        for resource in ["cpu", "memory", "io"] {
            machine.write(&format!("proc/pressure/{resource}"), PRESSURE);
        }
        machine.write("sys/class/hwmon/hwmon0/name", "coretemp\n");
        machine.write("sys/class/hwmon/hwmon0/temp1_label", "Package id 0\n");
        machine.write("sys/class/hwmon/hwmon0/temp1_input", "45000\n");
        machine.write("sys/class/hwmon/hwmon0/temp1_crit", "100000\n");
        machine.write("sys/block/sda/size", "1000\n");
        machine.write("sys/class/net/eth0/operstate", "up\n");
        machine.process(1, "init", 0);
        machine.work(0);
        machine
    }

    /// Lets the counters of a full machine rise.
    fn work(&self, step: u64) {
        let (reads, bytes) = (100 + step * 20, 1_000 + step * 4_000);
        let disk =
            |name| format!(" 8 0 {name} {reads} 0 {bytes} 0 {reads} 0 {bytes} 0 0 {reads} 0\n");
        self.write("proc/diskstats", &(disk("sda") + &disk("sda1")));
        let line = |name| format!("{name}: {bytes} 10 0 0 0 0 0 0 {bytes} 20 0 0 0 0 0 0\n");
        self.write("proc/net/dev", format!("a\nb\n{}{}", line("eth0"), line("lo")));
        self.write("proc/vmstat", format!("pswpin {step}\npswpout 0\npgmajfault {step}\n"));
    }

    /// Puts a file into the machine.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Takes a file or directory away.
    pub(crate) fn remove(&self, path: &str) {
        let path = self.path().join(path);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    /// Says what processors have spent.
    pub(crate) fn stat(&self, cores: u32, step: u64) {
        let (user, idle) = (100 + step * 50, 100 + step * 150);
        let all = u64::from(cores);
        let mut text = format!("cpu  {} 0 0 {} 0 0 0 0 0 0\n", user * all, idle * all);
        for core in 0..cores {
            writeln!(text, "cpu{core} {user} 0 0 {idle} 0 0 0 0 0 0").unwrap();
        }
        self.write("proc/stat", text + "intr 1\n");
    }

    /// Adds a process, or says what it has spent since.
    pub(crate) fn process(&self, pid: u32, name: &str, ticks: u64) {
        let stat = format!(
            "{pid} ({name}) S 1 1 1 0 -1 4194304 1 0 0 0 {ticks} 0 0 0 20 0 3 0 999 1000000 250 1 1 1 0\n"
        );
        self.write(&format!("proc/{pid}/stat"), stat);
        self.write(&format!("proc/{pid}/cmdline"), format!("/usr/bin/prog-{pid}\0--flag\0"));
    }

    /// A collector of this machine.
    pub(crate) fn collector(&self) -> Box<dyn Read> {
        let roots = Roots {
            proc: self.path().join("proc"),
            sys: self.path().join("sys"),
            etc: self.path().join("etc"),
        };
        system::reader_at(Name::new("host").unwrap(), SystemConfig::default(), &roots)
    }

    /// A reading of a machine that has worked for [`BETWEEN`].
    pub(crate) fn reading(&self) -> Reading {
        let mut collector = self.collector();
        collector.prime(Duration::ZERO);
        self.stat(4, 1);
        self.work(1);
        collector.read(moment(BETWEEN)).unwrap()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// The moment this long after the start.
pub(crate) fn moment(elapsed: Duration) -> Moment {
    Moment { at: Timestamp::from_millis(elapsed.as_millis() as i64), elapsed }
}

const MEMINFO: &str = "MemTotal: 8000000 kB\nMemFree: 1000000 kB\nMemAvailable: 4000000 kB\nBuffers: 50000 kB\nCached: 2000000 kB\nDirty: 300 kB\nSReclaimable: 100000 kB\nSwapTotal: 500000 kB\nSwapFree: 400000 kB\n";

const PRESSURE: &str = "some avg10=1.25 avg60=0.50 avg300=0.10 total=7\nfull avg10=0.50 avg60=0.25 avg300=0.00 total=5\n";
