//! What is wanted of a credential that is set: where it goes, its form, and how it begins.

use ccm_proto::model::connector::{CredentialKind, CredentialSchema};
use ccm_proto::model::source::external_api::Auth;
use ccm_proto::model::{ConnectorSpec, Name};

use crate::secret::{Material, PinnedOrigin, Pins};

/// What a credential must be like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Where it may be sent.
    pub pins: Pins,
    /// Its form, as its connector says it.
    pub kind: Option<CredentialKind>,
    /// What the service calls it, and what it begins with; one of these.
    beginnings: Option<(String, Vec<String>)>,
}

impl Wanted {
    /// Anything, for these origins.
    pub(super) fn at(pins: Pins) -> Self {
        Self { pins, kind: None, beginnings: None }
    }

    /// What a connector says. The secret of an OAuth2 client goes to where tokens are given, and
    /// `api_origin` stands in place of the connector's own address. A problem is one sentence.
    pub(super) fn by(
        name: &Name,
        connector: &ConnectorSpec,
        api_origin: Option<PinnedOrigin>,
    ) -> Result<Self, String> {
        let base = connector.base_url.as_deref().map(origin).transpose()?;
        let pins = if let Some(Auth::Oauth2 { token_url, .. }) = &connector.auth {
            let origin = origin(token_url)?;
            let api_origin = api_origin.or(base).filter(|api| *api != origin);
            Pins { origin, api_origin }
        } else {
            let origin = base.ok_or_else(|| {
                format!("the connector {name} has no address of its own; say --origin https://HOST")
            })?;
            Pins { origin, api_origin }
        };
        let schema = connector.credential.as_ref();
        let beginnings =
            |schema: &CredentialSchema| (schema.label.clone(), schema.prefixes.clone());
        Ok(Self {
            pins,
            kind: schema.map(|schema| schema.kind),
            beginnings: schema.filter(|schema| !schema.prefixes.is_empty()).map(beginnings),
        })
    }

    /// Refuses what the connector cannot use. The problem is one sentence without the secret.
    pub(super) fn check(&self, material: &Material) -> Result<(), String> {
        if let Some(kind) = self.kind.filter(|kind| *kind != material.kind()) {
            return Err(format!(
                "this connector's credential is of the kind {kind}, say --kind {kind}"
            ));
        }
        let Some((label, prefixes)) = &self.beginnings else { return Ok(()) };
        let secret = material.secret().expose();
        if prefixes.iter().any(|prefix| secret.starts_with(prefix.as_bytes())) {
            return Ok(());
        }
        Err(format!(
            "this is no {label}: one begins with {}; nothing was kept",
            prefixes.join(" or ")
        ))
    }
}

fn origin(address: &str) -> Result<PinnedOrigin, String> {
    PinnedOrigin::of_address(address).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs;
    use crate::registry::Registry;
    use crate::secret::Secret;

    fn wanted(connector: &str) -> Result<Wanted, String> {
        let name = Name::new(connector).unwrap();
        let (registry, _) = Registry::new(packs::DOCUMENTS);
        Wanted::by(&name, &registry.snapshot().configuration.connectors[&name], None)
    }

    #[test]
    fn a_connector_says_where_its_credential_goes() {
        for (connector, kind, pins) in [
            ("stripe", CredentialKind::Token, "https://api.stripe.com"),
            (
                "google-analytics",
                CredentialKind::Oauth2,
                "https://oauth2.googleapis.com and https://analyticsdata.googleapis.com",
            ),
            ("paypal", CredentialKind::Oauth2, "https://api-m.paypal.com"),
        ] {
            let wanted = wanted(connector).unwrap();
            assert_eq!((wanted.pins.to_string().as_str(), wanted.kind), (pins, Some(kind)));
        }
        assert!(wanted("home-assistant").unwrap_err().contains("--origin"));
    }

    #[test]
    fn a_secret_that_begins_otherwise_is_refused_without_being_shown() {
        let stripe = wanted("stripe").unwrap();
        let token = |text: &str| Material::Token(Secret::from(text));
        assert_eq!(stripe.check(&token("rk_live_abc")), Ok(()));
        let refused = stripe.check(&token("sk_live_canary")).unwrap_err();
        assert!(refused.contains("rk_live_ or rk_test_"), "{refused}");
        assert!(!refused.contains("canary"), "{refused}");
        let basic =
            Material::new(CredentialKind::Basic, "bob".to_owned(), Secret::from("rk_live_"));
        assert!(stripe.check(&basic).unwrap_err().contains("--kind token"));
    }
}
