//! A running command with everything that it started, and the end of them.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use ccm_proto::model::source::ExecConfig;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::runtime::Handle;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::OwnedSemaphorePermit;

use super::launch::Launcher;

/// How long a command that is told to end has for it.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A command that was started, and what it writes.
pub(super) struct Started {
    pub group: Group,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
}

/// Starts a command in a group of its own. `turn` is given back when nothing of it is left.
pub(super) fn start(
    launcher: &Launcher,
    config: &ExecConfig,
    cpu_seconds: Option<u64>,
    turn: OwnedSemaphorePermit,
) -> io::Result<Started> {
    // Asked for first, so that no end is missed.
    let ends = unix::signal(SignalKind::child())?;
    let mut child = launcher.command(config, cpu_seconds).spawn()?;
    launcher.bound(&child, config, cpu_seconds);
    let id = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let members = id.map(|id| Members { child, id, ends, _turn: turn });
    match (members, stdout, stderr) {
        (Some(members), Some(stdout), Some(stderr)) => {
            Ok(Started { group: Group(Some(members)), stdout, stderr })
        }
        _ => Err(io::Error::other("it has no number or no output")),
    }
}

/// The group of a command. Dropped, it is told to end, and after [`GRACE`] it is ended.
pub(super) struct Group(Option<Members>);

impl Group {
    /// Waits until the command has ended; what it started may still be there.
    pub(super) async fn ended(&mut self) {
        if let Some(members) = &mut self.0 {
            members.ended().await;
        }
    }

    /// Ends whatever is left of the group of a command that has [`ended`](Self::ended).
    pub(super) fn sweep(&self) {
        if let Some(members) = &self.0 {
            members.tell(Signal::KILL);
        }
    }

    /// How a command that has [`ended`](Self::ended) did so.
    pub(super) async fn status(&mut self) -> io::Result<ExitStatus> {
        match &mut self.0 {
            Some(members) => members.child.wait().await,
            None => Err(io::Error::other("it was ended")),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(mut members) = self.0.take().filter(Members::are_there) else { return };
        members.tell(Signal::TERM);
        // Without a runtime, as at the daemon's end, the members are ended as they are dropped.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(GRACE, members.ended()).await;
                members.tell(Signal::KILL);
                let _ = members.child.wait().await;
            });
        }
    }
}

/// Dropped, they are ended at once.
struct Members {
    child: Child,
    /// The command's number and its group's. As long as nobody has taken the command's status, the
    /// system gives this number to nothing else.
    id: Pid,
    ends: unix::Signal,
    _turn: OwnedSemaphorePermit,
}

impl Members {
    fn are_there(&self) -> bool {
        self.child.id().is_some()
    }

    fn tell(&self, signal: Signal) {
        if self.are_there() {
            // Nobody may be left.
            let _ = kill_process_group(self.id, signal);
        }
    }

    async fn ended(&mut self) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while self.are_there() && matches!(waitid(WaitId::Pid(self.id), look), Ok(None)) {
            self.ends.recv().await;
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.tell(Signal::KILL);
    }
}
