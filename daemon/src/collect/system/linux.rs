//! The edge that reads a Linux machine from procfs and sysfs.

mod devices;
mod sensors;
mod table;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::model::source::SystemConfig;
use ccm_proto::model::{Interval, Name, Reading, Value};

use self::devices::{LinkStates, WholeDisks};
use self::sensors::Sensors;
use self::table::ProcessTable;
use super::cgroup::{self, Cgroup};
use super::cpu::{self, CpuTimes};
use super::disks::{self, Disk};
use super::filesystems::{self, Prober};
use super::host::{self, Host};
use super::memory::{self, Paging, PagingRates};
use super::mounts::{self, Mount};
use super::network::{self, Interface};
use super::{Roots, SERIES, health, load, pressure};
use crate::collect::kept::Kept;
use crate::collect::series::Sampler;
use crate::collect::{CollectError, Moment, Read};

/// Reads a Linux machine.
pub(super) struct LinuxReader {
    source: Name,
    config: SystemConfig,
    files: Files,
    whole_disks: WholeDisks,
    link_states: LinkStates,
    sensors: Sensors,
    processes: ProcessTable,
    filesystems: Filesystems,
    host: Host,
    sampler: Sampler,
    before: Option<Counters>,
}

/// Files that are read each time.
struct Files {
    stat: Kept,
    loadavg: Kept,
    meminfo: Kept,
    vmstat: Kept,
    diskstats: Kept,
    net_dev: Kept,
    uptime: Kept,
    frequency: Kept,
    pressure: [(&'static str, Kept); 3],
    memory_max: Kept,
    memory_current: Kept,
    cpu_max: Kept,
}

/// What rates are told from.
struct Counters {
    elapsed: Duration,
    cpu: CpuTimes,
    paging: Paging,
    disks: Vec<Disk>,
    interfaces: Vec<Interface>,
}

/// Filesystems, and when they were last asked.
struct Filesystems {
    mountinfo: Kept,
    prober: Prober,
    mounts: Vec<Mount>,
    asked: Option<Duration>,
}

impl LinuxReader {
    pub(super) fn new(source: Name, config: SystemConfig, roots: &Roots) -> Self {
        let proc = |path: &str| Kept::new(roots.proc.join(path));
        let sys = |path: &str| Kept::new(roots.sys.join(path));
        Self {
            sampler: Sampler::new(source.clone(), &SERIES),
            source,
            config,
            files: Files {
                stat: proc("stat"),
                loadavg: proc("loadavg"),
                meminfo: proc("meminfo"),
                vmstat: proc("vmstat"),
                diskstats: proc("diskstats"),
                net_dev: proc("net/dev"),
                uptime: proc("uptime"),
                frequency: sys("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"),
                pressure: pressure::RESOURCES
                    .map(|resource| (resource, proc(&format!("pressure/{resource}")))),
                memory_max: sys("fs/cgroup/memory.max"),
                memory_current: sys("fs/cgroup/memory.current"),
                cpu_max: sys("fs/cgroup/cpu.max"),
            },
            whole_disks: WholeDisks::new(roots.sys.join("block")),
            link_states: LinkStates::new(roots.sys.join("class/net")),
            sensors: Sensors::new(roots.sys.join("class")),
            filesystems: Filesystems {
                mountinfo: proc("self/mountinfo"),
                prober: Prober::new(Arc::new(filesystems::probe)),
                mounts: Vec::new(),
                asked: None,
            },
            processes: ProcessTable::new(roots, procfs::ticks_per_second()),
            host: read_host(roots),
            before: None,
        }
    }

    fn counters(&mut self, elapsed: Duration) -> Result<Counters, CollectError> {
        let cpu = read_cpu(&mut self.files.stat)?;
        let files = &mut self.files;
        let paging = files.vmstat.text().map(|t| memory::parse_paging(&t)).unwrap_or_default();
        let whole = &mut self.whole_disks;
        let disks = files.diskstats.text();
        let disks = disks.map(|text| disks::parse(&text, |name| whole.is_whole(name)));
        let ignored = &self.config.ignore_interfaces;
        let interfaces = files.net_dev.text().map(|text| network::parse(&text, ignored));
        let mut interfaces = interfaces.unwrap_or_default();
        self.link_states.fill(&mut interfaces);
        interfaces.retain(Interface::is_used);
        let disks = disks.unwrap_or_default();
        Ok(Counters { elapsed, cpu, paging, disks, interfaces })
    }

    fn tree(&mut self, before: Option<&Counters>, now: &Counters) -> Value {
        let seconds =
            before.map_or(0.0, |before| now.elapsed.saturating_sub(before.elapsed).as_secs_f64());
        let text = self.files.meminfo.text();
        let memory = text.and_then(|text| memory::parse(&text));
        let memory_total = memory.map_or(0, |memory| memory.total);
        let paging = PagingRates::between(
            before.map(|before| before.paging),
            now.paging,
            seconds,
            procfs::page_size(),
        );
        let former_disks = before.map_or(&[][..], |before| &before.disks);
        let former_interfaces = before.map_or(&[][..], |before| &before.interfaces);
        let (disks, disk) = disks::values(former_disks, &now.disks, seconds);
        let (networks, network) = network::values(former_interfaces, &now.interfaces, seconds);
        let (processes, tasks) =
            self.processes.values(now.elapsed, self.config.processes_interval, memory_total);
        let mut tree = vec![
            ("host", self.host()),
            ("cpu", cpu::value(before.map(|before| &before.cpu), &now.cpu, self.frequency())),
            ("load", self.load(now.cpu.cores.len())),
            ("pressure", self.pressure()),
            ("memory", memory.map_or(Value::Absent, |memory| memory::value(&memory, paging))),
            ("swap", memory.map_or(Value::Absent, |memory| memory::swap_value(&memory, paging))),
            ("filesystems", self.filesystems.value(&self.config, now.elapsed)),
            ("disks", disks),
            ("disk", disk),
            ("networks", networks),
            ("network", network),
            ("processes", processes),
            ("tasks", tasks),
            ("temperatures", self.sensors.value(now.elapsed)),
        ];
        tree.extend(self.cgroup(memory_total).map(|cgroup| ("cgroup", cgroup)));
        Value::map(tree)
    }

    fn host(&mut self) -> Value {
        let uptime = self.files.uptime.text().and_then(|text| host::parse_uptime(&text));
        self.host.uptime_seconds = uptime;
        host::value(&self.host)
    }

    fn frequency(&mut self) -> Option<f64> {
        let kilohertz = self.files.frequency.text()?.trim().parse::<f64>().ok()?;
        Some(kilohertz / 1_000.0)
    }

    fn load(&mut self, cores: usize) -> Value {
        let load = self.files.loadavg.text().and_then(|text| load::parse(&text));
        load.map_or(Value::Absent, |load| load::value(load, cores))
    }

    fn pressure(&mut self) -> Value {
        let resources = self.files.pressure.iter_mut();
        pressure::value(resources.map(|(resource, file)| {
            (*resource, file.text().and_then(|text| pressure::parse(&text)))
        }))
    }

    fn cgroup(&mut self, memory_total: u64) -> Option<Value> {
        let files = &mut self.files;
        let bytes = |file: &mut Kept| file.text().and_then(|text| cgroup::parse_bytes(&text));
        let limits = Cgroup {
            memory_limit: bytes(&mut files.memory_max),
            memory_used: bytes(&mut files.memory_current),
            cpu_limit: files.cpu_max.text().and_then(|text| cgroup::parse_cpu_limit(&text)),
        };
        cgroup::value(&limits, memory_total)
    }
}

impl Read for LinuxReader {
    fn prime(&mut self, elapsed: Duration) {
        self.before = self.counters(elapsed).ok();
        self.processes.prime(elapsed);
    }

    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let now = self.counters(moment.elapsed)?;
        let before = self.before.take();
        let mut value = self.tree(before.as_ref(), &now);
        self.before = Some(now);
        let health = health::value(&health::components(&value));
        if let Value::Map(branches) = &mut value {
            branches.insert("health".into(), health);
        }
        let samples = self.sampler.samples(&value);
        Ok(Reading { source: self.source.clone(), at: moment.at, value, samples })
    }
}

impl Filesystems {
    fn value(&mut self, config: &SystemConfig, elapsed: Duration) -> Value {
        if is_due(self.asked, elapsed, config.filesystems_interval) {
            self.asked = Some(elapsed);
            let ignored = &config.ignore_filesystems;
            let text = self.mountinfo.text();
            self.mounts = text.map(|text| mounts::parse(&text, ignored)).unwrap_or_default();
            self.prober.refresh(&self.mounts, elapsed);
        } else {
            self.prober.poll(elapsed);
        }
        filesystems::value(&self.mounts, &self.prober)
    }
}

/// Whether something that was done at `last` is to be done again. Ticks are not exact: half a
/// tick of the fastest source early counts as on time.
fn is_due(last: Option<Duration>, now: Duration, interval: Interval) -> bool {
    const EARLY: Duration = Duration::from_millis(50);
    last.is_none_or(|last| now.saturating_sub(last) + EARLY >= interval.as_duration())
}

/// The processors are what a reading cannot do without.
fn read_cpu(stat: &mut Kept) -> Result<CpuTimes, CollectError> {
    let unreadable = |cause: String| CollectError::Unreadable {
        what: "/proc/stat".to_owned(),
        cause,
        remedy: "see that procfs is mounted and that the daemon may read it",
    };
    let text = stat.try_text().map_err(|error| unreadable(error.to_string()))?;
    cpu::parse(&text).ok_or_else(|| unreadable("it has no line of processors".to_owned()))
}

fn read_host(roots: &Roots) -> Host {
    let line = |path: &Path| {
        let text = Kept::new(path).text().map(|text| text.trim().to_owned());
        text.filter(|text| !text.is_empty())
    };
    let os_release = Kept::new(roots.etc.join("os-release")).text().map(Cow::into_owned);
    Host {
        name: line(&roots.proc.join("sys/kernel/hostname")),
        os: os_release.and_then(|text| host::parse_os_release(&text)),
        kernel: line(&roots.proc.join("sys/kernel/osrelease")),
        uptime_seconds: None,
    }
}
