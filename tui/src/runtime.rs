//! The client's loop: select, update, perform effects, draw when something changed.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::time::Sleep;

use crate::autostart::Target;
use crate::client::{self, Link, Request};
use crate::clock::Clock;
use crate::effect::Effect;
use crate::input::terminal;
use crate::memory_file;
use crate::message::{LinkEvent, Message};
use crate::model::memory::Memory;
use crate::model::{Beginning, Model};
use crate::pace::{Draw, FIRST_WAIT, News, Pace};
use crate::term::{self, HUNG_UP, Signal, Signals, Terminal, Watchdog};
use crate::update::update;
use crate::view;

/// How a client is run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where the daemon is.
    pub target: Target,
    /// How the client begins.
    pub beginning: Beginning,
    /// The terminal is more than a console: it shows frames in one piece and has a title.
    pub modern: bool,
    /// What to say first.
    pub remarks: Vec<String>,
    /// Where choices are kept for the next client.
    pub memory_file: Option<PathBuf>,
}

/// Runs until the user leaves or something ends the client; returns the exit code.
pub async fn run(options: RunOptions) -> io::Result<u8> {
    let signals = Signals::listen()?;
    let link = client::spawn(options.target);
    let watchdog = Watchdog::start()?;
    let clock = Clock::system();
    let mut model = Model::new(options.beginning, clock.now());
    if !options.remarks.is_empty() {
        model.say(&options.remarks.join("; "));
    }
    let terminal = Terminal::enter(model.mouse, options.modern)?;
    let mut runtime = Runtime {
        model,
        clock,
        terminal,
        link,
        frame: Buffer::empty(Rect::ZERO),
        pace: Pace::default(),
        draw: Box::pin(tokio::time::sleep(FIRST_WAIT.as_duration())),
        waiting: true,
        stopped: false,
        exit: None,
        memory_file: options.memory_file,
    };
    match runtime.run(signals, watchdog).await {
        // A picture was drawn in the moment in which the terminal went away.
        Err(error) if term::is_gone(&error) => Ok(HUNG_UP),
        result => result,
    }
}

struct Runtime {
    model: Model,
    clock: Clock,
    terminal: Terminal,
    link: Link,
    /// Kept for its memory.
    frame: Buffer,
    pace: Pace,
    draw: Pin<Box<Sleep>>,
    /// Something is to be drawn when `draw` ends.
    waiting: bool,
    /// The client has stopped itself, so that a signal to continue is on its way.
    stopped: bool,
    exit: Option<u8>,
    memory_file: Option<PathBuf>,
}

