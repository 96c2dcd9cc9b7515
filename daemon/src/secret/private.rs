//! Files that only their owner may read: checked on the open file, replaced as a whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::storage::disk::Disk;

/// Permission bits of the group and of others.
const OTHERS: u32 = 0o077;

/// Why a private file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrivateError {
    /// The system refuses.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It leads elsewhere.
    #[error("{} is a symbolic link; put the file itself there", .0.display())]
    Link(PathBuf),
    /// It is a directory, a device or the like.
    #[error("{} is not a regular file", .0.display())]
    Irregular(PathBuf),
    /// Others may read or write it.
    #[error("{} is open to others (mode {mode:04o}); close it with `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {owner}; make the daemon's user its owner", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// It is longer than anything of its kind.
    #[error("{} has more than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most bytes.
        limit: usize,
    },
}

impl PrivateError {
    fn io(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io { what, path: path.to_owned(), error }
    }
}

/// Who must be kept out of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Everybody but this user.
    Owner,
    /// Whoever gave the file has seen to that.
    Given,
}

/// Reads a file of at most `limit` bytes; none when there is none.
pub(super) fn read(
    path: &Path,
    limit: usize,
    guard: Guard,
) -> Result<Option<Zeroizing<Vec<u8>>>, PrivateError> {
    let Some(mut file) = open(path, guard)? else { return Ok(None) };
    let failed = PrivateError::io("read", path);
    let length = file.metadata().map_err(&failed)?.len();
    let too_long = || PrivateError::TooLong { path: path.to_owned(), limit };
    let length = usize::try_from(length).ok().filter(|length| *length <= limit);
    // One more than there is shows a file that grows; the buffer itself never grows.
    let mut bytes = Zeroizing::new(vec![0; length.ok_or_else(too_long)?.saturating_add(1)]);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    bytes.truncate(filled);
    Ok(Some(bytes))
}

/// When a file was last written, in milliseconds of Unix time.
pub(super) fn modified_ms(path: &Path) -> i64 {
    let seconds = std::fs::symlink_metadata(path).map_or(0, |data| data.mtime());
    seconds.saturating_mul(1_000)
}

fn open(path: &Path, guard: Guard) -> Result<Option<File>, PrivateError> {
    let flags = match guard {
        Guard::Owner => OFlags::NOFOLLOW | OFlags::NONBLOCK,
        // A supervisor may put links there.
        Guard::Given => OFlags::NONBLOCK,
    };
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(PrivateError::Link(path.to_owned()));
        }
        Err(error) => return Err(PrivateError::io("open", path)(error)),
    };
    let data = file.metadata().map_err(PrivateError::io("look at", path))?;
    if !data.is_file() {
        return Err(PrivateError::Irregular(path.to_owned()));
    }
    if guard == Guard::Owner {
        let (owner, mode) = (data.uid(), data.mode() & 0o7777);
        if owner != rustix::process::getuid().as_raw() {
            return Err(PrivateError::Foreign { path: path.to_owned(), owner });
        }
        if mode & OTHERS != 0 {
            return Err(PrivateError::Exposed { path: path.to_owned(), mode });
        }
    }
    Ok(Some(file))
}

/// Puts bytes into a file in place of what it held: all of them or, after a crash, all of the
/// former ones. They outlast a power loss when this returns.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), PrivateError> {
    let failed = PrivateError::io("write", path);
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    match disk.remove(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = disk.create(&fresh).map_err(&failed)?;
    file.write_at(bytes, 0).and_then(|()| file.sync()).map_err(&failed)?;
    disk.rename(&fresh, path).map_err(&failed)?;
    let directory = path.parent().unwrap_or(path);
    disk.sync_directory(directory).map_err(&failed)
}

/// Reads a file through a disk, which cannot tell who may read it; none when there is none.
pub(super) fn read_from(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, PrivateError> {
    let failed = PrivateError::io("read", path);
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let length = file.length().map_err(&failed)?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    let count = file.read_at(&mut bytes, 0).map_err(failed)?;
    bytes.truncate(count);
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::storage::disk::RealDisk;

    fn problem(path: &Path) -> String {
        read(path, 100, Guard::Owner).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_only_its_owner_can_read_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        assert!(read(&path, 100, Guard::Owner).unwrap().is_none());
        replace(&RealDisk, &path, b"one").unwrap();
        replace(&RealDisk, &path, b"two").unwrap();
        assert_eq!(read(&path, 100, Guard::Owner).unwrap().unwrap().as_slice(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn what_a_crash_left_over_is_in_nobodys_way() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        std::fs::write(root.path().join("f.new"), b"half").unwrap();
        replace(&RealDisk, &path, b"whole").unwrap();
        assert_eq!(read(&path, 100, Guard::Owner).unwrap().unwrap().as_slice(), b"whole");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("f");
        replace(&RealDisk, &path, b"x").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(problem(&path).contains("chmod 600"), "{mode:o}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        assert!(read(&path, 100, Guard::Owner).unwrap().is_some());
    }

    #[test]
    fn a_link_a_directory_a_pipe_and_a_long_file_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        replace(&RealDisk, &target, &[0; 101]).unwrap();
        assert!(problem(&target).contains("more than 100 bytes"));
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(problem(&link).contains("symbolic link"));
        assert!(problem(root.path()).contains("not a regular file"));
        let pipe = root.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(problem(&pipe).contains("not a regular file"));
    }
}
