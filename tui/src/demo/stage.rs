//! The stage of the demo: a daemon with directories of its own, and the parts that it asks.
//!
//! Every part is this program again. Each holds the reading end of a pipe whose other end is here:
//! when this process ends, however it does, the pipe ends, and with it the part.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use ccm_daemon::settings::{LogTarget, PathsError, Settings, make_private};
use ccm_proto::model::Scope;
use ccm_proto::{SafeText, wire};
use clap::ValueEnum as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::documents;
use super::part::Part;
use super::server::Listen;
use super::server::hosted::Hosted;
use crate::autostart::{self, AutostartError, Target};
use crate::cli::LinkArgs;
use crate::command::Connection;

/// How long a part may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How long the daemon may take to end: it drains for less.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Why the demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The directory cannot be made private.
    #[error(transparent)]
    Directory(#[from] PathsError),
    /// Something cannot be written.
    #[error("cannot write {path}: {error}; choose another directory with --keep")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A part cannot be started.
    #[error("cannot start the demo's {name}: {error}")]
    Spawn {
        /// The part.
        name: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A part ended, or said something else than where it listens.
    #[error("the demo's {name} did not start: {said}; see {log}")]
    Silent {
        /// The part.
        name: &'static str,
        /// What it said.
        said: SafeText,
        /// Where its complaints are.
        log: PathBuf,
    },
    /// The daemon does not take its secrets or its documents.
    #[error("the demo's daemon is not as it should be: {0}")]
    Refused(SafeText),
    /// The daemon does not listen.
    #[error(transparent)]
    Daemon(#[from] AutostartError),
}

/// How the demo is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory of everything that it writes.
    pub directory: PathBuf,
    /// Leaves the directory where it is.
    pub keep: bool,
    /// The seed of the business.
    pub seed: u64,
    /// Nothing goes wrong.
    pub calm: bool,
}

/// Where things are below the demo's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places(PathBuf);

impl Places {
    /// Below a directory.
    pub fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The daemon's documents.
    pub fn config(&self) -> PathBuf {
        self.0.join("config")
    }

    /// The daemon's data, and what the client remembers.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    fn sockets(&self) -> PathBuf {
        self.0.join("run")
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.sockets().join("ccmd.sock")
    }

    /// The settings of the demo's daemon.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings {
            data_directory: Some(self.data()),
            config_directory: Some(self.config()),
            socket: Some(self.socket()),
            ..Settings::default()
        };
        settings.log.target = LogTarget::File;
        settings
    }
}

/// A part that runs.
#[derive(Debug)]
struct Running {
    listen: Listen,
    child: Child,
}

/// The demo as it runs.
#[derive(Debug)]
pub struct Stage {
    places: Places,
    keep: bool,
    parts: BTreeMap<&'static str, Running>,
    daemon: Option<Child>,
}

impl Stage {
    /// Starts every part, and a daemon that knows where they listen.
    pub async fn set(options: &Options) -> Result<Self, StageError> {
        let places = Places::new(&options.directory);
        make_private(&options.directory)?;
        for directory in [places.config(), places.data(), places.sockets()] {
            make_private(&directory)?;
        }
        let mut stage = Self { places, keep: options.keep, parts: BTreeMap::new(), daemon: None };
        match stage.start(options).await {
            Ok(()) => Ok(stage),
            Err(error) => {
                stage.end().await;
                Err(error)
            }
        }
    }

    async fn start(&mut self, options: &Options) -> Result<(), StageError> {
        // All are spawned before the first is waited for, so that they start side by side.
        let mut started = Vec::new();
        for part in Part::ALL {
            // Both ways in which modules are reached are seen.
            let listen = match part {
                Part::Crm | Part::Hr => {
                    let socket = self.places.sockets().join(format!("{}.sock", part.name()));
                    format!("unix:{}", socket.display())
                }
                _ => "127.0.0.1:0".to_owned(),
            };
            let child = self.spawn(part.name(), &["module", part.name()], &listen, options)?;
            started.push((part.name(), child));
        }
        for service in Hosted::ALL {
            let name = service.name();
            let child = self.spawn(name, &["fake", name], "127.0.0.1:0", options)?;
            started.push((name, child));
        }
        for (name, mut child) in started {
            let listen = self.listens(name, &mut child).await?;
            self.parts.insert(name, Running { listen, child });
        }
        self.write_documents()?;
        self.start_daemon(options).await
    }

    /// Where a part's complaints go.
    fn log(&self, name: &str) -> PathBuf {
        self.places.data().join(format!("{name}.log"))
    }

