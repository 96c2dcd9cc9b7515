//! What needs attention.

use ccm_proto::model::theme::Role;
use ccm_proto::model::{Notice, Severity};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Line, lines};
use crate::model::Model;

pub(super) fn draw(model: &Model, scroll: usize, area: Rect, buffer: &mut Buffer) {
    let theme = &model.themes.theme;
    let mut text = Vec::new();
    let mut notices: Vec<&Notice> = model.notices.values().collect();
    notices.sort_by_key(|notice| std::cmp::Reverse((notice.severity, notice.at)));
    for notice in notices {
        let role = match notice.severity {
            Severity::Error => Role::Critical,
            Severity::Warning => Role::Warning,
            Severity::Info => Role::Text,
        };
        let word = match notice.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let place = match (&notice.file, notice.line) {
            (Some(file), 0) => format!("{file}: "),
            (Some(file), line) => format!("{file}:{line}:{}: ", notice.column),
            (None, _) => String::new(),
        };
        let summary = format!("{word}: {place}{}", notice.summary);
        text.push(Line { text: summary, style: theme.style(role) });
        for line in &notice.detail {
            text.push(Line { text: format!("  {line}"), style: theme.style(Role::Muted) });
        }
    }
    if text.is_empty() {
        text.push(Line {
            text: "nothing needs attention".to_owned(),
            style: theme.style(Role::Muted),
        });
    }
    lines(model, "notices", &text, scroll, area, buffer);
}
