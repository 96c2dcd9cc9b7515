//! The table of processes. Walking it is the dearest part of a reading, so it is done less often
//! than the rest, one small file a process, and what does not change is remembered.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ccm_proto::model::{Interval, Value};

use super::is_due;
use crate::collect::kept::Kept;
use crate::collect::system::processes::{self, COMMAND_MAX, Process, Stat, Units};
use crate::collect::system::{Roots, users};

/// The most processes that are looked at: the kernel's own default limit of numbers on small
/// machines, and more than any screen or person takes in.
const LOOKED_AT_MAX: usize = 32_768;

/// The user who may become any other.
const ROOT: u32 = 0;

/// The longest `/proc/PID/stat`.
const STAT_MAX: usize = 2_048;

/// What is remembered of a process.
struct Remembered {
    started: u64,
    ticks: u64,
    name: String,
    command: Arc<str>,
    owner: Option<u32>,
    /// The walk that last saw it.
    walk: u64,
}

/// The processes of a machine.
pub(super) struct ProcessTable {
    proc: PathBuf,
    ticks_per_second: f64,
    remembered: HashMap<u32, Remembered>,
    users: Users,
    walk: u64,
    walked: Option<Duration>,
    /// A walk for rates alone has been done; the table is still to be made.
    primed: bool,
    table: (Value, Value),
    buffer: Vec<u8>,
    path: String,
}

impl ProcessTable {
    pub(super) fn new(roots: &Roots, ticks_per_second: u64) -> Self {
        Self {
            proc: roots.proc.clone(),
            ticks_per_second: ticks_per_second as f64,
            remembered: HashMap::new(),
            users: Users::new(roots.etc.join("passwd")),
            walk: 0,
            walked: None,
            primed: false,
            table: (Value::Absent, Value::Absent),
            buffer: vec![0; STAT_MAX],
            path: String::new(),
        }
    }

    /// Remembers what each process has spent so far.
    pub(super) fn prime(&mut self, elapsed: Duration) {
        let _ = self.walk(elapsed);
        self.primed = true;
    }

    /// The branches `processes` and `tasks`: as they were, when they are not due.
    pub(super) fn values(
        &mut self,
        elapsed: Duration,
        interval: Interval,
        memory_total: u64,
    ) -> (Value, Value) {
        if self.primed || is_due(self.walked, elapsed, interval) {
            self.primed = false;
            self.users.refresh();
            let mut processes = self.walk(elapsed);
            let units = Units { page_size: procfs::page_size(), memory_total };
            self.table = if processes.is_empty() {
                (Value::Absent, Value::Absent)
            } else {
                processes::values(&mut processes, units)
            };
        }
        self.table.clone()
    }

    fn walk(&mut self, elapsed: Duration) -> Vec<Process> {
        let seconds = self.walked.map_or(0.0, |last| elapsed.saturating_sub(last).as_secs_f64());
        self.walked = Some(elapsed);
        self.walk += 1;
        let Ok(entries) = fs::read_dir(&self.proc) else { return Vec::new() };
        let numbers = entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.parse::<u32>().ok()
        });
        let mut found = Vec::with_capacity(self.remembered.len() + 16);
        for pid in numbers.take(LOOKED_AT_MAX) {
            if let Some(stat) = self.read_stat(pid) {
                found.push(self.process(stat, seconds));
            }
        }
        let walk = self.walk;
        self.remembered.retain(|_, remembered| remembered.walk == walk);
        found
    }

    fn process(&mut self, stat: Stat, seconds: f64) -> Process {
        let known = self.remembered.remove(&stat.pid).filter(|known| {
            // The same process under a new name has become another program.
            known.started == stat.started && known.name == stat.name
        });
        let cpu = known.as_ref().and_then(|known| {
            processes::cpu_percent(known.ticks, stat.ticks, seconds, self.ticks_per_second)
        });
        // Only root's processes can give themselves to somebody else without a new program.
        let owner = known.as_ref().and_then(|known| known.owner);
        let owner = owner.filter(|owner| *owner != ROOT || stat.kernel);
        let owner = owner.or_else(|| self.owner(stat.pid));
        let command = match known {
            Some(known) => known.command,
            None => self.command(&stat).into(),
        };
        let remembered = Remembered {
            started: stat.started,
            ticks: stat.ticks,
            name: stat.name.clone(),
            command: Arc::clone(&command),
            owner,
            walk: self.walk,
        };
        self.remembered.insert(stat.pid, remembered);
        let user = owner.map_or_else(|| Arc::from(""), |owner| self.users.name(owner));
        Process { stat, user, command, cpu }
    }

    fn path_of(&mut self, pid: u32, file: &str) -> PathBuf {
        self.path.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.path, "{pid}/{file}");
        self.proc.join(&self.path)
    }

    fn read_stat(&mut self, pid: u32) -> Option<Stat> {
        let path = self.path_of(pid, "stat");
        let length = File::open(path).ok()?.read(&mut self.buffer).ok()?;
        let text = String::from_utf8_lossy(self.buffer.get(..length)?);
        processes::parse(&text)
    }

    /// The effective user: the directory is theirs, whatever else the process hides.
    fn owner(&mut self, pid: u32) -> Option<u32> {
        let path = self.path_of(pid, "");
        fs::metadata(path).ok().map(|metadata| metadata.uid())
    }

    fn command(&mut self, stat: &Stat) -> String {
        if stat.kernel {
            return processes::bracketed(&stat.name);
        }
        let path = self.path_of(stat.pid, "cmdline");
        let mut bytes = Vec::with_capacity(COMMAND_MAX);
        let read =
            File::open(path).map(|file| file.take(COMMAND_MAX as u64).read_to_end(&mut bytes));
        let command = read.ok().and_then(|_| processes::parse_command(&bytes));
        command.unwrap_or_else(|| processes::bracketed(&stat.name))
    }
}

/// The names of users, read again when their file has changed.
struct Users {
    file: PathBuf,
    changed: Option<SystemTime>,
    names: HashMap<u32, Arc<str>>,
}

impl Users {
    fn new(file: PathBuf) -> Self {
        Self { file, changed: None, names: HashMap::new() }
    }

    fn refresh(&mut self) {
        let changed = fs::metadata(&self.file).and_then(|metadata| metadata.modified()).ok();
        if changed != self.changed {
            self.changed = changed;
            let text = Kept::new(&self.file).text().map(|text| users::parse(&text));
            let names = text.unwrap_or_default();
            self.names = names.into_iter().map(|(id, name)| (id, name.into())).collect();
        }
    }

    /// The name of a user, or the number of one that has none.
    fn name(&self, id: u32) -> Arc<str> {
        self.names.get(&id).map_or_else(|| id.to_string().into(), Arc::clone)
    }
}
