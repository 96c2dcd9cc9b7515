//! The subcommands, one file each: answers for scripts and for people between dashboards.

mod apply;
mod connection;
pub mod connector;
mod cred;
pub mod daemon;
pub mod demo;
mod diff;
pub(crate) mod discover;
mod doctor;
mod edit;
mod error;
mod files;
mod get;
mod history;
mod keys;
mod manual;
mod module;
mod output;
mod push;
mod source;
mod status;

use std::process::ExitCode;

use crate::cli::{Command, LinkArgs, LookArgs};

pub use connection::Connection;
pub use error::CommandError;
pub use output::{Output, print, print_bytes};

/// Exit code: done.
pub const EXIT_OK: u8 = 0;
/// Exit code: refused, or different.
pub const EXIT_REFUSED: u8 = 1;
/// Exit code: not possible as asked.
pub const EXIT_USAGE: u8 = 2;
/// Exit code: no daemon to talk to.
pub const EXIT_NO_DAEMON: u8 = 3;

fn reset() -> Result<ExitCode, CommandError> {
    let cannot = |error| CommandError::io("the terminal cannot be reset", error);
    crate::term::reset().map_err(cannot)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a subcommand other than the snapshot.
pub async fn run(
    command: Command,
    link: &LinkArgs,
    look: &LookArgs,
) -> Result<ExitCode, CommandError> {
    match command {
        Command::Snapshot(_) => {
            Err(CommandError::Usage("a snapshot is not a plain command".to_owned()))
        }
        Command::Get(args) => get::run(&args, link).await,
        Command::Apply(args) => apply::apply(&args, link).await,
        Command::Delete(args) => apply::delete(&args, link).await,
        Command::Revert(args) => apply::revert(&args, link).await,
        Command::Diff(args) => diff::run(&args, link).await,
        Command::History(args) => history::run(&args, link).await,
        Command::Edit(args) => edit::run(&args, link).await,
        Command::Status(args) => status::run(&args, link).await,
        Command::Push(args) => push::run(&args, link).await,
        Command::Discover(args) => discover::run(&args, link).await,
        Command::Daemon(command) => daemon::run(command, link).await,
        Command::Source(command) => source::run(command, link).await,
        Command::Module(command) => module::run(command, link).await,
        Command::Connector(command) => connector::run(command, link).await,
        Command::Cred(command) => cred::run(command, link).await,
        Command::Doctor(args) => doctor::run(&args, link).await,
        Command::Demo(args) => demo::run(args, link, look).await,
        Command::Keys => keys::run(look),
        Command::Reset => reset(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man => manual::man(),
    }
}
