//! Credentials in the keyring of a session: a real Secret Service on a bus of its own, one that is
//! locked, and none at all.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test of its own")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::secret::{
    CredentialId, Material, PinnedOrigin, ProviderKind, Secret, SecretError, SecretStore,
    Surroundings,
};
use ccm_daemon::settings::CredentialSettings;
use ccm_proto::model::{Name, Scope};

/// Names the data directory to the test that runs within a session.
const DATA: &str = "CCM_KEYRING_TEST_DATA";

/// What Debian's packages are called that bring a bus and a keyring.
const PACKAGES: &str = "install the Debian packages dbus and gnome-keyring to run this test";

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Runs a test of this binary in a shell that `prepare` has set up, on a bus of its own.
fn in_session(prepare: &str, test: &str) {
    for program in ["dbus-run-session", "gnome-keyring-daemon"] {
        assert!(is_installed(program), "{program} is missing: {PACKAGES}");
    }
    let home = tempfile::tempdir().unwrap();
    let script =
        format!("{prepare} && exec \"$0\" --exact {test} --ignored --nocapture --test-threads 1");
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "sh", "-c", &script]).arg(std::env::current_exe().unwrap());
    passed(&run(command, home.path()), test);
}

fn run(mut command: Command, home: &Path) -> Output {
    std::fs::create_dir_all(home.join("run")).unwrap();
    command
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env(DATA, home.join("ccm"))
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY");
    command.output().unwrap()
}

fn passed(output: &Output, test: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{test}: {said}\n{complained}");
    assert!(said.contains("1 passed"), "{test} did not run: {said}\n{complained}");
}

/// The store of the data directory that the outer test names.
fn store() -> SecretStore {
    let data = PathBuf::from(std::env::var_os(DATA).expect("run by the other tests of this file"));
    ccm_daemon::settings::make_private(&data).unwrap();
    let surroundings = Surroundings { data, systemd: None, vault: None, clock: Clock::system() };
    SecretStore::new(&CredentialSettings::default(), &surroundings)
}

fn stripe() -> CredentialId {
    CredentialId::new(Scope::Platform, Name::new("stripe").unwrap())
}

async fn set(
    store: &SecretStore,
    provider: Option<ProviderKind>,
) -> Result<ProviderKind, SecretError> {
    let material = Material::Token(Secret::from("s3cret"));
    let origin: PinnedOrigin = "https://api.stripe.com".parse().unwrap();
    store.set(&stripe(), material, origin, provider).await.map(|stored| stored.provider)
}

async fn secret(store: &SecretStore) -> Result<Vec<u8>, SecretError> {
    let found = store.get(&Scope::Platform, stripe().name()).await?;
    Ok(found.material.secret().expose().to_vec())
}

/// How the keyring does, and how long it took to say so.
async fn keyring(store: &SecretStore) -> (&'static str, Duration) {
    let clock = Clock::system();
    let began = clock.elapsed();
    let states = store.states().await;
    let keyring = states.iter().find(|report| report.kind == ProviderKind::Keyring).unwrap();
    (keyring.state.as_str(), clock.elapsed().saturating_sub(began))
}

#[test]
fn a_real_secret_service_keeps_credentials() {
    let unlock = "printf pass | gnome-keyring-daemon --daemonize --unlock --components=secrets";
    in_session(&format!("{unlock} >/dev/null"), "within::an_unlocked_session");
}

#[test]
fn a_keyring_that_nobody_unlocks_answers_in_time() {
    // There is no keyring yet, and nobody to ask for the password of a new one.
    let start = "gnome-keyring-daemon --daemonize --start --components=secrets";
    in_session(&format!("{start} >/dev/null"), "within::a_locked_session");
}

#[test]
fn without_a_bus_credentials_are_sealed_at_once() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "within::no_session", "--ignored", "--nocapture"]);
    passed(&run(command, home.path()), "within::no_session");
}

/// What runs within a session; run by the tests above.
mod within {
    use super::*;

    #[tokio::test]
    #[ignore = "run by a_real_secret_service_keeps_credentials"]
    async fn an_unlocked_session() {
        let store = store();
        assert_eq!(keyring(&store).await.0, "available");
        assert_eq!(set(&store, None).await.unwrap(), ProviderKind::Keyring);
        assert_eq!(secret(&store).await.unwrap(), b"s3cret");
        assert_eq!(secret(&super::store()).await.unwrap(), b"s3cret", "after a restart");
        store.rotate(&stripe(), Secret::new(vec![0xff; 60_000]), None).await.unwrap();
        assert_eq!(secret(&store).await.unwrap(), vec![0xff; 60_000]);
        let listing = store.list().await;
        assert!(listing.failures.is_empty(), "{listing:?}");
        assert_eq!(listing.credentials.first().unwrap().info.version, 2);
        let data = PathBuf::from(std::env::var_os(DATA).unwrap());
        assert_eq!(std::fs::read_dir(data).unwrap().count(), 0, "nothing is sealed beside it");
        assert_eq!(store.delete(&stripe()).await.unwrap(), [ProviderKind::Keyring]);
        assert!(matches!(secret(&store).await, Err(SecretError::Missing { .. })));
    }

    #[tokio::test]
    #[ignore = "run by a_keyring_that_nobody_unlocks_answers_in_time"]
    async fn a_locked_session() {
        let store = store();
        let (_, took) = keyring(&store).await;
        assert!(took < Duration::from_millis(2_500), "{took:?}");
        let clock = Clock::system();
        let began = clock.elapsed();
        let refused = set(&store, Some(ProviderKind::Keyring)).await.unwrap_err();
        assert!(matches!(refused, SecretError::Provider { .. }), "{refused}");
        let took = clock.elapsed().saturating_sub(began);
        assert!(took < Duration::from_millis(4_500), "a look and a write: {took:?}");
        assert_eq!(
            set(&store, Some(ProviderKind::Sealed)).await.unwrap(),
            ProviderKind::Sealed,
            "what was named works all the same"
        );
    }

    #[tokio::test]
    #[ignore = "run by without_a_bus_credentials_are_sealed_at_once"]
    async fn no_session() {
        let store = store();
        let (state, took) = keyring(&store).await;
        assert_eq!(state, "absent");
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(set(&store, None).await.unwrap(), ProviderKind::Sealed);
        assert_eq!(secret(&super::store()).await.unwrap(), b"s3cret");
        let listing = store.list().await;
        assert!(listing.failures.is_empty(), "absence is no failure: {listing:?}");
    }
}
