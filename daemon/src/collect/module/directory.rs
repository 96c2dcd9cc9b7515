//! What is known of every module, for those who ask.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ccm_proto::model::module::{
    Health, Manifest, ModuleAddress, ModuleEvent, ModuleSpec, ParamValue,
};
use ccm_proto::model::{Interval, Name, Timestamp, Value};
use tokio::sync::Notify;

use super::bridge::Traffic;
use super::state::{Sign, Standing, State};

/// How many of a module's events are kept: a few screens of a list.
pub const EVENTS_MAX: usize = 100;

/// What is known of every module. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Directory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    modules: BTreeMap<Name, Entry>,
    /// What each source asks of which module, by the number of its registration: while a source
    /// is tried or begins anew there are two of it.
    sources: BTreeMap<(Name, u64), Interest>,
    /// The number of the next registration.
    next: u64,
}

#[derive(Debug)]
struct Entry {
    spec: Arc<ModuleSpec>,
    standing: Standing,
    manifest: Option<Arc<Manifest>>,
    latency: Option<Interval>,
    /// Newest last, with their ids.
    events: VecDeque<(String, ModuleEvent)>,
    /// Events that were too long or not as the contract has them.
    dropped: u64,
    traffic: Traffic,
    /// What it has reported by itself and nobody has taken in yet.
    reported: Option<Reported>,
    /// Woken when it reports.
    news: Arc<Notify>,
}

/// What a module reports by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// What it is, unless that was said.
    pub manifest: Option<Manifest>,
    /// How it is.
    pub health: Health,
}

/// Why a module cannot report by itself: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// No document names it.
    #[error("there is no module {0}; apply modules/{0}.toml with endpoint = \"push\"")]
    Missing(Name),
    /// It is asked.
    #[error("the module {0} is asked at its address; endpoint = \"push\" lets it report instead")]
    Asked(Name),
    /// It is left alone.
    #[error("the document of the module {0} says enabled = false; nothing is taken of it")]
    Disabled(Name),
    /// Nobody knows what it is.
    #[error("nothing is known of the module {0} yet; send its manifest along")]
    Nameless(Name),
}

/// What a source asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The module.
    pub module: Name,
    /// The endpoint; none when it asks for metrics or events.
    pub endpoint: Option<String>,
    /// Whether it asks for events.
    pub events: bool,
}

/// What a source needs to know of its module.
#[derive(Clone, Debug)]
pub struct Known {
    /// The document.
    pub spec: Arc<ModuleSpec>,
    /// How it is.
    pub standing: Standing,
    /// Its description of itself, once it was read.
    pub manifest: Option<Arc<Manifest>>,
    /// What went between it and others.
    pub traffic: Traffic,
}

/// A source hears of its module for as long as this is kept.
#[derive(Debug)]
#[must_use = "without it nothing is heard"]
pub struct Registration {
    directory: Directory,
    key: (Name, u64),
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.directory.inner().sources.remove(&self.key);
    }
}

impl Entry {
    fn known(&self) -> Known {
        Known {
            spec: Arc::clone(&self.spec),
            standing: self.standing.clone(),
            manifest: self.manifest.clone(),
            traffic: self.traffic.clone(),
        }
    }
}

