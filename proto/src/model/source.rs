//! Sources: where readings come from, as people write it in documents.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DocumentId, Interval, Kind, Name};

pub mod exec;
pub mod external_api;
pub mod extract;
pub mod module;
pub mod param;
pub mod probe;
pub mod prometheus;
pub mod push;
pub mod query;
pub mod system;

pub use exec::ExecConfig;
pub use external_api::ExternalApiConfig;
pub use extract::{AnswerFormat, Extract};
pub use module::ModuleConfig;
pub use param::Param;
pub use probe::ProbeConfig;
pub use prometheus::PrometheusConfig;
pub use push::PushConfig;
pub use query::QueryConfig;
pub use system::SystemConfig;

/// The shortest interval of a source.
pub const INTERVAL_MIN: Interval = Interval::from_millis(100);

/// A problem that the types alone cannot refuse: the field's path and one sentence.
pub type Problem = (String, String);

/// A source's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// What gives the readings.
    #[serde(rename = "type")]
    pub source_type: SourceType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How often it is read; as its connector's endpoint says, else as is usual for its type, when
    /// not given. What computes or is told its values calls it how often it is expected to have a
    /// new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// How long one reading may take; the interval, but at least 1s, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Interval>,
    /// False keeps the document and stops the readings.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Values that stand for `$name` in parameters; a widget may give others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Param>,
    /// What is taken out of an answer; the whole answer when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract: Option<Box<Extract>>,
    /// Options of a `system` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Box<SystemConfig>>,
    /// Options of a `module` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Box<ModuleConfig>>,
    /// Options of an `external_api` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_api: Option<Box<ExternalApiConfig>>,
    /// Options of a `prometheus` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Box<PrometheusConfig>>,
    /// Options of an `exec` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Box<ExecConfig>>,
    /// Options of a `probe` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Box<ProbeConfig>>,
    /// Options of a `push` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushConfig>,
    /// Options of a `query` source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Box<QueryConfig>>,
}

fn yes() -> bool {
    true
}

/// What gives the readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// The machine that the daemon runs on.
    System,
    /// The daemon itself.
    Daemon,
    /// A program that speaks the module contract.
    Module,
    /// A service's HTTP interface.
    ExternalApi,
    /// A target that gives metrics as Prometheus text, or a server that answers PromQL.
    Prometheus,
    /// A command.
    Exec,
    /// Whether something answers, and how.
    Probe,
    /// Values that others report.
    Push,
    /// Values derived from other sources.
    Query,
}

impl SourceType {
    /// Every type.
    pub const ALL: [Self; 9] = [
        Self::System,
        Self::Daemon,
        Self::Module,
        Self::ExternalApi,
        Self::Prometheus,
        Self::Exec,
        Self::Probe,
        Self::Push,
        Self::Query,
    ];

    /// The word for it in documents, which is the name of its section too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Daemon => "daemon",
            Self::Module => "module",
            Self::ExternalApi => "external_api",
            Self::Prometheus => "prometheus",
            Self::Exec => "exec",
            Self::Probe => "probe",
            Self::Push => "push",
            Self::Query => "query",
        }
    }

    /// How often a source is read when neither it nor a connector says: what others serve is asked
    /// more seldom than what is at hand.
    pub const fn usual_interval(self) -> Interval {
        match self {
            Self::System | Self::Daemon | Self::Exec | Self::Push | Self::Query => {
                Interval::from_secs(1)
            }
            Self::Prometheus | Self::Probe => Interval::from_secs(15),
            Self::Module | Self::ExternalApi => Interval::from_secs(60),
        }
    }

    /// Whether it is asked for its readings; others are told or derived.
    pub const fn is_collected(self) -> bool {
        !matches!(self, Self::Push | Self::Query)
    }

    /// Whether a document says nothing without the section of this type.
    const fn needs_section(self) -> bool {
        !matches!(self, Self::System | Self::Daemon | Self::Push)
    }

    /// Whether its answers are trees that `[extract]` can take values out of.
    const fn has_extract(self) -> bool {
        matches!(self, Self::Module | Self::ExternalApi | Self::Exec)
    }
}

impl SourceSpec {
    /// What the numbers of a metric count, where the document says it.
    pub fn unit(&self, metric: &str) -> Option<&str> {
        let taken = self.extract.as_ref().and_then(|extract| extract.unit(metric));
        let computed = || self.query.as_ref()?.values.get(metric)?.unit();
        taken.or_else(computed)
    }

    /// A source of a type, with everything else as it is when nothing is said.
    pub fn new(source_type: SourceType) -> Self {
        Self {
            source_type,
            description: None,
            interval: None,
            timeout: None,
            enabled: true,
            variables: BTreeMap::new(),
            extract: None,
            system: None,
            module: None,
            external_api: None,
            prometheus: None,
            exec: None,
            probe: None,
            push: None,
            query: None,
        }
    }

