//! The service binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = ccm_daemon::collect::exec::intercept() {
        return code;
    }
    ccm_daemon::cli::main()
}