impl Directory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a module, or its document anew; what is known of an address that stays is kept.
    pub fn enter(&self, name: &Name, spec: Arc<ModuleSpec>, at: Timestamp) {
        let mut inner = self.inner();
        if let Some(entry) = inner.modules.get_mut(name)
            && entry.spec.endpoint == spec.endpoint
        {
            entry.spec = spec;
            return;
        }
        let entry = Entry {
            spec,
            standing: Standing::new(at),
            manifest: None,
            latency: None,
            events: VecDeque::new(),
            dropped: 0,
            traffic: Traffic::default(),
            reported: None,
            news: Arc::default(),
        };
        inner.modules.insert(name.clone(), entry);
    }

    /// Forgets a module.
    pub fn leave(&self, name: &Name) {
        self.inner().modules.remove(name);
    }

    /// What is known of a module; none when no document names it.
    pub fn known(&self, name: &Name) -> Option<Known> {
        let inner = self.inner();
        inner.modules.get(name).map(Entry::known)
    }

    /// What is known of all modules, by name.
    pub fn all(&self) -> Vec<(Name, Known)> {
        let inner = self.inner();
        inner.modules.iter().map(|(name, entry)| (name.clone(), entry.known())).collect()
    }

    /// Counts what goes between a module and others.
    pub(super) fn count(&self, name: &Name, act: impl FnOnce(&mut Traffic)) {
        if let Some(entry) = self.inner().modules.get_mut(name) {
            act(&mut entry.traffic);
        }
    }

    /// Takes in what was seen of a module; the former state when it is another now.
    pub(super) fn take(
        &self,
        name: &Name,
        sign: &Sign,
        latency: Option<Interval>,
        at: Timestamp,
    ) -> Option<State> {
        let mut inner = self.inner();
        let entry = inner.modules.get_mut(name)?;
        entry.latency = latency;
        entry.standing.take(sign, at)
    }

    /// Takes in a manifest; true when it differs from the former one.
    pub(super) fn describe(&self, name: &Name, manifest: &Arc<Manifest>) -> bool {
        let mut inner = self.inner();
        let Some(entry) = inner.modules.get_mut(name) else { return false };
        let differs = entry.manifest.as_ref().is_none_or(|former| former != manifest);
        entry.manifest = Some(Arc::clone(manifest));
        differs
    }

    /// Whether a module may report so by itself.
    pub fn takes(&self, name: &Name, describes: bool) -> Result<(), NotTaken> {
        let inner = self.inner();
        let entry = inner.modules.get(name).ok_or_else(|| NotTaken::Missing(name.clone()))?;
        if entry.spec.endpoint != ModuleAddress::Push {
            return Err(NotTaken::Asked(name.clone()));
        }
        if !entry.spec.enabled {
            return Err(NotTaken::Disabled(name.clone()));
        }
        let former = entry.reported.as_ref().is_some_and(|former| former.manifest.is_some());
        if describes || former || entry.manifest.is_some() {
            return Ok(());
        }
        Err(NotTaken::Nameless(name.clone()))
    }

    /// Takes what a module reports by itself. What was not taken in yet is replaced, but for a
    /// manifest that this report leaves out.
    pub fn report(&self, name: &Name, mut reported: Reported) {
        let mut inner = self.inner();
        let Some(entry) = inner.modules.get_mut(name) else { return };
        let former = entry.reported.take().and_then(|former| former.manifest);
        reported.manifest = reported.manifest.or(former);
        entry.reported = Some(reported);
        entry.news.notify_one();
    }

    /// What a module has reported by itself since the last time.
    pub(super) fn take_report(&self, name: &Name) -> Option<Reported> {
        self.inner().modules.get_mut(name)?.reported.take()
    }

    /// What is woken when a module reports by itself.
    pub(super) fn report_news(&self, name: &Name) -> Arc<Notify> {
        let inner = self.inner();
        inner.modules.get(name).map(|entry| Arc::clone(&entry.news)).unwrap_or_default()
    }

    /// Keeps an event.
    pub(super) fn keep(&self, name: &Name, id: String, event: ModuleEvent) {
        let mut inner = self.inner();
        let Some(entry) = inner.modules.get_mut(name) else { return };
        if entry.events.len() == EVENTS_MAX {
            entry.events.pop_front();
        }
        entry.events.push_back((id, event));
    }

    /// Counts events that could not be kept.
    pub(super) fn drop_events(&self, name: &Name, count: u64) {
        if let Some(entry) = self.inner().modules.get_mut(name) {
            entry.dropped = entry.dropped.saturating_add(count);
        }
    }

    /// Says what a source asks for, so that it hears when that has changed, for as long as what
    /// is returned is kept.
    pub fn register(&self, source: &Name, interest: Interest) -> Registration {
        let mut inner = self.inner();
        let key = (source.clone(), inner.next);
        inner.next += 1;
        inner.sources.insert(key.clone(), interest);
        Registration { directory: self.clone(), key }
    }

    /// The sources that ask a module.
    pub fn sources_of(&self, module: &Name) -> Vec<Name> {
        self.interested(|interest| interest.module == *module)
    }

    /// The sources that ask one of a module's endpoints, or for its events.
    pub(super) fn affected(&self, module: &Name, endpoints: &BTreeSet<String>) -> Vec<Name> {
        self.interested(|interest| {
            let asked = interest.endpoint.as_ref();
            interest.module == *module
                && (interest.events || asked.is_some_and(|path| endpoints.contains(path)))
        })
    }

    /// The sources whose interest is meant, each once.
    fn interested(&self, meant: impl Fn(&Interest) -> bool) -> Vec<Name> {
        let inner = self.inner();
        let found = inner.sources.iter().filter(|(_, interest)| meant(interest));
        let mut names: Vec<Name> = found.map(|((source, _), _)| source.clone()).collect();
        names.dedup();
        names
    }

    /// A module's newest events, newest first, as a reading's tree.
    pub fn events(&self, name: &Name) -> Value {
        let inner = self.inner();
        let Some(entry) = inner.modules.get(name) else { return Value::Absent };
        let events: Vec<Value> =
            entry.events.iter().rev().map(|(id, event)| row(id, event)).collect();
        Value::map([
            ("count", Value::Integer(events.len() as i64)),
            ("dropped", Value::from(entry.dropped)),
            ("events", Value::List(events)),
        ])
    }

    /// Every module as a reading's tree: a list `modules`, and how many are in each state.
    pub fn table(&self) -> Value {
        let inner = self.inner();
        let rows: Vec<Value> =
            inner.modules.iter().map(|(name, entry)| module_row(name, entry)).collect();
        let all = [State::Unknown, State::Running, State::Degraded, State::Stopped, State::Error];
        let count = |state: State| {
            let own = inner.modules.values().filter(|entry| entry.standing.state == state);
            Value::Integer(own.count() as i64)
        };
        Value::map([
            ("modules", Value::List(rows)),
            ("states", Value::map(all.map(|state| (state.as_str(), count(state))))),
        ])
    }
}

