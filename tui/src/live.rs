//! Placeholder.
use std::process::ExitCode;
/// Placeholder.
pub async fn run(
    _look: crate::cli::LookArgs,
    _link: &crate::cli::LinkArgs,
) -> Result<ExitCode, crate::command::CommandError> {
    Ok(ExitCode::SUCCESS)
}
