//! The real terminal: taken over, drawn to, and left as it was.

pub mod capability;
mod encode;
mod signals;
mod watchdog;

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use ccm_proto::SafeText;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub use encode::Encoder;
pub use signals::{Signal, Signals};
pub(crate) use signals::{can_stop, stop_self};
pub use watchdog::{HUNG_UP, Watchdog};

/// Whether the terminal is ours; the panic hook may run on any thread.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the terminal has a title that is to be given back.
static TITLED: AtomicBool = AtomicBool::new(false);

const ENTER: &str = "\x1b[0m\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[?7l";
// Leaving the alternate screen may bring back a style that was saved on entering it.
const LEAVE: &str = "\x1b[0m\x1b[?7h\x1b[?2004l\x1b[?25h\x1b[?1049l\x1b[0m";
// Terminals that keep titles on a stack give back the one that was there.
const TITLE_KEEP: &str = "\x1b[22;0t";
const TITLE_BACK: &str = "\x1b[23;0t";
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// A terminal that is ours until this is dropped.
#[derive(Debug)]
pub struct Terminal {
    encoder: Encoder,
    shown: Buffer,
    /// It is more than a console: it shows frames in one piece and has a title.
    modern: bool,
    mouse: bool,
    title: String,
}

impl Terminal {
    /// Takes the terminal over: raw mode, alternate screen, no cursor, no line wrap, bracketed
    /// paste, and the mouse if wanted. A panic on any thread gives it back first.
    pub fn enter(mouse: bool, modern: bool) -> io::Result<Self> {
        install_panic_hook();
        let shown = Buffer::empty(Rect::ZERO);
        let mut terminal =
            Self { encoder: Encoder::default(), shown, modern, mouse, title: String::new() };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&mut self) -> io::Result<()> {
        crossterm::terminal::enable_raw_mode()?;
        TAKEN.store(true, Ordering::SeqCst);
        let mouse = if self.mouse { MOUSE_ON } else { "" };
        let title = if self.modern { TITLE_KEEP } else { "" };
        TITLED.store(self.modern, Ordering::SeqCst);
        write(format!("{title}{ENTER}{mouse}").as_bytes())?;
        self.title.clear();
        self.forget();
        Ok(())
    }

    /// Gives the terminal back for a while, as for a suspension.
    pub fn pause(&mut self) {
        restore();
    }

    /// Takes the terminal over again, whatever a shell has done to it meanwhile.
    pub fn resume(&mut self) -> io::Result<()> {
        // Raw mode that is believed to be on would not be switched on.
        let _ = crossterm::terminal::disable_raw_mode();
        self.take()
    }

    /// Takes or releases the mouse.
    pub fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        write(if mouse { MOUSE_ON } else { MOUSE_OFF }.as_bytes())
    }

    /// Columns and rows.
    pub fn size() -> io::Result<(u16, u16)> {
        crossterm::terminal::size()
    }

    /// Sets the title of the terminal's window or tab, when it is another one.
    pub fn set_title(&mut self, title: &SafeText) -> io::Result<()> {
        if !self.modern || self.title == title.as_str() {
            return Ok(());
        }
        title.as_str().clone_into(&mut self.title);
        write(format!("\x1b]2;{title}\x1b\\").as_bytes())
    }

    /// Has the next frame draw every cell.
    pub fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::ZERO);
    }

    /// Puts text on the clipboard of the user's terminal, by OSC 52.
    pub fn copy(&self, text: &str) -> io::Result<()> {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        write(format!("\x1b]52;c;{encoded}\x1b\\").as_bytes())
    }

    /// Shows a frame: only what differs from the last one is written, in one piece, and nothing
    /// when nothing differs. Returns the bytes written. Afterwards `frame` is a former frame, whose
    /// memory can be used again.
    pub fn show(&mut self, frame: &mut Buffer) -> io::Result<usize> {
        let bytes = self.encoder.encode(&self.shown, frame);
        std::mem::swap(&mut self.shown, frame);
        if bytes.is_empty() {
            return Ok(0);
        }
        let count = bytes.len();
        if self.modern {
            let mut whole = Vec::with_capacity(count + 16);
            whole.extend_from_slice(b"\x1b[?2026h");
            whole.extend_from_slice(&bytes);
            whole.extend_from_slice(b"\x1b[?2026l");
            write(&whole)?;
        } else {
            write(&bytes)?;
        }
        Ok(count)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back, once. Errors have nobody to tell: the terminal may be gone.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let title = if TITLED.load(Ordering::SeqCst) { TITLE_BACK } else { "" };
        let _ = write(format!("{MOUSE_OFF}{LEAVE}{title}").as_bytes());
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Brings a terminal into order that was left by a client which could not do so any more: lines,
/// echo and signals as a shell expects them, and everything off that [`Terminal::enter`] switches
/// on.
pub fn reset() -> io::Result<()> {
    use rustix::termios::{InputModes, LocalModes, OptionalActions, OutputModes};
    let stdin = io::stdin();
    let mut modes = rustix::termios::tcgetattr(&stdin)?;
    modes.input_modes |= InputModes::ICRNL | InputModes::IXON;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.local_modes |= LocalModes::ICANON
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::ISIG
        | LocalModes::IEXTEN;
    rustix::termios::tcsetattr(&stdin, OptionalActions::Drain, &modes)?;
    write(format!("{MOUSE_OFF}{LEAVE}").as_bytes())
}

/// Nothing will be written or restored any more: there is no terminal.
pub(crate) fn abandon() {
    TAKEN.store(false, Ordering::SeqCst);
}

/// Whether an error says that there is no terminal any more.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let gone = [Errno::IO, Errno::NXIO, Errno::PIPE, Errno::BADF, Errno::NOTTY];
    Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn install_panic_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::SeqCst) {
        return;
    }
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        former(panic);
    }));
}
