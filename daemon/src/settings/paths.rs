//! Where things are on this machine.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use rustix::fs::{Mode, Stat};

use super::Settings;

/// The directories and the socket that a daemon uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// History and documents.
    pub data: PathBuf,
    /// Watched documents.
    pub config: PathBuf,
    /// The Unix socket.
    pub socket: PathBuf,
}

/// Why no place can be used.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// The system does not say where this user's files belong.
    #[error("no home directory is known; set HOME, or name the directories in a settings file")]
    NoHome,
    /// A directory cannot be made private.
    #[error("cannot make the private directory {path}: {error}")]
    Create {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A directory belongs to somebody else, or others can write to it.
    #[error(
        "{path} must belong to this user and be closed to others (mode 0700); remove it or choose another socket"
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
}

impl Paths {
    /// From the settings, with the XDG directories behind them.
    pub fn resolve(settings: &Settings) -> Result<Self, PathsError> {
        let project = ProjectDirs::from("", "", "ccm");
        let home = || project.as_ref().ok_or(PathsError::NoHome);
        let data = if let Some(path) = &settings.data_directory {
            path.clone()
        } else {
            let home = home()?;
            home.state_dir().unwrap_or_else(|| home.data_local_dir()).to_owned()
        };
        let config = match &settings.config_directory {
            Some(path) => path.clone(),
            None => home()?.config_dir().to_owned(),
        };
        let socket = match &settings.socket {
            Some(path) => path.clone(),
            None => default_socket(project.as_ref()),
        };
        Ok(Self { data, config, socket })
    }
}

/// In the runtime directory; where there is none, in a private directory under the temporary one,
/// as tmux does it.
fn default_socket(project: Option<&ProjectDirs>) -> PathBuf {
    let runtime = project.and_then(|project| project.runtime_dir().map(Path::to_owned));
    let directory = runtime.unwrap_or_else(|| {
        let user = rustix::process::getuid().as_raw();
        std::env::temp_dir().join(format!("ccm-{user}"))
    });
    directory.join("ccmd.sock")
}

/// Makes a directory that only this user can enter, or checks that it is one.
pub fn make_private(path: &Path) -> Result<(), PathsError> {
    let create = |error| PathsError::Create { path: path.to_owned(), error };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(create)?;
    }
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(create(error.into())),
    }
    let stat: Stat = rustix::fs::lstat(path).map_err(|error| create(error.into()))?;
    let is_directory = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir();
    let own = stat.st_uid == rustix::process::getuid().as_raw();
    let closed = Mode::from_raw_mode(stat.st_mode).intersection(Mode::RWXG | Mode::RWXO).is_empty();
    if is_directory && own && closed {
        return Ok(());
    }
    Err(PathsError::Exposed { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_private_directory_is_made_once_and_accepted_again() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        make_private(&path).unwrap();
        make_private(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_that_others_can_enter_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("open");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(make_private(&path), Err(PathsError::Exposed { .. })));
    }

    #[test]
    fn a_symbolic_link_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        make_private(&target).unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(matches!(make_private(&link), Err(PathsError::Exposed { .. })));
    }
}
