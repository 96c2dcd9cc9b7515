//! Watches for a terminal that has gone away.
//!
//! crossterm 0.29 spins when its terminal hangs up, and a process that ignores SIGHUP would spin
//! for ever (crossterm issue 793). So a thread of its own asks the terminal, and ends the process
//! when the runtime does not end it.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::oneshot;

/// From one question to the next.
const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

/// How long the runtime has to end the process after it was told.
const GRACE: Duration = Duration::from_millis(500);

/// The exit code of a process that lost its terminal: as if SIGHUP had ended it.
pub const HUNG_UP: u8 = 129;

/// Tells when the terminal is gone.
#[derive(Debug)]
pub struct Watchdog {
    gone: oneshot::Receiver<()>,
}

impl Watchdog {
    /// Starts watching standard input.
    pub fn start() -> std::io::Result<Self> {
        let (tell, gone) = oneshot::channel();
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            watch();
            super::abandon();
            // The receiver is gone only while the process ends.
            let _ = tell.send(());
            std::thread::sleep(GRACE);
            end();
        })?;
        Ok(Self { gone })
    }

    /// Returns when the terminal is gone.
    pub async fn gone(&mut self) {
        // An error would mean that the thread is gone, which it never is before the process.
        let _ = (&mut self.gone).await;
    }
}

fn watch() {
    let stdin = std::io::stdin();
    loop {
        // Only what is always reported: keys are for others to read.
        let mut descriptors = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut descriptors, Some(&INTERVAL)) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        let lost = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        if descriptors.iter().any(|descriptor| descriptor.revents().intersects(lost)) {
            return;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no terminal to restore, and the runtime had its time"
)]
fn end() {
    // Dies of the hang-up as the runtime would have had it; an exit is for when that is impossible.
    let _ = signal_hook::low_level::emulate_default_handler(i32::from(HUNG_UP - 128));
    std::process::exit(i32::from(HUNG_UP));
}
