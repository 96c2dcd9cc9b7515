//! The live client without its terminal: link, update and view, drawn into a buffer.

use std::path::Path;
use std::time::Duration;

use ccm::autostart::Target;
use ccm::client::{self, Link, Request};
use ccm::clock::Clock;
use ccm::effect::Effect;
use ccm::glyph::GlyphSet;
use ccm::input::keymap::{Chord, Keymap};
use ccm::message::Message;
use ccm::model::memory::Memory;
use ccm::model::{Beginning, Model};
use ccm::theme::ColorDepth;
use ccm::update::update;
use ccm::view;
use ccm::zone::Zone;
use ccm_proto::model::Name;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Nothing that is waited for takes longer, even on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Client {
    pub model: Model,
    link: Link,
    clock: Clock,
}

impl Client {
    /// A client of a daemon that it may not start.
    pub fn of(socket: &Path, size: (u16, u16)) -> Self {
        let beginning = Beginning {
            size,
            layout: Name::new("host").unwrap(),
            page: 0,
            theme: None,
            default_theme: Name::new("dark").unwrap(),
            depth: ColorDepth::TrueColor,
            glyphs: GlyphSet::Braille,
            keymap: Keymap::default(),
            mouse: false,
            zone: Zone::utc(),
            memory: Memory::default(),
        };
        let clock = Clock::system();
        let model = Model::new(beginning, clock.now());
        let target = Target { socket: socket.to_owned(), may_start: false };
        Self { model, link: client::spawn(target), clock }
    }

    /// The next message of the link, folded into the model; none when the link has ended.
    pub async fn next(&mut self) -> Option<()> {
        let message = self.link.messages.recv().await?;
        self.take(message);
        Some(())
    }

    fn take(&mut self, message: Message) {
        for effect in update(&mut self.model, message, self.clock.now()) {
            let request = match effect {
                Effect::Watch(watch) => Request::Watch(watch),
                Effect::Refresh(widgets) => Request::Refresh(widgets),
                Effect::ListLayouts => Request::Layouts,
                _ => continue,
            };
            // A link that has ended says so by its messages.
            let _ = self.link.requests.try_send(request);
        }
    }

    pub fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            self.take(Message::Key(Chord::parse(key).unwrap()));
        }
    }

    /// The lines of the screen.
    pub fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        view::draw(&self.model, area, &mut buffer);
        let line = |y| -> String { (0..columns).map(|x| buffer[(x, y)].symbol()).collect() };
        (0..rows).map(line).collect::<Vec<String>>().join("\n")
    }

    /// Goes on until something holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let all = async {
            while !holds(self) {
                let goes_on = self.next().await.is_some();
                assert!(goes_on, "{what}: the link has ended\n{}", self.screen());
            }
        };
        let held = tokio::time::timeout(LIMIT, all).await;
        assert!(held.is_ok(), "{what}\n{}", self.screen());
    }

    /// Goes on until the screen shows something.
    pub async fn until_shown(&mut self, text: &str) {
        self.until(text, |client| client.screen().contains(text)).await;
    }
}