fn seconds(at: Timestamp) -> Value {
    Value::Number(at.as_millis() as f64 / 1_000.0)
}

fn row(id: &str, event: &ModuleEvent) -> Value {
    let fields = event.fields.iter().map(|(name, value)| {
        let value = match value {
            ParamValue::Boolean(boolean) => Value::Boolean(*boolean),
            ParamValue::Integer(integer) => Value::Integer(*integer),
            ParamValue::Number(number) => Value::from(*number),
            ParamValue::Text(text) => Value::from(text.as_str()),
        };
        (name.as_str(), value)
    });
    Value::map([
        ("id", Value::from(id)),
        ("type", Value::from(event.event_type.as_str())),
        ("at", event.time().map_or(Value::Absent, seconds)),
        ("severity", Value::from(event.severity.as_str())),
        ("message", Value::from(event.message.as_str())),
        ("fields", Value::map(fields)),
    ])
}

fn module_row(name: &Name, entry: &Entry) -> Value {
    let manifest = entry.manifest.as_deref();
    let text = |text: Option<&str>| text.map_or(Value::Absent, Value::from);
    let traffic = entry.traffic.counts().map(|(name, count)| (name, Value::from(count)));
    let about = [
        ("name", Value::from(name.as_str())),
        ("id", text(manifest.map(|manifest| manifest.id.as_str()))),
        ("title", text(manifest.map(|manifest| manifest.title.as_str()))),
        ("version", text(manifest.map(|manifest| manifest.version.as_str()))),
        ("state", Value::from(entry.standing.state.as_str())),
        ("reason", Value::from(entry.standing.reason.as_str())),
        ("since", seconds(entry.standing.since)),
        ("address", Value::from(entry.spec.endpoint.to_string())),
        ("endpoints", Value::from(manifest.map(|manifest| manifest.endpoints.len() as i64))),
        ("widgets", Value::from(manifest.map(|manifest| manifest.widgets.len() as i64))),
        ("permissions", text(manifest.map(|m| m.permissions.join(", ")).as_deref())),
        ("latency_ms", Value::from(entry.latency.map(|latency| latency.as_secs_f64() * 1_000.0))),
        ("events", Value::Integer(entry.events.len() as i64)),
    ];
    Value::map(about.into_iter().chain(traffic))
}
