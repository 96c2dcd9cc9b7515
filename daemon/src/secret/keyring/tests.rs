use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

use super::*;
use crate::secret::testing::{credential, id};

/// How a keyring in memory behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Open,
    Absent,
    Locked,
    Hanging,
    Several,
}

/// A keyring in memory.
struct Fake {
    mood: Mutex<Mood>,
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Told when the mood changes, which ends a call that hangs.
    changed: Condvar,
}

impl Fake {
    fn new(mood: Mood) -> Arc<Self> {
        let (mood, entries) = (Mutex::new(mood), Mutex::default());
        Arc::new(Self { mood, entries, changed: Condvar::new() })
    }

    fn become_(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_all();
    }

    fn answer<T>(
        &self,
        ok: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T,
    ) -> Result<T, SessionError> {
        let hanging = |mood: &mut Mood| *mood == Mood::Hanging;
        let mood = self.changed.wait_while(self.mood.lock().unwrap(), hanging).unwrap();
        match *mood {
            Mood::Open => Ok(ok(&mut self.entries.lock().unwrap())),
            Mood::Absent => Err(SessionError::None("no bus".to_owned())),
            Mood::Locked => Err(SessionError::Locked("prompt dismissed".to_owned())),
            Mood::Several => Err(SessionError::Several("x".to_owned())),
            Mood::Hanging => unreachable!(),
        }
    }
}

impl Session for Fake {
    fn look(&self) -> Result<(), SessionError> {
        self.answer(|_| ())
    }

    fn get(&self, user: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SessionError> {
        self.answer(|entries| entries.get(user).cloned().map(Zeroizing::new))
    }

    fn set(&self, user: &str, bytes: &[u8]) -> Result<(), SessionError> {
        self.answer(|entries| drop(entries.insert(user.to_owned(), bytes.to_vec())))
    }

    fn delete(&self, user: &str) -> Result<bool, SessionError> {
        self.answer(|entries| entries.remove(user).is_some())
    }

    fn users(&self) -> Result<Vec<String>, SessionError> {
        self.answer(|entries| entries.keys().cloned().collect())
    }
}

fn keyring(mood: Mood) -> (Arc<Fake>, Keyring) {
    let fake = Fake::new(mood);
    let session: Arc<dyn Session> = Arc::<Fake>::clone(&fake);
    (fake, Keyring::on(session, "test"))
}

#[tokio::test]
async fn a_keyring_gives_back_what_it_was_given_and_forgets_it() {
    let (fake, keyring) = keyring(Mood::Open);
    let stripe = id("user:acme/bob", "stripe");
    assert!(keyring.get(&stripe).await.unwrap().is_none());
    keyring.set(&stripe, &credential("s3cret", "https://api.stripe.com")).await.unwrap();
    let kept = keyring.get(&stripe).await.unwrap().unwrap();
    assert_eq!(kept.material.secret().expose(), b"s3cret");
    assert_eq!(keyring.list().await.unwrap().first().unwrap().id, stripe);
    assert!(fake.entries.lock().unwrap().values().all(|text| text.is_ascii()));
    assert!(keyring.delete(&stripe).await.unwrap());
    assert!(!keyring.delete(&stripe).await.unwrap());
}

#[tokio::test]
async fn an_entry_of_another_credential_or_form_is_refused_without_being_shown() {
    let (fake, keyring) = keyring(Mood::Open);
    let (stripe, sendgrid) = (id("platform", "stripe"), id("platform", "sendgrid"));
    keyring.set(&stripe, &credential("s3cret", "https://api.stripe.com")).await.unwrap();
    let text = fake.entries.lock().unwrap().get(&user(&stripe)).unwrap().clone();
    fake.entries.lock().unwrap().insert(user(&sendgrid), text);
    let moved = keyring.get(&sendgrid).await.map(drop).unwrap_err().to_string();
    assert!(moved.contains("set it again"), "{moved}");
    fake.entries.lock().unwrap().insert(user(&stripe), b"plain s3cret".to_vec());
    let plain = keyring.get(&stripe).await.map(drop).unwrap_err().to_string();
    assert!(!plain.contains("s3cret"), "{plain}");
}

#[tokio::test]
async fn no_keyring_is_absence_and_a_locked_one_is_a_failure() {
    for (mood, state) in
        [(Mood::Absent, "absent"), (Mood::Locked, "failing"), (Mood::Several, "failing")]
    {
        let (_, keyring) = keyring(mood);
        let found = keyring.state().await;
        assert_eq!(found.as_str(), state);
        assert!(found.cause().is_some());
    }
}

#[tokio::test]
async fn a_keyring_that_hangs_is_left_alone_after_two_seconds_and_serves_when_it_is_back() {
    let (fake, keyring) = keyring(Mood::Hanging);
    let clock = crate::clock::Clock::system();
    let began = clock.elapsed();
    let (one, two) = tokio::join!(keyring.state(), keyring.state());
    assert!(clock.elapsed().saturating_sub(began) < Duration::from_secs(4));
    assert_eq!((one.as_str(), two.as_str()), ("failing", "failing"));
    assert!(one.cause().unwrap().as_str().contains("unlock"));
    let again = clock.elapsed();
    assert_eq!(keyring.state().await.as_str(), "failing");
    assert!(clock.elapsed().saturating_sub(again) < Duration::from_millis(500), "at once");
    fake.become_(Mood::Open);
    while keyring.turn.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(keyring.state().await, ProviderState::Available);
}
