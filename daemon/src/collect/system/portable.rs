//! The edge that reads machines without procfs, by what `sysinfo` offers everywhere. What it does
//! not offer is absent.

use std::time::Duration;

use ccm_proto::model::source::SystemConfig;
use ccm_proto::model::{Name, Reading, Value};
use sysinfo::{Components, Disks, Networks, ProcessStatus, ProcessesToUpdate, System};

use super::disks::{self, Disk};
use super::filesystems::{Known, Sizes};
use super::host::Host;
use super::network::{self, Interface};
use super::rate::{percent, tenths};
use super::temperatures::{self, Temperature};
use super::{SERIES, health, host, load};
use crate::collect::series::Sampler;
use crate::collect::{CollectError, Moment, Read};

/// What `sysinfo` keeps between readings.
struct Machine {
    system: System,
    disks: Disks,
    networks: Networks,
    components: Option<Components>,
}

/// Reads any machine that `sysinfo` knows.
pub(super) struct PortableReader {
    source: Name,
    config: SystemConfig,
    machine: Option<Machine>,
    before: Option<Before>,
    processes: Option<(Duration, Value, Value)>,
    sampler: Sampler,
}

/// What rates are told from.
struct Before {
    elapsed: Duration,
    interfaces: Vec<Interface>,
    disks: Vec<Disk>,
}

impl PortableReader {
    pub(super) fn new(source: Name, config: SystemConfig) -> Self {
        Self {
            sampler: Sampler::new(source.clone(), &SERIES),
            source,
            config,
            machine: None,
            before: None,
            processes: None,
        }
    }

    /// Reads everything that is read each time, opening the system at the first.
    fn refresh(&mut self) -> Result<&mut Machine, CollectError> {
        if self.machine.is_none() {
            self.machine = Some(Machine::open()?);
        }
        let machine = self.machine.as_mut().ok_or(CollectError::Ended)?;
        machine.system.refresh_cpu_usage();
        machine.system.refresh_memory();
        machine.networks.refresh(true);
        machine.disks.refresh(true);
        if let Some(components) = &mut machine.components {
            components.refresh(true);
        }
        Ok(machine)
    }
}

impl Machine {
    fn open() -> Result<Self, CollectError> {
        let unreadable = |error: &dyn std::fmt::Display| CollectError::Unreadable {
            what: "this system".to_owned(),
            cause: error.to_string(),
            remedy: "see that the daemon may ask the operating system about itself",
        };
        Ok(Self {
            system: System::new().map_err(|error| unreadable(&error))?,
            disks: Disks::new_with_refreshed_list().map_err(|error| unreadable(&error))?,
            networks: Networks::new_with_refreshed_list().map_err(|error| unreadable(&error))?,
            components: Components::new_with_refreshed_list().ok(),
        })
    }

    fn counters(&self, elapsed: Duration, config: &SystemConfig) -> Before {
        let interfaces = self.networks.iter().map(|(name, data)| Interface {
            name: name.to_string_lossy().into_owned(),
            receive_bytes: data.total_received(),
            receive_packets: data.total_packets_received(),
            transmit_bytes: data.total_transmitted(),
            transmit_packets: data.total_packets_transmitted(),
            errors: data.total_errors_on_received() + data.total_errors_on_transmitted(),
            drops: None,
            up: None,
        });
        let wanted =
            interfaces.filter(|i| !network::is_ignored(&i.name, &config.ignore_interfaces));
        let mut interfaces: Vec<Interface> = wanted.collect();
        interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        let mut disks: Vec<Disk> = Vec::new();
        for disk in &*self.disks {
            let name = disk.name().to_string_lossy().into_owned();
            let usage = disk.usage();
            if !disks.iter().any(|known| known.name == name) {
                disks.push(Disk {
                    name,
                    sectors_read: usage.total_read_bytes / 512,
                    sectors_written: usage.total_written_bytes / 512,
                    ..Disk::default()
                });
            }
        }
        Before { elapsed, interfaces, disks }
    }

    fn cpu(&self, known: bool) -> Value {
        let cores = self.system.cpus().iter().enumerate().map(|(index, core)| {
            let usage = known.then(|| tenths(f64::from(core.usage())));
            Value::map([("core", (index as u64).into()), ("usage", usage.into())])
        });
        let usage = known.then(|| tenths(f64::from(self.system.global_cpu_usage())));
        Value::map([
            ("usage", usage.into()),
            ("cores", Value::List(cores.collect())),
            ("count", (self.system.cpus().len() as u64).into()),
        ])
    }

    fn memory(&self) -> Value {
        let (total, used) = (self.system.total_memory(), self.system.used_memory());
        if total == 0 {
            return Value::Absent;
        }
        Value::map([
            ("total", total.into()),
            ("used", used.into()),
            ("available", self.system.available_memory().into()),
            ("free", self.system.free_memory().into()),
            ("usage", percent(used as f64, total as f64).into()),
        ])
    }

    fn swap(&self) -> Value {
        let (total, used) = (self.system.total_swap(), self.system.used_swap());
        if total == 0 {
            return Value::Absent;
        }
        Value::map([
            ("total", total.into()),
            ("used", used.into()),
            ("usage", percent(used as f64, total as f64).into()),
        ])
    }

    fn filesystems(&self, config: &SystemConfig) -> Value {
        let wanted = self.disks.iter().filter(|disk| {
            let filesystem = disk.file_system().to_string_lossy();
            !config.ignore_filesystems.iter().any(|ignored| *ignored == filesystem)
        });
        let list = wanted.filter(|disk| disk.total_space() > 0).map(|disk| {
            let total = disk.total_space();
            let available = disk.available_space();
            let used = total.saturating_sub(available);
            let sizes = Known::Sizes(Sizes { total, used, available, ..Sizes::default() });
            super::filesystems::entry(
                &disk.mount_point().to_string_lossy(),
                &disk.name().to_string_lossy(),
                &disk.file_system().to_string_lossy(),
                Some(&sizes),
            )
        });
        Value::List(list.flatten().collect())
    }

