//! What systemd gives to the service: `LoadCredential=` and `SetCredential=` put files into
//! `$CREDENTIALS_DIRECTORY`, which only the service can read and which is gone when it ends.
//!
//! A file `NAME` is the platform's credential NAME. It is either
//!
//! - a JSON object with `origin`, `secret`, and where they are needed `kind`, `account` and
//!   `api_origin`, or
//! - the bare secret of a token, with its origin in a file `NAME.origin` beside it.

use std::path::{Path, PathBuf};

use ccm_proto::model::{Name, Scope, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::private::{self, Guard};
use super::provider::{Answer, Provider, ProviderError, ProviderKind, ProviderState};
use super::{
    Credential, CredentialId, CredentialInfo, CredentialKind, CredentialKindError, Material,
    OriginError, PinnedOrigin, Pins, Secret,
};

/// What a file of an origin is called after its credential.
const ORIGIN_SUFFIX: &str = ".origin";

/// The longest file: the longest secret, every byte of it escaped.
const FILE_BYTES_MAX: usize = super::SECRET_BYTES_MAX * 6 + 4_096;

/// The longest file of an origin.
const ORIGIN_BYTES_MAX: usize = 1_024;

/// The most files that are looked at.
const FILES_MAX: usize = 1_024;

/// The form of a file that tells all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    origin: String,
    #[serde(default)]
    api_origin: Option<String>,
    secret: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    account: String,
}

/// Reads credentials that systemd gave.
#[derive(Clone)]
pub(super) struct Systemd {
    directory: Option<PathBuf>,
}

impl Systemd {
    /// From a directory; none when this is no service, or one without credentials.
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    fn directory(&self) -> Result<&Path, ProviderError> {
        let absent = || {
            ProviderError::absent(
                "systemd gave no credentials; LoadCredential= in the unit of ccmd gives some",
            )
        };
        self.directory.as_deref().ok_or_else(absent)
    }

    fn find(&self, id: &CredentialId) -> Result<Option<Credential>, ProviderError> {
        let directory = self.directory()?;
        if *id.scope() != Scope::Platform || id.name().as_str().ends_with(ORIGIN_SUFFIX) {
            return Ok(None);
        }
        let path = directory.join(id.name().as_str());
        let bytes = private::read(&path, FILE_BYTES_MAX, Guard::Given);
        let Some(mut bytes) = bytes.map_err(ProviderError::failing)? else { return Ok(None) };
        let secret = Secret::new(std::mem::take(&mut *bytes));
        let credential = match form(&secret) {
            Some(form) => form.credential(),
            None => bare(directory, id.name(), secret),
        };
        let problem =
            |problem: String| ProviderError::failing(format!("{}: {problem}", path.display()));
        let (material, pins) = credential.map_err(problem)?;
        if material.secret().is_empty() {
            return Err(problem("the secret is empty".to_owned()));
        }
        let at = Timestamp::from_millis(private::modified_ms(&path));
        Ok(Some(Credential { material, pins, version: 1, created: at, rotated: at }))
    }

    fn names(&self) -> Result<Vec<Name>, ProviderError> {
        let directory = self.directory()?;
        let entries = std::fs::read_dir(directory).map_err(|error| {
            ProviderError::failing(format!("cannot read {}: {error}", directory.display()))
        })?;
        let mut names: Vec<Name> = entries
            .flatten()
            .filter_map(|entry| Name::new(entry.file_name().to_str()?).ok())
            .filter(|name| !name.as_str().ends_with(ORIGIN_SUFFIX))
            .take(FILES_MAX)
            .collect();
        names.sort();
        Ok(names)
    }

    /// What is here. Files that are something else's are left out, such as a passphrase.
    fn all(&self) -> Result<Vec<CredentialInfo>, ProviderError> {
        let ids = self.names()?.into_iter().map(|name| CredentialId::new(Scope::Platform, name));
        let infos = ids.filter_map(|id| {
            let credential = self.find(&id).ok().flatten()?;
            Some(credential.info(id))
        });
        Ok(infos.collect())
    }

    async fn off<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let systemd = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&systemd)).await;
        done.map_err(|_| ProviderError::failing("the daemon is ending"))?
    }
}

type Found = Result<(Material, Pins), String>;

/// The form that a file has; none when it is a bare secret.
fn form(bytes: &Secret) -> Option<Form> {
    serde_json::from_slice(bytes.expose()).ok()
}

impl Form {
    fn credential(self) -> Found {
        let secret = Secret::new(self.secret.into_bytes());
        let read = |text: &str| text.parse().map_err(|error: OriginError| error.to_string());
        let origin = read(&self.origin)?;
        let api_origin = self.api_origin.as_deref().map(read).transpose()?;
        let kind = self.kind.as_deref().map_or(Ok(CredentialKind::Token), str::parse);
        let kind = kind.map_err(|error: CredentialKindError| error.to_string())?;
        Ok((Material::new(kind, self.account, secret), Pins { origin, api_origin }))
    }
}

