//! A disk in memory on which any call can fail, and which can lose its power.
//!
//! It keeps apart what was written and what was synced. After a power loss a file holds its synced
//! content and an arbitrary part of what was written since; a directory holds its synced entries
//! and the first few changes since. After a failed sync what was not synced still reads back but
//! no later sync writes it, as on Linux.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Disk, DiskFile};

pub(crate) const EIO: i32 = 5;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EDQUOT: i32 = 122;

/// What goes wrong, counting all calls from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing.
    Fine,
    /// One call fails.
    Once(u64, i32),
    /// All calls from one on that change something fail.
    Forever(u64, i32),
    /// All calls from one on fail, and that one may take effect in part.
    Crash(u64),
}

/// How a disk is broken for a null control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Broken {
    /// A sync says that it worked and does nothing.
    pub(crate) sync_does_nothing: bool,
    /// A sync that failed says that it worked.
    pub(crate) sync_error_swallowed: bool,
}

/// The disk; clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    nodes: Vec<Node>,
    entries: BTreeMap<PathBuf, usize>,
    synced_entries: BTreeMap<PathBuf, usize>,
    changes: Vec<Change>,
    plan: Plan,
    broken: Broken,
    calls: u64,
    capacity: Option<u64>,
}

#[derive(Clone, Debug)]
enum Change {
    Link(PathBuf, usize),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf),
}

#[derive(Clone, Debug, Default)]
struct Node {
    content: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Length(u64),
}

impl Write {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Bytes(offset, bytes) => {
                let (from, until) = (*offset as usize, *offset as usize + bytes.len());
                content.resize(content.len().max(until), 0);
                content[from..until].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length as usize, 0),
        }
    }
}

impl Change {
    fn apply(&self, entries: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link(path, node) => {
                entries.insert(path.clone(), *node);
            }
            Self::Unlink(path) => {
                entries.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(node) = entries.remove(from) {
                    entries.insert(to.clone(), node);
                }
            }
        }
    }

    fn is_in(&self, directory: &Path) -> bool {
        let (Self::Link(path, _) | Self::Unlink(path) | Self::Rename(_, path)) = self;
        path.parent() == Some(directory)
    }
}

fn os(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl State {
    /// Counts a call and says how it fails.
    fn call(&mut self, changes: bool) -> io::Result<()> {
        let call = self.calls;
        self.calls += 1;
        match self.plan {
            Plan::Once(at, code) if at == call => Err(os(code)),
            Plan::Forever(at, code) if call >= at && changes => Err(os(code)),
            Plan::Crash(at) if call >= at => Err(os(EIO)),
            _ => Ok(()),
        }
    }

    /// Whether the power went off during the call just counted.
    fn dying(&self) -> bool {
        self.plan == Plan::Crash(self.calls.saturating_sub(1))
    }

    fn used(&self) -> u64 {
        self.entries.values().map(|node| self.nodes[*node].content.len() as u64).sum()
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.entries);
        self.changes.push(change);
    }

    fn write(&mut self, node: usize, write: Write) {
        write.apply(&mut self.nodes[node].content);
        self.nodes[node].pending.push(write);
    }
}

impl FaultyDisk {
    pub(crate) fn new(plan: Plan) -> Self {
        Self(Arc::new(Mutex::new(State {
            nodes: Vec::new(),
            entries: BTreeMap::new(),
            synced_entries: BTreeMap::new(),
            changes: Vec::new(),
            plan,
            broken: Broken::default(),
            calls: 0,
            capacity: None,
        })))
    }

    pub(crate) fn broken(self, broken: Broken) -> Self {
        self.lock().broken = broken;
        self
    }

    /// Goes on with another plan, counting calls from zero again.
    pub(crate) fn replan(&self, plan: Plan) {
        let mut state = self.lock();
        (state.plan, state.calls) = (plan, 0);
    }

