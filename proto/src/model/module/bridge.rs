//! What modules ask and tell each other through the daemon: patterns of what may be asked, and the
//! messages. Whether something is allowed is decided where both documents and manifests are known.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::manifest::{NAMES_MAX, Problems, path_problem};
use crate::model::Name;

/// Where answers are delivered, unless the manifest names another place.
pub const REPLIES_PATH: &str = "/ccm/v1/replies";

/// Where events of other modules are delivered, unless the manifest names another place.
pub const DELIVERIES_PATH: &str = "/ccm/v1/deliveries";

/// The name of a stream's event that asks another module.
pub const ASK_EVENT: &str = "ccm.ask";

/// The longest path with its query, in bytes.
pub const ASK_PATH_MAX: usize = 2 << 10;

/// The longest id of an ask, in bytes.
pub const ASK_ID_MAX: usize = 128;

/// How many modules an ask or an event may pass before it is stopped: a longer way is a circle.
pub const HOPS_MAX: u8 = 4;

/// The most grants of one sort in a document.
pub const GRANTS_MAX: usize = 128;

/// Why a text is no pattern, or no path that modules ask each other for: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// Nothing that asks be made for.
    #[error("{path:?} is no path to ask another module for: {cause}")]
    Path {
        /// The text.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Not `MODULE:PATH` or `MODULE:TOPIC`.
    #[error("{0:?} is not as in \"inventory:/api/stock\" or \"inventory:stock.low\"")]
    Form(String),
    /// Not a topic.
    #[error(
        "{0:?} is no topic: it is lower-case words between dots, as stock.low, and may end with .*"
    )]
    Topic(String),
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Why a path is not one way of writing it only. Servers read `%2e`, `;`, `//` and a slash at the
/// end in ways of their own, so that none of these is let through: what was compared with a grant
/// is what is served.
fn plain_path_problem(path: &str) -> Option<String> {
    if let Some(problem) = path_problem(path) {
        return Some(problem);
    }
    if path.contains(['%', ';']) {
        return Some("neither % nor ; stands in it; parameters go into the query".to_owned());
    }
    let mut steps = path.split('/').skip(1);
    let is_root = path == "/";
    (!is_root && steps.any(str::is_empty))
        .then(|| "its steps are not empty: no // and no / at the end".to_owned())
}

/// A path that may be asked for: one path, or with `/*` at the end everything below it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern {
    path: String,
    below: bool,
}

impl PathPattern {
    /// Whether a path is meant. Upper and lower case differ.
    pub fn matches(&self, path: &BridgePath) -> bool {
        let path = path.path();
        if !self.below {
            return path == self.path;
        }
        let rest = path.strip_prefix(&self.path).and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| !rest.is_empty())
    }

    /// Whether everything that the other means is meant by this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        if !self.below {
            return self == other;
        }
        let rest = other.path.strip_prefix(&self.path);
        rest.is_some_and(|rest| {
            (rest.is_empty() && other.below) || (rest.starts_with('/') && rest.len() > 1)
        })
    }
}

impl FromStr for PathPattern {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let refused = |cause: String| BridgeError::Path { path: cut(text), cause };
        if path.contains('*') {
            return Err(refused("a * stands at the end only, after a /".to_owned()));
        }
        let is_everything = below && path.is_empty();
        match plain_path_problem(path).filter(|_| !is_everything) {
            Some(cause) => Err(refused(cause)),
            None if below && path == "/" => Err(refused("everything is /*".to_owned())),
            None => Ok(Self { path: path.to_owned(), below }),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, if self.below { "/*" } else { "" })
    }
}

/// A topic, or with `.*` at the end all that begin with the words before it, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPattern {
    topic: String,
    below: bool,
}

/// Whether a text is a topic: words of lower-case letters, digits, `-` and `_` between dots.
pub fn is_topic(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let word = |word: &str| !word.is_empty() && word.bytes().all(plain);
    Name::new(text).is_ok() && text.split('.').all(word)
}

impl TopicPattern {
    /// Whether a topic is meant.
    pub fn matches(&self, topic: &str) -> bool {
        if !is_topic(topic) {
            return false;
        }
        match (self.below, self.topic.as_str()) {
            (false, own) => topic == own,
            (true, "") => true,
            (true, own) => {
                topic.strip_prefix(own).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
            }
        }
    }
}

impl TopicPattern {
    /// Whether everything that the other means is meant by this one, too.
    pub fn covers(&self, other: &Self) -> bool {
        if !self.below {
            return self == other;
        }
        self.topic.is_empty()
            || self.topic == other.topic && other.below
            || self.matches(&other.topic)
    }
}

