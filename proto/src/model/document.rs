//! Documents: everything people configure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Name, NameError, Scope, Timestamp};

/// What sort of thing a document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An arrangement of widgets on pages.
    Layout,
    /// What is shown: source, type and configuration.
    Widget,
    /// Where readings come from.
    Source,
    /// Colours by role.
    Theme,
    /// Which addresses that are not public may be called.
    Egress,
    /// A program that speaks the module contract.
    Module,
    /// What is known of one external service.
    Connector,
}

impl Kind {
    /// Every kind, in the order in which documents are listed and applied: what is referred to
    /// comes first.
    pub const ALL: [Self; 7] = [
        Self::Theme,
        Self::Egress,
        Self::Module,
        Self::Connector,
        Self::Source,
        Self::Widget,
        Self::Layout,
    ];

    /// The kind's name in the singular, as in `layout/host`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layout => "layout",
            Self::Widget => "widget",
            Self::Source => "source",
            Self::Theme => "theme",
            Self::Egress => "egress",
            Self::Module => "module",
            Self::Connector => "connector",
        }
    }

    /// The folder of the configuration directory that holds documents of this kind.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Layout => "layouts",
            Self::Widget => "widgets",
            Self::Source => "sources",
            Self::Theme => "themes",
            Self::Egress => "egress",
            Self::Module => "modules",
            Self::Connector => "connectors",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text does not name a kind or a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentIdError {
    /// No such kind.
    #[error(
        "there is no kind {0:?}; the kinds are layout, widget, source, theme, egress, module and connector"
    )]
    Kind(String),
    /// No slash between kind and name.
    #[error("write a document as KIND/NAME, such as layout/host")]
    Form,
    /// The part after the slash is no name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for Kind {
    type Err = DocumentIdError;

    fn from_str(text: &str) -> Result<Self, DocumentIdError> {
        Self::ALL
            .into_iter()
            .find(|kind| text == kind.as_str() || text == kind.directory())
            .ok_or_else(|| DocumentIdError::Kind(text.chars().take(40).collect()))
    }
}

/// Kind and name of a document, written `layout/host`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId {
    /// The kind.
    pub kind: Kind,
    /// The name within the kind.
    pub name: Name,
}

impl DocumentId {
    /// Kind and name together.
    pub fn new(kind: Kind, name: Name) -> Self {
        Self { kind, name }
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for DocumentId {
    type Err = DocumentIdError;

    fn from_str(text: &str) -> Result<Self, DocumentIdError> {
        let (kind, name) = text.split_once('/').ok_or(DocumentIdError::Form)?;
        Ok(Self { kind: kind.parse()?, name: Name::new(name)? })
    }
}

/// Who wrote a revision, through what, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The identity that wrote it, such as `uid:1000`, or `ccm` for what is shipped.
    pub actor: String,
    /// Through what: `human`, `file:<path>`, `import:<source>`, `builtin`.
    pub manager: String,
    /// Why; never blank.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Hash of an effective document; equal documents have equal versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version(pub [u8; 16]);

impl Version {
    /// The version of a canonical text.
    pub fn of(canonical: &str) -> Self {
        let hash = blake3::hash(canonical.as_bytes());
        let mut version = [0; 16];
        version.copy_from_slice(&hash.as_bytes()[..16]);
        Self(version)
    }
}

/// One layer's part in an effective document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRef {
    /// Where the layer belongs.
    pub scope: Scope,
    /// Its revision.
    pub revision: u64,
    /// Who wrote that revision.
    pub provenance: Provenance,
}

/// A document's value for one subject after resolving its layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Kind and name.
    pub id: DocumentId,
    /// The effective value.
    pub spec: serde_json::Value,
    /// Hash of the effective value.
    pub version: Version,
    /// The layers that took part, root first.
    pub layers: Vec<LayerRef>,
}

/// A value as JSON with sorted keys and no white space: equal values have equal texts.
pub fn canonical(value: &serde_json::Value) -> String {
    fn sorted(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(map) => {
                let mut entries: Vec<_> = map.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(b.0));
                entries.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
            other => other.clone(),
        }
    }
    sorted(value).to_string()
}

#[cfg(test)]
mod tests;
