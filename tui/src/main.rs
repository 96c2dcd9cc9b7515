//! The client binary.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use ccm::cli::{Cli, Command, DaemonCommand};
use ccm::command::demo::{DemoArgs, DemoPart};
use ccm::command::{self, CommandError, EXIT_USAGE};
use ccm::{live, snapshot_command};
use ccm_proto::SafeText;
use clap::Parser as _;

fn main() -> ExitCode {
    if let Some(code) = ccm_daemon::collect::exec::intercept() {
        return code;
    }
    let cli = Cli::parse();
    if let Some(Command::Daemon(DaemonCommand::Run { idle_exit })) = &cli.command {
        return command::daemon::become_daemon(*idle_exit);
    }
    if let Some(Command::Demo(DemoArgs { part: Some(DemoPart::Daemon { directory }), .. })) =
        &cli.command
    {
        return command::demo::become_daemon(directory);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    runtime.block_on(run(cli)).unwrap_or_else(|error| {
        complain(&error.to_string());
        error.exit_code()
    })
}

async fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.command {
        None if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() => {
            live::run(cli.look, &cli.link).await
        }
        None => Err(CommandError::Usage(
            "the dashboard needs a terminal; for a picture or its data use `ccm snapshot`"
                .to_owned(),
        )),
        Some(Command::Snapshot(args)) => snapshot_command::run(&args, &cli.link).await,
        Some(command) => command::run(command, &cli.link, &cli.look).await,
    }
}

/// On standard error, line by line; nobody is left to be told when that fails.
fn complain(text: &str) {
    let mut stderr = std::io::stderr().lock();
    for (index, line) in text.lines().enumerate() {
        let lead = if index == 0 { "ccm: " } else { "" };
        let _ = writeln!(stderr, "{lead}{}", SafeText::new(line));
    }
}
