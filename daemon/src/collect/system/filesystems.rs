//! How full filesystems are. Asking may hang for ever on a network filesystem whose server is
//! gone, so threads of their own ask, and a reading takes what they have found.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use ccm_proto::model::Value;

use super::mounts::Mount;
use super::rate::percent;

/// When a filesystem that does not answer is said to hang.
const DEADLINE: Duration = Duration::from_secs(2);

/// How long a reading waits for answers that usually take microseconds.
const PATIENCE: Duration = Duration::from_millis(20);

/// The most threads that wait for filesystems that hang; further ones are not asked meanwhile.
const HANGING_MAX: usize = 16;

/// Sizes of a filesystem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes in all.
    pub total: u64,
    /// Bytes in use.
    pub used: u64,
    /// Bytes that ordinary users may still take.
    pub available: u64,
    /// Files it can hold; 0 where that is not limited.
    pub inodes: u64,
    /// Files it could still take.
    pub inodes_free: u64,
}

/// Asks for the sizes of the filesystem at a place; may block.
pub type Probe = Arc<dyn Fn(&str) -> io::Result<Sizes> + Send + Sync>;

/// Asks the operating system.
#[cfg(unix)]
pub fn probe(place: &str) -> io::Result<Sizes> {
    let answer = rustix::fs::statvfs(place)?;
    let bytes = |blocks: u64| blocks.saturating_mul(answer.f_frsize);
    Ok(Sizes {
        total: bytes(answer.f_blocks),
        used: bytes(answer.f_blocks.saturating_sub(answer.f_bfree)),
        available: bytes(answer.f_bavail),
        inodes: answer.f_files,
        inodes_free: answer.f_ffree,
    })
}

/// What is known of a filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its sizes.
    Sizes(Sizes),
    /// Why they are not known.
    Unknown(String),
}

/// What one thread was asked.
#[derive(Debug)]
struct Batch {
    places: Vec<String>,
    answered: usize,
    /// When the thread last got further.
    since: Duration,
    answers: Receiver<io::Result<Sizes>>,
}

/// Asks filesystems, and remembers what they said.
pub struct Prober {
    probe: Probe,
    batches: Vec<Batch>,
    known: BTreeMap<String, Known>,
}

impl Prober {
    /// Nothing is known yet.
    pub fn new(probe: Probe) -> Self {
        Self { probe, batches: Vec::new(), known: BTreeMap::new() }
    }

    /// Starts asking about these mounts; one that is still being asked is not asked again. What
    /// answers at once is known when this returns.
    pub fn refresh(&mut self, mounts: &[Mount], elapsed: Duration) {
        self.known.retain(|place, _| mounts.iter().any(|mount| mount.mount == *place));
        let asked = |place: &String| {
            self.batches
                .iter()
                .any(|batch| batch.places.iter().skip(batch.answered).any(|p| p == place))
        };
        let places = mounts.iter().map(|mount| mount.mount.clone());
        let places: Vec<String> = places.filter(|place| !asked(place)).collect();
        self.ask(places, elapsed);
        self.collect(elapsed, PATIENCE);
    }

    /// Takes answers that have come since.
    pub fn poll(&mut self, elapsed: Duration) {
        if !self.batches.is_empty() {
            self.collect(elapsed, Duration::ZERO);
        }
    }

    /// What is known of a mount; none when it was just found.
    pub fn known(&self, place: &str) -> Option<&Known> {
        self.known.get(place)
    }

    fn ask(&mut self, places: Vec<String>, elapsed: Duration) {
        if places.is_empty() || self.batches.len() >= HANGING_MAX {
            return;
        }
        let (sender, answers) = mpsc::channel();
        let (probe, asked) = (Arc::clone(&self.probe), places.clone());
        let thread = std::thread::Builder::new().name("filesystems".to_owned());
        let spawned = thread.spawn(move || {
            // Nobody listening any more means that nobody wants the rest.
            let _ = asked.iter().try_for_each(|place| sender.send(probe(place)));
        });
        match spawned {
            Ok(_) => self.batches.push(Batch { places, answered: 0, since: elapsed, answers }),
            Err(error) => {
                let cause = format!("no thread could be started to ask ({error})");
                self.known.extend(places.into_iter().map(|p| (p, Known::Unknown(cause.clone()))));
            }
        }
    }

    fn collect(&mut self, elapsed: Duration, patience: Duration) {
        let mut unasked = Vec::new();
        let known = &mut self.known;
        self.batches.retain_mut(|batch| {
            let alive = batch.drain(known, elapsed, patience);
            if alive && elapsed.saturating_sub(batch.since) > DEADLINE {
                unasked.append(&mut batch.give_up(known));
            }
            alive
        });
        self.ask(unasked, elapsed);
    }
}

impl Batch {
    /// Takes the answers there are; false when there will be no more.
    fn drain(
        &mut self,
        known: &mut BTreeMap<String, Known>,
        elapsed: Duration,
        patience: Duration,
    ) -> bool {
        while let Some(place) = self.places.get(self.answered) {
            let answer = match self.answers.recv_timeout(patience) {
                Ok(Ok(sizes)) => Known::Sizes(sizes),
                Ok(Err(error)) => Known::Unknown(format!("cannot be asked: {error}")),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            };
            known.insert(place.clone(), answer);
            self.answered += 1;
            self.since = elapsed;
        }
        false
    }

