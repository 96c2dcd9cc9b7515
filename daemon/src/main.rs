//! The service binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ccm_daemon::cli::main()
}
