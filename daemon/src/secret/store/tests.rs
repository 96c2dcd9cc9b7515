use std::collections::BTreeMap;
use std::sync::Mutex;

use ccm_proto::model::Timestamp;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;
use crate::secret::credential::parse_scope;
use crate::secret::provider::Answer;
use crate::secret::record;
use crate::secret::testing::{credential, id};
use crate::secret::{CredentialKind, PinnedOrigin};

/// A provider in memory.
struct Fake {
    kind: ProviderKind,
    writable: bool,
    kept: Arc<Kept>,
}

/// What a test sees of it.
struct Kept {
    state: Mutex<ProviderState>,
    records: Mutex<BTreeMap<CredentialId, Vec<u8>>>,
    asked: Mutex<u32>,
}

impl Kept {
    fn put(&self, at: &CredentialId, secret: &str) {
        let bytes = record::encode(at, &credential(secret, "https://api.stripe.com")).to_vec();
        self.records.lock().unwrap().insert(at.clone(), bytes);
    }

    fn has(&self, at: &CredentialId) -> bool {
        self.records.lock().unwrap().contains_key(at)
    }

    fn become_(&self, state: ProviderState) {
        *self.state.lock().unwrap() = state;
    }

    fn check(&self) -> Result<(), ProviderError> {
        *self.asked.lock().unwrap() += 1;
        match self.state.lock().unwrap().clone() {
            ProviderState::Available => Ok(()),
            ProviderState::Absent(cause) => Err(ProviderError::Absent(cause)),
            ProviderState::Failing(cause) => Err(ProviderError::Failing(cause)),
        }
    }
}

impl Provider for Fake {
    fn kind(&self) -> ProviderKind {
        self.kind
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn writable(&self) -> bool {
        self.writable
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        async move { self.kept.state.lock().unwrap().clone() }.boxed()
    }

    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        async move {
            self.kept.check()?;
            let records = self.kept.records.lock().unwrap();
            Ok(records.get(id).map(|bytes| record::decode(id, bytes).ok().unwrap()))
        }
        .boxed()
    }

    fn set<'a>(&'a self, id: &'a CredentialId, credential: &'a Credential) -> Answer<'a, ()> {
        async move {
            self.kept.check()?;
            let bytes = record::encode(id, credential).to_vec();
            self.kept.records.lock().unwrap().insert(id.clone(), bytes);
            Ok(())
        }
        .boxed()
    }

    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool> {
        async move {
            self.kept.check()?;
            if !self.writable && self.kept.has(id) {
                return Err(ProviderError::refused("read-only"));
            }
            Ok(self.kept.records.lock().unwrap().remove(id).is_some())
        }
        .boxed()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        async move {
            self.kept.check()?;
            let records = self.kept.records.lock().unwrap();
            let info = |(id, bytes): (&CredentialId, &Vec<u8>)| {
                record::decode(id, bytes).ok().unwrap().info(id.clone())
            };
            Ok(records.iter().map(info).collect())
        }
        .boxed()
    }
}

struct Chain {
    store: SecretStore,
    keyring: Arc<Kept>,
    systemd: Arc<Kept>,
    sealed: Arc<Kept>,
    clock: Clock,
}

fn chain() -> Chain {
    let kept = || {
        let state = Mutex::new(ProviderState::Available);
        Arc::new(Kept { state, records: Mutex::default(), asked: Mutex::default() })
    };
    let (keyring, systemd, sealed) = (kept(), kept(), kept());
    let fake = |kind, kept: &Arc<Kept>| -> Box<dyn Provider> {
        Box::new(Fake { kind, writable: kind != ProviderKind::Systemd, kept: Arc::clone(kept) })
    };
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let providers = vec![
        fake(ProviderKind::Keyring, &keyring),
        fake(ProviderKind::Systemd, &systemd),
        fake(ProviderKind::Sealed, &sealed),
    ];
    let store = SecretStore::of(providers, clock.clone());
    Chain { store, keyring, systemd, sealed, clock }
}

fn absent() -> ProviderState {
    ProviderState::Absent(SafeText::new("no bus"))
}

fn failing() -> ProviderState {
    ProviderState::Failing(SafeText::new("locked"))
}

fn token(secret: &str) -> Material {
    Material::Token(Secret::from(secret))
}

fn stripe() -> PinnedOrigin {
    "https://api.stripe.com".parse().unwrap()
}

async fn secret(store: &SecretStore, at: &str) -> Result<(String, ProviderKind), SecretError> {
    let scope = parse_scope(at).unwrap();
    let found = store.find(&scope, &Name::new("stripe").unwrap()).await?;
    let text = found.credential.material.secret().expose_text().unwrap().to_owned();
    Ok((text, found.provider))
}