    fn temperatures(&self) -> Value {
        let components = self.components.iter().flat_map(|components| components.iter());
        let measured = components.filter_map(|component| {
            Some(Temperature {
                sensor: component.label().to_owned(),
                celsius: tenths(f64::from(component.temperature()?)),
                critical: component.critical().map(f64::from),
            })
        });
        let mut measured: Vec<Temperature> = measured.collect();
        let names = temperatures::unique(measured.iter().map(|t| t.sensor.clone()));
        for (temperature, name) in measured.iter_mut().zip(names) {
            temperature.sensor = name;
        }
        temperatures::value(&measured)
    }

    fn processes(&mut self) -> (Value, Value) {
        self.system.refresh_processes(ProcessesToUpdate::All, true);
        let memory_total = self.system.total_memory() as f64;
        let mut running = 0_u64;
        let all = self.system.processes().iter().filter(|(_, p)| p.thread_kind().is_none());
        let rows = all.map(|(pid, process)| {
            running += u64::from(process.status() == ProcessStatus::Run);
            let words: Vec<_> = process.cmd().iter().map(|word| word.to_string_lossy()).collect();
            let name = process.name().to_string_lossy();
            let command = if words.is_empty() { name.into_owned() } else { words.join(" ") };
            let memory = process.memory();
            Value::map([
                ("pid", pid.as_u32().into()),
                ("user", process.user_id().map(|user| user.to_string()).into()),
                ("state", process.status().to_string().to_lowercase().into()),
                ("cpu", tenths(f64::from(process.cpu_usage())).into()),
                ("memory", memory.into()),
                ("memory_usage", percent(memory as f64, memory_total).into()),
                ("command", command.into()),
            ])
        });
        let rows: Vec<Value> = rows.take(super::processes::PROCESSES_MAX).collect();
        let tasks =
            Value::map([("total", (rows.len() as u64).into()), ("running", running.into())]);
        (Value::List(rows), tasks)
    }
}

fn host() -> Value {
    host::value(&Host {
        name: System::host_name().ok(),
        os: System::long_os_version().ok(),
        kernel: System::kernel_version().ok(),
        uptime_seconds: System::uptime().ok(),
    })
}

impl Read for PortableReader {
    fn prime(&mut self, elapsed: Duration) {
        let config = self.config.clone();
        self.before = self.refresh().ok().map(|machine| machine.counters(elapsed, &config));
    }

    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let config = self.config.clone();
        let before = self.before.take();
        let walked = self.processes.take().filter(|(at, ..)| {
            moment.elapsed.saturating_sub(*at) < config.processes_interval.as_duration()
        });
        let machine = self.refresh()?;
        let now = machine.counters(moment.elapsed, &config);
        let seconds = before
            .as_ref()
            .map_or(0.0, |before| now.elapsed.saturating_sub(before.elapsed).as_secs_f64());
        let former = before.as_ref();
        let (networks, network) = network::values(
            former.map_or(&[][..], |before| &before.interfaces),
            &now.interfaces,
            seconds,
        );
        let (disks, disk) =
            disks::values(former.map_or(&[][..], |before| &before.disks), &now.disks, seconds);
        let (at, processes, tasks) = walked.unwrap_or_else(|| {
            let (processes, tasks) = machine.processes();
            (moment.elapsed, processes, tasks)
        });
        let load = System::load_average().map_or(Value::Absent, |average| {
            load::value([average.one, average.five, average.fifteen], machine.system.cpus().len())
        });
        let mut tree = vec![
            ("host", host()),
            ("cpu", machine.cpu(before.is_some())),
            ("load", load),
            ("pressure", Value::Absent),
            ("memory", machine.memory()),
            ("swap", machine.swap()),
            ("filesystems", machine.filesystems(&config)),
            ("disks", disks),
            ("disk", disk),
            ("networks", networks),
            ("network", network),
            ("processes", processes.clone()),
            ("tasks", tasks.clone()),
            ("temperatures", machine.temperatures()),
        ];
        self.before = Some(now);
        self.processes = Some((at, processes, tasks));
        let health = health::value(&health::components(&Value::map(tree.clone())));
        tree.push(("health", health));
        let value = Value::map(tree);
        let samples = self.sampler.samples(&value);
        Ok(Reading { source: self.source.clone(), at: moment.at, value, samples })
    }
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Timestamp;

    use super::*;

    #[test]
    fn this_machine_has_cores_memory_and_processes() {
        let name = Name::new("host").unwrap();
        let mut collector = PortableReader::new(name, SystemConfig::default());
        collector.prime(Duration::ZERO);
        let moment = Moment { at: Timestamp::EPOCH, elapsed: Duration::from_millis(100) };
        let reading = collector.read(moment).unwrap();
        let number = |path: &str| reading.value.at(path).and_then(Value::as_number);
        assert!(number("cpu.count").unwrap() >= 1.0);
        assert!(number("memory.total").unwrap() > 0.0);
        assert!(number("tasks.total").unwrap() >= 1.0);
        assert!(reading.value.at("memory.cached").is_none(), "what is not known is not there");
        for disk in reading.value.at("disks").and_then(Value::as_list).unwrap_or_default() {
            assert!(disk.at("busy").unwrap().is_absent(), "nor is it zero");
        }
    }
}
