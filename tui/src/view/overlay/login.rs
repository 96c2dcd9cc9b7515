//! The login that an offer needs.

use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::paint::Paint;
use super::boxed;
use crate::format::truncate;
use crate::model::Model;
use crate::model::login::{Field, Login};

/// Columns of the box, and lines inside it.
pub(super) const SIZE: (u16, u16) = (72, 7);

/// Columns of the names of fields.
const LABEL_WIDTH: u16 = 11;

/// What stands for a letter of a secret; more letters than there is room for are not told apart.
const HIDDEN: &str = "*";

pub(super) fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(login) = &model.offers.login else { return };
    let title = format!("{} wants a login", login.offer.title);
    let inside = boxed(model, &title, SIZE, area, buffer);
    let theme = &model.themes.theme;
    let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
    let width = usize::from(inside.width);
    let mut paint = Paint::new(buffer, inside);
    let said = [
        format!("The daemon keeps it as the credential {},", login.need.name),
        format!("and sends it to {} only.", login.need.origin),
    ];
    for (line, y) in said.iter().zip(inside.y..) {
        paint.text(inside.x, y, truncate(&SafeText::new(line), width).as_str(), text);
    }
    for ((field, label, value), y) in fields(login, width).into_iter().zip(inside.y + 3..) {
        let chosen = field == login.field;
        let style = if chosen { theme.style(Role::Accent) } else { muted };
        paint.text(inside.x, y, label, style);
        let x = paint.text(inside.x + LABEL_WIDTH, y, &value, text);
        if chosen {
            paint.text(x, y, "_", style);
        }
    }
    let Some(y) = inside.bottom().checked_sub(1).filter(|y| *y > inside.y + 4) else { return };
    paint.text(inside.x, y, "Enter goes on, Tab changes the field, Esc leaves it", muted);
}

/// The fields, and what stands in them: of what is too long its end.
fn fields(login: &Login, width: usize) -> Vec<(Field, &'static str, String)> {
    let room = width.saturating_sub(usize::from(LABEL_WIDTH) + 1);
    let secret = match login.need.kind {
        CredentialKind::Token => "token",
        CredentialKind::Basic => "password",
        CredentialKind::Oauth2 => "secret",
    };
    let hidden = HIDDEN.repeat(login.secret.len().min(room));
    let account = login.has_account().then(|| {
        let beyond = login.account.chars().count().saturating_sub(room);
        let shown: String = login.account.chars().skip(beyond).collect();
        (Field::Account, "user name", SafeText::new(&shown).to_string())
    });
    account.into_iter().chain([(Field::Secret, secret, hidden)]).collect()
}