fn bare(directory: &Path, name: &Name, secret: Secret) -> Found {
    let file = format!("{name}{ORIGIN_SUFFIX}");
    let origin = private::read(&directory.join(&file), ORIGIN_BYTES_MAX, Guard::Given);
    let origin: Option<Zeroizing<Vec<u8>>> = origin.map_err(|error| error.to_string())?;
    let origin = origin.ok_or_else(|| {
        format!("its origin is not known; give {file} too, or a JSON object with origin and secret")
    })?;
    let origin = std::str::from_utf8(&origin).unwrap_or_default().trim();
    let origin: Result<PinnedOrigin, OriginError> = origin.parse();
    let origin = origin.map_err(|error| format!("{file}: {error}"))?;
    Ok((Material::Token(secret.without_line_end()), origin.into()))
}

impl Provider for Systemd {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Systemd
    }

    fn place(&self) -> String {
        match &self.directory {
            Some(directory) => directory.display().to_string(),
            None => "LoadCredential= of the unit".to_owned(),
        }
    }

    fn writable(&self) -> bool {
        false
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        let names = self.off(Self::names);
        names.map(|names| names.map_or_else(Into::into, |_| ProviderState::Available)).boxed()
    }

    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        let id = id.clone();
        self.off(move |systemd| systemd.find(&id)).boxed()
    }

    fn set<'a>(&'a self, id: &'a CredentialId, _: &'a Credential) -> Answer<'a, ()> {
        let refused = format!(
            "{id} comes from systemd and cannot be written here; change LoadCredential= of the unit"
        );
        async move { Err(ProviderError::refused(refused)) }.boxed()
    }

    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool> {
        let refused = format!(
            "{id} comes from systemd and cannot be deleted here; change LoadCredential= of the unit"
        );
        async move {
            match self.get(id).await? {
                None => Ok(false),
                Some(_) => Err(ProviderError::refused(refused)),
            }
        }
        .boxed()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        self.off(Self::all).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::{credential, id};

    fn systemd(files: &[(&str, &str)]) -> (tempfile::TempDir, Systemd) {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        let systemd = Systemd::new(Some(root.path().to_owned()));
        (root, systemd)
    }

    fn problem(systemd: &Systemd, name: &str) -> String {
        systemd.find(&id("platform", name)).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_bare_secret_has_its_origin_beside_it() {
        let (_root, systemd) = systemd(&[
            ("stripe", "sk_live_1\n"),
            ("stripe.origin", "https://api.stripe.com\n"),
            ("lonely", "sk_live_2"),
            ("lost", "sk_live_3"),
            ("lost.origin", "http://example.org"),
            ("void", ""),
            ("void.origin", "https://example.org"),
        ]);
        let stripe = systemd.find(&id("platform", "stripe")).unwrap().unwrap();
        assert_eq!(stripe.material.secret().expose(), b"sk_live_1");
        assert_eq!(stripe.pins.to_string(), "https://api.stripe.com");
        assert!(problem(&systemd, "lonely").contains("lonely.origin"));
        assert!(problem(&systemd, "lost").contains("https only"));
        assert!(problem(&systemd, "void").contains("empty"));
        assert!(systemd.find(&id("platform", "stripe.origin")).unwrap().is_none());
        assert!(systemd.find(&id("tenant:acme", "stripe")).unwrap().is_none());
    }

    #[test]
    fn a_json_object_tells_all() {
        let (_root, systemd) = systemd(&[
            ("a", r#"{"origin": "https://a.example", "secret": "x"}"#),
            (
                "b",
                r#"{"origin": "https://b.example", "secret": "y", "kind": "basic", "account": "bob"}"#,
            ),
            ("c", r#"{"origin": "https://b.example", "secret": "topsecret", "kind": "bearer"}"#),
            (
                "d",
                r#"{"origin": "https://t.example", "api_origin": "https://a.example", "secret": "z", "kind": "oauth2", "account": "id"}"#,
            ),
        ]);
        let both = systemd.find(&id("platform", "d")).unwrap().unwrap().pins.to_string();
        assert_eq!(both, "https://t.example and https://a.example");
        let kind = |name| systemd.find(&id("platform", name)).unwrap().unwrap().material.kind();
        assert_eq!(kind("a"), CredentialKind::Token);
        assert_eq!(kind("b"), CredentialKind::Basic);
        let refused = problem(&systemd, "c");
        assert!(refused.contains("token, basic or oauth2"), "{refused}");
        assert!(!refused.contains("topsecret"), "{refused}");
        let names: Vec<String> =
            systemd.all().unwrap().iter().map(|info| info.id.name().to_string()).collect();
        assert_eq!(names, ["a", "b", "d"]);
    }

    #[tokio::test]
    async fn nothing_is_written_there_and_without_a_directory_it_is_absent() {
        let (_root, systemd) =
            systemd(&[("a", r#"{"origin": "https://a.example", "secret": "x"}"#)]);
        let a = id("platform", "a");
        let fresh = credential("y", "https://a.example");
        assert!(systemd.set(&a, &fresh).await.unwrap_err().to_string().contains("LoadCredential="));
        assert!(systemd.delete(&a).await.is_err());
        assert!(!systemd.delete(&id("platform", "z")).await.unwrap());
        assert_eq!(systemd.state().await, ProviderState::Available);
        assert_eq!(Systemd::new(None).state().await.as_str(), "absent");
    }
}