#[tokio::test]
async fn the_most_specific_scope_comes_first_and_then_the_first_provider() {
    let Chain { store, keyring, sealed, clock, .. } = chain();
    let expect = async |at: &str, text: &str| {
        assert_eq!(secret(&store, at).await.unwrap().0, text, "{at}");
    };
    sealed.put(&id("platform", "stripe"), "platform, sealed");
    expect("user:acme/bob", "platform, sealed").await;
    sealed.put(&id("user:acme/bob", "stripe"), "bob, sealed");
    keyring.put(&id("tenant:acme", "stripe"), "acme, keyring");
    keyring.put(&id("platform", "stripe"), "platform, keyring");
    clock.set(Timestamp::from_millis(60_000));
    expect("user:acme/bob", "bob, sealed").await;
    expect("user:acme/eve", "acme, keyring").await;
    expect("tenant:other", "platform, keyring").await;
    expect("platform", "platform, keyring").await;
}

#[tokio::test]
async fn a_user_of_one_tenant_never_gets_anothers() {
    let Chain { store, sealed, .. } = chain();
    sealed.put(&id("user:acme/bob", "stripe"), "acme's bob");
    sealed.put(&id("tenant:acme", "stripe"), "acme");
    for at in ["user:other/bob", "tenant:other", "platform"] {
        assert!(matches!(secret(&store, at).await, Err(SecretError::Missing { .. })), "{at}");
    }
}

#[tokio::test]
async fn absent_providers_are_passed_over_and_failing_ones_never_widen_the_scope() {
    let Chain { store, keyring, sealed, clock, .. } = chain();
    sealed.put(&id("platform", "stripe"), "platform");
    keyring.become_(absent());
    assert_eq!(secret(&store, "user:acme/bob").await.unwrap().0, "platform");
    clock.set(Timestamp::from_millis(60_000));
    keyring.become_(failing());
    assert_eq!(secret(&store, "platform").await.unwrap().0, "platform", "the same scope");
    let refused = secret(&store, "user:acme/bob").await.unwrap_err();
    assert!(refused.to_string().contains("keyring: locked"), "{refused}");
    sealed.become_(failing());
    clock.set(Timestamp::from_millis(120_000));
    assert!(matches!(secret(&store, "platform").await, Err(SecretError::Unavailable { .. })));
}

#[tokio::test]
async fn a_new_credential_goes_to_the_first_that_can_be_written() {
    let at = id("platform", "stripe");
    let Chain { store, keyring, sealed, .. } = chain();
    let stored = store.set(&at, token("a"), stripe(), None).await.unwrap();
    assert_eq!((stored.provider, stored.info.version), (ProviderKind::Keyring, 1));
    assert!(keyring.has(&at) && !sealed.has(&at) && !stored.replaced);

    let Chain { store, keyring, sealed, .. } = chain();
    keyring.become_(absent());
    let stored = store.set(&at, token("a"), stripe(), None).await.unwrap();
    assert_eq!(stored.provider, ProviderKind::Sealed);
    assert!(sealed.has(&at));

    let Chain { store, keyring, .. } = chain();
    keyring.become_(failing());
    let blocked = store.set(&at, token("a"), stripe(), None).await.unwrap_err();
    assert!(matches!(blocked, SecretError::Blocked { .. }), "{blocked}");
    let named = store.set(&at, token("a"), stripe(), Some(ProviderKind::Sealed)).await.unwrap();
    assert_eq!(named.provider, ProviderKind::Sealed);

    let Chain { store, keyring, sealed, .. } = chain();
    keyring.become_(absent());
    sealed.become_(absent());
    assert_eq!(store.set(&at, token("a"), stripe(), None).await, Err(SecretError::Nowhere));
    let vault = store.set(&at, token("a"), stripe(), Some(ProviderKind::Vault)).await;
    assert_eq!(vault, Err(SecretError::Unlisted(ProviderKind::Vault)));
}

#[tokio::test]
async fn a_credential_is_changed_where_it_is_and_leaves_no_copy_behind() {
    let at = id("platform", "stripe");
    let Chain { store, keyring, systemd, sealed, .. } = chain();
    sealed.put(&at, "old");
    let stored = store.set(&at, token("new"), stripe(), None).await.unwrap();
    assert_eq!((stored.provider, stored.info.version), (ProviderKind::Sealed, 2));
    let moved = store.set(&at, token("new"), stripe(), Some(ProviderKind::Keyring)).await.unwrap();
    assert_eq!((moved.provider, moved.info.version), (ProviderKind::Keyring, 3));
    assert!(keyring.has(&at) && !sealed.has(&at));
    store.delete(&at).await.unwrap();
    systemd.put(&at, "given");
    let hidden =
        store.set(&at, token("x"), stripe(), Some(ProviderKind::Sealed)).await.unwrap_err();
    assert!(hidden.to_string().contains("systemd"), "{hidden}");
}

#[tokio::test]
async fn rotation_keeps_the_origin_and_counts_versions() {
    let at = id("platform", "stripe");
    let Chain { store, clock, .. } = chain();
    assert!(matches!(
        store.rotate(&at, Secret::from("x"), None).await,
        Err(SecretError::Missing { .. })
    ));
    let basic = Material::new(CredentialKind::Basic, "bob".to_owned(), Secret::from("one"));
    store.set(&at, basic, stripe(), None).await.unwrap();
    assert_eq!(secret(&store, "platform").await.unwrap().0, "one");
    clock.set(Timestamp::from_millis(5_000));
    let rotated = store.rotate(&at, Secret::from("two"), None).await.unwrap();
    assert_eq!(secret(&store, "platform").await.unwrap().0, "two", "nothing old is remembered");
    let info = rotated.info;
    assert_eq!((info.version, info.account.as_str(), &info.pins), (2, "bob", &stripe().into()));
    assert_eq!((info.created.as_millis(), info.rotated.as_millis()), (1_000, 5_000));
}

