//! What the system asks of the client.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// A signal that the client acts upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Restore the terminal and end; the number goes into the exit code.
    End(u8),
    /// Give the terminal to the shell and stop.
    Stop,
    /// Somebody continued a client that was stopped from outside.
    Continue,
}

/// The signals that are taken over from their default actions.
#[derive(Debug)]
pub struct Signals {
    hangup: Stream,
    interrupt: Stream,
    quit: Stream,
    terminate: Stream,
    /// Whoever sends one of these means no harm, but its default action is to kill.
    user: [Stream; 2],
    stop: Stream,
    cont: Stream,
}

/// SIGTSTP and SIGCONT have other numbers on other systems.
#[cfg(any(target_os = "linux", target_os = "android"))]
const STOP_CONT: (i32, i32) = (20, 18);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const STOP_CONT: (i32, i32) = (18, 19);

/// So have SIGUSR1 and SIGUSR2.
#[cfg(any(target_os = "linux", target_os = "android"))]
const USER: [u8; 2] = [10, 12];
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const USER: [u8; 2] = [30, 31];

impl Signals {
    /// Takes the signals over.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            user: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
            stop: signal(SignalKind::from_raw(STOP_CONT.0))?,
            cont: signal(SignalKind::from_raw(STOP_CONT.1))?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        let [one, two] = &mut self.user;
        tokio::select! {
            _ = self.hangup.recv() => Signal::End(1),
            _ = self.interrupt.recv() => Signal::End(2),
            _ = self.quit.recv() => Signal::End(3),
            _ = self.terminate.recv() => Signal::End(15),
            _ = one.recv() => Signal::End(USER[0]),
            _ = two.recv() => Signal::End(USER[1]),
            _ = self.stop.recv() => Signal::Stop,
            _ = self.cont.recv() => Signal::Continue,
        }
    }
}

/// Whether somebody could continue this process after it stopped: its parent must be a shell with
/// job control, which lives in the same session and has put it into a group of its own.
///
/// `nix` and not `rustix` asks, because in a namespace of its own a process may have a parent whose
/// session or group began outside and has no number here, for which the kernel answers 0.
pub(crate) fn can_stop() -> bool {
    use nix::unistd::{getpgid, getppid, getsid};

    let parent = Some(getppid());
    match (getsid(None), getsid(parent), getpgid(None), getpgid(parent)) {
        (Ok(own), Ok(its), Ok(own_group), Ok(its_group)) => own == its && own_group != its_group,
        _ => false,
    }
}

/// Stops this process until somebody continues it.
pub(crate) fn stop_self() -> std::io::Result<()> {
    let own = rustix::process::getpid();
    Ok(rustix::process::kill_process(own, rustix::process::Signal::STOP)?)
}