    /// Says that the one being asked hangs, and hands out those that wait behind it.
    fn give_up(&mut self, known: &mut BTreeMap<String, Known>) -> Vec<String> {
        let behind = self.places.split_off((self.answered + 1).min(self.places.len()));
        if let Some(place) = self.places.get(self.answered) {
            let cause = "does not answer; see whether its server is up".to_owned();
            known.insert(place.clone(), Known::Unknown(cause));
        }
        behind
    }
}

/// The branch `filesystems` of a reading. Filesystems without any size are left out.
pub fn value(mounts: &[Mount], prober: &Prober) -> Value {
    let list = mounts.iter().filter_map(|mount| {
        let known = prober.known(&mount.mount);
        entry(&mount.mount, &mount.device, &mount.filesystem, known)
    });
    Value::List(list.collect())
}

/// One item of the branch `filesystems`; none of a filesystem without any size.
pub fn entry(mount: &str, device: &str, filesystem: &str, known: Option<&Known>) -> Option<Value> {
    let mut entries =
        vec![("mount", mount.into()), ("device", device.into()), ("type", filesystem.into())];
    match known {
        Some(Known::Sizes(sizes)) if sizes.total == 0 => return None,
        Some(Known::Sizes(sizes)) => entries.extend(size_entries(sizes)),
        Some(Known::Unknown(cause)) => {
            entries.extend(absent_entries());
            entries.push(("cause", cause.as_str().into()));
        }
        None => entries.extend(absent_entries()),
    }
    Some(Value::map(entries))
}

fn size_entries(sizes: &Sizes) -> [(&'static str, Value); 5] {
    let used = sizes.used as f64;
    let inodes_used = sizes.inodes.saturating_sub(sizes.inodes_free) as f64;
    [
        ("total", sizes.total.into()),
        ("used", sizes.used.into()),
        ("free", sizes.available.into()),
        // As df tells it: of what ordinary users can have.
        ("usage", percent(used, used + sizes.available as f64).into()),
        ("inodes_usage", percent(inodes_used, sizes.inodes as f64).into()),
    ]
}

fn absent_entries() -> [(&'static str, Value); 5] {
    ["total", "used", "free", "usage", "inodes_usage"].map(|name| (name, Value::Absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(place: &str) -> Mount {
        Mount { mount: place.into(), device: "/dev/x".into(), filesystem: "ext4".into() }
    }

    const SIZES: Sizes =
        Sizes { total: 1_000, used: 600, available: 300, inodes: 50, inodes_free: 40 };

    /// A probe whose answer for `/dead` comes when the sender is dropped; how often it was asked
    /// for it is counted.
    fn hanging() -> (Probe, mpsc::Sender<()>, Arc<std::sync::atomic::AtomicU32>) {
        let (release, gate) = mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let probe: Probe = Arc::new(move |place: &str| {
            if place == "/dead" {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _ = gate.lock().unwrap().recv();
            }
            Ok(SIZES)
        });
        (probe, release, asked)
    }

    #[test]
    fn usage_is_told_as_df_does() {
        let mut prober = Prober::new(Arc::new(|_| Ok(SIZES)));
        let mounts = [mount("/")];
        prober.refresh(&mounts, Duration::ZERO);
        let value = value(&mounts, &prober);
        assert_eq!(value.at("0.usage").unwrap().as_number(), Some(66.7));
        assert_eq!(value.at("0.inodes_usage").unwrap().as_number(), Some(20.0));
        assert_eq!(value.at("0.free").unwrap().as_number(), Some(300.0));
    }

    #[test]
    fn a_mount_that_hangs_holds_up_no_other_and_is_not_asked_twice() {
        let (probe, release, asked) = hanging();
        let mut prober = Prober::new(probe);
        let mounts = [mount("/"), mount("/dead"), mount("/home")];
        prober.refresh(&mounts, Duration::ZERO);
        assert_eq!(prober.known("/"), Some(&Known::Sizes(SIZES)));
        assert_eq!(prober.known("/home"), None, "it waits behind the dead one");
        prober.poll(Duration::from_secs(3));
        prober.refresh(&mounts, Duration::from_secs(10));
        prober.refresh(&mounts, Duration::from_secs(20));
        assert!(matches!(prober.known("/dead"), Some(Known::Unknown(_))));
        assert_eq!(prober.known("/home"), Some(&Known::Sizes(SIZES)));
        let tree = value(&mounts, &prober);
        assert!(tree.at("1.usage").unwrap().is_absent());
        assert!(tree.at("1.cause").is_some());
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 1);
        drop(release);
    }

    #[test]
    fn a_mount_that_answers_again_is_known_again() {
        let (probe, release, _) = hanging();
        let mut prober = Prober::new(probe);
        let mounts = [mount("/dead")];
        prober.refresh(&mounts, Duration::ZERO);
        prober.poll(Duration::from_secs(3));
        drop(release);
        prober.refresh(&mounts, Duration::from_secs(10));
        prober.refresh(&mounts, Duration::from_secs(20));
        assert_eq!(prober.known("/dead"), Some(&Known::Sizes(SIZES)));
    }

    #[test]
    fn a_filesystem_without_size_is_left_out_and_one_that_refuses_says_why() {
        let probe: Probe = Arc::new(|place: &str| match place {
            "/empty" => Ok(Sizes::default()),
            _ => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        });
        let mut prober = Prober::new(probe);
        let mounts = [mount("/closed"), mount("/empty")];
        prober.refresh(&mounts, Duration::ZERO);
        let value = value(&mounts, &prober);
        assert_eq!(value.as_list().unwrap().len(), 1);
        assert!(value.at("0.cause").unwrap().as_text().unwrap().contains("permission denied"));
    }
}
