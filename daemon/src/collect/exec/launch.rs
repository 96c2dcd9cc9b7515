//! Starts commands within bounds.
//!
//! The bounds must hold from the command's first instruction on. Between the system's `fork` and
//! `exec` only unsafe code could set them, and set from outside, right after the start, they come a
//! moment too late. So the daemon starts its own program with a hidden word: that process bounds
//! itself, asks to be killed when the daemon dies, and becomes the command by `exec`. Where the
//! program was not asked by its `main` to do so, as in tests, the bounds are set from outside.
//!
//! The number of processes has no bound here: the system counts it for each user, over everything
//! that this user runs. A service manager bounds it for the daemon with all it starts (`TasksMax`).

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use ccm_proto::model::source::ExecConfig;
use rustix::process::{Pid, Resource, Rlimit};
use tokio::process::{Child, Command};

/// The word by which this program becomes a command. No subcommand begins like it.
const WORD: &str = "__become";

/// What a command gets as its exit code when it could not be started: as shells have it.
const NOT_STARTED: u8 = 127;

/// This program becomes commands when it is told to.
static WILLING: AtomicBool = AtomicBool::new(false);

/// How commands are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// By a program whose `main` calls [`intercept`].
    Through(PathBuf),
    /// Directly; the bounds come a moment after the start.
    Bare,
}

impl Launcher {
    /// By this very program, when its `main` has called [`intercept`].
    pub fn own() -> Self {
        if !WILLING.load(Ordering::Relaxed) {
            return Self::Bare;
        }
        // The link goes on meaning the running program when its file is replaced.
        let link = PathBuf::from("/proc/self/exe");
        match std::env::current_exe() {
            _ if link.exists() => Self::Through(link),
            Ok(path) => Self::Through(path),
            Err(_) => Self::Bare,
        }
    }

    /// The command, ready to be spawned. Without `cpu_seconds` it may compute for as long as it
    /// likes.
    pub(super) fn command(&self, config: &ExecConfig, cpu_seconds: Option<u64>) -> Command {
        let mut words = config.command.iter();
        let mut command = match self {
            Self::Through(program) => {
                let mut command = Command::new(program);
                command.arg(WORD).arg(std::process::id().to_string());
                command.arg(config.memory_bytes.to_string());
                command.arg(cpu_seconds.unwrap_or(0).to_string());
                command
            }
            Self::Bare => Command::new(words.next().map(String::as_str).unwrap_or_default()),
        };
        let passed =
            config.pass_env.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        command
            .args(words)
            .env_clear()
            .envs(passed)
            .envs(&config.env)
            .current_dir(config.directory.as_deref().unwrap_or("/"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Sets from outside what the program did not set itself.
    pub(super) fn bound(&self, child: &Child, config: &ExecConfig, cpu_seconds: Option<u64>) {
        let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let (Self::Bare, Some(id)) = (self, id) {
            for (resource, limit) in limits(config.memory_bytes, cpu_seconds.unwrap_or(0)) {
                set(Some(id), resource, limit);
            }
        }
    }
}

/// A processor second after the warning comes the end.
fn limits(memory_bytes: u64, cpu_seconds: u64) -> impl Iterator<Item = (Resource, Rlimit)> {
    let cpu = (cpu_seconds > 0).then(|| {
        let maximum = cpu_seconds.saturating_add(1);
        (Resource::Cpu, Rlimit { current: Some(cpu_seconds), maximum: Some(maximum) })
    });
    let exactly = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    let memory = (Resource::As, exactly(memory_bytes));
    // A command that breaks leaves no image of its memory behind.
    [memory, (Resource::Core, exactly(0))].into_iter().chain(cpu)
}

#[cfg(target_os = "linux")]
fn set(id: Option<Pid>, resource: Resource, limit: Rlimit) {
    // A command that has ended already needs no bound.
    let _ = rustix::process::prlimit(id, resource, limit);
}

#[cfg(not(target_os = "linux"))]
fn set(_: Option<Pid>, _: Resource, _: Rlimit) {}

/// To be called by `main` before anything else. When this process was started to become a command
/// it does, and this returns only if that failed.
pub fn intercept() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_none_or(|word| word != WORD) {
        WILLING.store(true, Ordering::Relaxed);
        return None;
    }
    let error = become_command(words);
    complain(&error);
    Some(ExitCode::from(NOT_STARTED))
}

fn become_command(mut words: impl Iterator<Item = OsString>) -> io::Error {
    let malformed = || io::Error::new(io::ErrorKind::InvalidInput, "this word is not for people");
    let mut number = || words.next()?.to_str()?.parse::<u64>().ok();
    let (Some(parent), Some(memory), Some(cpu)) = (number(), number(), number()) else {
        return malformed();
    };
    let Some(program) = words.next() else { return malformed() };
    if let Err(error) = die_with(parent) {
        return error;
    }
    for (resource, limit) in limits(memory, cpu) {
        if let Err(error) = rustix::process::setrlimit(resource, limit) {
            return error.into();
        }
    }
    std::os::unix::process::CommandExt::exec(std::process::Command::new(program).args(words))
}

/// Has the system end this process when the daemon is gone, however it went.
#[cfg(target_os = "linux")]
fn die_with(parent: u64) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let is_there =
        getppid().is_some_and(|id| u64::from(id.as_raw_nonzero().get().unsigned_abs()) == parent);
    // It died before it could be asked for.
    if is_there { Ok(()) } else { Err(io::Error::other("the daemon has ended")) }
}

#[cfg(not(target_os = "linux"))]
fn die_with(_: u64) -> io::Result<()> {
    Ok(())
}

/// What the command's standard error says becomes the sentence of the source.
fn complain(error: &io::Error) {
    use std::io::Write as _;
    let _ = writeln!(io::stderr(), "it cannot be started: {error}");
}