impl FromStr for TopicPattern {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        if text == "*" {
            return Ok(Self { topic: String::new(), below: true });
        }
        let (topic, below) = match text.strip_suffix(".*") {
            Some(topic) => (topic, true),
            None => (text, false),
        };
        if is_topic(topic) {
            Ok(Self { topic: topic.to_owned(), below })
        } else {
            Err(BridgeError::Topic(cut(text)))
        }
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.below, self.topic.as_str()) {
            (false, topic) => f.write_str(topic),
            (true, "") => f.write_str("*"),
            (true, topic) => write!(f, "{topic}.*"),
        }
    }
}

/// Something of another module: `inventory:/api/stock`, `inventory:stock.low`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Of<P> {
    /// The other module, by the name of its document.
    pub module: Name,
    /// What of it.
    pub what: P,
}

impl<P: FromStr<Err = BridgeError>> FromStr for Of<P> {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        let form = || BridgeError::Form(cut(text));
        let (module, what) = text.split_once(':').ok_or_else(form)?;
        let module = Name::new(module).map_err(|_| form())?;
        Ok(Self { module, what: what.parse()? })
    }
}

impl<P: fmt::Display> fmt::Display for Of<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.module, self.what)
    }
}

/// Paths of another module.
pub type PathsOf = Of<PathPattern>;

/// Topics of another module.
pub type TopicsOf = Of<TopicPattern>;

/// A path with its query that one module asks another for. There is one way only to write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BridgePath {
    whole: String,
    path_bytes: usize,
}

impl BridgePath {
    /// The path, without its query.
    pub fn path(&self) -> &str {
        self.whole.get(..self.path_bytes).unwrap_or_default()
    }

    /// The path with its query.
    pub fn as_str(&self) -> &str {
        &self.whole
    }
}

impl FromStr for BridgePath {
    type Err = BridgeError;

    fn from_str(text: &str) -> Result<Self, BridgeError> {
        let refused = |cause: String| BridgeError::Path { path: cut(text), cause };
        if text.len() > ASK_PATH_MAX {
            return Err(refused(format!("it has at most {ASK_PATH_MAX} bytes with its query")));
        }
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        if let Some(cause) = plain_path_problem(path) {
            return Err(refused(cause));
        }
        let plain = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b);
        if !query.bytes().all(plain) {
            return Err(refused("its query is written as URLs have it".to_owned()));
        }
        Ok(Self { whole: text.to_owned(), path_bytes: path.len() })
    }
}

macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(PathPattern, TopicPattern, PathsOf, TopicsOf);

/// What a module wants of other modules, and gives them. It grants nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BridgeOffer {
    /// What it wants to ask others for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<PathsOf>,
    /// What others may ask it for; nothing else of it can be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<PathPattern>,
    /// The topics of its events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publishes: Vec<TopicPattern>,
    /// What it wants to hear of others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subscribes: Vec<TopicsOf>,
    /// Where answers are delivered.
    pub replies: Option<String>,
    /// Where events are delivered.
    pub deliveries: Option<String>,
}

impl BridgeOffer {
    /// Where answers are delivered.
    pub fn replies_path(&self) -> &str {
        self.replies.as_deref().unwrap_or(REPLIES_PATH)
    }

    /// Where events are delivered.
    pub fn deliveries_path(&self) -> &str {
        self.deliveries.as_deref().unwrap_or(DELIVERIES_PATH)
    }

    pub(super) fn problems(&self, problems: &mut Problems) {
        problems.path("bridge.replies", self.replies_path());
        problems.path("bridge.deliveries", self.deliveries_path());
        for (field, count) in [
            ("bridge.asks", self.asks.len()),
            ("bridge.answers", self.answers.len()),
            ("bridge.publishes", self.publishes.len()),
            ("bridge.subscribes", self.subscribes.len()),
        ] {
            problems.count(field, count, NAMES_MAX);
        }
    }
}

/// A module asks another for data: the data of a [`ASK_EVENT`] of its stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// What the answer is called; the module's own.
    pub ask: String,
    /// The module that is asked, by the name of its document.
    pub to: Name,
    /// The path with its query.
    pub path: String,
    /// How many modules it has passed: what the request says that it is asked because of.
    #[serde(default)]
    pub hops: u8,
}

impl Ask {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.ask.is_empty() || self.ask.len() > ASK_ID_MAX {
            problems.push(("ask".to_owned(), format!("an id has 1 to {ASK_ID_MAX} bytes")));
        }
        if self.path.len() > ASK_PATH_MAX {
            let problem = format!("a path with its query has at most {ASK_PATH_MAX} bytes");
            problems.push(("path".to_owned(), problem));
        }
        problems
    }
}
