//! A program on a real pseudo-terminal, and what it leaves behind.

#![expect(clippy::panic, reason = "a helper of tests")]

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::num::NonZero;
use std::sync::mpsc;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

pub const COLUMNS: u16 = 100;
pub const ROWS: u16 = 30;

/// Nothing that is waited for takes longer, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Pty {
    pub master: Box<dyn MasterPty + Send>,
    pub writer: Box<dyn Write + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    pub output: mpsc::Receiver<Vec<u8>>,
    pub screen: vt100::Parser,
    before: String,
}

/// How a program has ended.
pub struct End {
    pub status: ExitStatus,
    /// What is not as a shell expects it.
    pub wrong: Vec<String>,
    /// What was written that nobody had waited for.
    pub written: String,
}

impl Pty {
    pub fn run(
        program: &str,
        arguments: &[&str],
        variables: &[(impl AsRef<OsStr>, impl AsRef<OsStr>)],
    ) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = modes(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PS1", "ready> ")] {
            command.env(name, value);
        }
        for name in ["CCM_SOCKET", "NO_COLOR", "COLORTERM", "DBUS_SESSION_BUS_ADDRESS"] {
            command.env_remove(name);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        Self { master: pair.master, writer, child, output, screen, before }
    }

    pub fn wait(&mut self, what: &str, is_there: impl Fn(&vt100::Screen) -> bool) {
        while !is_there(self.screen.screen()) {
            match self.output.recv_timeout(LIMIT) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("{what}: {error}\n{}", self.screen.screen().contents()),
            }
        }
    }

    pub fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and takes in all that was written until then.
    pub fn end(mut self) -> End {
        let status = self.child.wait().unwrap();
        let after = modes(&*self.master);
        drop(self.writer);
        drop(self.master);
        let mut written = Vec::new();
        while let Ok(bytes) = self.output.recv_timeout(LIMIT) {
            self.screen.process(&bytes);
            written.extend(bytes);
        }
        let screen = self.screen.screen();
        let mut wrong = unrestored(screen);
        if after != self.before {
            wrong.push(format!("modes: {} became {after}", self.before));
        }
        End { status, wrong, written: String::from_utf8_lossy(&written).into_owned() }
    }
}

/// A size as the screen's model takes it.
pub fn cells(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

/// What is not as a shell expects it.
pub fn unrestored(screen: &vt100::Screen) -> Vec<String> {
    let mut wrong = Vec::new();
    for (is_wrong, what) in [
        (screen.alternate_screen(), "alternate screen"),
        (screen.hide_cursor(), "hidden cursor"),
        (screen.bracketed_paste(), "bracketed paste"),
        (screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None, "mouse"),
        (screen.bold() || screen.inverse() || screen.fgcolor() != vt100::Color::Default, "style"),
    ] {
        if is_wrong {
            wrong.push(what.to_owned());
        }
    }
    wrong
}
