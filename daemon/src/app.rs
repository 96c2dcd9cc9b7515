//! The composition root: builds every part, wires them, spawns their tasks and ends them in order.
//!
//! This is the only list of the daemon's tasks:
//!
//! | task | what it does |
//! |---|---|
//! | engine | `engine::run`: events in, publications and history out |
//! | sources | one a source, owned by the scheduler |
//! | desk | sends what others report to the engine, and looks after its age |
//! | registry | `registry::actor`: plans, logs, commits |
//! | files | watches the configuration directory |
//! | couriers | configuration to the engine, news to the sessions, refreshes to the scheduler |
//! | housekeeping | once a second: feeds without watchers, gauges, the store, opened secrets, idling |
//! | scrubber | reads what is stored again, little by little, and tells of damage |
//! | modules | a watcher for each module, and what they tell |
//! | server | gRPC on the Unix socket |
//! | metrics | Prometheus text, when asked for |

mod compose;
mod contributions;
mod couriers;
mod housekeeping;
mod idle;
mod modules;
mod outside;
mod scrubber;
mod signals;
mod usage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity};
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::rpc::server::{self, ServerError};
use crate::settings::{Paths, PathsError, Settings};
use crate::storage::StorageError;
use crate::storage::lock::LockError;
use crate::telemetry::{self, LogControl, TelemetryError};
use compose::Parts;
use signals::{Request, Signals};

/// How long calls and streams under way have to end.
const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// The notice about settings that could not be read again.
const RELOAD_NOTICE: &str = "settings";

/// Threads for all tasks: one can be busy encoding while the other serves.
const WORKERS: usize = 2;

/// Why the daemon did not start, or failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no place for its files.
    #[error(transparent)]
    Paths(#[from] PathsError),
    /// Logging cannot start.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Another daemon owns the data directory.
    #[error("{0}")]
    Owned(LockError),
    /// The store cannot be used.
    #[error(transparent)]
    Storage(StorageError),
    /// The socket cannot be served.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The metrics address cannot be taken.
    #[error("cannot serve metrics: {0}")]
    Metrics(std::io::Error),
    /// The configuration cannot be restored or watched.
    #[error("{0}")]
    Registry(String),
    /// The system refuses threads, signals or the like.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

impl From<StorageError> for AppError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Lock(error @ LockError::Held { .. }) => Self::Owned(error),
            other => Self::Storage(other),
        }
    }
}

/// Runs the daemon until a signal, a call or a lack of clients ends it. `file` is what SIGHUP
/// reads again.
pub fn run(settings: Settings, file: Option<PathBuf>) -> Result<(), AppError> {
    let protected = crate::secret::protect();
    let paths = Paths::resolve(&settings)?;
    crate::settings::make_private(&paths.data)?;
    let log = telemetry::start(&settings.log, &paths.data)?;
    if let Err(error) = protected {
        tracing::warn!(%error, "core dumps and debuggers are not kept out of the memory");
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let result = runtime.block_on(until_told(settings, file, &log));
    // Threads that hang in a reading or on a dead disk are left behind.
    runtime.shutdown_timeout(Duration::from_millis(500));
    result
}

async fn until_told(
    settings: Settings,
    file: Option<PathBuf>,
    log: &LogControl,
) -> Result<(), AppError> {
    let mut signals = Signals::listen()?;
    let mut daemon = Daemon::start(settings, Clock::system()).await?;
    notify_ready();
    let reload = Reload { file: file.as_deref(), log };
    let reason = daemon.until_end(&mut signals, &reload).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!(%reason, "ending");
    daemon.end(&reason).await
}

/// Tells systemd, when it is there.
fn notify_ready() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// A running daemon.
pub struct Daemon {
    parts: Parts,
    stop: mpsc::Receiver<String>,
    server: tokio::task::JoinHandle<Result<(), ServerError>>,
    shutdown: oneshot::Sender<()>,
}

impl Daemon {
    /// Builds and spawns everything; it serves when this returns. To be called within a tokio
    /// runtime.
    pub async fn start(settings: Settings, clock: Clock) -> Result<Self, AppError> {
        let paths = Paths::resolve(&settings)?;
        crate::settings::make_private(&paths.data)?;
        let (stop_sender, stop) = mpsc::channel(1);
        let parts = Parts::build(settings, paths, clock, stop_sender).await?;
        let listener = server::bind(&parts.facts.paths.socket).await?;
        let (shutdown, ended) = oneshot::channel();
        let services = parts.services();
        let server = tokio::spawn(server::serve(listener, services, async {
            let _ = ended.await;
        }));
        tracing::info!(
            pid = std::process::id(),
            socket = %parts.facts.paths.socket.display(),
            data = %parts.facts.paths.data.display(),
            "serving"
        );
        Ok(Self { parts, stop, server, shutdown })
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.parts.facts.paths.socket
    }

    /// Waits until something asks it to end, and says what.
    async fn until_end(&mut self, signals: &mut Signals, reload: &Reload<'_>) -> String {
        loop {
            tokio::select! {
                Some(reason) = self.stop.recv() => return reason,
                request = signals.next() => match request {
                    Request::End(signal) => return signal.to_owned(),
                    Request::Reload => reload.run(&self.parts),
                },
                () = server_ended(&mut self.server) => return "the server ended".to_owned(),
            }
        }
    }

    /// Drains and ends: clients are told, calls under way may end, and everything that arrived is
    /// on disk when this returns.
    pub async fn end(self, reason: &str) -> Result<(), AppError> {
        self.parts.facts.hub.say_goodbye(reason);
        let _ = self.shutdown.send(());
        if tokio::time::timeout(DRAIN_LIMIT, self.server).await.is_err() {
            tracing::warn!("calls that did not end in time are cut off");
        }
        let _ = std::fs::remove_file(&self.parts.facts.paths.socket);
        self.parts.end().await;
        Ok(())
    }
}

/// Only a failed server ends before it is told to.
async fn server_ended(server: &mut tokio::task::JoinHandle<Result<(), ServerError>>) {
    match server.await {
        Ok(Ok(())) => tracing::error!("the server ended by itself"),
        Ok(Err(error)) => tracing::error!(%error, "the server failed"),
        Err(error) => tracing::error!(%error, "the server broke off"),
    }
}

/// What SIGHUP does.
struct Reload<'a> {
    file: Option<&'a Path>,
    log: &'a LogControl,
}

impl Reload<'_> {
    fn run(&self, parts: &Parts) {
        parts.rescan.notify_one();
        let Some(file) = self.file else { return };
        let result = Settings::read(file).map_err(|error| error.to_string()).and_then(|settings| {
            self.log.set_level(&settings.log.level).map_err(|error| error.to_string())
        });
        match result {
            Ok(()) => {
                parts.notices.clear(RELOAD_NOTICE);
                tracing::info!(
                    "settings read again; what is not the log level counts from the next start"
                );
            }
            Err(problem) => {
                tracing::error!(%problem, "the settings stay as they were");
                parts.notices.raise(Notice {
                    key: RELOAD_NOTICE.to_owned(),
                    severity: Severity::Error,
                    summary: SafeText::new(&format!("settings not read again: {problem}")),
                    at: parts.facts.clock.now(),
                    ..Notice::default()
                });
            }
        }
    }
}
