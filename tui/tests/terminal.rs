//! The real binary on a real pseudo-terminal: however it ends, the terminal is as it was.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::sync::mpsc;
use std::time::Duration;

use common::Home;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

const COLUMNS: u16 = 100;
const ROWS: u16 = 30;

/// Nothing that is waited for takes longer, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: mpsc::Receiver<Vec<u8>>,
    screen: vt100::Parser,
    before: String,
}

impl Terminal {
    fn run(home: &Home, program: &str, arguments: &[&str]) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let before = modes(&*pair.master);
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        for (name, value) in home.variables() {
            command.env(name, value);
        }
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("PS1", "ready> ")] {
            command.env(name, value);
        }
        for name in ["CCM_SOCKET", "NO_COLOR", "COLORTERM"] {
            command.env_remove(name);
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
        let cells = |cells| NonZero::new(cells).unwrap();
        let writer = pair.master.take_writer().unwrap();
        let screen = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        Self { master: pair.master, writer, child, output, screen, before }
    }

    fn dashboard(home: &Home) -> Self {
        let mut terminal = Self::run(home, env!("CARGO_BIN_EXE_ccm"), &[]);
        terminal.wait("the dashboard", |screen| screen.contents().contains("live"));
        assert!(terminal.screen.screen().alternate_screen());
        terminal
    }

    fn wait(&mut self, what: &str, is_there: impl Fn(&vt100::Screen) -> bool) {
        while !is_there(self.screen.screen()) {
            match self.output.recv_timeout(LIMIT) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("{what}: {error}\n{}", self.screen.screen().contents()),
            }
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and takes in all that was written until then.
    fn end(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        let after = modes(&*self.master);
        drop(self.writer);
        drop(self.master);
        while let Ok(bytes) = self.output.recv_timeout(LIMIT) {
            self.screen.process(&bytes);
        }
        let mut wrong = unrestored(self.screen.screen());
        if after != self.before {
            wrong.push(format!("modes: {} became {after}", self.before));
        }
        (status, wrong)
    }
}

fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios())
}

/// What is not as a shell expects it.
fn unrestored(screen: &vt100::Screen) -> Vec<String> {
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

#[test]
fn keys_leave_the_terminal_as_it_was() {
    let home = Home::new();
    for keys in ["q", "\u{3}", ":quit\r"] {
        let mut terminal = Terminal::dashboard(&home);
        terminal.type_keys(keys);
        let (status, wrong) = terminal.end();
        assert_eq!((status.exit_code(), wrong), (0, Vec::new()), "after {keys:?}");
    }
}

#[test]
fn signals_leave_the_terminal_as_it_was_and_say_so_in_the_exit_code() {
    let home = Home::new();
    for (signal, code) in
        [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)]
    {
        let terminal = Terminal::dashboard(&home);
        terminal.signal(signal);
        let (status, wrong) = terminal.end();
        assert_eq!((status.exit_code(), wrong), (code, Vec::new()), "after {signal:?}");
    }
}

#[test]
fn a_suspended_dashboard_gives_the_shell_its_screen_and_comes_back() {
    let home = Home::new();
    let mut terminal = Terminal::run(&home, "bash", &["--norc", "--noediting", "-i"]);
    terminal.wait("the shell", |screen| screen.contents().contains("ready>"));
    terminal.type_keys(&format!("{}\n", env!("CARGO_BIN_EXE_ccm")));
    terminal.wait("the dashboard", |screen| {
        screen.alternate_screen() && screen.contents().contains("live")
    });
    terminal.type_keys("\u{1a}");
    terminal.wait("the shell again", |screen| {
        !screen.alternate_screen() && screen.contents().contains("Stopped")
    });
    assert_eq!(unrestored(terminal.screen.screen()), Vec::<String>::new());
    terminal.type_keys("fg\n");
    terminal.wait("the dashboard again", |screen| {
        screen.alternate_screen() && screen.contents().contains("live")
    });
    terminal.type_keys("q");
    terminal.wait("the shell at last", |screen| !screen.alternate_screen());
    terminal.type_keys("exit\n");
    let (_, wrong) = terminal.end();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_dashboard_without_a_shell_does_not_stop_for_ever() {
    let home = Home::new();
    let mut terminal = Terminal::dashboard(&home);
    terminal.type_keys("\u{1a}");
    terminal.wait("the refusal", |screen| screen.contents().contains("no shell is waiting"));
    terminal.type_keys("q");
    assert_eq!(terminal.end().1, Vec::<String>::new());
}

#[test]
fn a_dashboard_whose_terminal_is_gone_ends_even_when_it_ignores_the_hang_up() {
    let home = Home::new();
    let script = format!("trap '' HUP; exec {}", env!("CARGO_BIN_EXE_ccm"));
    let mut terminal = Terminal::run(&home, "sh", &["-c", &script]);
    terminal.wait("the dashboard", |screen| screen.contents().contains("live"));
    let Terminal { master, writer, mut child, output, .. } = terminal;
    drop(writer);
    drop(master);
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait()));
    // The reader holds a copy of the master, which is closed only when it gets an error or an end.
    drop(output);
    let status = end.recv_timeout(LIMIT).expect("it has not ended").unwrap();
    assert_eq!(status.exit_code(), 129);
}

#[test]
fn a_resized_terminal_is_filled_again() {
    let home = Home::new();
    let mut terminal = Terminal::dashboard(&home);
    let size = PtySize { rows: 12, cols: 40, pixel_width: 0, pixel_height: 0 };
    terminal.master.resize(size).unwrap();
    let cells = |cells| NonZero::new(cells).unwrap();
    terminal.screen.screen_mut().set_size(cells(12), cells(40));
    terminal.wait("the narrow dashboard", |screen| {
        let rows: Vec<String> = screen.rows(0, 40).collect();
        rows.last().is_some_and(|row| row.contains("help")) && rows[1].starts_with('╭')
    });
    terminal.type_keys("q");
    assert_eq!(terminal.end().1, Vec::<String>::new());
}

#[test]
fn a_program_that_restores_nothing_is_caught() {
    let home = Home::new();
    let script =
        "printf '\\033[?1049h\\033[?25l\\033[?2004h\\033[?1000h\\033[1m'; stty raw; exit 3";
    let terminal = Terminal::run(&home, "sh", &["-c", script]);
    let (status, wrong) = terminal.end();
    assert_eq!(status.exit_code(), 3);
    let found = ["alternate screen", "hidden cursor", "bracketed paste", "mouse", "style"];
    assert!(found.iter().all(|what| wrong.iter().any(|w| w == what)), "{wrong:?}");
    assert!(wrong.iter().any(|w| w.starts_with("modes")), "{wrong:?}");
}
