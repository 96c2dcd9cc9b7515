//! Settings of the daemon: what it needs to know before there are documents.
//!
//! Read once from a TOML file, over defaults that suit a user's own machine.

mod credentials;
mod paths;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ccm_proto::model::Interval;
use serde::{Deserialize, Deserializer};

pub use credentials::{CredentialSettings, VaultSettings, systemd_credentials};
pub use paths::{Paths, PathsError, make_private};

/// Everything that can be set. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where history and documents are kept; the state directory when not given.
    pub data_directory: Option<PathBuf>,
    /// The watched directory of documents; the configuration directory when not given.
    pub config_directory: Option<PathBuf>,
    /// The Unix socket; in the runtime directory when not given.
    pub socket: Option<PathBuf>,
    /// Ends after this long without clients; never when not given.
    pub idle_exit: Option<Interval>,
    /// Offers gRPC reflection.
    pub reflection: bool,
    /// A network address to listen on. Not possible yet: setting it is refused with a sentence.
    pub listen: Option<toml::Value>,
    /// What is logged, and where to.
    pub log: LogSettings,
    /// How long series are kept.
    pub history: HistorySettings,
    /// The daemon's own metrics for others.
    pub metrics: MetricsSettings,
    /// Where credentials are kept.
    pub credentials: CredentialSettings,
    /// Bounds.
    pub limits: Limits,
}

/// What is logged, and where to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `ccm_daemon::hub=debug`.
    pub level: String,
    /// Where lines go.
    pub target: LogTarget,
    /// The file of the target `file`; `ccmd.log` in the data directory when not given.
    pub file: Option<PathBuf>,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".to_owned(), target: LogTarget::Stderr, file: None, json: false }
    }
}

/// Where log lines go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogTarget {
    /// Standard error.
    #[default]
    Stderr,
    /// The systemd journal; standard error where there is none.
    Journald,
    /// A file, to which lines are appended.
    File,
}

/// How long series are kept, by tier, and how much room they may take.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistorySettings {
    /// Age at which raw samples go.
    pub raw: Interval,
    /// Age at which buckets of a minute go.
    pub minute: Interval,
    /// Age at which buckets of an hour go.
    pub hour: Interval,
    /// Bytes on disk of all tiers together; the oldest goes first.
    pub bytes: u64,
}

impl Default for HistorySettings {
    fn default() -> Self {
        let days = |days: u64| Interval::from_secs(days * 86_400);
        Self { raw: days(2), minute: days(30), hour: days(730), bytes: 1 << 30 }
    }
}

/// The daemon's own metrics as Prometheus text, off unless an address is given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// `127.0.0.1:9464`, `[::1]:9464` or `unix:/path`.
    pub listen: Option<MetricsAddress>,
}

/// Where metrics are served: on this machine only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsAddress {
    /// A port of the loopback interface.
    Loopback(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromStr for MetricsAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("{text:?} is neither unix:/path nor an address such as 127.0.0.1:9464")
        })?;
        if address.ip().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(format!(
                "{address} is not on the loopback interface; metrics are served only to this machine"
            ))
        }
    }
}

impl<'de> Deserialize<'de> for MetricsAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Bounds that an operator may want to move.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Live streams at a time.
    pub sessions: usize,
    /// Different feeds at a time.
    pub feeds: usize,
    /// Feeds that one stream may watch.
    pub feeds_per_session: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 20_000, feeds: 50_000, feeds_per_session: 1_024 }
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings {path}: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file says something impossible.
    #[error("{path}:{line}:{column}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

impl Settings {
    /// Reads a settings file.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| SettingsError::Read { path: path.to_owned(), error })?;
        Self::parse(&text).map_err(|(offset, problem)| {
            let before = text.get(..offset).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            SettingsError::Invalid { path: path.to_owned(), line, column, problem }
        })
    }

    /// Parses settings; an error is a byte offset and a problem.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            (offset, error.message().trim_end().to_owned())
        })?;
        if settings.listen.is_some() {
            let offset = text.find("listen").unwrap_or(0);
            let problem = "network listeners do not exist yet: remove `listen`; clients on this \
                           machine use the Unix socket";
            return Err((offset, problem.to_owned()));
        }
        if settings.log.level.parse::<tracing_subscriber::EnvFilter>().is_err() {
            let offset = text.find("level").unwrap_or(0);
            let problem = "`log.level` is error, warn, info, debug, trace or a list of directives";
            return Err((offset, problem.to_owned()));
        }
        if let Some((key, problem)) = settings.credentials.problem() {
            return Err((text.find(key).unwrap_or(0), problem.to_owned()));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
    }

    #[test]
    fn an_unknown_key_is_an_error_at_its_place() {
        let (offset, problem) =
            Settings::parse("reflection = true\n[log]\nlevle = \"info\"\n").unwrap_err();
        assert_eq!(offset, 24);
        assert!(problem.contains("levle"), "{problem}");
    }

    #[test]
    fn a_network_listener_is_refused_with_a_sentence() {
        let (_, problem) = Settings::parse("listen = \"0.0.0.0:7443\"").unwrap_err();
        assert!(problem.contains("Unix socket"), "{problem}");
    }

    #[test]
    fn credentials_have_an_order_of_providers_and_one_key() {
        let parse = |text: &str| Settings::parse(&format!("[credentials]\n{text}\n"));
        let order = parse("providers = [\"sealed\", \"vault\"]").unwrap().credentials.providers;
        assert_eq!(order.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(), ["sealed", "vault"]);
        for wrong in [
            "providers = []",
            "providers = [\"sealed\", \"sealed\"]",
            "providers = [\"plain\"]",
            "key_file = \"/k\"\npassphrase_fd = 3",
            "passphrase = \"x\"",
            "[credentials.vault]\naddress = \"https://v.example\"",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn metrics_are_served_on_this_machine_only() {
        assert!("127.0.0.1:9464".parse::<MetricsAddress>().is_ok());
        assert!("[::1]:9464".parse::<MetricsAddress>().is_ok());
        assert!("unix:/run/ccm/metrics".parse::<MetricsAddress>().is_ok());
        assert!("0.0.0.0:9464".parse::<MetricsAddress>().is_err());
        assert!("9464".parse::<MetricsAddress>().is_err());
    }
}
