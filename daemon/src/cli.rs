//! The service binary's command line.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::{self, AppError};
use crate::doctor::{self, DoctorArgs, DoctorError};
use crate::settings::{Paths, Settings, SettingsError};
use crate::storage::StorageError;
use crate::storage::lock::LockError;

/// Exit code: done, or ended as asked.
pub const EXIT_OK: u8 = 0;
/// Exit code: the daemon failed while it ran.
pub const EXIT_FAILED: u8 = 1;
/// Exit code: settings or arguments cannot be used.
pub const EXIT_USAGE: u8 = 2;
/// Exit code: another daemon owns the data directory.
pub const EXIT_OWNED: u8 = 4;

/// The CCM daemon: gathers readings, keeps their history and configuration, and streams them.
#[derive(Debug, Parser)]
#[command(name = "ccmd", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The settings file [default: built-in settings]
    #[arg(short, long, global = true, env = "CCMD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Signals: SIGTERM and SIGINT end it within 5 s, SIGHUP reads settings and documents again.

Exit codes: 0 ended as asked, 1 failed, 2 settings or arguments, 4 another daemon owns the data.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the settings and say what they mean
    CheckConfig,
    /// Look for damage in the data directory, while no daemon uses it
    Doctor(DoctorArgs),
}

/// Runs the service binary.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match cli.config.as_deref().map(Settings::read).transpose() {
        Ok(settings) => settings.unwrap_or_default(),
        Err(error) => return refuse(&error),
    };
    match cli.command {
        None => serve(settings, cli.config),
        Some(Command::CheckConfig) => check(&settings, cli.config.as_deref()),
        Some(Command::Doctor(args)) => doctor(&settings, args),
    }
}

fn refuse(error: &SettingsError) -> ExitCode {
    complain(&error.to_string());
    ExitCode::from(EXIT_USAGE)
}

/// One line on standard error; nobody is left to be told when that fails.
fn complain(sentence: &str) {
    let sentence = ccm_proto::SafeText::new(sentence);
    let _ = writeln!(std::io::stderr(), "ccmd: {sentence}");
}

/// Looks for damage and says what there is: [`EXIT_OK`] when nothing is damaged any more,
/// [`EXIT_FAILED`] otherwise.
pub fn doctor(settings: &Settings, args: DoctorArgs) -> ExitCode {
    let found = match Paths::resolve(settings) {
        Ok(paths) => doctor::look(&paths.data, args),
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match found {
        Ok(findings) => {
            let safe = |line: &String| format!("{}\n", ccm_proto::SafeText::new(line));
            let text: String = findings.lines.iter().map(safe).collect();
            let told = std::io::stdout().write_all(text.as_bytes()).is_ok();
            ExitCode::from(if told && findings.sound { EXIT_OK } else { EXIT_FAILED })
        }
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(match error {
                DoctorError::Storage(StorageError::Lock(LockError::Held { .. })) => EXIT_OWNED,
                DoctorError::Nothing(_) => EXIT_USAGE,
                DoctorError::Storage(_) => EXIT_FAILED,
            })
        }
    }
}

fn check(settings: &Settings, file: Option<&std::path::Path>) -> ExitCode {
    let paths = match Paths::resolve(settings) {
        Ok(paths) => paths,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let file =
        file.map_or_else(|| "built-in settings".to_owned(), |file| file.display().to_string());
    let text = format!(
        "settings       {file}: valid\ndata           {}\nconfiguration  {}\nsocket         {}\n",
        paths.data.display(),
        paths.config.display(),
        paths.socket.display(),
    );
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(EXIT_OK),
        Err(_) => ExitCode::from(EXIT_FAILED),
    }
}

/// Runs the daemon until it is told to end. `file` is what SIGHUP reads again.
pub fn serve(settings: Settings, file: Option<PathBuf>) -> ExitCode {
    match app::run(settings, file) {
        Ok(()) => ExitCode::from(EXIT_OK),
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(match error {
                AppError::Owned(_) => EXIT_OWNED,
                AppError::Paths(_) => EXIT_USAGE,
                _ => EXIT_FAILED,
            })
        }
    }
}