    /// Limits the bytes that fit; none for no limit.
    pub(crate) fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    pub(crate) fn used(&self) -> u64 {
        self.lock().used()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The disk as a daemon finds it after a power loss.
    pub(crate) fn after_power_loss(&self, seed: u64) -> Self {
        let state = self.lock();
        let mut random = StdRng::seed_from_u64(seed);
        let mut entries = state.synced_entries.clone();
        let kept = random.random_range(0..=state.changes.len());
        for change in &state.changes[..kept] {
            change.apply(&mut entries);
        }
        let nodes = state.nodes.iter().map(|node| node.after_power_loss(&mut random)).collect();
        let fresh = Self::new(Plan::Fine);
        {
            let mut to = fresh.lock();
            to.nodes = nodes;
            to.synced_entries.clone_from(&entries);
            to.entries = entries;
        }
        fresh
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    fn after_power_loss(&self, random: &mut StdRng) -> Self {
        let mut content = self.synced.clone();
        for write in &self.pending {
            match (random.random_range(0..4), write) {
                (0, _) => {}
                // The length reached the disk, the bytes did not.
                (1, Write::Bytes(offset, bytes)) => {
                    let until = *offset as usize + bytes.len();
                    content.resize(content.len().max(until), 0);
                }
                (2, Write::Bytes(offset, bytes)) => {
                    let part = random.random_range(0..=bytes.len());
                    Write::Bytes(*offset, bytes[..part].to_vec()).apply(&mut content);
                }
                _ => write.apply(&mut content),
            }
        }
        Self { synced: content.clone(), content, pending: Vec::new() }
    }
}

impl Disk for FaultyDisk {
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        self.lock().call(true)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.call(false)?;
        let inside = state.entries.keys().filter(|entry| entry.parent() == Some(path));
        Ok(inside.filter_map(|entry| Some(entry.file_name()?.to_str()?.to_owned())).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.call(true)?;
        if state.entries.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.nodes.push(Node::default());
        let node = state.nodes.len() - 1;
        state.change(Change::Link(path.to_owned(), node));
        Ok(Arc::new(FaultyFile { disk: self.clone(), node }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.call(false)?;
        let node = state.entries.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(FaultyFile { disk: self.clone(), node }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let called = state.call(true);
        if called.is_ok() || state.dying() {
            state.change(Change::Rename(from.to_owned(), to.to_owned()));
        }
        called
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let called = state.call(true);
        if !state.entries.contains_key(path) {
            return called.and(Err(io::ErrorKind::NotFound.into()));
        }
        if called.is_ok() || state.dying() {
            state.change(Change::Unlink(path.to_owned()));
        }
        called
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        let called = state.call(true);
        if called.is_ok() {
            let State { changes, synced_entries, .. } = &mut *state;
            changes.retain(|change| {
                let inside = change.is_in(path);
                if inside {
                    change.apply(synced_entries);
                }
                !inside
            });
        }
        called
    }

    fn available(&self, _: &Path) -> io::Result<u64> {
        let state = self.lock();
        Ok(state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used())))
    }
}

#[derive(Debug)]
struct FaultyFile {
    disk: FaultyDisk,
    node: usize,
}

impl DiskFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.lock();
        state.call(false)?;
        Ok(state.nodes[self.node].content.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.lock();
        state.call(false)?;
        let rest = state.nodes[self.node].content.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let called = state.call(true);
        let length = state.nodes[self.node].content.len() as u64;
        let growth = (offset + bytes.len() as u64).saturating_sub(length);
        let room = state.capacity.map_or(u64::MAX, |all| all.saturating_sub(state.used()));
        let called = if growth > room { called.and(Err(os(ENOSPC))) } else { called };
        // A write that fails has often written something.
        let part = match &called {
            Ok(()) => bytes.len(),
            Err(_) if state.dying() || !matches!(state.plan, Plan::Crash(_)) => {
                (bytes.len() / 2).min(usize::try_from(room).unwrap_or(usize::MAX))
            }
            Err(_) => 0,
        };
        if part > 0 {
            state.write(self.node, Write::Bytes(offset, bytes[..part].to_vec()));
        }
        called
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        let called = state.call(true);
        if called.is_ok() || state.dying() {
            state.write(self.node, Write::Length(length));
        }
        called
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let called = state.call(true);
        let broken = state.broken;
        if called.is_ok() && broken.sync_does_nothing {
            return Ok(());
        }
        let crashed = matches!(state.plan, Plan::Crash(at) if state.calls > at);
        let node = &mut state.nodes[self.node];
        if called.is_ok() {
            let pending = std::mem::take(&mut node.pending);
            for write in &pending {
                write.apply(&mut node.synced);
            }
        } else if !crashed {
            node.pending.clear();
        }
        if broken.sync_error_swallowed && !crashed { Ok(()) } else { called }
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.write_at(&vec![0; length as usize], 0)
    }
}
