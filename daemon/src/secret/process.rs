//! Keeps the process' memory to itself.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core dumps and, on Linux, that other processes of the same user look into the memory.
/// An error is the system's; the process can go on, less protected.
pub fn protect() -> std::io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}
