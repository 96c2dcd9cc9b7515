//! Server-sent events: from the bytes of a stream, in whatever pieces they come, to events.

use ccm_proto::model::Interval;

/// The longest line. One holds all the data of an event in most streams.
pub const LINE_MAX: usize = 64 << 10;

/// The most data of one event: the contract's bound.
pub const DATA_MAX: usize = 64 << 10;

/// The longest id: it is sent back in a header.
pub const ID_MAX: usize = 256;

/// The longest name of an event.
pub const NAME_MAX: usize = 256;

/// The longest pause that a stream can ask for.
pub const RETRY_MAX: Interval = Interval::from_secs(60);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What to say to go on after it; empty when the stream gives no ids.
    pub id: String,
    /// Its name, `message` when it has none.
    pub event: String,
    /// Its data; lines end with `\n`.
    pub data: String,
}

/// Reads a stream.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about another part of the text")]
pub struct Parser {
    /// The line so far.
    line: Vec<u8>,
    /// The line is longer than [`LINE_MAX`].
    overlong: bool,
    /// The last byte was a carriage return, whose line feed ends no further line.
    after_return: bool,
    /// The first line was read, before which a byte order mark may stand.
    begun: bool,
    event: String,
    data: String,
    has_data: bool,
    /// A part of the event was too long.
    spoilt: bool,
    id: String,
    last_id: String,
    retry: Option<Interval>,
    dropped: u64,
}

impl Parser {
    /// A parser of a new stream, which goes on after this one's last event.
    pub fn again(&self) -> Self {
        Self {
            id: self.last_id.clone(),
            last_id: self.last_id.clone(),
            retry: self.retry,
            ..Self::default()
        }
    }

    /// The id of the last event that was whole; empty when there was none.
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    /// The pause that the stream asks for before it is opened again.
    pub fn retry(&self) -> Option<Interval> {
        self.retry
    }

    /// Events that were left out because they are too long.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Reads on; gives the events that are whole now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &rest[..end.unwrap_or(rest.len())];
            let room = LINE_MAX.saturating_sub(self.line.len());
            self.overlong |= part.len() > room;
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            let Some(end) = end else { break };
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            frames.extend(self.end_line());
        }
        frames
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        let overlong = std::mem::take(&mut self.overlong);
        let mut text = &*String::from_utf8_lossy(&line);
        if !std::mem::replace(&mut self.begun, true) {
            text = text.strip_prefix('\u{feff}').unwrap_or(text);
        }
        if text.is_empty() && !overlong {
            return self.end_event();
        }
        if overlong {
            self.spoilt |= !text.starts_with(':');
            return None;
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        self.field(field, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" if value.len() <= NAME_MAX => value.clone_into(&mut self.event),
            "event" => self.spoilt = true,
            "data" => {
                if self.data.len() + value.len() > DATA_MAX {
                    self.spoilt = true;
                    self.data.clear();
                } else if !self.spoilt {
                    self.data.push_str(value);
                    self.data.push('\n');
                }
                self.has_data = true;
            }
            // A header cannot hold other characters.
            "id" if value.len() <= ID_MAX && value.bytes().all(|b| (b' '..=b'~').contains(&b)) => {
                value.clone_into(&mut self.id);
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let millis = value.parse().unwrap_or(u64::MAX);
                self.retry = Some(Interval::from_millis(millis).min(RETRY_MAX));
            }
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<Frame> {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        let has_data = std::mem::take(&mut self.has_data);
        self.id.clone_into(&mut self.last_id);
        if std::mem::take(&mut self.spoilt) {
            self.dropped += 1;
            return None;
        }
        if !has_data {
            return None;
        }
        data.truncate(data.len().saturating_sub(1));
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Frame { id: self.last_id.clone(), event, data })
    }
}
