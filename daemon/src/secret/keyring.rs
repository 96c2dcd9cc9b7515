//! The keyring of the user's session: the Secret Service on Linux, the keychain on macOS.
//!
//! Calls to it block, and one that waits for a prompt that nobody sees blocks for ever. Each has a
//! thread and a deadline; while one hangs no other is made.

mod session;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::credential::parse_scope;
use super::provider::{Answer, Provider, ProviderError, ProviderKind, ProviderState};
use super::record::{self, RECORD_BYTES_MAX};
use super::{Credential, CredentialId, CredentialInfo};

/// How long a keyring may take. A prompt that a person answers takes longer; the call after it
/// finds the keyring open.
const DEADLINE: Duration = Duration::from_secs(2);

/// The most entries that are listed.
const ENTRIES_MAX: usize = 1_024;

/// Why a keyring does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// There is none.
    #[error("there is no keyring on this machine: {0}")]
    None(String),
    /// It is there, and does not answer.
    #[error("the keyring does not open: {0}; unlock it")]
    Locked(String),
    /// Something else.
    #[error("the keyring failed: {0}")]
    Failed(String),
    /// Two entries where there should be one.
    #[error(
        "the keyring holds several entries for the same credential; remove all but one of those of the user {0:?}"
    )]
    Several(String),
}

impl From<SessionError> for ProviderError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::None(_) => Self::absent(error),
            other => Self::failing(other),
        }
    }
}

/// A keyring: entries of bytes by user name. All calls block.
pub(super) trait Session: Send + Sync + 'static {
    /// Says whether there is one.
    fn look(&self) -> Result<(), SessionError>;
    /// An entry's bytes, when there is such an entry.
    fn get(&self, user: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SessionError>;
    /// Keeps bytes in place of what was there.
    fn set(&self, user: &str, bytes: &[u8]) -> Result<(), SessionError>;
    /// Forgets an entry; says whether there was one.
    fn delete(&self, user: &str) -> Result<bool, SessionError>;
    /// The user names of all entries.
    fn users(&self) -> Result<Vec<String>, SessionError>;
}

/// Keeps credentials in the session's keyring.
pub(super) struct Keyring {
    session: Arc<dyn Session>,
    /// One call at a time; its thread gives the permit back, however late.
    turn: Arc<Semaphore>,
    /// The call that has the turn, if any, is past its deadline.
    hanging: AtomicBool,
    place: String,
}

impl Keyring {
    /// The entries of the daemon that uses this data directory: another of the same user has its
    /// own.
    pub(super) fn new(data: &Path) -> Self {
        let service = format!("ccm {}", data.display());
        Self::on(Arc::new(session::SystemSession::new(service.clone())), &service)
    }

    fn on(session: Arc<dyn Session>, service: &str) -> Self {
        let place = format!("entries of the service {service:?}");
        let turn = Arc::new(Semaphore::new(1));
        Self { session, turn, hanging: AtomicBool::new(false), place }
    }

    /// Makes a call on a thread that may hang.
    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Session) -> Result<T, SessionError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let late = || {
            let limit = DEADLINE.as_secs();
            ProviderError::failing(format!(
                "the keyring has not answered for {limit} s; it may be waiting for a prompt: unlock it"
            ))
        };
        // Everybody who waits for a keyring that hangs would wait as long.
        if self.hanging.load(Ordering::Acquire) && self.turn.available_permits() == 0 {
            return Err(late());
        }
        let answer = async {
            let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
            let session = Arc::clone(&self.session);
            self.hanging.store(false, Ordering::Release);
            let work = move || {
                let done = work(session.as_ref());
                drop(turn);
                done
            };
            tokio::task::spawn_blocking(work).await.ok()
        };
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Some(answer)) => answer.map_err(Into::into),
            Ok(None) => Err(ProviderError::failing("the daemon is ending")),
            Err(_) => {
                self.hanging.store(true, Ordering::Release);
                Err(late())
            }
        }
    }
}

/// An entry's user name. A scope holds no `|`.
fn user(id: &CredentialId) -> String {
    format!("{}|{}", id.scope(), id.name())
}

fn id_of(user: &str) -> Option<CredentialId> {
    let (scope, name) = user.split_once('|')?;
    let name = ccm_proto::model::Name::new(name).ok()?;
    Some(CredentialId::new(parse_scope(scope)?, name))
}

/// As text: some keyrings keep nothing else.
fn armour(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(vec![0; bytes.len().div_ceil(3) * 4]);
    let count = STANDARD.encode_slice(bytes, text.as_mut_slice()).unwrap_or(0);
    text.truncate(count);
    text
}

fn open(id: &CredentialId, text: &[u8]) -> Result<Credential, ProviderError> {
    let foreign =
        || ProviderError::failing(format!("the keyring's entry for {id}: {}", record::RecordError));
    let mut bytes = Zeroizing::new(vec![0; RECORD_BYTES_MAX]);
    let count = STANDARD.decode_slice(text, bytes.as_mut_slice()).map_err(|_| foreign())?;
    record::decode(id, bytes.get(..count).unwrap_or_default()).map_err(|_| foreign())
}

impl Provider for Keyring {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Keyring
    }

    fn place(&self) -> String {
        self.place.clone()
    }

    fn writable(&self) -> bool {
        true
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        let state = self.call(<dyn Session>::look);
        state.map(|state| state.map_or_else(Into::into, |()| ProviderState::Available)).boxed()
    }

    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        let user = user(id);
        async move {
            let text = self.call(move |session| session.get(&user)).await?;
            text.map(|text| open(id, &text)).transpose()
        }
        .boxed()
    }

    fn set<'a>(&'a self, id: &'a CredentialId, credential: &'a Credential) -> Answer<'a, ()> {
        let (user, text) = (user(id), armour(&record::encode(id, credential)));
        self.call(move |session| session.set(&user, &text)).boxed()
    }

    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool> {
        let user = user(id);
        self.call(move |session| session.delete(&user)).boxed()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        async move {
            let users = self.call(<dyn Session>::users).await?;
            let mut infos = Vec::new();
            for id in users.iter().take(ENTRIES_MAX).filter_map(|user| id_of(user)) {
                infos.extend(self.get(&id).await?.map(|credential| credential.info(id.clone())));
            }
            Ok(infos)
        }
        .boxed()
    }
}
