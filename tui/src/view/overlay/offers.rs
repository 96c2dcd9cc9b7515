//! What was found on the daemon's machine, a key for each.

use ccm_proto::SafeText;
use ccm_proto::model::Offer;
use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::super::paint::Paint;
use super::boxed;
use crate::format::truncate;
use crate::model::Model;
use crate::model::offers::Offers;

/// Columns of the box, and the most lines inside it.
const SIZE: (u16, u16) = (84, 20);

/// Columns of the key and the title: the longest has 22 letters.
const TITLE_WIDTH: u16 = 28;

/// Lines above the offers.
const HEAD: u16 = 2;

/// Lines below them: an empty one, and what is said of the chosen one.
const FOOT: u16 = 3;

/// Columns of the box, and lines inside it: as many as there are offers.
pub(super) fn size(model: &Model) -> (u16, u16) {
    let offers = u16::try_from(model.offers.list().len()).unwrap_or(u16::MAX).max(1);
    (SIZE.0, offers.saturating_add(HEAD + FOOT).min(SIZE.1))
}

pub(super) fn draw(model: &Model, selected: usize, area: Rect, buffer: &mut Buffer) {
    let inside = boxed(model, "found on this machine", size(model), area, buffer);
    let theme = &model.themes.theme;
    let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
    let mut paint = Paint::new(buffer, inside);
    let said = match (&model.offers.found, model.offers.asked) {
        (None, _) => "looking around",
        (Some(found), true) if found.is_empty() => "looking around",
        (Some(found), false) if found.is_empty() => {
            "nothing that could be shown; see `ccm discover` again when something runs"
        }
        _ => "A key shows one: its documents are written, and its layout opens.",
    };
    paint.text(inside.x, inside.y, said, text);
    for (index, y) in window(model.offers.list().len(), selected, inside) {
        if let Some(offer) = model.offers.list().get(index) {
            let line = Rect { y, height: 1, ..inside };
            draw_offer(model, (index, offer), index == selected, line, &mut paint);
        }
    }
    let foot = foot(model, selected, muted);
    let first = inside.bottom().saturating_sub(foot.len() as u16).max(inside.y + 1);
    for ((said, style), y) in foot.iter().zip(first..inside.bottom()) {
        let said = truncate(said, usize::from(inside.width));
        paint.text(inside.x, y, said.as_str(), *style);
    }
}

/// The last lines: what went wrong, what is going on, or of the chosen one what it shows and how it
/// was recognised.
fn foot(model: &Model, selected: usize, muted: Style) -> Vec<(SafeText, Style)> {
    let theme = &model.themes.theme;
    if let Some(refusal) = &model.offers.refusal {
        return vec![(refusal.clone(), theme.style(Role::Critical))];
    }
    if let Some(key) = &model.offers.taking {
        return vec![(SafeText::from(format!("{key} is being set up")), muted)];
    }
    let Some(offer) = model.offers.list().get(selected) else { return Vec::new() };
    let facts: Vec<&str> = offer.evidence.iter().map(SafeText::as_str).collect();
    vec![(offer.what.clone(), theme.style(Role::Text)), (SafeText::new(&facts.join(", ")), muted)]
}

/// The offers in sight, and the line of each.
fn window(count: usize, selected: usize, inside: Rect) -> impl Iterator<Item = (usize, u16)> {
    let room = usize::from(inside.height.saturating_sub(HEAD + FOOT));
    let selected = selected.min(count.saturating_sub(1));
    let first = (selected + 1).saturating_sub(room);
    (first..count).take(room).zip(inside.y + HEAD..)
}

/// The offer that stands in a cell.
pub(super) fn item_at(model: &Model, selected: usize, inside: Rect, at: Position) -> Option<usize> {
    let count = model.offers.list().len();
    let found = window(count, selected, inside).find(|(_, y)| *y == at.y);
    found.filter(|_| inside.contains(at)).map(|(index, _)| index)
}

fn draw_offer(
    model: &Model,
    (index, offer): (usize, &Offer),
    chosen: bool,
    line: Rect,
    paint: &mut Paint<'_>,
) {
    let theme = &model.themes.theme;
    let ground = theme.style(Role::Background).patch(theme.style(Role::Text));
    let ground = if chosen { ground.patch(theme.style(Role::Selection)) } else { ground };
    paint.fill(line, ground);
    let key: String = Offers::key(index).into_iter().collect();
    paint.text(
        line.x,
        line.y,
        if chosen { ">" } else { " " },
        ground.patch(theme.style(Role::Accent)),
    );
    paint.text(line.x + 2, line.y, &key, ground.patch(theme.style(Role::Key)));
    let title_width = TITLE_WIDTH.min(line.width / 2);
    let title = truncate(&offer.title, usize::from(title_width.saturating_sub(5)));
    paint.text(line.x + 4, line.y, title.as_str(), ground);
    let x = line.x + title_width;
    let what = match &offer.needs_credential {
        _ if offer.taken => SafeText::from("shown already; the key opens it"),
        Some(_) => SafeText::from(format!("{}; it wants a login", offer.what)),
        None => offer.what.clone(),
    };
    let what = truncate(&what, usize::from(line.right().saturating_sub(x)));
    paint.text(x, line.y, what.as_str(), ground.patch(theme.style(Role::Muted)));
}
