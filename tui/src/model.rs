//! The client's state: plain data, changed only by [`crate::update`], drawn by [`crate::view`].

pub mod data;
pub mod link;
pub mod login;
pub mod memory;
pub mod mode;
pub mod offers;
pub mod pages;
#[cfg(test)]
pub(crate) mod tests;
pub mod theme;

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Name, Notice, Timestamp};

use crate::glyph::GlyphSet;
use crate::input::keymap::{Chord, Keymap};
use crate::zone::Zone;
use data::Data;
use link::Link;
use memory::Memory;
use mode::Overlay;
use offers::Offers;
use pages::Pages;
use theme::Themes;

/// Notices that are kept; the daemon bounds its own, a hostile one does not.
pub const NOTICES_MAX: usize = 512;

/// How long a passing remark stays.
pub const REMARK_LASTS: Interval = Interval::from_secs(4);

/// Everything the client knows.
#[derive(Clone, Debug)]
pub struct Model {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The local time of the newest message.
    pub now: Timestamp,
    /// The connection to the daemon.
    pub link: Link,
    /// What the daemon said.
    pub data: Data,
    /// What is on display while the display is paused, and since when.
    pub paused: Option<Paused>,
    /// Pages and what people did with them.
    pub pages: Pages,
    /// Colours.
    pub themes: Themes,
    /// Characters to draw with.
    pub glyphs: GlyphSet,
    /// Which keys do what.
    pub keymap: Keymap,
    /// Keys that are the beginning of a longer sequence.
    pub pending: Vec<Chord>,
    /// What lies over the page, the topmost last.
    pub overlays: Vec<Overlay>,
    /// The filter that is being typed.
    pub filtering: Option<String>,
    /// Standing notices.
    pub notices: BTreeMap<String, Notice>,
    /// A passing remark, and when it goes.
    pub remark: Option<(SafeText, Timestamp)>,
    /// No key is taken but the one that unlocks.
    pub locked: bool,
    /// The mouse is ours.
    pub mouse: bool,
    /// How far back charts look, as a power of two of the defined window.
    pub window_exponent: i8,
    /// The newest watch that the daemon answered in full.
    pub answered: u32,
    /// The newest watch.
    pub serial: u32,
    /// Where the clock on display hangs.
    pub zone: Zone,
    /// What the next client should know.
    pub memory: Memory,
    /// Layouts that can be opened, with their titles, as far as they were asked for.
    pub layouts: Vec<(Name, SafeText)>,
    /// What was found on the daemon's machine.
    pub offers: Offers,
}

/// A display that stands still.
#[derive(Clone, Debug)]
pub struct Paused {
    /// Since when, by the local clock.
    pub since: Timestamp,
    /// What is on display.
    pub data: Data,
    /// What the local clock said.
    pub now: Timestamp,
}

/// How a client begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The layout to open.
    pub layout: Name,
    /// The page to begin with, from 0.
    pub page: usize,
    /// The theme that the user named.
    pub theme: Option<Name>,
    /// The theme where neither the user nor the layout names one.
    pub default_theme: Name,
    /// Colours that the terminal has.
    pub depth: crate::theme::ColorDepth,
    /// Characters that the terminal has.
    pub glyphs: GlyphSet,
    /// Which keys do what.
    pub keymap: Keymap,
    /// The mouse is taken.
    pub mouse: bool,
    /// Where the clock on display hangs.
    pub zone: Zone,
    /// What a former client knew; a theme that the user named goes before the remembered one.
    pub memory: Memory,
}

impl Model {
    /// A client that has not heard of the daemon yet.
    pub fn new(beginning: Beginning, now: Timestamp) -> Self {
        let chosen = beginning.theme.or_else(|| beginning.memory.theme.clone());
        Self {
            size: beginning.size,
            now,
            link: Link::default(),
            data: Data::new(beginning.layout),
            paused: None,
            pages: Pages::new(beginning.page),
            themes: Themes::new(chosen, beginning.default_theme, beginning.depth),
            glyphs: beginning.glyphs,
            keymap: beginning.keymap,
            pending: Vec::new(),
            overlays: Vec::new(),
            filtering: None,
            notices: BTreeMap::new(),
            remark: None,
            locked: false,
            mouse: beginning.mouse,
            window_exponent: 0,
            answered: 0,
            serial: 0,
            zone: beginning.zone,
            memory: beginning.memory,
            layouts: Vec::new(),
            offers: Offers::default(),
        }
    }

    /// What is on display: the newest data, or what it was when the display was paused.
    pub fn shown(&self) -> &Data {
        self.paused.as_ref().map_or(&self.data, |paused| &paused.data)
    }

    /// The daemon's time that ages are counted to.
    pub fn shown_now(&self) -> Timestamp {
        self.link.daemon_time(self.paused.as_ref().map_or(self.now, |paused| paused.now))
    }

    /// The page on display.
    pub fn page(&self) -> Option<&ccm_proto::model::layout::Page> {
        let layout = self.shown().layout()?;
        layout.pages.get(self.pages.current.min(layout.pages.len().saturating_sub(1)))
    }

    /// The widget that keys go to.
    pub fn focused(&self) -> Option<&Name> {
        let page = self.page()?;
        let state = self.pages.state();
        let index = state.focus.min(page.widgets.len().saturating_sub(1));
        page.widgets.get(index).map(|placement| &placement.name)
    }

    /// How far back a chart of this defined window looks.
    pub fn window_of(&self, defined: Interval) -> Interval {
        const WINDOW_MIN: u64 = 10_000;
        let millis = defined.as_millis();
        let scaled = match self.window_exponent {
            0 => return defined,
            up if up > 0 => millis.saturating_mul(1 << up.min(16)),
            down => millis >> (-down).min(16),
        };
        Interval::from_millis(scaled.max(WINDOW_MIN))
    }

    /// Says something in passing.
    pub fn say(&mut self, text: &str) {
        self.remark = Some((SafeText::new(text), self.now + REMARK_LASTS));
    }
}