impl Runtime {
    async fn run(&mut self, mut signals: Signals, mut watchdog: Watchdog) -> io::Result<u8> {
        let mut events = EventStream::new();
        let mut tick = Box::pin(tokio::time::sleep(self.until_next_second()));
        loop {
            tokio::select! {
                () = watchdog.gone() => return Ok(HUNG_UP),
                signal = signals.next() => match signal {
                    Signal::End(number) => return Ok(128 + number),
                    Signal::Stop => self.suspend()?,
                    // Of its own stop the client has come back already.
                    Signal::Continue if std::mem::take(&mut self.stopped) => {}
                    Signal::Continue => {
                        self.terminal.resume()?;
                        self.update(Message::Resumed, News::Urgent)?;
                    }
                },
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if let Some(message) = terminal::message(event) {
                            self.update(message, News::Urgent)?;
                        }
                    }
                    Some(Err(_)) | None => return Ok(HUNG_UP),
                },
                message = self.link.messages.recv() => match message {
                    Some(message) => {
                        let urgent = matches!(&message, Message::Link(
                            LinkEvent::Lost { .. } | LinkEvent::Refused { .. }
                        ));
                        let news = if urgent { News::Urgent } else { News::Data };
                        self.update(message, news)?;
                    }
                    // A refused link ends its task; keys still work.
                    None => self.link.messages = never(),
                },
                () = &mut tick => {
                    let next = self.until_next_second();
                    tick.set(tokio::time::sleep(next));
                    self.update(Message::Tick, News::Tick)?;
                }
                () = &mut self.draw, if self.waiting => self.draw()?,
            }
            if let Some(code) = self.exit {
                return Ok(code);
            }
        }
    }

    /// Ticks fall on whole seconds, so that the clock on display is right.
    fn until_next_second(&self) -> Duration {
        let millis = self.clock.now().as_millis().rem_euclid(1_000);
        Duration::from_millis(1_000 - u64::try_from(millis).unwrap_or(0))
    }

    fn update(&mut self, message: Message, news: News) -> io::Result<()> {
        let now = self.clock.now();
        for effect in update(&mut self.model, message, now) {
            self.perform(effect)?;
        }
        let complete = self.model.serial != 0 && self.model.answered == self.model.serial;
        match self.pace.after(news, complete, now) {
            Draw::Now => self.draw(),
            Draw::In(wait) if !self.waiting => {
                self.draw.set(tokio::time::sleep(wait.as_duration()));
                self.waiting = true;
                Ok(())
            }
            Draw::In(_) | Draw::WhenComplete => Ok(()),
        }
    }

    fn draw(&mut self) -> io::Result<()> {
        self.waiting = false;
        let began = self.clock.now();
        let area = Rect::new(0, 0, self.model.size.0, self.model.size.1);
        if self.frame.area == area {
            self.frame.reset();
        } else {
            self.frame = Buffer::empty(area);
        }
        view::draw(&self.model, area, &mut self.frame);
        self.terminal.set_title(&view::title(&self.model))?;
        self.terminal.show(&mut self.frame)?;
        self.pace.drawn(began, self.clock.now());
        Ok(())
    }

    fn perform(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Watch(watch) => self.request(Request::Watch(watch)),
            Effect::Refresh(widgets) => self.request(Request::Refresh(widgets)),
            Effect::ListLayouts => self.request(Request::Layouts),
            Effect::Discover => self.request(Request::Discover),
            Effect::Accept(offer, login) => self.request(Request::Accept(offer, login)),
            Effect::Remember(memory) => self.remember(&memory)?,
            Effect::Copy(text) => self.terminal.copy(&text)?,
            Effect::Mouse(mouse) => self.terminal.set_mouse(mouse)?,
            Effect::Repaint => self.terminal.forget(),
            // A client that cannot be guarded still does what it was asked.
            Effect::Guard => drop(ccm_daemon::secret::protect()),
            Effect::Suspend => self.suspend()?,
            Effect::Quit => self.exit = Some(0),
        }
        Ok(())
    }

    /// A link that takes no request is about to begin a new stream, which says all anew.
    fn request(&self, request: Request) {
        let _ = self.link.requests.try_send(request);
    }

    fn remember(&mut self, memory: &Memory) -> io::Result<()> {
        let Some(path) = &self.memory_file else { return Ok(()) };
        match memory_file::save(memory, path) {
            Ok(()) => Ok(()),
            Err(error) => {
                let path = path.display();
                self.model.say(&format!("not remembered, {path} cannot be written: {error}"));
                self.draw()
            }
        }
    }

    /// Gives the terminal to the shell until somebody continues this process.
    fn suspend(&mut self) -> io::Result<()> {
        if !term::can_stop() {
            self.model.say("no shell is waiting that could bring the dashboard back");
            return self.draw();
        }
        self.terminal.pause();
        self.stopped = true;
        term::stop_self()?;
        self.terminal.resume()?;
        if let Ok((columns, rows)) = Terminal::size() {
            self.update(Message::Resize(columns, rows), News::Urgent)?;
        }
        self.update(Message::Resumed, News::Urgent)
    }
}

/// A channel on which nothing ever arrives.
fn never() -> tokio::sync::mpsc::Receiver<Message> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    std::mem::forget(sender);
    receiver
}
