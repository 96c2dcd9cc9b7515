//! The keyring of this machine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::{Session, SessionError};

/// What D-Bus says when nobody offers a keyring, or when there is no bus.
const ABSENCES: [&str; 5] = [
    "ServiceUnknown",
    "NameHasNoOwner",
    "No such file",
    "Connection refused",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Connects when it is first asked, and again after a connection has failed: a session may begin
/// after the daemon.
pub(super) struct SystemSession {
    service: String,
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl SystemSession {
    /// Entries of a service.
    pub(super) fn new(service: String) -> Self {
        Self { service, store: Mutex::new(None) }
    }

    /// Does something with the store. A store that fails is connected anew next time.
    fn with<T>(
        &self,
        work: impl FnOnce(&Arc<CredentialStore>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let connected = match store.take() {
            Some(connected) => connected,
            None => connect()?,
        };
        let done = work(&connected);
        if !matches!(done, Err(Error::PlatformFailure(_))) {
            *store = Some(connected);
        }
        done
    }

    fn entry(&self, store: &Arc<CredentialStore>, user: &str) -> Result<Entry, Error> {
        Entry::new_in_store(store, &self.service, user)
    }
}

#[cfg(target_os = "linux")]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    let store: Arc<CredentialStore> = zbus_secret_service_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(not(target_os = "linux"))]
fn connect() -> Result<Arc<CredentialStore>, Error> {
    // Makes the platform's own store the default one.
    if let Err(error) = keyring::Entry::store_status() {
        return Err(Error::BadStoreFormat(error.to_string()));
    }
    keyring_core::get_default_store().ok_or(Error::NoDefaultStore)
}

impl Session for SystemSession {
    fn look(&self) -> Result<(), SessionError> {
        self.with(|store| self.entry(store, "")?.get_credential().map(drop)).or_else(|error| {
            match error {
                Error::NoEntry => Ok(()),
                other => Err(told(other, "")),
            }
        })
    }

    fn get(&self, user: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SessionError> {
        match self.with(|store| self.entry(store, user)?.get_secret()) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(told(error, user)),
        }
    }

    fn set(&self, user: &str, bytes: &[u8]) -> Result<(), SessionError> {
        self.with(|store| self.entry(store, user)?.set_secret(bytes))
            .map_err(|error| told(error, user))
    }

    fn delete(&self, user: &str) -> Result<bool, SessionError> {
        match self.with(|store| self.entry(store, user)?.delete_credential()) {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(told(error, user)),
        }
    }

    fn users(&self) -> Result<Vec<String>, SessionError> {
        let wanted = HashMap::from([("service", self.service.as_str())]);
        let entries = self.with(|store| store.search(&wanted)).map_err(|e| told(e, ""))?;
        let specifiers = entries.iter().filter_map(Entry::get_specifiers);
        Ok(specifiers.map(|(_, user)| user).collect())
    }
}

/// Never with what an entry holds: some errors carry it.
fn told(error: Error, user: &str) -> SessionError {
    match error {
        Error::PlatformFailure(cause) => {
            let cause = cause.to_string();
            if ABSENCES.iter().any(|absence| cause.contains(absence)) {
                SessionError::None(cause)
            } else {
                SessionError::Failed(cause)
            }
        }
        Error::NoStorageAccess(cause) => SessionError::Locked(cause.to_string()),
        Error::BadEncoding(mut bytes) | Error::BadDataFormat(mut bytes, _) => {
            zeroize::Zeroize::zeroize(&mut bytes);
            SessionError::Failed("an entry has another form".to_owned())
        }
        Error::BadStoreFormat(cause) | Error::NotSupportedByStore(cause) => {
            SessionError::Failed(cause)
        }
        Error::TooLong(what, limit) => {
            SessionError::Failed(format!("{what} has more than {limit} characters"))
        }
        Error::Ambiguous(_) => SessionError::Several(user.to_owned()),
        Error::NoDefaultStore => SessionError::None("none is known for this system".to_owned()),
        _ => SessionError::Failed("it refuses the entry".to_owned()),
    }
}
