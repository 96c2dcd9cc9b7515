//! Starting the daemon when none is listening, as tmux starts its server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ccm_daemon::cli::EXIT_OWNED;
use ccm_daemon::settings::{Paths, PathsError, Settings};
use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

/// How long a daemon that was started this way stays without clients.
pub const IDLE_EXIT: Interval = Interval::from_secs(15 * 60);

/// How long a daemon may take until it listens. Recovery of a large history is part of it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// From one look at the socket to the next. Short, because it is part of the first frame.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
pub enum AutostartError {
    /// The system does not say where this user's files belong.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// The named socket leads nowhere, and a named socket's daemon is not ours to start.
    #[error(
        "no daemon listens on {path}: {error}; start one there, or leave --socket and CCM_SOCKET out"
    )]
    NotListening {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The program cannot be run again as a daemon.
    #[error("cannot start the daemon: {0}")]
    Spawn(std::io::Error),
    /// It ended at once.
    #[error("the daemon did not start: {0}")]
    Ended(SafeText),
    /// It is there, and does not listen.
    #[error("the daemon (pid {pid}) did not listen on {path} within 30 s; see `ccm daemon logs`")]
    Slow {
        /// Its process.
        pid: u32,
        /// The socket.
        path: PathBuf,
    },
}

/// Where the daemon listens, and whether it may be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The socket.
    pub socket: PathBuf,
    /// False when the user named the socket.
    pub may_start: bool,
}

impl Target {
    /// The named socket, or the one of this user's own daemon.
    pub fn resolve(named: Option<&Path>) -> Result<Self, AutostartError> {
        if let Some(socket) = named {
            return Ok(Self { socket: socket.to_owned(), may_start: false });
        }
        let paths = Paths::resolve(&Settings::default())?;
        Ok(Self { socket: paths.socket, may_start: true })
    }
}

/// Makes sure that a daemon listens; true when one had to be started.
pub async fn ensure(target: &Target) -> Result<bool, AutostartError> {
    let Err(error) = UnixStream::connect(&target.socket).await else { return Ok(false) };
    if !target.may_start {
        return Err(AutostartError::NotListening { path: target.socket.clone(), error });
    }
    let mut child = spawn().map_err(AutostartError::Spawn)?;
    wait_until_listening(target, &mut child).await?;
    Ok(true)
}

fn spawn() -> std::io::Result<Child> {
    Command::new(own_program()?)
        .args(["daemon", "run", "--idle-exit", &IDLE_EXIT.to_string()])
        .env_remove("CCM_SOCKET")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C in this terminal is for the client alone, even before the daemon has detached.
        .process_group(0)
        .spawn()
}

/// This program's file. An upgrade may have put another one in its place while this one runs:
/// Linux then says that the old one is deleted, and the new one is what should be started.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let replaced = program.to_str().and_then(|path| path.strip_suffix(" (deleted)"));
    Ok(replaced.map(PathBuf::from).unwrap_or(program))
}

/// Waits until a daemon that was just started listens.
pub(crate) async fn wait_until_listening(
    target: &Target,
    child: &mut Child,
) -> Result<(), AutostartError> {
    let pid = child.id().unwrap_or_default();
    let wait = async {
        let mut owned_by_other = false;
        loop {
            if UnixStream::connect(&target.socket).await.is_ok() {
                return Ok(());
            }
            if !owned_by_other && let Ok(Some(status)) = child.try_wait() {
                // Another client started a daemon at the same moment, and that one is about to
                // listen; any other end is final.
                owned_by_other = status.code() == Some(i32::from(EXIT_OWNED));
                if !owned_by_other {
                    return Err(AutostartError::Ended(SafeText::new(&complaint(child).await)));
                }
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    match tokio::time::timeout(START_LIMIT, wait).await {
        Ok(result) => result,
        Err(_) => Err(AutostartError::Slow { pid, path: target.socket.clone() }),
    }
}

async fn complaint(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.take(16_384).read_to_string(&mut text).await;
    }
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.unwrap_or("it ended without a word").trim_start_matches("ccmd: ").to_owned()
}
