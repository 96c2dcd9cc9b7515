//! The line at the top: where am I, is it live, is anything wrong.

use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use ccm_proto::model::theme::Role;
use ccm_proto::model::widget::State;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::bar::{Bar, Piece};
use super::paint::Paint;
use super::{Target, data_age, tally};
use crate::action::Action;
use crate::format;
use crate::model::Model;
use crate::model::link::LinkState;

/// Ages below this are those of readings that come in time.
const AGE_SHOWN: Interval = Interval::from_secs(3);

/// Pages that are listed beside the one on display: those that have a key.
const PAGES_LISTED: usize = 9;

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    Paint::new(buffer, area).fill(area, model.themes.theme.style(Role::Header));
    bar(model, area).draw(area, buffer);
}

pub(super) fn target_at(model: &Model, area: Rect, x: u16) -> Option<Target> {
    bar(model, area).target_at(area, x)
}

fn bar(model: &Model, area: Rect) -> Bar {
    let mut bar = Bar { left: left(model), right: right(model) };
    if area.width < 40 {
        // What is wrong and how old it is stays; who and where goes.
        bar.left.truncate(1);
        bar.left.iter_mut().for_each(|piece| piece.rank = 9);
    }
    bar.fit(usize::from(area.width))
}

fn left(model: &Model) -> Vec<Piece> {
    let theme = &model.themes.theme;
    let header = theme.style(Role::Header);
    let muted = header.patch(theme.style(Role::Muted));
    let host = model.link.welcome.as_ref().map(|welcome| welcome.hostname.to_string());
    let data = model.shown();
    let mut pieces = vec![Piece::new(
        host.unwrap_or_else(|| "ccm".to_owned()),
        header.patch(theme.style(Role::Title)),
    )];
    let Some(layout) = data.layout() else {
        return pieces;
    };
    let current = model.pages.current.min(layout.pages.len().saturating_sub(1));
    let listed = |index: &usize| *index < PAGES_LISTED || *index == current;
    for (index, page) in layout.pages.iter().enumerate().filter(|(index, _)| listed(index)) {
        let title = format::truncate(&SafeText::new(&page.title), 16);
        let style = if index == current { header.patch(theme.style(Role::Accent)) } else { muted };
        let key = if index == current { style } else { header.patch(theme.style(Role::Key)) };
        let piece = Piece::new(format!("{} ", index + 1), key).and(title.to_string(), style);
        let piece = piece.target(Target::Page(index));
        pieces.push(if index == current { piece.rank(1) } else { piece.rank(5).kept() });
    }
    pieces
}

fn right(model: &Model) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let theme = &model.themes.theme;
    let header = theme.style(Role::Header);
    let accent = header.patch(theme.style(Role::Accent));
    if model.locked {
        pieces.push(Piece::new("LOCKED", accent));
    }
    if let Some(paused) = &model.paused {
        let age = format::age(model.now.since(paused.since));
        pieces.push(
            Piece::new(format!("PAUSED {age}"), accent).target(Target::Action(Action::Pause)),
        );
    }
    pieces.extend(troubles(model));
    pieces.push(link(model));
    let muted = header.patch(theme.style(Role::Muted));
    pieces.push(Piece::new(model.zone.time_of_day(model.shown_now()), muted).rank(3));
    pieces
}

/// Counts of what is wrong, worst first, each with its mark.
fn troubles(model: &Model) -> Vec<Piece> {
    let theme = &model.themes.theme;
    let header = theme.style(Role::Header);
    let tally = tally(model);
    let mut pieces = Vec::new();
    for (count, state) in [(tally.critical, State::Critical), (tally.warning, State::Warning)] {
        if count > 0 {
            let mark = model.glyphs.state(state);
            let word = model.glyphs.state_word(state);
            pieces.push(Piece::new(
                format!("{mark} {count} {word}"),
                header.patch(theme.state(state)),
            ));
        }
    }
    if tally.error > 0 {
        let style = header.patch(theme.style(Role::Critical));
        pieces.push(Piece::new(
            format!("{} {} error", model.glyphs.state(State::Critical), tally.error),
            style,
        ));
    }
    if !model.notices.is_empty() {
        let worst = model.notices.values().map(|notice| notice.severity).max();
        let role = match worst {
            Some(ccm_proto::model::Severity::Error) => Role::Critical,
            Some(ccm_proto::model::Severity::Warning) => Role::Warning,
            _ => Role::Muted,
        };
        let count = model.notices.len();
        let word = if count == 1 { "notice" } else { "notices" };
        let piece = Piece::new(format!("{count} {word}"), header.patch(theme.style(role)));
        pieces.push(piece.target(Target::Action(Action::Notices)).rank(2));
    }
    pieces
}

/// The connection and the age of what is shown.
fn link(model: &Model) -> Piece {
    let theme = &model.themes.theme;
    let header = theme.style(Role::Header);
    let stale = header.patch(theme.style(Role::Stale));
    let warning = header.patch(theme.style(Role::Warning));
    match &model.link.state {
        LinkState::Connecting => Piece::new("connecting", stale),
        LinkState::Connected => match data_age(model) {
            Some(age) => {
                let ok = header.patch(theme.style(Role::Ok));
                let live = Piece::new(format!("{} live", model.glyphs.state(State::Ok)), ok);
                // A younger age would only flicker.
                if age < AGE_SHOWN {
                    live
                } else {
                    live.and(format!(" {}", format::age(age)), header)
                }
            }
            None => Piece::new("waiting for data", stale),
        },
        LinkState::Lost { since, retry_at, .. } => {
            let mark = model.glyphs.state(State::Warning);
            let lost = format::age(model.now.since(*since));
            let next = retry_at.map_or_else(String::new, |at| {
                format!(", again in {}", format::age(at.since(model.now)))
            });
            Piece::new(format!("{mark} daemon lost {lost}{next}"), warning)
        }
        LinkState::Refused { .. } => {
            let mark = model.glyphs.state(State::Critical);
            Piece::new(format!("{mark} refused"), header.patch(theme.style(Role::Critical)))
        }
    }
}
