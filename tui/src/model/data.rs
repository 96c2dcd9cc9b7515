//! What the daemon said: documents and views.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::convert::{Binding, FeedChange};
use ccm_proto::model::layout::LayoutSpec;
use ccm_proto::model::{
    Document, DocumentId, Interval, Kind, Name, SourceSpec, ThemeSpec, View, WidgetSpec,
};
use serde::de::DeserializeOwned;

/// Documents that are kept; a hostile daemon cannot make a client hold more.
const DOCUMENTS_MAX: usize = 4_096;

/// Documents and views of the open layout.
#[derive(Clone, Debug)]
pub struct Data {
    /// The open layout.
    pub layout_name: Name,
    /// Every document that was sent.
    pub documents: BTreeMap<DocumentId, Arc<Document>>,
    layout: Option<Arc<LayoutSpec>>,
    widgets: HashMap<Name, Arc<WidgetSpec>>,
    sources: HashMap<Name, Arc<SourceSpec>>,
    /// Feeds by widget; slots are handed out once a widget.
    feeds: HashMap<Name, Feed>,
    next_slot: u32,
    /// The daemon's present start.
    pub epoch: u64,
    /// Documents that are not there, or that this version cannot read, and why.
    pub problems: BTreeMap<DocumentId, SafeText>,
}

/// What is known of one widget's data.
#[derive(Clone, Debug, Default)]
pub struct Feed {
    /// The client's number.
    pub slot: u32,
    /// The daemon's number in the present epoch.
    pub feed: Option<u64>,
    /// Why there is none.
    pub refused: Option<SafeText>,
    /// The version of `view`; 0 for none.
    pub version: u64,
    /// The epoch that the version belongs to.
    pub epoch: u64,
    /// The window and points that `view` has, so that another window begins anew.
    pub shape: (Interval, u32),
    /// What it shows.
    pub view: Arc<View>,
    /// Versions that were passed over, since the link was made.
    pub skipped: u64,
}

impl Data {
    /// Nothing yet of a layout.
    pub fn new(layout_name: Name) -> Self {
        Self {
            layout_name,
            documents: BTreeMap::new(),
            layout: None,
            widgets: HashMap::new(),
            sources: HashMap::new(),
            feeds: HashMap::new(),
            next_slot: 1,
            epoch: 0,
            problems: BTreeMap::new(),
        }
    }

    /// Opens another layout. What is known stays: the daemon does not say twice what it said.
    pub fn open(&mut self, layout_name: Name) {
        self.layout_name = layout_name;
        let document = self.documents.get(&self.layout_id());
        self.layout = document.and_then(|document| typed(document).ok());
    }

    /// The open layout, once it is known.
    pub fn layout(&self) -> Option<&LayoutSpec> {
        self.layout.as_deref()
    }

    /// The open layout's document.
    pub fn layout_id(&self) -> DocumentId {
        DocumentId::new(Kind::Layout, self.layout_name.clone())
    }

    /// A widget's definition.
    pub fn widget(&self, name: &Name) -> Option<&WidgetSpec> {
        self.widgets.get(name).map(|spec| &**spec)
    }

    /// A source's definition.
    pub fn source(&self, name: &Name) -> Option<&SourceSpec> {
        self.sources.get(name).map(|spec| &**spec)
    }

    /// A theme's definition.
    pub fn theme(&self, name: &Name) -> Option<ThemeSpec> {
        let document = self.documents.get(&DocumentId::new(Kind::Theme, name.clone()))?;
        serde_json::from_value(document.spec.clone()).ok()
    }

    /// A widget's data.
    pub fn feed(&self, widget: &Name) -> Option<&Feed> {
        self.feeds.get(widget)
    }

