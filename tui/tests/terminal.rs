//! The real binary on a real pseudo-terminal: however it ends, the terminal is as it was.

mod common;

use std::sync::mpsc;

use common::Home;
use common::pty::{LIMIT, Pty, cells, unrestored};
use portable_pty::PtySize;
use rustix::process::Signal;

fn run(home: &Home, program: &str, arguments: &[&str]) -> Pty {
    Pty::run(program, arguments, &home.variables())
}

fn dashboard(home: &Home) -> Pty {
    let mut pty = run(home, env!("CARGO_BIN_EXE_ccm"), &[]);
    pty.wait("the dashboard", |screen| screen.contents().contains("live"));
    assert!(pty.screen.screen().alternate_screen());
    pty
}

#[test]
fn keys_leave_the_terminal_as_it_was() {
    let home = Home::new();
    for keys in ["q", "\u{3}", ":quit\r"] {
        let mut terminal = dashboard(&home);
        terminal.type_keys(keys);
        let end = terminal.end();
        assert_eq!((end.status.exit_code(), end.wrong), (0, Vec::new()), "after {keys:?}");
    }
}

/// When a signal comes.
#[derive(Clone, Copy, Debug)]
enum When {
    AtOnce,
    InTheAlternateScreen,
    Live,
    InHelp,
}

#[test]
fn signals_leave_the_terminal_as_it_was_and_the_client_dies_of_them() {
    const TIMES: usize = 5;
    let home = Home::new();
    home.run(&["daemon", "start"]);
    for (signal, name) in [
        (Signal::TERM, "Terminated"),
        (Signal::HUP, "Hangup"),
        (Signal::INT, "Interrupt"),
        (Signal::QUIT, "Quit"),
        (Signal::USR1, "User defined signal 1"),
        (Signal::USR2, "User defined signal 2"),
    ] {
        for when in [When::AtOnce, When::InTheAlternateScreen, When::Live, When::InHelp] {
            for _ in 0..TIMES {
                let mut terminal = run(&home, env!("CARGO_BIN_EXE_ccm"), &[]);
                match when {
                    When::AtOnce => {}
                    When::InTheAlternateScreen => {
                        terminal.wait("it", vt100::Screen::alternate_screen);
                    }
                    When::Live => terminal.wait("it", |screen| screen.contents().contains("live")),
                    When::InHelp => {
                        terminal.wait("it", |screen| screen.contents().contains("live"));
                        terminal.type_keys("?");
                        terminal.wait("help", |screen| screen.contents().contains("suspend"));
                    }
                }
                terminal.signal(signal);
                let end = terminal.end();
                assert_eq!(end.wrong, Vec::<String>::new(), "{signal:?} {when:?}: {}", end.written);
                assert_eq!(end.status.signal(), Some(name), "{when:?}");
            }
        }
    }
}

#[test]
fn a_broken_pipe_elsewhere_is_none_of_the_dashboards_business() {
    let home = Home::new();
    let mut terminal = dashboard(&home);
    terminal.signal(Signal::PIPE);
    terminal.type_keys("?");
    terminal.wait("help", |screen| screen.contents().contains("suspend"));
    terminal.type_keys("\u{3}");
    assert_eq!(terminal.end().wrong, Vec::<String>::new());
}

#[test]
fn a_suspended_dashboard_gives_the_shell_its_screen_and_comes_back() {
    let home = Home::new();
    let mut terminal = run(&home, "bash", &["--norc", "--noediting", "-i"]);
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
    assert_eq!(terminal.end().wrong, Vec::<String>::new());
}

#[test]
fn a_dashboard_without_a_shell_does_not_stop_for_ever() {
    let home = Home::new();
    let mut terminal = dashboard(&home);
    terminal.type_keys("\u{1a}");
    terminal.wait("the refusal", |screen| screen.contents().contains("no shell is waiting"));
    terminal.type_keys("q");
    assert_eq!(terminal.end().wrong, Vec::<String>::new());
}

#[test]
fn a_dashboard_whose_terminal_is_gone_ends_even_when_it_ignores_the_hang_up() {
    let home = Home::new();
    let script = format!("trap '' HUP; exec {}", env!("CARGO_BIN_EXE_ccm"));
    let mut terminal = run(&home, "sh", &["-c", &script]);
    terminal.wait("the dashboard", |screen| screen.contents().contains("live"));
    let Pty { master, writer, mut child, output, .. } = terminal;
    drop(writer);
    drop(master);
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait()));
    // The reader holds a copy of the master, which is closed only when it gets an error or an end.
    drop(output);
    let status = end.recv_timeout(LIMIT).expect("it has not ended").unwrap();
    assert_eq!(status.signal(), Some("Hangup"), "{status:?}");
}

#[test]
fn a_resized_terminal_is_filled_again() {
    let home = Home::new();
    let mut terminal = dashboard(&home);
    let size = PtySize { rows: 12, cols: 40, pixel_width: 0, pixel_height: 0 };
    terminal.master.resize(size).unwrap();
    terminal.screen.screen_mut().set_size(cells(12), cells(40));
    terminal.wait("the narrow dashboard", |screen| {
        let rows: Vec<String> = screen.rows(0, 40).collect();
        rows.last().is_some_and(|row| row.contains("help")) && rows[1].starts_with('╭')
    });
    terminal.type_keys("q");
    assert_eq!(terminal.end().wrong, Vec::<String>::new());
}

#[test]
fn a_program_that_restores_nothing_is_caught() {
    let home = Home::new();
    let script =
        "printf '\\033[?1049h\\033[?25l\\033[?2004h\\033[?1000h\\033[1m'; stty raw; exit 3";
    let terminal = run(&home, "sh", &["-c", script]);
    let end = terminal.end();
    let wrong = end.wrong;
    assert_eq!(end.status.exit_code(), 3);
    let found = ["alternate screen", "hidden cursor", "bracketed paste", "mouse", "style"];
    assert!(found.iter().all(|what| wrong.iter().any(|w| w == what)), "{wrong:?}");
    assert!(wrong.iter().any(|w| w.starts_with("modes")), "{wrong:?}");
}
