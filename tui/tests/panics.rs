//! Panics of a program that has taken a real terminal: wherever they happen, the terminal is given
//! back before the message is written, so that it can be read.
//!
//! The program is this test itself, run again on a pseudo-terminal with [`CHILD`] set.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod common;

use ccm::term::{self, Terminal};
use ccm_proto::SafeText;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use common::pty::Pty;

/// Says which disaster the child is to meet.
const CHILD: &str = "CCM_TEST_DISASTER";

/// Stands in every message.
const MESSAGE: &str = "the disaster has come";

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("{MESSAGE}");
    }
}

/// What the child does.
fn meet(disaster: &str) {
    let mut terminal = Terminal::enter(true, true).unwrap();
    let mut frame = Buffer::filled(Rect::new(0, 0, 20, 5), ratatui::buffer::Cell::new("x"));
    terminal.set_title(&SafeText::new("title")).unwrap();
    terminal.show(&mut frame).unwrap();
    match disaster {
        "panic" => panic!("{MESSAGE}"),
        "panic in a thread" => {
            let ended = std::thread::spawn(|| panic!("{MESSAGE}")).join();
            assert!(ended.is_err());
            // As a client would whose thread is gone, without a word of its own.
            std::mem::forget(terminal);
        }
        "panic in a task" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { tokio::spawn(async { panic!("{MESSAGE}") }).await }).unwrap();
        }
        "panic in drop" => drop(PanicsInDrop),
        "two panics" => {
            let _again = PanicsInDrop;
            panic!("{MESSAGE}");
        }
        "exit without a word" => std::mem::forget(terminal),
        "reset" => {
            // As after a kill: nothing is given back by anybody but the command.
            std::mem::forget(terminal);
            term::reset().unwrap();
        }
        other => panic!("no disaster is called {other}"),
    }
}

#[test]
fn child() {
    if let Ok(disaster) = std::env::var(CHILD) {
        meet(&disaster);
    }
}

fn run(disaster: &str) -> (Vec<String>, String) {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "child", "--nocapture", "--test-threads=1"];
    let variables = [(CHILD, disaster), ("RUST_BACKTRACE", "0")];
    let pty = Pty::run(program.to_str().unwrap(), &arguments, &variables);
    let ended = pty.end();
    (ended.wrong, ended.written)
}

#[test]
fn a_panic_gives_the_terminal_back_and_its_message_can_be_read() {
    for disaster in ["panic", "panic in a thread", "panic in a task", "panic in drop", "two panics"]
    {
        let (wrong, written) = run(disaster);
        assert_eq!(wrong, Vec::<String>::new(), "{disaster}:\n{written}");
        let after = written.rsplit("\x1b[?1049l").next().unwrap();
        assert!(after.contains(MESSAGE), "{disaster}:\n{written}");
    }
}

#[test]
fn a_terminal_in_disorder_can_be_reset() {
    let (wrong, written) = run("reset");
    assert_eq!(wrong, Vec::<String>::new(), "{written}");
}

#[test]
fn an_end_that_gives_nothing_back_is_found() {
    let (wrong, _) = run("exit without a word");
    assert!(!wrong.is_empty());
}
