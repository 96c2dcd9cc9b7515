//! How a number compares with an earlier one, in a few words.

use ccm_proto::SafeText;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::{Direction, Format, StatConfig};
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::DrawContext;
use super::canvas::{Canvas, clamp};
use crate::format::{self, width};

/// The most columns of what a number is compared with.
const COMPARISON_MAX: usize = 24;

/// A trend, ready to be written.
pub(super) struct Trend {
    /// Which way, and how far.
    pub(super) moved: String,
    /// What it is compared with; empty when nobody says.
    pub(super) comparison: String,
    pub(super) style: Style,
}

/// The trend of a number; none while there is nothing to compare with.
pub(super) fn of(context: &DrawContext<'_>, config: &StatConfig) -> Option<Trend> {
    let trend = config.trend()?;
    let view = context.view;
    let direction = view.field("trend.direction").as_text()?;
    // An arrow, because a triangle is the mark of a warning.
    let (arrow, direction) = match direction.as_str() {
        "up" => ("↑", Some(Direction::Up)),
        "down" => ("↓", Some(Direction::Down)),
        _ => ("→", None),
    };
    let percentage = view.field("trend.percentage").as_number().filter(|_| trend.show_percentage);
    let change = view.field("trend.change").as_number();
    let notation = context.notation(config.primary.number_format());
    let far = match (percentage, change) {
        // The arrow is the sign.
        (Some(percentage), _) => format::number(percentage.abs(), Format::Percent).to_string(),
        (None, Some(change)) => format::number(change.abs(), notation).to_string(),
        (None, None) => String::new(),
    };
    let comparison = view.field("trend.comparison").as_text().filter(|text| !text.is_empty());
    let comparison = comparison.map_or_else(String::new, |text| {
        let words = SafeText::from(format!("vs {}", text.as_str().replace('_', " ")));
        words.truncate(COMPARISON_MAX).to_string()
    });
    let role = match (trend.good, direction) {
        (Some(good), Some(direction)) if good == direction => Role::Ok,
        (Some(_), Some(_)) => Role::Warning,
        _ => Role::Text,
    };
    let moved = if far.is_empty() { arrow.to_owned() } else { format!("{arrow} {far}") };
    Some(Trend { moved, comparison, style: context.theme.style(role) })
}

/// Draws a trend into one line and returns the columns it took.
pub(super) fn draw(trend: &Trend, line: Rect, canvas: &mut Canvas<'_>) -> u16 {
    let room = usize::from(line.width);
    // Half a number is a wrong one; the arrow alone is not.
    let arrow = trend.moved.split(' ').next().unwrap_or_default();
    let moved = if width(&trend.moved) <= room { &trend.moved } else { arrow };
    let used = canvas.text(line.x, line.y, moved, room, trend.style);
    let left = room.saturating_sub(used + 1);
    // What it is compared with is whole or not there.
    if trend.comparison.is_empty() || left < width(&trend.comparison) {
        return clamp(used);
    }
    let muted = canvas.style(Role::Muted);
    let said = canvas.text(line.x + clamp(used) + 1, line.y, &trend.comparison, left, muted);
    clamp(used + 1 + said)
}
