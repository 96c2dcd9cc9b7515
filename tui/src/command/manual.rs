//! `ccm completions` and `ccm man`: made from the command line's own definition.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::CommandError;
use super::output::print_bytes;
use crate::cli::Cli;

/// Prints a completion script.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ccm", &mut script);
    print_bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual: one page with every subcommand.
pub(super) fn man() -> Result<ExitCode, CommandError> {
    let failed = |error| CommandError::io("cannot write the manual page", error);
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        if subcommand.get_name() == "help" {
            continue;
        }
        let man = clap_mangen::Man::new(subcommand.clone());
        page.extend_from_slice(format!(".SH ccm {}\n", subcommand.get_name()).as_bytes());
        man.render_description_section(&mut page).map_err(failed)?;
        man.render_synopsis_section(&mut page).map_err(failed)?;
        man.render_options_section(&mut page).map_err(failed)?;
    }
    print_bytes(&page)?;
    Ok(ExitCode::SUCCESS)
}
