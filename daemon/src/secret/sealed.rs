//! The sealed file: works everywhere, also where there is no session and no D-Bus.
//!
//! Everything is read from the disk again for each call, so that what is checked is what is used;
//! the store above keeps opened credentials for a while.

mod container;
mod key;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::container::{
    ANCHOR_BYTES, Anchor, Container, ContainerError, FILE_BYTES_MAX, RECORDS_MAX,
};
use self::key::{Cost, Derivation, KeyError, SealKey};
use super::private::{self, Guard, PrivateError};
use super::provider::{Answer, Provider, ProviderError, ProviderKind, ProviderState};
use super::record;
use super::{Credential, CredentialId, CredentialInfo};
use crate::storage::disk::{Disk, RealDisk};

pub(super) use key::KeySource;

/// The sealed file's name in the data directory.
pub(super) const FILE: &str = "credentials.sealed";

/// The name of the file that tells which generation of the sealed file is the newest.
pub(super) const ANCHOR: &str = "credentials.anchor";

/// The key file's name in the data directory, when no other place is set.
pub(super) const KEY_FILE: &str = "credentials.key";

/// Why the sealed file does not serve.
#[derive(Debug, thiserror::Error)]
enum SealedError {
    #[error(transparent)]
    File(#[from] PrivateError),
    #[error("{}: {error}", path.display())]
    Key { path: PathBuf, error: KeyError },
    #[error("{}: {error}; put the file back from a backup, or stop the daemon and remove it and credentials.anchor to begin anew", path.display())]
    Content { path: PathBuf, error: ContainerError },
    #[error(
        "{} is older than the newest one (generation {found}, not {newest}); put the newest one back, or stop the daemon and remove it and credentials.anchor to begin anew", path.display()
    )]
    RolledBack { path: PathBuf, found: u64, newest: u64 },
    #[error(
        "{} is gone; put it back from a backup, or stop the daemon and remove credentials.anchor to begin anew", .0.display()
    )]
    Gone(PathBuf),
    #[error(
        "{} is gone, which tells whether credentials.sealed is the newest; put it back from a backup, or stop the daemon and remove credentials.sealed to begin anew", .0.display()
    )]
    Unanchored(PathBuf),
    #[error("the sealed file holds {RECORDS_MAX} credentials already; delete some")]
    Full,
    #[error("the record of {0} is not what was sealed; delete the credential and set it again")]
    Record(CredentialId),
}

impl From<SealedError> for ProviderError {
    fn from(error: SealedError) -> Self {
        match error {
            SealedError::Full => Self::refused(error),
            other => Self::failing(other),
        }
    }
}

/// The file, its key, and what is known of it.
struct Files {
    disk: Arc<dyn Disk>,
    /// Reads look at who else may read; only a disk in memory cannot tell.
    guarded: bool,
    directory: PathBuf,
    source: KeySource,
    cost: Cost,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The key, and what it was made by: it takes long to make.
    key: Option<(Derivation, Arc<SealKey>)>,
    /// The newest generation that this process has seen.
    generation: u64,
}

/// A file that has been read and checked.
struct Opened {
    container: Container,
    key: Arc<SealKey>,
    /// The newest generation that the anchor knows; none when there is no anchor.
    anchored: Option<u64>,
}

