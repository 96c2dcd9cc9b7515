//! Glyphs: what frames, meters, lines and marks are made of, by what the terminal's font has.

use ccm_proto::model::widget::{Order, State};

use crate::widget::condition::Condition;

/// Which characters the terminal can be trusted to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GlyphSet {
    /// Braille patterns, blocks, box drawing and symbols.
    #[default]
    Braille,
    /// Blocks and box drawing only.
    Block,
    /// Seven bits.
    Ascii,
}

/// The parts of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders {
    /// Upper left corner.
    pub top_left: char,
    /// Upper right corner.
    pub top_right: char,
    /// Lower left corner.
    pub bottom_left: char,
    /// Lower right corner.
    pub bottom_right: char,
    /// Upper and lower edge.
    pub horizontal: char,
    /// Left and right edge.
    pub vertical: char,
    /// The part of the right edge that stands for the rows in sight.
    pub thumb: char,
}

/// The parts of a chart's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The vertical axis where there is a label.
    pub tick: char,
    /// The vertical axis elsewhere.
    pub vertical: char,
    /// A line across at a label.
    pub grid: char,
    /// The line of zero where it lies within the chart.
    pub zero: char,
}

impl GlyphSet {
    /// A frame; the focused one differs by more than its colour where it can.
    pub const fn borders(self, focused: bool) -> Borders {
        match self {
            Self::Braille | Self::Block => Borders {
                top_left: if matches!(self, Self::Block) { '┌' } else { '╭' },
                top_right: if matches!(self, Self::Block) { '┐' } else { '╮' },
                bottom_left: if matches!(self, Self::Block) { '└' } else { '╰' },
                bottom_right: if matches!(self, Self::Block) { '┘' } else { '╯' },
                horizontal: '─',
                vertical: '│',
                thumb: '┃',
            },
            Self::Ascii => Borders {
                top_left: '+',
                top_right: '+',
                bottom_left: '+',
                bottom_right: '+',
                horizontal: if focused { '=' } else { '-' },
                vertical: '|',
                thumb: '#',
            },
        }
    }

    /// A meter's cell that is filled from the left to `eighths` of 8.
    pub const fn meter(self, eighths: u8) -> char {
        match (self, eighths) {
            (Self::Ascii, 0..=3) => '.',
            (Self::Ascii, _) => '#',
            (_, 0) => ' ',
            (_, 1) => '▏',
            (_, 2) => '▎',
            (_, 3) => '▍',
            (_, 4) => '▌',
            (_, 5) => '▋',
            (_, 6) => '▊',
            (_, 7) => '▉',
            (_, _) => '█',
        }
    }

    /// A meter's empty cell where it has no background of its own.
    pub const fn trough(self) -> char {
        match self {
            Self::Braille | Self::Block => '·',
            Self::Ascii => '.',
        }
    }

    /// A cell that is filled from below to `eighths` of 8; at zero a hint of it remains.
    pub const fn level(self, eighths: u8) -> char {
        match (self, eighths) {
            (Self::Ascii, 0 | 1) => '_',
            (Self::Ascii, 2 | 3) => '.',
            (Self::Ascii, 4) => '-',
            (Self::Ascii, 5) => '=',
            (Self::Ascii, 6 | 7) => '+',
            (Self::Ascii, _) => '#',
            (_, 0 | 1) => '▁',
            (_, 2) => '▂',
            (_, 3) => '▃',
            (_, 4) => '▄',
            (_, 5) => '▅',
            (_, 6) => '▆',
            (_, 7) => '▇',
            (_, _) => '█',
        }
    }

    /// A state's mark.
    pub const fn state(self, state: State) -> &'static str {
        match (self, state) {
            (Self::Braille, State::Critical) => "✖",
            (Self::Block, State::Critical) => "×",
            (Self::Ascii, State::Critical) => "X",
            (Self::Braille | Self::Block, State::Warning) => "▲",
            (Self::Ascii, State::Warning) => "!",
            (Self::Braille, State::Ok) => "●",
            (Self::Block, State::Ok) => "•",
            (Self::Ascii, State::Ok) => "o",
        }
    }

    /// A state's word.
    pub const fn state_word(self, state: State) -> &'static str {
        match state {
            State::Ok => "OK",
            State::Warning => "WARN",
            State::Critical => "CRIT",
        }
    }

    /// The mark of data that is not live; empty when it is.
    pub const fn condition(self, condition: &Condition) -> &'static str {
        match (self, condition) {
            (_, Condition::Live { .. }) => "",
            (Self::Ascii, Condition::Stale { .. }) => "~",
            (Self::Braille, Condition::Stale { .. }) => "◌",
            (Self::Block, Condition::Stale { .. }) => "○",
            (_, Condition::Error { .. }) => self.state(State::Critical),
            (_, Condition::Loading | Condition::Absent { .. }) => "?",
        }
    }

    /// The word of data that is not live; empty when it is.
    pub const fn condition_word(self, condition: &Condition) -> &'static str {
        match condition {
            Condition::Live { .. } => "",
            Condition::Stale { .. } => "STALE",
            Condition::Error { .. } => "ERROR",
            Condition::Loading | Condition::Absent { .. } => "UNKN",
        }
    }

    /// What stands before the name of a chart's line.
    pub const fn legend(self) -> &'static str {
        match self {
            Self::Braille | Self::Block => "━",
            Self::Ascii => "*",
        }
    }

    /// Which end of a sorted column comes first.
    pub const fn sort(self, order: Order) -> &'static str {
        match (self, order) {
            (Self::Ascii, Order::Descending) => "v",
            (Self::Ascii, Order::Ascending) => "^",
            (_, Order::Descending) => "▾",
            (_, Order::Ascending) => "▴",
        }
    }

    /// The parts of a chart's axes.
    pub const fn axis(self) -> Axis {
        match self {
            Self::Braille => Axis { tick: '┤', vertical: '│', grid: '┈', zero: '─' },
            Self::Block => Axis { tick: '┤', vertical: '│', grid: '·', zero: '─' },
            Self::Ascii => Axis { tick: '+', vertical: '|', grid: '.', zero: '-' },
        }
    }

    /// What stands for the rest of a text that was cut.
    pub const fn ellipsis(self) -> char {
        match self {
            Self::Braille | Self::Block => '…',
            Self::Ascii => '~',
        }
    }

    /// Between parts of one line.
    pub const fn separator(self) -> &'static str {
        match self {
            Self::Braille | Self::Block => " · ",
            Self::Ascii => " - ",
        }
    }

    /// Our own characters in this set's words; none when the character is not one of ours.
    pub const fn plain(c: char) -> Option<char> {
        Some(match c {
            '…' => '~',
            '–' | '─' | '━' => '-',
            '·' | '•' => '.',
            '°' => '\'',
            '↓' | '▾' => 'v',
            '↑' | '▴' | '▲' => '^',
            '→' | '›' | '▸' => '>',
            '←' | '‹' => '<',
            '×' | '✖' => 'x',
            'µ' => 'u',
            '│' | '┃' => '|',
            _ => return None,
        })
    }
}
