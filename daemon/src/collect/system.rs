//! The machine that the daemon runs on.
//!
//! One file per subject: a pure function that parses what the system says, a pure function that
//! makes values of it, and, on Linux, an edge that reads. What a machine does not have is absent
//! or missing from the reading, never zero and never an error of the whole.

pub mod cgroup;
pub mod cpu;
pub mod disks;
pub mod filesystems;
pub mod health;
pub mod host;
pub mod load;
pub mod memory;
pub mod mounts;
pub mod network;
pub mod pressure;
pub mod processes;
mod rate;
pub mod temperatures;
pub mod users;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use std::path::PathBuf;

use ccm_proto::model::Name;
use ccm_proto::model::source::SystemConfig;

use super::Read;
use super::series::{Catalogue, ListSeries};

/// Where the kernel's filesystems are; elsewhere in tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots {
    /// procfs.
    pub proc: PathBuf,
    /// sysfs.
    pub sys: PathBuf,
    /// Configuration of the system: who its users are, and what it calls itself.
    pub etc: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), etc: "/etc".into() }
    }
}

/// The collector of this machine.
pub fn reader(source: Name, config: SystemConfig) -> Box<dyn Read> {
    #[cfg(target_os = "linux")]
    {
        Box::new(linux::LinuxReader::new(source, config, &Roots::default()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        Box::new(portable::PortableReader::new(source, config))
    }
}

/// The collector of the machine that `roots` describe.
#[cfg(target_os = "linux")]
pub fn reader_at(source: Name, config: SystemConfig, roots: &Roots) -> Box<dyn Read> {
    Box::new(linux::LinuxReader::new(source, config, roots))
}

/// What is kept of the host's readings. Processes come and go too fast to be series.
static SERIES: Catalogue = Catalogue {
    numbers: &[
        "cpu.usage",
        "cpu.user",
        "cpu.system",
        "cpu.iowait",
        "cpu.steal",
        "cpu.nice",
        "cpu.irq",
        "cpu.frequency_mhz",
        "load.one",
        "load.five",
        "load.fifteen",
        "load.per_core",
        "pressure.cpu.some_avg10",
        "pressure.memory.some_avg10",
        "pressure.memory.full_avg10",
        "pressure.io.some_avg10",
        "pressure.io.full_avg10",
        "memory.used",
        "memory.available",
        "memory.free",
        "memory.buffers",
        "memory.cached",
        "memory.dirty",
        "memory.usage",
        "memory.major_faults_per_second",
        "swap.used",
        "swap.usage",
        "swap.in_per_second",
        "swap.out_per_second",
        "disk.read_bytes_per_second",
        "disk.write_bytes_per_second",
        "disk.read_ops_per_second",
        "disk.write_ops_per_second",
        "network.receive_bytes_per_second",
        "network.transmit_bytes_per_second",
        "tasks.total",
        "tasks.running",
        "tasks.blocked",
        "tasks.zombie",
        "cgroup.memory_used",
        "health.score",
    ],
    lists: &[
        ListSeries { path: "cpu.cores", labels: &["core"], fields: &["usage"] },
        ListSeries { path: "filesystems", labels: &["mount"], fields: &["usage", "inodes_usage"] },
        ListSeries {
            path: "disks",
            labels: &["device"],
            fields: &[
                "read_bytes_per_second",
                "write_bytes_per_second",
                "read_ops_per_second",
                "write_ops_per_second",
                "busy",
            ],
        },
        ListSeries {
            path: "networks",
            labels: &["interface"],
            fields: &[
                "receive_bytes_per_second",
                "transmit_bytes_per_second",
                "receive_packets_per_second",
                "transmit_packets_per_second",
                "errors_per_second",
                "drops_per_second",
            ],
        },
        ListSeries { path: "temperatures", labels: &["sensor"], fields: &["celsius"] },
        ListSeries { path: "health.components", labels: &["name"], fields: &["score"] },
    ],
};
