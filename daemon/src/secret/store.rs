//! The chain of providers, and what was opened a moment ago.

mod cache;
mod chain;
mod error;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Scope};
use futures_util::future::join_all;
use tokio::sync::broadcast;

use self::cache::Cache;
pub use self::error::SecretError;
use super::provider::{Provider, ProviderError, ProviderKind, ProviderState};
use super::vault::VaultHttp;
use super::{Credential, CredentialId, CredentialInfo, Material, Pins, SECRET_BYTES_MAX, Secret};
use crate::clock::Clock;
use crate::settings::CredentialSettings;

/// The longest user name or client id in bytes.
pub const ACCOUNT_BYTES_MAX: usize = 256;

/// A credential with its place.
#[derive(Clone)]
pub struct Found {
    /// Who has it.
    pub provider: ProviderKind,
    /// Where it lies.
    pub id: CredentialId,
    /// Itself.
    pub credential: Arc<Credential>,
}

super::bytes::assert_silent!(Found);

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Who has it now.
    pub provider: ProviderKind,
    /// What may be told of it.
    pub info: CredentialInfo,
    /// Something was there before.
    pub replaced: bool,
}

/// A credential in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who has it.
    pub provider: ProviderKind,
    /// What may be told of it.
    pub info: CredentialInfo,
    /// A provider that is asked earlier has one of the same place.
    pub shadowed: bool,
}

/// All credentials, and who could not be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By scope and name, in the order in which providers are asked.
    pub credentials: Vec<Listed>,
    /// Providers that failed, and why.
    pub failures: Vec<(ProviderKind, SafeText)>,
}

/// What may be told of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderReport {
    /// Which.
    pub kind: ProviderKind,
    /// Where it keeps credentials.
    pub place: String,
    /// How it does.
    pub state: ProviderState,
    /// It can be written.
    pub writable: bool,
    /// New credentials go here when no provider is named.
    pub takes_new: bool,
}

/// What a store is given from outside the settings.
pub struct Surroundings {
    /// The daemon's data directory.
    pub data: PathBuf,
    /// systemd's directory of credentials.
    pub systemd: Option<PathBuf>,
    /// How Vault is spoken to.
    pub vault: Option<Arc<dyn VaultHttp>>,
    /// The time.
    pub clock: Clock,
}

/// All credentials of the daemon. Clones are the same store.
#[derive(Clone)]
pub struct SecretStore(Arc<Inner>);

struct Inner {
    chain: Vec<Box<dyn Provider>>,
    cache: Cache,
    clock: Clock,
    /// One change at a time, so that each is made on the newest version.
    changes: tokio::sync::Mutex<()>,
    /// Tells which credential was changed.
    news: broadcast::Sender<CredentialId>,
}

/// Changes that a subscriber may be behind; after more it is told that it missed some.
const NEWS_MAX: usize = 64;

impl SecretStore {
    /// The providers of the settings, in their order. What is wrong with one shows in its state.
    pub fn new(settings: &CredentialSettings, surroundings: &Surroundings) -> Self {
        let provider = |kind: &ProviderKind| chain::provider(*kind, settings, surroundings);
        let chain = settings.providers.iter().map(provider).collect();
        Self::of(chain, surroundings.clock.clone())
    }

    /// A store that nobody keeps anything in.
    pub fn empty(clock: Clock) -> Self {
        Self::of(Vec::new(), clock)
    }

    fn of(chain: Vec<Box<dyn Provider>>, clock: Clock) -> Self {
        let changes = tokio::sync::Mutex::new(());
        let (news, _) = broadcast::channel(NEWS_MAX);
        Self(Arc::new(Inner { chain, cache: Cache::default(), clock, changes, news }))
    }