#[tokio::test]
async fn only_an_oauth2_client_has_an_origin_for_its_tokens_and_keeps_it() {
    let at = id("platform", "google");
    let Chain { store, .. } = chain();
    let pins = Pins {
        origin: "https://oauth2.example".parse().unwrap(),
        api_origin: Some("https://api.example".parse().unwrap()),
    };
    let refused = store.set(&at, token("a"), pins.clone(), None).await.unwrap_err();
    assert!(refused.to_string().contains("--kind oauth2"), "{refused}");
    let client = Material::new(CredentialKind::Oauth2, "id".to_owned(), Secret::from("a\nb"));
    let stored = store.set(&at, client, pins.clone(), None).await.unwrap();
    assert_eq!(stored.info.pins, pins);
    let rotated = store.rotate(&at, Secret::from("c\nd"), None).await.unwrap();
    assert_eq!(rotated.info.pins, pins);
}

#[tokio::test]
async fn deletion_reaches_every_provider_and_says_when_one_does_not_do_it() {
    let at = id("platform", "stripe");
    let Chain { store, keyring, systemd, sealed, .. } = chain();
    keyring.put(&at, "a");
    sealed.put(&at, "b");
    assert_eq!(secret(&store, "platform").await.unwrap().0, "a");
    let deleted = store.delete(&at).await.unwrap();
    assert_eq!(deleted, [ProviderKind::Keyring, ProviderKind::Sealed]);
    assert!(secret(&store, "platform").await.is_err(), "nothing old is remembered");
    assert!(matches!(store.delete(&at).await, Err(SecretError::Missing { .. })));
    systemd.put(&at, "c");
    assert!(matches!(store.delete(&at).await, Err(SecretError::Provider { .. })));
}

#[tokio::test]
async fn opened_credentials_are_kept_for_a_moment_and_then_forgotten() {
    let at = id("platform", "stripe");
    let Chain { store, keyring, clock, .. } = chain();
    keyring.put(&at, "one");
    for _ in 0..100 {
        secret(&store, "platform").await.unwrap();
    }
    assert_eq!(*keyring.asked.lock().unwrap(), 1);
    let held = store.get(&Scope::Platform, at.name()).await.unwrap();
    clock.set(Timestamp::from_millis(60_000));
    store.sweep();
    assert_eq!(Arc::strong_count(&held), 1, "only the test still holds it");
    keyring.put(&at, "two");
    assert_eq!(secret(&store, "platform").await.unwrap().0, "two");
}

#[tokio::test]
async fn a_list_names_everything_once_more_where_it_is_hidden() {
    let at = id("platform", "stripe");
    let Chain { store, keyring, systemd, sealed, .. } = chain();
    keyring.put(&at, "a");
    sealed.put(&at, "b");
    sealed.put(&id("platform", "mail"), "c");
    systemd.become_(failing());
    let listing = store.list().await;
    let shown: Vec<(&str, ProviderKind, bool)> = listing
        .credentials
        .iter()
        .map(|listed| (listed.info.id.name().as_str(), listed.provider, listed.shadowed))
        .collect();
    assert_eq!(
        shown,
        [
            ("mail", ProviderKind::Sealed, false),
            ("stripe", ProviderKind::Keyring, false),
            ("stripe", ProviderKind::Sealed, true)
        ]
    );
    assert_eq!(listing.failures.len(), 1);
}

#[tokio::test]
async fn the_states_say_who_takes_new_credentials() {
    let Chain { store, keyring, .. } = chain();
    let takes = async || {
        let states = store.states().await;
        states.iter().find(|report| report.takes_new).map(|report| report.kind)
    };
    assert_eq!(takes().await, Some(ProviderKind::Keyring));
    keyring.become_(absent());
    assert_eq!(takes().await, Some(ProviderKind::Sealed));
    keyring.become_(failing());
    assert_eq!(takes().await, None, "nothing is written past a provider that may have it");
}

#[tokio::test]
async fn what_is_no_credential_is_refused() {
    let at = id("platform", "stripe");
    let Chain { store, .. } = chain();
    let basic =
        |account: &str| Material::new(CredentialKind::Basic, account.to_owned(), Secret::from("x"));
    for material in [
        token(""),
        token(&"x".repeat(SECRET_BYTES_MAX + 1)),
        basic(""),
        basic("a\r\nb"),
        basic(&"x".repeat(ACCOUNT_BYTES_MAX + 1)),
    ] {
        let refused = store.set(&at, material, stripe(), None).await;
        assert!(matches!(refused, Err(SecretError::Unfit(_))));
    }
}
