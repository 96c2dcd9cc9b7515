//! What sysfs says of disks and interfaces.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::collect::kept::Kept;
use crate::collect::system::network::{self, Interface};

/// The most device names that are remembered; devices may come and go for years.
const DEVICES_MAX: usize = 4_096;

/// Tells whole disks from their partitions.
pub(super) struct WholeDisks {
    directory: PathBuf,
    known: HashMap<String, bool>,
}

impl WholeDisks {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, known: HashMap::new() }
    }

    /// Whether a device is a whole disk. Where sysfs tells of no disks at all, each is.
    pub(super) fn is_whole(&mut self, name: &str) -> bool {
        if let Some(whole) = self.known.get(name) {
            return *whole;
        }
        if self.known.len() >= DEVICES_MAX {
            self.known.clear();
        }
        // A slash in a device's name is written as an exclamation mark there.
        let entry = self.directory.join(name.replace('/', "!"));
        let whole = entry.exists() || !self.directory.exists();
        self.known.insert(name.to_owned(), whole);
        whole
    }
}

/// Whether interfaces are in operation.
pub(super) struct LinkStates {
    directory: PathBuf,
    files: HashMap<String, Kept>,
}

impl LinkStates {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, files: HashMap::new() }
    }

    pub(super) fn fill(&mut self, interfaces: &mut [Interface]) {
        for interface in interfaces.iter_mut() {
            if !self.files.contains_key(&interface.name) {
                let file = Kept::new(self.directory.join(&interface.name).join("operstate"));
                self.files.insert(interface.name.clone(), file);
            }
            let file = self.files.get_mut(&interface.name);
            interface.up = file.and_then(Kept::text).map(|state| network::is_up(&state));
        }
        if self.files.len() > interfaces.len() {
            self.files.retain(|name, _| interfaces.iter().any(|i| i.name == *name));
        }
    }
}
