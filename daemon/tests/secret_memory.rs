//! What stays of a secret in the memory of a process that has used it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test of its own")]

use std::os::unix::fs::FileExt as _;
use std::process::Command;

use ccm_daemon::clock::Clock;
use ccm_daemon::secret::{
    CredentialId, Material, PinnedOrigin, ProviderKind, Secret, SecretStore, Surroundings, protect,
};
use ccm_daemon::settings::CredentialSettings;
use ccm_proto::model::{Name, Scope, Timestamp};
use rand::Rng as _;

/// What is looked for, never as it is: every byte is turned by this.
const TURN: u8 = 0x5a;

/// What is read at a time.
const PAGE: usize = 4_096;

/// How often a secret, given turned, lies in the writable memory of this process.
///
/// What was read is turned at once, so that the search does not find itself.
fn copies(turned: &[u8; 32]) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = std::fs::File::open("/proc/self/mem").unwrap();
    let nothing = [0; PAGE];
    let mut found = 0;
    // The end of one page and the next page.
    let mut bytes = [0; 31 + PAGE];
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let parse = |text: &str| u64::from_str_radix(text, 16).unwrap();
        for at in (parse(start)..parse(end)).step_by(PAGE) {
            bytes.copy_within(PAGE.., 0);
            let page = &mut bytes[31..];
            if memory.read_exact_at(page, at).is_err() {
                break;
            }
            if *page == nothing {
                continue;
            }
            for byte in page.iter_mut() {
                *byte ^= TURN;
            }
            found += bytes.windows(turned.len()).filter(|window| window == turned).count();
        }
        bytes.fill(0);
    }
    found
}

#[tokio::test]
async fn a_secret_that_was_used_is_nowhere_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_000));
    let settings = CredentialSettings {
        providers: vec![ProviderKind::Sealed],
        ..CredentialSettings::default()
    };
    let data = root.path().join("data");
    ccm_daemon::settings::make_private(&data).unwrap();
    let surroundings = Surroundings { data, systemd: None, vault: None, clock: clock.clone() };
    let store = SecretStore::new(&settings, &surroundings);
    let turned: [u8; 32] = rand::rng().random();
    let secret = || Secret::new(turned.iter().map(|byte| byte ^ TURN).collect());

    let held = secret();
    assert_eq!(copies(&turned), 1, "the search finds what is there");
    drop(held);
    assert_eq!(copies(&turned), 0);

    let id = CredentialId::new(Scope::Platform, Name::new("stripe").unwrap());
    let origin: PinnedOrigin = "https://api.stripe.com".parse().unwrap();
    store.set(&id, Material::Token(secret()), origin, None).await.unwrap();
    store.rotate(&id, secret(), None).await.unwrap();
    for _ in 0..3 {
        let found = store.get(&Scope::Platform, id.name()).await.unwrap();
        assert_eq!(found.material.secret().len(), 32);
    }
    store.list().await;
    assert_eq!(copies(&turned), 1, "it is kept for the next fetch");
    clock.set(Timestamp::from_millis(60_000));
    store.sweep();
    assert_eq!(copies(&turned), 0);
}

#[test]
fn a_daemon_dumps_no_core_and_lets_nobody_look_into_it() {
    let me = std::env::current_exe().unwrap();
    let test = "a_protected_process";
    let output = Command::new(me).args(["--exact", test, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by a_daemon_dumps_no_core_and_lets_nobody_look_into_it, in a process of its own"]
fn a_protected_process() {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
    protect().unwrap();
    assert_eq!(getrlimit(Resource::Core).current, Some(0));
    assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}
