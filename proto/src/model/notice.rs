//! Notices: what an operator should know about a document, a file or the daemon.

use crate::SafeText;

use super::Timestamp;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For information.
    #[default]
    Info,
    /// Something works less well than it should.
    Warning,
    /// Something does not work.
    Error,
}

/// One sentence with a remedy, and where it applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// Stable while the cause lasts; a notice with the same key replaces the former.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence with a remedy.
    pub summary: SafeText,
    /// The annotated excerpt; its lines are separate because [`SafeText`] has no line breaks.
    pub detail: Vec<SafeText>,
    /// The file, when the cause is in one.
    pub file: Option<SafeText>,
    /// Line in the file, from 1; 0 when unknown.
    pub line: u32,
    /// Column in the line, from 1; 0 when unknown.
    pub column: u32,
    /// When it was raised.
    pub at: Timestamp,
    /// The cause is gone; the notice with this key is withdrawn.
    pub cleared: bool,
}