    /// The credentials that are set, rotated or deleted from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<CredentialId> {
        self.0.news.subscribe()
    }

    /// Nobody needs to listen.
    fn tell(&self, id: &CredentialId) {
        let _ = self.0.news.send(id.clone());
    }

    /// The credential of a name for a subject at a scope: the most specific scope first, and in
    /// each the providers in their order.
    ///
    /// A provider that fails is passed over for those after it in the same scope, and is an error
    /// when these have nothing: a less specific credential never stands in for one that may be
    /// there.
    pub async fn find(&self, at: &Scope, name: &Name) -> Result<Found, SecretError> {
        for scope in at.chain().into_iter().rev() {
            let id = CredentialId::new(scope, name.clone());
            if let Some(found) = self.exactly(&id).await? {
                return Ok(found);
            }
        }
        Err(SecretError::Missing { name: name.clone(), scope: at.clone() })
    }

    /// The credential of [`SecretStore::find`] alone.
    pub async fn get(&self, at: &Scope, name: &Name) -> Result<Arc<Credential>, SecretError> {
        self.find(at, name).await.map(|found| found.credential)
    }

    async fn exactly(&self, id: &CredentialId) -> Result<Option<Found>, SecretError> {
        if let Some(known) = self.0.cache.get(id, self.0.clock.elapsed()) {
            return Ok(known);
        }
        let seen = self.0.cache.generation();
        let mut failed = None;
        for provider in &self.0.chain {
            match provider.get(id).await {
                Ok(Some(credential)) => {
                    let credential = Arc::new(credential);
                    let found = Found { provider: provider.kind(), id: id.clone(), credential };
                    self.0.cache.put(id, Some(found.clone()), seen, self.0.clock.elapsed());
                    return Ok(Some(found));
                }
                Ok(None) | Err(ProviderError::Absent(_)) => {}
                Err(ProviderError::Failing(cause) | ProviderError::Refused(cause)) => {
                    failed.get_or_insert((provider.kind(), cause));
                }
            }
        }
        if let Some((provider, cause)) = failed {
            let name = id.name().clone();
            return Err(SecretError::Unavailable { name, provider, cause });
        }
        self.0.cache.put(id, None, seen, self.0.clock.elapsed());
        Ok(None)
    }

    /// Keeps a credential in place of what was there. It goes to the provider that is named, else
    /// to the one that has it, else to the first that can be written; no other copy stays.
    pub async fn set(
        &self,
        id: &CredentialId,
        material: Material,
        pins: impl Into<Pins>,
        wanted: Option<ProviderKind>,
    ) -> Result<Stored, SecretError> {
        let pins = pins.into();
        check(&material)?;
        if pins.api_origin.is_some() && !matches!(material, Material::OAuth2 { .. }) {
            return Err(SecretError::Unfit(
                "only an oauth2 credential has an API origin beside its origin; leave \
                 --api-origin out, or say --kind oauth2",
            ));
        }
        let _turn = self.0.changes.lock().await;
        let holder = self.holder(id, wanted).await?;
        let target = self.target(id, holder.as_ref().map(|(at, _)| *at), wanted).await?;
        let now = self.0.clock.now();
        let before = holder.as_ref().map_or(0, |(_, credential)| credential.version);
        let version = before.saturating_add(1);
        let credential = Credential { material, pins, version, created: now, rotated: now };
        self.write(id, target, &credential).await?;
        self.forget_elsewhere(id, target).await;
        let (provider, info) = (self.kind(target), credential.info(id.clone()));
        tracing::info!(%id, %provider, version, origin = %info.pins, "credential set");
        self.tell(id);
        Ok(Stored { provider, info, replaced: holder.is_some() })
    }

    /// Replaces the secret of a credential, in the provider that has it. The origins stay, and so
    /// does the user name or client id when none is given.
    pub async fn rotate(
        &self,
        id: &CredentialId,
        secret: Secret,
        account: Option<String>,
    ) -> Result<Stored, SecretError> {
        let _turn = self.0.changes.lock().await;
        let holder = self.holder(id, None).await?;
        let (target, former) = holder.ok_or_else(|| SecretError::Missing {
            name: id.name().clone(),
            scope: id.scope().clone(),
        })?;
        let account = account.unwrap_or_else(|| former.material.account().to_owned());
        let material = Material::new(former.material.kind(), account, secret);
        check(&material)?;
        let credential = Credential {
            material,
            pins: former.pins.clone(),
            version: former.version.saturating_add(1),
            created: former.created,
            rotated: self.0.clock.now(),
        };
        self.write(id, target, &credential).await?;
        let (provider, info) = (self.kind(target), credential.info(id.clone()));
        tracing::info!(%id, %provider, version = info.version, "credential rotated");
        self.tell(id);
        Ok(Stored { provider, info, replaced: true })
    }

    /// Forgets a credential in every provider that has it; says which had.
    pub async fn delete(&self, id: &CredentialId) -> Result<Vec<ProviderKind>, SecretError> {
        let _turn = self.0.changes.lock().await;
        let mut deleted = Vec::new();
        for provider in &self.0.chain {
            let kind = provider.kind();
            match provider.delete(id).await {
                Ok(true) => deleted.push(kind),
                Ok(false) | Err(ProviderError::Absent(_)) => {}
                Err(ProviderError::Failing(cause) | ProviderError::Refused(cause)) => {
                    self.0.cache.forget(id);
                    return Err(SecretError::Provider { provider: kind, cause });
                }
            }
        }
        self.0.cache.forget(id);
        if deleted.is_empty() {
            let (name, scope) = (id.name().clone(), id.scope().clone());
            return Err(SecretError::Missing { name, scope });
        }
        tracing::info!(%id, "credential deleted");
        self.tell(id);
        Ok(deleted)
    }

    /// What may be told of all credentials.
    pub async fn list(&self) -> Listing {
        let mut listing = Listing::default();
        for provider in &self.0.chain {
            let kind = provider.kind();
            match provider.list().await {
                Ok(infos) => listing.credentials.extend(infos.into_iter().map(|info| Listed {
                    provider: kind,
                    info,
                    shadowed: false,
                })),
                Err(ProviderError::Absent(_)) => {}
                Err(ProviderError::Failing(cause) | ProviderError::Refused(cause)) => {
                    listing.failures.push((kind, cause));
                }
            }
        }
        // The order of providers stays among credentials of the same place.
        listing.credentials.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        let mut former = None;
        for listed in &mut listing.credentials {
            listed.shadowed = former.as_ref() == Some(&listed.info.id);
            former = Some(listed.info.id.clone());
        }
        listing
    }

    /// What may be told of the providers, in the order in which they are asked.
    pub async fn states(&self) -> Vec<ProviderReport> {
        let report = async |provider: &dyn Provider| ProviderReport {
            kind: provider.kind(),
            place: provider.place(),
            state: provider.state().await,
            writable: provider.writable(),
            takes_new: false,
        };
        let mut reports =
            join_all(self.0.chain.iter().map(|provider| report(provider.as_ref()))).await;
        let serving = |report: &&mut ProviderReport| {
            report.writable && !matches!(report.state, ProviderState::Absent(_))
        };
        if let Some(first) = reports.iter_mut().find(serving) {
            first.takes_new = first.state == ProviderState::Available;
        }
        reports
    }

    /// Overwrites what was opened longest ago; to be called about once a second.
    pub fn sweep(&self) {
        self.0.cache.sweep(self.0.clock.elapsed());
    }

    fn kind(&self, at: usize) -> ProviderKind {
        self.0.chain.get(at).map_or(ProviderKind::Sealed, |provider| provider.kind())
    }

    /// The first provider that has a credential. One before it that fails could have it too, so
    /// that nothing is changed unless the provider is named.
    async fn holder(
        &self,
        id: &CredentialId,
        wanted: Option<ProviderKind>,
    ) -> Result<Option<(usize, Credential)>, SecretError> {
        for (at, provider) in self.0.chain.iter().enumerate() {
            match provider.get(id).await {
                Ok(Some(credential)) => return Ok(Some((at, credential))),
                Ok(None) | Err(ProviderError::Absent(_)) => {}
                Err(_) if wanted.is_some() => {}
                Err(ProviderError::Failing(cause) | ProviderError::Refused(cause)) => {
                    return Err(SecretError::Blocked { provider: provider.kind(), cause });
                }
            }
        }
        Ok(None)
    }

    /// Where a credential goes.
    async fn target(
        &self,
        id: &CredentialId,
        holder: Option<usize>,
        wanted: Option<ProviderKind>,
    ) -> Result<usize, SecretError> {
        let writable = |at: usize| self.0.chain.get(at).is_some_and(|it| it.writable());
        let target = match (wanted, holder.filter(|at| writable(*at))) {
            (Some(kind), _) => {
                let at = self.0.chain.iter().position(|provider| provider.kind() == kind);
                at.ok_or(SecretError::Unlisted(kind))?
            }
            (None, Some(holder)) => holder,
            (None, None) => self.first_writable().await?,
        };
        match holder {
            Some(at) if at < target && !writable(at) => {
                Err(SecretError::Hidden { id: id.clone(), provider: self.kind(at) })
            }
            _ => Ok(target),
        }
    }

    async fn first_writable(&self) -> Result<usize, SecretError> {
        for (at, provider) in self.0.chain.iter().enumerate() {
            if !provider.writable() {
                continue;
            }
            match provider.state().await {
                ProviderState::Available => return Ok(at),
                ProviderState::Absent(_) => {}
                ProviderState::Failing(cause) => {
                    return Err(SecretError::Blocked { provider: provider.kind(), cause });
                }
            }
        }
        Err(SecretError::Nowhere)
    }

    async fn write(
        &self,
        id: &CredentialId,
        target: usize,
        credential: &Credential,
    ) -> Result<(), SecretError> {
        let provider = self.0.chain.get(target).ok_or(SecretError::Nowhere)?;
        let written = provider.set(id, credential).await;
        // Whatever became of it: what was known may be wrong now.
        self.0.cache.forget(id);
        written.map_err(|error| SecretError::Provider {
            provider: provider.kind(),
            cause: SafeText::new(&error.to_string()),
        })
    }

    /// A copy in another provider would come back to life when that one is asked first.
    async fn forget_elsewhere(&self, id: &CredentialId, target: usize) {
        let others = self.0.chain.iter().enumerate().filter(|(at, _)| *at != target);
        for (_, provider) in others.filter(|(_, provider)| provider.writable()) {
            if let Err(ProviderError::Failing(cause)) = provider.delete(id).await {
                let provider = provider.kind();
                tracing::warn!(%id, %provider, %cause, "an older copy may be left");
            }
        }
        self.0.cache.forget(id);
    }
}

fn check(material: &Material) -> Result<(), SecretError> {
    let (account, secret) = (material.account(), material.secret());
    if secret.is_empty() {
        return Err(SecretError::Unfit("the secret is empty"));
    }
    if secret.len() > SECRET_BYTES_MAX {
        return Err(SecretError::Unfit("the secret has more than 65536 bytes"));
    }
    if account.len() > ACCOUNT_BYTES_MAX || account.chars().any(char::is_control) {
        return Err(SecretError::Unfit(
            "a user name or client id has at most 256 bytes and no control characters",
        ));
    }
    if account.is_empty() && !matches!(material, Material::Token(_)) {
        return Err(SecretError::Unfit("a user name or client id is missing; say --account NAME"));
    }
    Ok(())
}