impl Files {
    fn new(directory: &Path, source: KeySource) -> Self {
        Self {
            disk: Arc::new(RealDisk),
            guarded: true,
            directory: directory.to_owned(),
            source,
            cost: Cost::FULL,
            known: Mutex::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, SealedError> {
        if !self.guarded {
            return Ok(private::read_from(self.disk.as_ref(), path)?);
        }
        let bytes = private::read(path, limit, Guard::Owner)?;
        Ok(bytes.map(|mut bytes| std::mem::take(&mut *bytes)))
    }

    fn key(
        &self,
        known: &mut Known,
        derivation: &Derivation,
        fresh: bool,
    ) -> Result<Arc<SealKey>, SealedError> {
        if let Some((by, key)) = known.key.as_ref().filter(|(by, _)| by == derivation && !fresh) {
            debug_assert_eq!(by, derivation);
            return Ok(Arc::clone(key));
        }
        let failed = |error| SealedError::Key { path: self.path(), error };
        let key = Arc::new(self.source.key(derivation, fresh).map_err(failed)?);
        known.key = Some((derivation.clone(), Arc::clone(&key)));
        Ok(key)
    }

    /// Reads and checks; none when nothing was ever sealed here.
    fn open(&self, known: &mut Known) -> Result<Option<Opened>, SealedError> {
        let path = self.path();
        let anchor_path = self.directory.join(ANCHOR);
        let anchor = self.read(&anchor_path, ANCHOR_BYTES)?;
        let Some(bytes) = self.read(&path, FILE_BYTES_MAX)? else {
            let used = anchor.is_some() || known.generation > 0;
            return if used { Err(SealedError::Gone(path)) } else { Ok(None) };
        };
        let content = |error| SealedError::Content { path: path.clone(), error };
        let derivation = Container::derivation(&bytes).map_err(content)?;
        let key = self.key(known, &derivation, false)?;
        let container = Container::decode(&bytes, &key).map_err(content)?;
        let anchored = match anchor {
            Some(bytes) => Some(
                Anchor::decode(&bytes, &key, container.id)
                    .map_err(|error| SealedError::Content { path: anchor_path.clone(), error })?,
            ),
            // A crash between the first file and its anchor.
            None if container.generation <= 1 => None,
            None => return Err(SealedError::Unanchored(anchor_path)),
        };
        let anchored = anchored.map(|anchor| anchor.generation);
        let newest = anchored.unwrap_or(0).max(known.generation);
        if container.generation < newest {
            let found = container.generation;
            return Err(SealedError::RolledBack { path, found, newest });
        }
        known.generation = container.generation;
        Ok(Some(Opened { container, key, anchored }))
    }

    /// Opens for reading, and brings the anchor up to what a crash has kept from it.
    fn view(&self, known: &mut Known) -> Result<Option<Opened>, SealedError> {
        let opened = self.open(known)?;
        if let Some(opened) = &opened
            && opened.anchored != Some(opened.container.generation)
        {
            self.anchor(opened)?;
        }
        Ok(opened)
    }

    fn anchor(&self, opened: &Opened) -> Result<(), SealedError> {
        let anchor = Anchor { generation: opened.container.generation };
        let bytes = anchor.encode(&opened.key, opened.container.id);
        Ok(private::replace(self.disk.as_ref(), &self.directory.join(ANCHOR), &bytes)?)
    }

    fn write(&self, known: &mut Known, opened: &mut Opened) -> Result<(), SealedError> {
        opened.container.generation += 1;
        let bytes = opened.container.encode(&opened.key);
        private::replace(self.disk.as_ref(), &self.path(), &bytes)?;
        known.generation = opened.container.generation;
        self.anchor(opened)
    }

    fn credential(opened: &Opened, id: &CredentialId) -> Result<Option<Credential>, SealedError> {
        let Some(sealed) = opened.container.records.get(id) else { return Ok(None) };
        let changed = || SealedError::Record(id.clone());
        let bytes = opened.container.open(&opened.key, id, sealed).ok_or_else(changed)?;
        let credential = record::decode(id, &bytes).map_err(|_| changed())?;
        if credential.version != sealed.version {
            return Err(changed());
        }
        Ok(Some(credential))
    }

    fn get(&self, id: &CredentialId) -> Result<Option<Credential>, SealedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = self.view(&mut known)? else { return Ok(None) };
        Self::credential(&opened, id)
    }

    fn set(&self, id: &CredentialId, version: u32, plain: &[u8]) -> Result<(), SealedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut opened = if let Some(opened) = self.open(&mut known)? {
            opened
        } else {
            let container = Container::empty(self.source.derivation(self.cost));
            let key = self.key(&mut known, &container.derivation, true)?;
            Opened { container, key, anchored: None }
        };
        let records = &opened.container.records;
        if records.len() >= RECORDS_MAX && !records.contains_key(id) {
            return Err(SealedError::Full);
        }
        let key = Arc::clone(&opened.key);
        opened.container.insert(&key, id, version, plain);
        self.write(&mut known, &mut opened)
    }

    fn delete(&self, id: &CredentialId) -> Result<bool, SealedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut opened) = self.open(&mut known)? else { return Ok(false) };
        if opened.container.records.remove(id).is_none() {
            return Ok(false);
        }
        self.write(&mut known, &mut opened).map(|()| true)
    }

    /// What is here. A record that is not what was sealed is the caller's to hear of.
    fn list(&self) -> Result<Vec<CredentialInfo>, SealedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = self.view(&mut known)? else { return Ok(Vec::new()) };
        let mut infos = Vec::new();
        for id in opened.container.records.keys() {
            infos.extend(Self::credential(&opened, id)?.map(|it| it.info(id.clone())));
        }
        Ok(infos)
    }

    fn state(&self) -> Result<(), SealedError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.view(&mut known)?.is_none() {
            // What would be in the way of the first credential.
            let failed = |error| SealedError::Key { path: self.path(), error };
            self.source.look().map_err(failed)?;
        }
        Ok(())
    }
}

/// Keeps credentials in a sealed file.
#[derive(Clone)]
pub(super) struct SealedFile(Arc<Files>);

impl SealedFile {
    /// In a data directory. Nothing is made before the first credential is set.
    pub(super) fn new(directory: &Path, source: KeySource) -> Self {
        Self(Arc::new(Files::new(directory, source)))
    }

    /// Runs what waits for the disk, or for Argon2, on a thread that may wait.
    async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, SealedError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let files = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&files)).await;
        done.map_err(|_| ProviderError::failing("the daemon is ending"))?.map_err(Into::into)
    }
}

impl Provider for SealedFile {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Sealed
    }

    fn place(&self) -> String {
        self.0.path().display().to_string()
    }

    fn writable(&self) -> bool {
        true
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        let state = self.off(Files::state);
        state.map(|state| state.map_or_else(Into::into, |()| ProviderState::Available)).boxed()
    }

    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        let id = id.clone();
        self.off(move |files| files.get(&id)).boxed()
    }

    fn set<'a>(&'a self, id: &'a CredentialId, credential: &'a Credential) -> Answer<'a, ()> {
        let (plain, version) = (record::encode(id, credential), credential.version);
        let id = id.clone();
        self.off(move |files| files.set(&id, version, &plain)).boxed()
    }

    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool> {
        let id = id.clone();
        self.off(move |files| files.delete(&id)).boxed()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        self.off(Files::list).boxed()
    }
}
