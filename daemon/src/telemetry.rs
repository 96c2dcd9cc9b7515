//! Where the daemon's own log lines go.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::settings::{LogSettings, LogTarget};

/// Changes the level of a running daemon.
#[derive(Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Why logging cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is not one.
    #[error("the log level {level:?} is not understood: {error}")]
    Level {
        /// What was given.
        level: String,
        /// Why it is none.
        error: String,
    },
    /// The log file cannot be opened.
    #[error("cannot open the log file {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody else has set up logging in this process.
    #[error("logging was set up twice")]
    Twice,
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(level).map_err(|error| TelemetryError::Level {
        level: level.to_owned(),
        error: error.to_string(),
    })
}

/// The file that the target `file` writes to.
pub fn log_file(settings: &LogSettings, data: &Path) -> PathBuf {
    settings.file.clone().unwrap_or_else(|| data.join("ccmd.log"))
}

/// Starts logging as the settings say. A missing journal falls back to standard error.
pub fn start(settings: &LogSettings, data: &Path) -> Result<LogControl, TelemetryError> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let output: Box<dyn Layer<_> + Send + Sync> = match settings.target {
        LogTarget::Journald => match tracing_journald::layer() {
            Ok(journal) => journal.boxed(),
            Err(_) => lines(settings.json, io::stderr),
        },
        LogTarget::Stderr => lines(settings.json, io::stderr),
        LogTarget::File => {
            let path = log_file(settings, data);
            let file = open(&path).map_err(|error| TelemetryError::File { path, error })?;
            lines(settings.json, Arc::new(file))
        }
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(output)
        .try_init()
        .map_err(|_| TelemetryError::Twice)?;
    Ok(LogControl { filter: handle })
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn lines<S, W>(json: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    if json { layer.json().boxed() } else { layer.boxed() }
}

impl LogControl {
    /// Takes another level from now on.
    pub fn set_level(&self, level: &str) -> Result<(), TelemetryError> {
        self.filter.reload(filter(level)?).map_err(|_| TelemetryError::Twice)
    }
}
