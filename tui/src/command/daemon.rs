//! `ccm daemon`: start, stop or look at the daemon.

use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ccm_daemon::settings::{LogTarget, Paths, Settings};
use ccm_daemon::telemetry::log_file;
use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use ccm_proto::wire::{GetStatusRequest, StopRequest};

use super::output::print;
use super::{CommandError, Connection, EXIT_NO_DAEMON, EXIT_USAGE, status};
use crate::autostart::{self, Target};
use crate::cli::{DaemonCommand, LinkArgs};

/// How long a daemon may take to drain and end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// From one look to the next while waiting for an end or for more lines.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the command.
pub(super) async fn run(command: DaemonCommand, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    match command {
        DaemonCommand::Start => start(link).await,
        DaemonCommand::Stop => stop(link).await,
        DaemonCommand::Status(args) => status::run(&args, link).await,
        DaemonCommand::Logs { follow, lines } => logs(follow, lines).await,
        DaemonCommand::Doctor(args) => Ok(ccm_daemon::cli::doctor(&Settings::default(), args)),
        // The daemon has a runtime of its own, so `main` runs it before there is one here.
        DaemonCommand::Run { .. } => Ok(ExitCode::from(EXIT_USAGE)),
    }
}

/// Becomes the daemon that `start` runs in the background.
pub fn become_daemon(idle_exit: Option<Interval>) -> ExitCode {
    // Fails only where the process leads a group already, which then is a session's own business.
    let _ = rustix::process::setsid();
    let mut settings = Settings { idle_exit, ..Settings::default() };
    settings.log.target = LogTarget::File;
    ccm_daemon::cli::serve(settings, None)
}

async fn start(link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let target = Target::resolve(link.socket.as_deref())?;
    let started = autostart::ensure(&target).await?;
    let word = if started { "started" } else { "is running already" };
    let connection = Connection::open(link).await?;
    let status = connection.system().get_status(GetStatusRequest {}).await?.into_inner();
    print(&format!("ccmd {word}, pid {}, socket {}\n", status.pid, target.socket.display()))?;
    Ok(ExitCode::SUCCESS)
}

async fn stop(link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let target = Target::resolve(link.socket.as_deref())?;
    let Some(connection) = Connection::existing(link).await? else {
        print("ccmd is not running\n")?;
        return Ok(ExitCode::from(EXIT_NO_DAEMON));
    };
    let request = StopRequest { reason: "ccm daemon stop".to_owned() };
    let pid = connection.system().stop(request).await?.into_inner().pid;
    drop(connection);
    let process = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let ended = async {
        while process.is_some_and(is_running) {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    if tokio::time::timeout(STOP_LIMIT, ended).await.is_err() {
        let socket = target.socket.display();
        return Err(CommandError::Link(format!("pid {pid} on {socket} has not ended after 10 s")));
    }
    print(&format!("ccmd stopped, pid {pid}\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a process does anything yet. One that ended but was not waited for by its parent keeps
/// its number, for good under an init that never waits, as in many containers.
fn is_running(pid: rustix::process::Pid) -> bool {
    let exists = rustix::process::test_kill_process(pid).is_ok();
    #[cfg(target_os = "linux")]
    let is_zombie = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')));
    #[cfg(not(target_os = "linux"))]
    let is_zombie = false;
    exists && !is_zombie
}

async fn logs(follow: bool, lines: usize) -> Result<ExitCode, CommandError> {
    let settings = Settings::default();
    let paths = Paths::resolve(&settings).map_err(autostart::AutostartError::from)?;
    let path = log_file(&settings.log, &paths.data);
    let failed = |error| CommandError::io(format!("cannot read {}", path.display()), error);
    let mut position = print_tail(&path, lines).map_err(failed)?;
    if !follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        tokio::time::sleep(LOOK_INTERVAL * 10).await;
        let failed = |error| CommandError::io(format!("cannot read {}", path.display()), error);
        position = print_from(&path, position).map_err(failed)?;
    }
}

fn print_tail(path: &Path, lines: usize) -> std::io::Result<u64> {
    let file = std::fs::File::open(path)?;
    let mut tail = std::collections::VecDeque::with_capacity(lines.min(10_000));
    let mut position = 0;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        position += read as u64;
        if tail.len() >= lines {
            tail.pop_front();
        }
        tail.push_back(shown(&line));
    }
    let text: String = tail.into_iter().collect();
    print(&text).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(position)
}

fn print_from(path: &Path, position: u64) -> std::io::Result<u64> {
    let mut file = std::fs::File::open(path)?;
    let end = file.metadata()?.len();
    // A shorter file is a new one.
    let mut position = if end < position { 0 } else { position };
    file.seek(SeekFrom::Start(position))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() != Some(&b'\n') {
            break;
        }
        position += line.len() as u64;
        print(&shown(&line)).map_err(|error| std::io::Error::other(error.to_string()))?;
        line.clear();
    }
    Ok(position)
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    format!("{}\n", SafeText::new(text.trim_end_matches(['\n', '\r'])))
}
