//! Asking for a secret on the terminal, without showing it.
//!
//! The terminal gives back its echo however this ends: by a line, Ctrl-C, an error, or a signal
//! from outside.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use ccm_daemon::secret::{SECRET_BYTES_MAX, Secret};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::{emulate_default_handler, pipe, unregister};
use zeroize::{Zeroize as _, Zeroizing};

use crate::command::CommandError;

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// With the line.
    Line,
    /// By this signal, or by the key that stands for it.
    Signal(i32),
}

/// Asks; what is typed is not shown.
pub(super) fn ask(question: &str) -> Result<Secret, CommandError> {
    let failed = |error| CommandError::io("the secret cannot be asked for", error);
    let mut typed = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    let end = {
        let signals = Caught::new().map_err(failed)?;
        let _quiet = Quiet::new().map_err(failed)?;
        say(&format!("{question} (not shown): "));
        line(&signals, &mut typed)
    };
    say("\n");
    match end? {
        End::Line => Ok(Secret::new(std::mem::take(&mut *typed))),
        End::Signal(signal) => {
            typed.zeroize();
            let _ = emulate_default_handler(signal);
            Err(CommandError::Usage("nothing was changed".to_owned()))
        }
    }
}

/// On standard error, as standard output may be a file; nobody is left to be told when that fails.
pub(super) fn say(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// A terminal without echo, lines and keys that send signals, until this is dropped.
struct Quiet(Termios);

impl Quiet {
    fn new() -> std::io::Result<Self> {
        let saved = tcgetattr(stdin())?;
        let mut quiet = saved.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question was shown on the screen: it is no secret.
        tcsetattr(stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(saved))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}

/// Signals that would end the process with the terminal still quiet.
struct Caught {
    streams: Vec<(i32, UnixStream)>,
    ids: Vec<signal_hook::SigId>,
}

impl Caught {
    fn new() -> std::io::Result<Self> {
        let mut caught = Self { streams: Vec::new(), ids: Vec::new() };
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let (read, write) = UnixStream::pair()?;
            caught.ids.push(pipe::register(signal, write)?);
            caught.streams.push((signal, read));
        }
        Ok(caught)
    }

    /// Waits until something is typed, or a signal came.
    fn wait(&self) -> std::io::Result<Option<i32>> {
        let typed = stdin();
        let mut fds: Vec<PollFd<'_>> =
            self.streams.iter().map(|(_, read)| PollFd::new(read, PollFlags::IN)).collect();
        fds.push(PollFd::new(&typed, PollFlags::IN));
        // An interrupted wait tells nothing: the signal's own stream does, the next time round.
        while let Err(error) = poll(&mut fds, None) {
            if error != rustix::io::Errno::INTR {
                return Err(error.into());
            }
        }
        let came = self.streams.iter().zip(&fds).find(|(_, fd)| !fd.revents().is_empty());
        Ok(came.map(|((signal, _), _)| *signal))
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        self.ids.drain(..).for_each(|id| {
            unregister(id);
        });
    }
}

fn line(signals: &Caught, typed: &mut Vec<u8>) -> Result<End, CommandError> {
    let failed = |error| CommandError::io("the secret cannot be asked for", error);
    loop {
        if let Some(signal) = signals.wait().map_err(failed)? {
            return Ok(End::Signal(signal));
        }
        let mut bytes = Zeroizing::new([0; 256]);
        let count = match rustix::io::read(stdin(), bytes.as_mut_slice()) {
            Ok(count) => count,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
            Err(error) => return Err(failed(error.into())),
        };
        if count == 0 {
            return Ok(End::Signal(SIGHUP));
        }
        for byte in bytes.get(..count).unwrap_or_default() {
            if let Some(end) = key(*byte, typed)? {
                return Ok(end);
            }
        }
    }
}

/// Takes one byte of what is typed.
fn key(byte: u8, typed: &mut Vec<u8>) -> Result<Option<End>, CommandError> {
    const CTRL_C: u8 = 0x03;
    const CTRL_D: u8 = 0x04;
    const CTRL_U: u8 = 0x15;
    const CTRL_BACKSLASH: u8 = 0x1c;
    match byte {
        b'\r' | b'\n' | CTRL_D => return Ok(Some(End::Line)),
        CTRL_C => return Ok(Some(End::Signal(SIGINT))),
        CTRL_BACKSLASH => return Ok(Some(End::Signal(SIGQUIT))),
        CTRL_U => {
            typed.zeroize();
            typed.clear();
        }
        0x08 | 0x7f => {
            // A letter may be several bytes.
            while typed.pop().is_some_and(|last| last & 0b1100_0000 == 0b1000_0000) {}
        }
        0x00..0x20 => {
            return Err(CommandError::Usage(
                "a key was pressed that is no letter; nothing was changed. A secret with control \
                 characters is given by --stdin"
                    .to_owned(),
            ));
        }
        _ if typed.len() >= SECRET_BYTES_MAX => {
            return Err(CommandError::Usage(format!(
                "a secret has at most {SECRET_BYTES_MAX} bytes"
            )));
        }
        _ => typed.push(byte),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(bytes: &[u8]) -> Result<(Vec<u8>, Option<End>), String> {
        let mut typed = Vec::new();
        for byte in bytes {
            match key(*byte, &mut typed) {
                Ok(None) => {}
                Ok(end) => return Ok((typed, end)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok((typed, None))
    }

    #[test]
    fn a_line_is_edited_and_ends() {
        let line = |bytes: &[u8]| typed(bytes).unwrap();
        assert_eq!(line(b"abc\r"), (b"abc".to_vec(), Some(End::Line)));
        assert_eq!(line(b"ab\x7fc\n"), (b"ac".to_vec(), Some(End::Line)));
        assert_eq!(line("aé\x7f\x7f\x7fz\r".as_bytes()), (b"z".to_vec(), Some(End::Line)));
        assert_eq!(line(b"wrong\x15right\r").0, b"right");
        assert_eq!(line(b"abc\x04").1, Some(End::Line));
        assert_eq!(line(b"abc\x03").1, Some(End::Signal(SIGINT)));
        assert_eq!(line(b"abc\x1c").1, Some(End::Signal(SIGQUIT)));
    }

    #[test]
    fn a_key_that_is_no_letter_is_not_taken_for_one() {
        assert!(typed(b"abc\x1b[A").unwrap_err().contains("--stdin"));
    }
}
