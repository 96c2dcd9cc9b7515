//! What goes into the engine and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::series::Range;
use ccm_proto::model::{
    Bucket, ConnectorSpec, EgressSpec, Interval, ModuleSpec, Name, Reading, SeriesKey, SourceSpec,
    Timestamp, View, ViewDelta, WidgetSpec,
};

use crate::history::{HistoryOutput, QueryPlan, Stored};

/// What the engine works by: the effective, typed and checked documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// Widgets by name.
    pub widgets: BTreeMap<Name, Arc<WidgetSpec>>,
    /// Sources by name.
    pub sources: BTreeMap<Name, Arc<SourceSpec>>,
    /// What may be called beside public addresses, by name.
    pub egress: BTreeMap<Name, Arc<EgressSpec>>,
    /// Modules by name.
    pub modules: BTreeMap<Name, Arc<ModuleSpec>>,
    /// Connectors by name.
    pub connectors: BTreeMap<Name, Arc<ConnectorSpec>>,
}

impl Configuration {
    /// The sources that should be running.
    pub fn assignments(&self) -> BTreeMap<Name, Assignment> {
        let running = |spec: &SourceSpec| spec.enabled && spec.source_type.is_collected();
        let sources = self.sources.iter().filter(|(_, spec)| running(spec));
        sources.map(|(name, spec)| (name.clone(), self.assignment(spec))).collect()
    }

    /// A source with the documents that it needs, as far as they exist.
    pub fn assignment(&self, spec: &Arc<SourceSpec>) -> Assignment {
        Assignment {
            connector: self.connector(spec).map(Arc::clone),
            module: spec.module.as_ref().and_then(|it| self.modules.get(&it.name)).cloned(),
            spec: self.settled(spec),
        }
    }

    /// The connector of a source, where it has one and that exists.
    pub fn connector(&self, spec: &SourceSpec) -> Option<&Arc<ConnectorSpec>> {
        self.connectors.get(spec.external_api.as_ref()?.connector.as_ref()?)
    }

    /// A source that says how often it is read: by its own word, else by that of its connector's
    /// endpoint. What neither says is left to the source's type.
    pub fn settled(&self, spec: &Arc<SourceSpec>) -> Arc<SourceSpec> {
        let endpoint = || self.connector(spec)?.endpoint(&spec.external_api.as_ref()?.endpoint);
        match (spec.interval, endpoint().and_then(|endpoint| endpoint.interval)) {
            (None, Some(interval)) => {
                Arc::new(SourceSpec { interval: Some(interval), ..SourceSpec::clone(spec) })
            }
            _ => Arc::clone(spec),
        }
    }
}

/// A source that is to be collected, with the documents that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The source.
    pub spec: Arc<SourceSpec>,
    /// Its connector.
    pub connector: Option<Arc<ConnectorSpec>>,
    /// Its module.
    pub module: Option<Arc<ModuleSpec>>,
}

impl Assignment {
    /// The credential that its requests carry.
    pub fn credential(&self) -> Option<&Name> {
        let spec = &self.spec;
        let api = spec.external_api.as_ref().and_then(|api| api.credential.as_ref());
        let target = spec.prometheus.as_ref().and_then(|target| target.credential.as_ref());
        let module = self.module.as_ref().and_then(|module| module.credential.as_ref());
        api.or(target).or(module)
    }
}

impl From<Arc<SourceSpec>> for Assignment {
    /// A source that needs no other document.
    fn from(spec: Arc<SourceSpec>) -> Self {
        Self { spec, connector: None, module: None }
    }
}

/// Identifies a feed for as long as the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub u64);

/// Identifies the past of series that something is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub u64);

/// Who asks history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asker {
    /// A feed, for its tracks.
    Feed(FeedId),
    /// What computes with a series' past.
    Track(TrackId),
}

/// What a feed is of. Clients that want the same key share one feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedKey {
    /// The widget.
    pub widget: Name,
    /// How far back its tracks look; zero stands for the widget's own window.
    pub window: Interval,
    /// The most values that a track may have.
    pub max_points: u32,
}

/// Why a source gave no reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The source.
    pub source: Name,
    /// When it was tried.
    pub at: Timestamp,
    /// One sentence with a remedy.
    pub cause: SafeText,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
}

/// What goes in.
#[derive(Clone, Debug)]
pub enum Event {
    /// The effective documents, all of them, whenever one changed.
    Configured(Arc<Configuration>),
    /// A source answered.
    Read(Reading),
    /// A source did not answer.
    Failed(Failure),
    /// Someone wants to see this feed.
    Opened(FeedId, FeedKey),
    /// Nobody wants to see this feed any more.
    Closed(FeedId),
    /// What history holds, as asked for by [`Output::Backfill`].
    Backfilled {
        /// Who asked.
        asker: Asker,
        /// The number that the question had.
        request: u64,
        /// The answer: buckets by series.
        series: Vec<(SeriesKey, Vec<Bucket>)>,
    },
    /// The store did what an [`Output::History`] asked for; goes to [`crate::history::History::stored`].
    Stored(Stored),
    /// Time has passed: staleness, sealing and retention are looked at. About once a second.
    Tick,
}

/// What comes out.
#[derive(Clone, Debug)]
pub enum Output {
    /// A feed has a new version.
    Publish(Publication),
    /// Someone needs what history holds; the answer is [`Event::Backfilled`].
    Backfill {
        /// Who asks.
        asker: Asker,
        /// Tells questions of one asker apart; an answer to an older one is ignored.
        request: u64,
        /// Of when, and how dense.
        range: Range,
        /// What to read. It was made in the same step, and so holds exactly what came before it.
        plan: Arc<QueryPlan>,
    },
    /// History has something to keep.
    History(HistoryOutput),
    /// The sources that should be running from now on.
    Collect(BTreeMap<Name, Assignment>),
}

/// A new version of a feed.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The feed.
    pub feed: FeedId,
    /// Rises by one with each publication of a feed, from 1.
    pub version: u64,
    /// What turns version - 1 into this version; the whole view when the version is 1.
    pub delta: Arc<ViewDelta>,
    /// The whole view.
    pub view: Arc<View>,
}