    /// The feed of a widget for a watch; a new slot is handed out the first time, and another
    /// shape begins anew.
    pub fn slot(&mut self, widget: &Name, shape: (Interval, u32)) -> &Feed {
        let next = &mut self.next_slot;
        let feed = self.feeds.entry(widget.clone()).or_insert_with(|| {
            *next += 1;
            Feed { slot: *next - 1, shape, ..Feed::default() }
        });
        if feed.shape != shape {
            // The old view stays on display until the new one arrives.
            feed.version = 0;
            feed.shape = shape;
            feed.feed = None;
        }
        feed
    }

    /// Takes a document over; none when it is gone.
    pub fn take_document(&mut self, id: DocumentId, document: Option<Document>) {
        let Some(document) = document else {
            self.documents.remove(&id);
            self.forget(&id);
            if self.problems.len() < DOCUMENTS_MAX {
                let problem = SafeText::new(&format!("there is no {id}"));
                self.problems.insert(id, problem);
            }
            return;
        };
        if self.documents.len() >= DOCUMENTS_MAX && !self.documents.contains_key(&id) {
            return;
        }
        let problem = self.take_spec(&document).err();
        match problem {
            Some(problem) => self.problems.insert(id.clone(), problem),
            None => self.problems.remove(&id),
        };
        self.documents.insert(id, Arc::new(document));
    }

    fn take_spec(&mut self, document: &Document) -> Result<(), SafeText> {
        let name = document.id.name.clone();
        match document.id.kind {
            Kind::Layout if name == self.layout_name => self.layout = Some(typed(document)?),
            Kind::Widget => drop(self.widgets.insert(name, typed(document)?)),
            Kind::Source => drop(self.sources.insert(name, typed(document)?)),
            _ => {}
        }
        Ok(())
    }

    fn forget(&mut self, id: &DocumentId) {
        match id.kind {
            Kind::Layout if id.name == self.layout_name => self.layout = None,
            Kind::Widget => drop(self.widgets.remove(&id.name)),
            Kind::Source => drop(self.sources.remove(&id.name)),
            _ => {}
        }
    }

    /// A new stream: numbers of the former one mean nothing any more.
    pub fn begin_stream(&mut self, epoch: u64) {
        self.epoch = epoch;
        for feed in self.feeds.values_mut() {
            feed.feed = None;
            if feed.epoch != epoch {
                feed.version = 0;
            }
        }
    }

    /// Ties a slot to a feed.
    pub fn bind(&mut self, binding: Binding) {
        let Some(feed) = self.feeds.values_mut().find(|feed| feed.slot == binding.slot) else {
            return;
        };
        match binding.feed {
            Ok(id) => {
                feed.feed = Some(id);
                feed.refused = None;
            }
            Err(problem) => feed.refused = Some(problem),
        }
    }

    /// Takes a change over; false when it does not fit what is at hand.
    pub fn change(&mut self, change: FeedChange) -> bool {
        let epoch = self.epoch;
        let Some(feed) = self.feeds.values_mut().find(|feed| feed.feed == Some(change.feed)) else {
            // A feed that was turned away from a moment ago.
            return true;
        };
        match change.base {
            None => {
                let mut view = View::default();
                view.apply(change.delta);
                feed.view = Arc::new(view);
            }
            Some(base) if base == feed.version => Arc::make_mut(&mut feed.view).apply(change.delta),
            Some(_) => {
                feed.version = 0;
                return false;
            }
        }
        feed.version = change.version;
        feed.epoch = epoch;
        true
    }

    /// Counts versions that were passed over.
    pub fn count_skipped(&mut self, id: u64, count: u32) {
        if let Some(feed) = self.feeds.values_mut().find(|feed| feed.feed == Some(id)) {
            feed.skipped = feed.skipped.saturating_add(u64::from(count));
        }
    }
}

fn typed<T: DeserializeOwned>(document: &Document) -> Result<Arc<T>, SafeText> {
    serde_json::from_value(document.spec.clone()).map(Arc::new).map_err(|error| {
        let id = &document.id;
        SafeText::new(&format!("{id} cannot be shown by this version of ccm: {error}"))
    })
}
