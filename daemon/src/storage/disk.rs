//! Everything that storage asks of a file system, behind one trait.
//!
//! The real file system is [`RealDisk`]; tests put a disk in its place on which any call can fail
//! and any call can be the last one before a power loss.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, OFlags};

#[cfg(test)]
pub(crate) mod faulty;

/// Only the owner may look into the store.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Zeros are written in pieces of this size where the file system cannot allocate.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A file system. All paths are whole paths.
pub trait Disk: Debug + Send + Sync {
    /// Creates a directory and its missing parents, readable by the owner only.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in no particular order; names that are not UTF-8 are left out,
    /// as none of ours is.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Creates a file that must not exist yet, readable and writable by the owner only.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and writing; a symbolic link is refused.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file, in place of one that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the creations, renames and removals in a directory outlast a power loss.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;
    /// How many bytes an ordinary user could still write below this path, in new files too: none
    /// when the file system has no inode left.
    fn available(&self, path: &Path) -> io::Result<u64>;
}

/// An open file. Reads and writes say where, so that one handle serves many threads.
pub trait DiskFile: Debug + Send + Sync {
    /// Length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads until the buffer is full or the file ends; says how much was read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of it.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Makes the content and the length outlast a power loss (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Takes up that much room from the start of the file.
    fn allocate(&self, length: u64) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .custom_flags(no_follow())
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(no_follow()).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn available(&self, path: &Path) -> io::Result<u64> {
        let state = rustix::fs::statvfs(path)?;
        // Some file systems make inodes as they need them and count none.
        if state.f_files > 0 && state.f_favail == 0 {
            return Ok(0);
        }
        Ok(state.f_bavail.saturating_mul(state.f_frsize))
    }
}

/// A pipe in place of a file must not block us, and a link must not lead us away.
fn no_follow() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default()
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, length) {
            Err(rustix::io::Errno::OPNOTSUPP) => {
                let mut at = 0;
                while at < length {
                    let count = (length - at).min(ZEROS.len() as u64);
                    let zeros = ZEROS.get(..usize::try_from(count).unwrap_or(0)).unwrap_or(&ZEROS);
                    self.0.write_all_at(zeros, at)?;
                    at += zeros.len() as u64;
                }
                Ok(())
            }
            other => other.map_err(io::Error::from),
        }
    }
}
