//! A login that is being typed: what an offer needs before it is taken.

use std::fmt;
use std::sync::Arc;

use ccm_daemon::secret::{SECRET_BYTES_MAX, Secret};
use ccm_proto::model::Offer;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::offer::CredentialNeed;

/// Letters of a user name; more are not taken.
const ACCOUNT_MAX: usize = 128;

/// A field of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The user name.
    Account,
    /// The password or token.
    Secret,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The offer that needs it.
    pub offer: Offer,
    /// What is needed.
    pub need: CredentialNeed,
    /// The user name.
    pub account: String,
    /// The password or token.
    pub secret: Typed,
    /// Where typing goes.
    pub field: Field,
}

impl Login {
    /// Nothing typed yet; none where the offer needs nothing.
    pub fn of(offer: &Offer) -> Option<Self> {
        let need = offer.needs_credential.clone()?;
        let field = if need.kind == CredentialKind::Token { Field::Secret } else { Field::Account };
        let (account, secret) = (String::new(), Typed::default());
        Some(Self { offer: offer.clone(), need, account, secret, field })
    }

    /// Whether there is a user name beside the secret.
    pub fn has_account(&self) -> bool {
        self.need.kind != CredentialKind::Token
    }

    /// The field that has nothing in it yet, the first one first.
    pub fn missing(&self) -> Option<Field> {
        if self.has_account() && self.account.is_empty() {
            return Some(Field::Account);
        }
        self.secret.is_empty().then_some(Field::Secret)
    }

    /// Takes letters.
    pub fn push(&mut self, text: &str) {
        match self.field {
            Field::Account => {
                let room = ACCOUNT_MAX.saturating_sub(self.account.chars().count());
                self.account.extend(text.chars().filter(|c| !c.is_control()).take(room));
            }
            Field::Secret => self.secret.push(text),
        }
    }

    /// Takes the last letter back.
    pub fn pop(&mut self) {
        match self.field {
            Field::Account => drop(self.account.pop()),
            Field::Secret => self.secret.pop(),
        }
    }

    /// Empties the field.
    pub fn clear(&mut self) {
        match self.field {
            Field::Account => self.account.clear(),
            Field::Secret => self.secret = Typed::default(),
        }
    }

    /// Goes to the other field.
    pub fn turn(&mut self) {
        self.field = match self.field {
            Field::Secret if self.has_account() => Field::Account,
            _ => Field::Secret,
        };
    }
}

/// A secret as far as it was typed. Its copies share one memory, which is overwritten when the last
/// is dropped, and with each letter; what it shows of itself is nothing.
#[derive(Clone)]
pub struct Typed(Arc<Secret>);

impl Typed {
    /// Letters that were typed.
    pub fn len(&self) -> usize {
        self.0.expose_text().map_or(0, |text| text.chars().count())
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret for a message to the daemon.
    pub fn to_secret(&self) -> Secret {
        self.0.duplicate()
    }

    fn push(&mut self, text: &str) {
        let length = self.0.len() + text.len();
        if length > SECRET_BYTES_MAX {
            return;
        }
        // All of it at once: a vector that grows leaves a copy behind.
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(self.0.expose());
        bytes.extend_from_slice(text.as_bytes());
        self.0 = Arc::new(Secret::new(bytes));
    }

    fn pop(&mut self) {
        let text = self.0.expose_text().unwrap_or_default();
        let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
        self.0 = Arc::new(Secret::new(text.as_bytes().get(..last).unwrap_or_default().to_vec()));
    }
}

impl Default for Typed {
    fn default() -> Self {
        Self(Arc::new(Secret::new(Vec::new())))
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed")
    }
}

impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for Typed {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::fixture::needy_offer;

    #[test]
    fn a_typed_secret_is_kept_letter_by_letter_and_never_shown() {
        let mut login = Login::of(&needy_offer(CredentialKind::Basic)).unwrap();
        assert_eq!(login.missing(), Some(Field::Account));
        login.push("admin");
        assert_eq!(login.missing(), Some(Field::Secret));
        login.turn();
        login.push("pä");
        login.push("ß");
        login.pop();
        assert_eq!((login.secret.len(), login.missing()), (2, None));
        assert_eq!(login.secret.to_secret().expose_text(), Some("pä"));
        assert!(!format!("{login:?}").contains("pä"));
        login.clear();
        assert!(login.secret.is_empty());
        assert_eq!(login.account, "admin", "the other field stays");
    }

    #[test]
    fn a_token_has_one_field() {
        let mut login = Login::of(&needy_offer(CredentialKind::Token)).unwrap();
        login.turn();
        assert_eq!(login.field, Field::Secret);
        login.push("t");
        assert_eq!(login.missing(), None);
    }
}
