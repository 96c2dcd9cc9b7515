//! The index's directory: which of its stores is in use, what is put aside, and the seal.
//!
//! Each store has a directory of its own that is never used again once it was given up: a sled
//! that hangs while it is opened may still write there long after.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

const STORE: &str = "store-";
const DAMAGED: &str = "damaged-";
const SEAL: &str = "seal";
const SEAL_UNFINISHED: &str = "seal.new";

/// How much is read at once while the files are summed.
const PIECE_BYTES: usize = 256 * 1024;

/// Sled has two levels of directories; more is not ours.
const DEPTH_MAX: usize = 4;

/// Whether the files are as they were left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// They are.
    Intact,
    /// They are not.
    Broken,
    /// There is no telling: the last run did not end cleanly.
    Absent,
}

/// An index's directory with one store in it.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    number: u64,
}

impl Files {
    /// Finds the newest store, or the place for a first one.
    pub(super) fn find(directory: &Path) -> io::Result<(Self, bool)> {
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
        builder.create(directory)?;
        let stores = numbers(directory, STORE)?;
        let number = stores.iter().chain(&numbers(directory, DAMAGED)?).copied().max();
        let last = stores.last().copied();
        let number = last.or(number.map(|number| number + 1)).unwrap_or(1);
        Ok((Self { directory: directory.to_owned(), number }, last.is_some()))
    }

    /// The directory of the store.
    pub(super) fn store(&self) -> PathBuf {
        self.directory.join(format!("{STORE}{}", self.number))
    }

    /// Removes what a kill during a clean close leaves, and with which sled would never open again.
    pub(super) fn remove_unfinished_snapshots(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.store())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Puts the store aside, in place of one that was put aside before, and makes room for a new
    /// one.
    pub(super) fn set_aside(&mut self) -> io::Result<()> {
        for number in numbers(&self.directory, DAMAGED)? {
            fs::remove_dir_all(self.directory.join(format!("{DAMAGED}{number}")))?;
        }
        let aside = self.directory.join(format!("{DAMAGED}{}", self.number));
        match fs::rename(self.store(), aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.number += 1;
        Ok(())
    }

    /// Compares the files with the seal.
    pub(super) fn seal(&self) -> Seal {
        match fs::read(self.directory.join(SEAL)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Seal::Absent,
            Err(_) => Seal::Broken,
            Ok(sealed) => match self.sum() {
                Ok(sum) if sum.as_bytes() == sealed => Seal::Intact,
                _ => Seal::Broken,
            },
        }
    }

    /// Removes the seal, before anything changes.
    pub(super) fn unseal(&self) -> io::Result<()> {
        match fs::remove_file(self.directory.join(SEAL)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Waits until sled has let go of its files: after a store was dropped, its threads may still
    /// be writing. They hold the lock on this file for so long.
    pub(super) fn wait_until_released(&self) -> io::Result<File> {
        let file = File::open(self.store().join("db"))?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    }

    /// Seals the files after a clean end.
    pub(super) fn write_seal(&self) -> io::Result<()> {
        let unfinished = self.directory.join(SEAL_UNFINISHED);
        let mut file = File::create(&unfinished)?;
        file.write_all(self.sum()?.as_bytes())?;
        file.sync_data()?;
        fs::rename(unfinished, self.directory.join(SEAL))
    }

    /// Name, length and checksum of each file.
    fn sum(&self) -> io::Result<String> {
        let mut lines = Vec::new();
        sum_directory(&self.store(), "", 0, &mut lines)?;
        lines.sort();
        lines.push(format!("{STORE}{}", self.number));
        Ok(lines.concat())
    }
}

fn sum_directory(
    path: &Path,
    prefix: &str,
    depth: usize,
    into: &mut Vec<String>,
) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other("directories too deep for an index"));
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sum_directory(&entry.path(), &name, depth + 1, into)?;
        } else if kind.is_file() {
            let (length, checksum) = sum_file(&entry.path())?;
            into.push(format!("{name} {length} {checksum:08x}\n"));
        } else {
            return Err(io::Error::other("not a regular file"));
        }
    }
    Ok(())
}

fn sum_file(path: &Path) -> io::Result<(u64, u32)> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    let (mut length, mut checksum) = (0, 0);
    loop {
        let count = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok((length, checksum));
        };
        length += count as u64;
        checksum = crc32c::crc32c_append(checksum, bytes);
    }
}

/// The numbers behind a prefix, ascending.
fn numbers(directory: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse::<u32>().ok());
        numbers.extend(number.map(u64::from));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
