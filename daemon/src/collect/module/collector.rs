//! Readings of a source that asks a module.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::module::METRICS_PATH;
use ccm_proto::model::source::{ModuleConfig, Param};
use ccm_proto::model::{Interval, Name, Reading, Samples, Timestamp};
use futures_util::future::BoxFuture;
use url::form_urlencoded;

use super::answer;
use super::directory::{Directory, Interest, Known, Registration};
use super::way::{Answer, Asked, Purpose, Way, WayError};
use crate::collect::{CollectError, Fetch, Moment, Retry};

/// The longest path with its query: what servers commonly take.
const PATH_MAX: usize = 8 << 10;

/// The longest pause that a module can ask for.
const RETRY_AFTER_MAX: Interval = Interval::from_secs(3_600);

/// Why a source has no data of its module: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// No document names it.
    #[error("there is no module {0}; apply a document modules/{0}.toml")]
    Missing(Name),
    /// It does not run or does not work.
    #[error("the module {name} is {state}: {reason}")]
    Unavailable {
        /// The module.
        name: Name,
        /// How it is.
        state: &'static str,
        /// Why, with a remedy.
        reason: SafeText,
    },
    /// It answered something else.
    #[error("the module {name} gave no data: {cause}; see ccm source test")]
    Answer {
        /// The module.
        name: Name,
        /// Why.
        cause: SafeText,
    },
    /// The parameters are too many.
    #[error("the request to {0} is longer than {PATH_MAX} bytes; send fewer parameters")]
    TooLong(Name),
    /// It offers no metrics or events.
    #[error("the module {name} offers no {what}; leave `{what} = true` out")]
    NotOffered {
        /// The module.
        name: Name,
        /// `metrics` or `events`.
        what: &'static str,
    },
}

/// Makes a reading of a good answer: JSON of an endpoint, or the text of metrics.
pub type Digest = Box<dyn FnMut(&Answer, Moment) -> Result<Reading, CollectError> + Send>;

/// Fills in parameters at a moment: names and values as they stand in a query.
pub type Fill = Box<
    dyn Fn(&BTreeMap<String, Param>, Timestamp) -> Result<Vec<(String, String)>, CollectError>
        + Send,
>;

/// Reads a source of the type `module`.
pub struct ModuleCollector {
    source: Name,
    config: ModuleConfig,
    timeout: Interval,
    directory: Directory,
    _registration: Registration,
    way: Arc<dyn Way>,
    fill: Fill,
    digest: Digest,
}

impl ModuleCollector {
    /// A collector of a source, which from now on hears when its data has changed.
    pub fn new(
        source: Name,
        config: ModuleConfig,
        timeout: Interval,
        (directory, way): (Directory, Arc<dyn Way>),
        (fill, digest): (Fill, Digest),
    ) -> Self {
        let interest = Interest {
            module: config.name.clone(),
            endpoint: config.endpoint.clone(),
            events: config.events,
        };
        Self {
            _registration: directory.register(&source, interest),
            source,
            config,
            timeout,
            directory,
            way,
            fill,
            digest,
        }
    }

    async fn read(&mut self, moment: Moment) -> Result<Reading, CollectError> {
        let name = &self.config.name;
        let known = self
            .directory
            .known(name)
            .ok_or_else(|| of_module(&ModuleError::Missing(name.clone()), Retry::Backoff))?;
        self.check(&known)?;
        if self.config.events {
            return Ok(self.events(moment));
        }
        let (path, accept) = if let Some(endpoint) = &self.config.endpoint {
            (self.path(endpoint, moment.at)?, "application/json")
        } else {
            let manifest = known.manifest.as_deref();
            let named = manifest.and_then(|manifest| manifest.metrics.as_deref());
            let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.9";
            (named.unwrap_or(METRICS_PATH).to_owned(), accept)
        };
        let asked = Asked {
            source: self.source.clone(),
            module: self.config.name.clone(),
            spec: known.spec,
            path,
            accept,
            timeout: self.timeout,
            purpose: Purpose::Data,
        };
        let answer = self.way.get(asked).await.map_err(|error| self.unreached(&error))?;
        let body = if self.config.metrics { answer::body(&answer) } else { answer::json(&answer) };
        body.map_err(|error| self.refused(&error.to_string(), &answer))?;
        (self.digest)(&answer, moment)
    }

    /// Whether the module can be asked at all.
    fn check(&self, known: &Known) -> Result<(), CollectError> {
        let name = self.config.name.clone();
        let standing = &known.standing;
        if !standing.state.is_asked() {
            let (state, reason) = (standing.state.as_str(), standing.reason.clone());
            let error = ModuleError::Unavailable { name, state, reason };
            // Its watcher has the source asked at once when it is back.
            return Err(of_module(&error, Retry::Backoff));
        }
        let Some(manifest) = known.manifest.as_deref() else { return Ok(()) };
        let what = match (self.config.metrics, self.config.events) {
            (true, _) if manifest.metrics.is_none() => "metrics",
            (_, true) if manifest.events.is_none() => "events",
            _ => return Ok(()),
        };
        Err(of_module(&ModuleError::NotOffered { name, what }, Retry::Backoff))
    }

    fn path(&self, endpoint: &str, at: Timestamp) -> Result<String, CollectError> {
        let pairs = (self.fill)(&self.config.params, at)?;
        if pairs.is_empty() {
            return Ok(endpoint.to_owned());
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        let path = format!("{endpoint}?{}", query.finish());
        if path.len() > PATH_MAX {
            let error = ModuleError::TooLong(self.config.name.clone());
            return Err(of_module(&error, Retry::Hold));
        }
        Ok(path)
    }

    fn events(&self, moment: Moment) -> Reading {
        Reading {
            source: self.source.clone(),
            at: moment.at,
            value: self.directory.events(&self.config.name),
            samples: Samples::none(),
        }
    }

    fn unreached(&self, error: &WayError) -> CollectError {
        let name = self.config.name.clone();
        let cause = SafeText::from(error.to_string());
        of_module(&ModuleError::Answer { name, cause }, Retry::Backoff)
    }

    fn refused(&self, cause: &str, answer: &Answer) -> CollectError {
        let name = self.config.name.clone();
        let retry = match answer.retry_after {
            Some(after) => Retry::After(after.min(RETRY_AFTER_MAX)),
            None => Retry::Backoff,
        };
        of_module(&ModuleError::Answer { name, cause: SafeText::new(cause) }, retry)
    }
}

fn of_module(error: &ModuleError, retry: Retry) -> CollectError {
    CollectError::Source { cause: SafeText::from(error.to_string()), retry }
}

impl Fetch for ModuleCollector {
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        Box::pin(self.read(moment))
    }
}