    fn command(&self, name: &'static str) -> Result<Command, StageError> {
        let spawn = |error| StageError::Spawn { name, error };
        let path = self.log(name);
        let log = fs::File::create(&path).map_err(|error| StageError::Write { path, error })?;
        let mut command = Command::new(autostart::own_program().map_err(spawn)?);
        command
            .arg("demo")
            .env_remove("CCM_SOCKET")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            // Ctrl-C in this terminal is for this process, which ends the others in order.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }

    fn spawn(
        &self,
        name: &'static str,
        what: &[&str],
        listen: &str,
        options: &Options,
    ) -> Result<Child, StageError> {
        let mut command = self.command(name)?;
        command.args(what).args(["--listen", listen, "--until-eof"]);
        command.args(["--seed", &options.seed.to_string()]);
        if options.calm {
            command.arg("--calm");
        }
        command.spawn().map_err(|error| StageError::Spawn { name, error })
    }

    /// What a part says on its first line: where it listens.
    async fn listens(&self, name: &'static str, child: &mut Child) -> Result<Listen, StageError> {
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut reader = BufReader::new(stdout);
            let read = tokio::time::timeout(START_LIMIT, reader.read_line(&mut line)).await;
            if !matches!(read, Ok(Ok(_))) {
                line.clear();
            }
        }
        let address = line.trim_end().strip_prefix("listening on ");
        let address = address.map(|address| address.trim_start_matches("http://"));
        address.and_then(|address| address.parse().ok()).ok_or_else(|| StageError::Silent {
            name,
            said: SafeText::new(if line.is_empty() { "it said nothing" } else { line.trim_end() }),
            log: self.log(name),
        })
    }

    fn write_documents(&self) -> Result<(), StageError> {
        let listens = self.listening();
        for (file, text) in documents::written(&listens) {
            let path = self.places.config().join(file);
            let written = path
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text));
            written.map_err(|error| StageError::Write { path, error })?;
        }
        Ok(())
    }

    async fn start_daemon(&mut self, _: &Options) -> Result<(), StageError> {
        let name = "daemon";
        let mut command = self.command(name)?;
        command.arg("daemon").arg("--directory").arg(&self.places.0);
        // Its complaints are read when it does not start.
        command.stderr(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| StageError::Spawn { name, error })?;
        let child = self.daemon.insert(child);
        let target = Target { socket: self.places.socket(), may_start: false };
        autostart::wait_until_listening(&target, child).await?;
        let link = LinkArgs { socket: Some(target.socket) };
        let connection = Connection::open(&link).await;
        let connection =
            connection.map_err(|error| StageError::Refused(SafeText::from(error.to_string())))?;
        self.set_credentials(&connection).await
    }

    /// Gives the daemon the secrets that the fakes take, for a file of its own: the user's keyring
    /// is left alone.
    async fn set_credentials(&self, connection: &Connection) -> Result<(), StageError> {
        for (name, secret, origin) in credentials(&self.listening()) {
            let request = wire::SetCredentialRequest {
                name,
                scope: Some((&Scope::Platform).into()),
                kind: wire::CredentialKind::Token.into(),
                account: String::new(),
                secret: secret.as_bytes().to_vec().into(),
                pin: Some(wire::set_credential_request::Pin::Origin(origin)),
                provider: "sealed".to_owned(),
                api_origin: String::new(),
            };
            let answer = connection.credentials().set_credential(request).await;
            answer.map_err(|status| StageError::Refused(SafeText::new(status.message())))?;
        }
        Ok(())
    }

    /// Where each part listens, by its name.
    pub fn listening(&self) -> BTreeMap<&'static str, Listen> {
        self.parts.iter().map(|(name, running)| (*name, running.listen.clone())).collect()
    }

    /// Where things are.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Ends the daemon, then the parts, and takes the directory away unless it is to be kept.
    pub async fn end(mut self) {
        // The daemon first: it would tell of parts that are gone.
        if let Some(mut daemon) = self.daemon.take() {
            drop(daemon.stdin.take());
            if tokio::time::timeout(END_LIMIT, daemon.wait()).await.is_err() {
                let _ = daemon.kill().await;
            }
        }
        for running in self.parts.values_mut() {
            drop(running.child.stdin.take());
            if tokio::time::timeout(END_LIMIT, running.child.wait()).await.is_err() {
                let _ = running.child.kill().await;
            }
        }
        if !self.keep {
            // What cannot be taken away lies among the system's temporary files.
            let _ = fs::remove_dir_all(&self.places.0);
        }
    }
}

/// The secrets that the fakes of hosted services take, by the names that documents have for them,
/// with the origin that each is pinned to.
pub fn credentials(
    listening: &BTreeMap<&'static str, Listen>,
) -> Vec<(String, &'static str, String)> {
    let services = Hosted::value_variants().iter();
    let each = services.filter_map(|service| {
        let origin = listening.get(service.name())?.url();
        Some((format!("{}_api_key", service.name()), service.key(), origin))
    });
    each.collect()
}