    /// How often it is read. What a connector says has a place here only in a source that is
    /// settled, as the engine has them.
    pub fn effective_interval(&self) -> Interval {
        self.interval.unwrap_or_else(|| self.source_type.usual_interval())
    }

    /// How long one reading may take.
    pub fn effective_timeout(&self) -> Interval {
        self.timeout.unwrap_or_else(|| self.effective_interval().max(Interval::from_secs(1)))
    }

    /// The documents that it needs.
    pub fn references(&self) -> BTreeSet<DocumentId> {
        let connector = self.external_api.as_ref().and_then(|api| api.connector.as_ref());
        let to = |kind, name: &Name| DocumentId::new(kind, name.clone());
        let connectors = connector.into_iter().map(|name| to(Kind::Connector, name));
        let inputs = self.query.as_deref().into_iter().flat_map(QueryConfig::sources);
        let modules = self.module.iter().map(|module| to(Kind::Module, &module.name));
        connectors.chain(modules).chain(inputs.map(|name| to(Kind::Source, name))).collect()
    }

    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.interval.is_some_and(|interval| interval < INTERVAL_MIN) {
            problems
                .push(("interval".to_owned(), format!("an interval is at least {INTERVAL_MIN}")));
        }
        if self.timeout.is_some_and(Interval::is_zero) {
            problems.push(("timeout".to_owned(), "a timeout is more than no time".to_owned()));
        }
        self.section_problems(&mut problems);
        if let Some(extract) = &self.extract {
            let own = self.source_type.as_str();
            if self.source_type.has_extract() {
                problems.extend(within("extract", extract.problems()));
            } else {
                let sentence = format!("a {own} source has no [extract] section");
                problems.push(("extract".to_owned(), sentence));
            }
            if self.exec.as_ref().is_some_and(|exec| exec.format != exec::ExecFormat::Json) {
                let sentence = "[extract] goes with format = \"json\" of [exec], and says what other \
                    text is by its own format; leave one of them out";
                problems.push(("extract".to_owned(), sentence.to_owned()));
            }
            if self.source_type == SourceType::Module && extract.format != AnswerFormat::Json {
                let sentence = "the module contract answers in JSON; leave the format out";
                problems.push(("extract.format".to_owned(), sentence.to_owned()));
            }
        }
        problems
    }

    /// The section of the type must be there, no other may, and each has rules of its own.
    fn section_problems(&self, problems: &mut Vec<Problem>) {
        let sections: [(SourceType, bool, Vec<Problem>); 8] = [
            (SourceType::System, self.system.is_some(), Vec::new()),
            (
                SourceType::Module,
                self.module.is_some(),
                own(self.module.as_deref().map(ModuleConfig::problems)),
            ),
            (
                SourceType::ExternalApi,
                self.external_api.is_some(),
                own(self.external_api.as_deref().map(ExternalApiConfig::problems)),
            ),
            (
                SourceType::Prometheus,
                self.prometheus.is_some(),
                own(self.prometheus.as_deref().map(PrometheusConfig::problems)),
            ),
            (
                SourceType::Exec,
                self.exec.is_some(),
                own(self.exec.as_deref().map(ExecConfig::problems)),
            ),
            (
                SourceType::Probe,
                self.probe.is_some(),
                own(self.probe.as_deref().map(ProbeConfig::problems)),
            ),
            (
                SourceType::Push,
                self.push.is_some(),
                own(self.push.as_ref().map(PushConfig::problems)),
            ),
            (
                SourceType::Query,
                self.query.is_some(),
                own(self.query.as_deref().map(QueryConfig::problems)),
            ),
        ];
        for (section, given, own) in sections {
            let name = section.as_str();
            if section != self.source_type && given {
                let own = self.source_type.as_str();
                let sentence = format!("a {own} source has no [{name}] section");
                problems.push((name.to_owned(), sentence));
            } else if section == self.source_type && !given && section.needs_section() {
                let sentence = format!("a {name} source needs a [{name}] section");
                problems.push((name.to_owned(), sentence));
            }
            problems.extend(within(name, own));
        }
    }
}

fn own(problems: Option<Vec<Problem>>) -> Vec<Problem> {
    problems.unwrap_or_default()
}

/// Problems of a section, with their paths from the document's root.
fn within(section: &str, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |(path, sentence)| match path.as_str() {
        "" => (section.to_owned(), sentence),
        path => (format!("{section}.{path}"), sentence),
    })
}

#[cfg(test)]
mod tests;
