//! What is asked on the terminal for a secret, and what is said before.

use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::source::external_api::{Auth, Grant};
use ccm_proto::model::{ConnectorSpec, Name};

/// A question, or two whose answers are the lines of one secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// What helps to find the answer; a line each.
    pub before: Vec<SafeText>,
    /// What is asked.
    pub first: SafeText,
    /// What is asked then. No answer means that there is one line only.
    pub second: Option<SafeText>,
}

impl Question {
    /// For a credential that is set, as its connector calls it.
    pub(super) fn of_set(
        name: &Name,
        kind: CredentialKind,
        connector: Option<&ConnectorSpec>,
    ) -> Self {
        let mut question = Self::plain("", name, kind);
        let Some(connector) = connector else { return question };
        if let Some(schema) = &connector.credential {
            let label = SafeText::new(&schema.label);
            let title = SafeText::new(&connector.title);
            question.before.push(SafeText::new(&format!("{title} wants: {label}")));
            question.before.extend(schema.hint.as_deref().map(SafeText::new));
        }
        if let Some(Auth::Oauth2 { grant: Grant::ClientCredentials, .. }) = &connector.auth {
            question.second = None;
        }
        question
    }

    /// For the new secret of one that is there.
    pub(super) fn of_rotate(name: &Name, kind: CredentialKind) -> Self {
        Self::plain("new ", name, kind)
    }

    fn plain(which: &str, name: &Name, kind: CredentialKind) -> Self {
        let first = match kind {
            CredentialKind::Token => "secret",
            CredentialKind::Basic => "password",
            CredentialKind::Oauth2 => "client secret",
        };
        let token = || SafeText::new(&format!("{which}refresh token of {name}, if there is one"));
        Self {
            before: Vec::new(),
            first: SafeText::new(&format!("{which}{first} of {name}")),
            second: (kind == CredentialKind::Oauth2).then(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(auth: &serde_json::Value) -> ConnectorSpec {
        serde_json::from_value(serde_json::json!({
            "title": "Shop",
            "base_url": "https://shop.example",
            "auth": auth,
            "credential": { "kind": "oauth2", "label": "client\u{1b}", "hint": "Settings, API" },
            "endpoints": { "orders": { "path": "/orders" } },
        }))
        .unwrap()
    }

    #[test]
    fn a_refresh_token_is_asked_for_where_there_can_be_one() {
        let name = Name::new("shop").unwrap();
        let ask = |grant: &str| {
            let auth = serde_json::json!({
                "type": "oauth2", "grant": grant, "token_url": "https://shop.example/token",
            });
            Question::of_set(&name, CredentialKind::Oauth2, Some(&connector(&auth)))
        };
        let both = ask("refresh_token");
        assert_eq!(both.first.as_str(), "client secret of shop");
        assert!(both.second.unwrap().as_str().contains("refresh token"));
        assert_eq!(both.before.len(), 2);
        assert!(!both.before[0].as_str().contains('\u{1b}'));
        assert_eq!(ask("client_credentials").second, None);
        assert_eq!(Question::of_rotate(&name, CredentialKind::Token).second, None);
        assert!(Question::of_rotate(&name, CredentialKind::Oauth2).second.is_some());
    }
}
