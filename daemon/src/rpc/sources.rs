//! What the sources are doing, what they cost, and one reading on demand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::{Interval, Kind, Name, SourceSpec, Timestamp};
use ccm_proto::wire::source_service_server::SourceService;
use ccm_proto::wire::{
    self, ListCallsRequest, ListCallsResponse, ListSourcesRequest, ListSourcesResponse,
    PlanCallsRequest, PlanCallsResponse, TestSourceRequest, TestSourceResponse,
};
use tonic::{Request, Response, Status};

use super::system::Facts;
use crate::collect::http::{ApiState, CallRecord, Unusual};
use crate::collect::trial::Trial;
use crate::collect::{Environment, budget, tap, trial};
use crate::engine::event::Configuration;
use crate::registry::Text;
use crate::registry::check::{Spec, check};
use crate::registry::schema;

/// The most numbers of a trial that are listed.
const SAMPLES_MAX: usize = 200;

/// Calls that are listed when nobody says how many.
const CALLS_DEFAULT: usize = 100;

/// The largest tree of a trial that is sent.
const VALUE_MAX_BYTES: usize = 1 << 20;

/// Serves the state of sources.
#[derive(Clone)]
pub struct Sources {
    facts: Arc<Facts>,
    environment: Environment,
}

impl Sources {
    /// Sources as the daemon knows them, and what they are read with.
    pub fn new(facts: Arc<Facts>, environment: Environment) -> Self {
        Self { facts, environment }
    }

    fn configuration(&self) -> Arc<Configuration> {
        Arc::clone(&self.facts.snapshot.borrow().configuration)
    }

    /// What is known of a source that nobody is asked for.
    async fn newest(
        &self,
        name: &Name,
        spec: &Arc<SourceSpec>,
    ) -> Result<TestSourceResponse, Status> {
        let newest = self.facts.engine.newest(name, spec).await;
        let result = newest.map_err(|error| Status::unavailable(error.to_string()))?;
        let read_at_ms = result.as_ref().map_or(0, |reading| reading.at.as_millis());
        let trial = Trial { exchanges: Vec::new(), result, total: Duration::ZERO };
        let mut inputs = self.facts.sources().await;
        let of: BTreeSet<&str> =
            spec.query.iter().flat_map(|query| query.sources()).map(Name::as_str).collect();
        inputs.retain(|source| of.contains(source.name.as_str()));
        Ok(TestSourceResponse { read_at_ms, inputs, ..tested(&trial, spec) })
    }
}

#[tonic::async_trait]
impl SourceService for Sources {
    async fn list_sources(
        &self,
        request: Request<ListSourcesRequest>,
    ) -> Result<Response<ListSourcesResponse>, Status> {
        let name = request.into_inner().name;
        let mut sources = self.facts.sources().await;
        if !name.is_empty() {
            sources.retain(|source| source.name == name);
            if sources.is_empty() {
                return Err(missing(&name));
            }
        }
        Ok(Response::new(ListSourcesResponse { sources }))
    }

    async fn test_source(
        &self,
        request: Request<TestSourceRequest>,
    ) -> Result<Response<TestSourceResponse>, Status> {
        let request = request.into_inner();
        let name = Name::new(&request.name)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let configuration = self.configuration();
        let spec = if request.toml.is_empty() {
            let known = configuration.sources.get(&name).cloned();
            known.ok_or_else(|| missing(&request.name))?
        } else {
            source_of(&request.toml, &format!("source/{name}"))?
        };
        if !spec.source_type.is_collected() {
            return Ok(Response::new(self.newest(&name, &spec).await?));
        }
        let assignment = configuration.assignment(&spec);
        let trial = trial::run(&name, &assignment, &self.environment, &self.facts.clock).await;
        Ok(Response::new(tested(&trial, &spec)))
    }

    async fn plan_calls(
        &self,
        request: Request<PlanCallsRequest>,
    ) -> Result<Response<PlanCallsResponse>, Status> {
        let snapshot = Arc::clone(&self.facts.snapshot.borrow());
        let mut documents = Vec::new();
        for document in request.into_inner().documents {
            let id = document.id.unwrap_or_default();
            let label = format!("{}/{}", id.kind().as_str_name(), id.name);
            let id: ccm_proto::model::DocumentId =
                id.try_into().map_err(|error| super::invalid(&error))?;
            let spec = spec_of(id.kind, &document.toml, &label)?;
            documents.push((id, spec));
        }
        let after = snapshot.configuration_with(documents);
        let apis = budget::compare(&snapshot.configuration, &after);
        let apis = apis.iter().map(api_budget).collect();
        Ok(Response::new(PlanCallsResponse { apis }))
    }

    async fn list_calls(
        &self,
        request: Request<ListCallsRequest>,
    ) -> Result<Response<ListCallsResponse>, Status> {
        let request = request.into_inner();
        let limit = match request.limit {
            0 => CALLS_DEFAULT,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let gateway = &self.environment.gateway;
        let wanted = |call: &CallRecord| {
            request.source.is_empty() || *call.source.as_str() == request.source
        };
        let calls: Vec<CallRecord> = gateway.calls().into_iter().filter(wanted).collect();
        let from = calls.len().saturating_sub(limit);
        let calls = calls.get(from..).unwrap_or_default().iter().map(call_record).collect();
        let apis = gateway.apis().iter().map(api_state).collect();
        Ok(Response::new(ListCallsResponse { calls, apis }))
    }
}

fn missing(name: &str) -> Status {
    let name = SafeText::new(name);
    Status::not_found(format!("there is no source {name}; ccm status lists them"))
}

/// A document's text, typed and checked by itself.
fn spec_of(kind: Kind, toml: &str, label: &str) -> Result<Spec, Status> {
    let unfit = |sentences: Vec<String>| {
        Status::invalid_argument(SafeText::new(&sentences.join("; ")).to_string())
    };
    let parsed = schema::parse(&Text::Toml(toml.to_owned()), label)
        .map_err(|found| unfit(found.iter().map(ToString::to_string).collect()))?;
    check(kind, &parsed.tree).map_err(|problems| {
        let words = |problem| parsed.origin.diagnostic(problem).to_string();
        unfit(problems.iter().map(words).collect())
    })
}

fn source_of(toml: &str, label: &str) -> Result<Arc<SourceSpec>, Status> {
    match spec_of(Kind::Source, toml, label)? {
        Spec::Source(spec) => Ok(spec),
        _ => Err(Status::internal("a source was read as something else")),
    }
}

fn tested(trial: &Trial, spec: &SourceSpec) -> TestSourceResponse {
    let mut response = TestSourceResponse {
        exchanges: trial.exchanges.iter().map(exchange).collect(),
        total_ms: trial.total.as_secs_f64() * 1_000.0,
        ..TestSourceResponse::default()
    };
    match &trial.result {
        Err(error) => response.error = error.to_string(),
        Ok(reading) => {
            let tree = serde_json::to_value(&reading.value).unwrap_or_default();
            let masks = || trial.exchanges.iter().filter_map(|exchange| exchange.mask.as_ref());
            let tree = masks().fold(tree, |tree, mask| mask.tree(tree)).to_string();
            if tree.len() <= VALUE_MAX_BYTES {
                response.value_json = tree;
            } else {
                response.error = format!("the tree has {} bytes, too many to show", tree.len());
            }
            let samples = reading.samples.keys.iter().zip(&reading.samples.values);
            let sample = |(key, value): (&ccm_proto::model::SeriesKey, &f64)| wire::Sample {
                series: {
                    let key = masks().fold(key.to_string(), |key, mask| mask.text(&key));
                    SafeText::new(&key).to_string()
                },
                value: *value,
                unit: SafeText::new(spec.unit(&key.metric).unwrap_or_default()).to_string(),
            };
            response.samples = samples.take(SAMPLES_MAX).map(sample).collect();
            let more = reading.samples.keys.len().saturating_sub(SAMPLES_MAX);
            response.more_samples = u32::try_from(more).unwrap_or(u32::MAX);
        }
    }
    response
}

fn exchange(exchange: &tap::Exchange) -> wire::Exchange {
    wire::Exchange {
        asked: exchange.asked.clone(),
        request_headers: exchange.request_headers.clone(),
        request_body: exchange.request_body.clone(),
        credential: exchange.credential.clone().unwrap_or_default(),
        hit: exchange.hit.to_owned(),
        status: exchange.status.map_or(0, u32::from),
        answer_headers: exchange.answer_headers.clone(),
        answer: exchange.answer.clone(),
        answer_bytes: exchange.answer_bytes,
        phases: (exchange.phases.iter())
            .map(|(name, ms)| wire::Phase { name: (*name).to_owned(), ms: *ms })
            .collect(),
        error: exchange.error.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn call_record(call: &CallRecord) -> wire::CallRecord {
    wire::CallRecord {
        at_ms: call.at.as_millis(),
        source: call.source.to_string(),
        api: call.api.to_string(),
        owner: call.owner.to_string(),
        credential: call.credential.as_deref().unwrap_or_default().to_owned(),
        method: call.method.to_string(),
        url: call.url.to_string(),
        status: call.status.map_or(0, u32::from),
        latency_ms: call.latency_ms,
        bytes: call.bytes,
        hit: call.hit.as_str().to_owned(),
        error: call.error.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn api_state(api: &ApiState) -> wire::ApiState {
    let quota = api.quota;
    wire::ApiState {
        api: api.api.to_string(),
        credential: api.credential.as_deref().unwrap_or_default().to_owned(),
        breaker: api.breaker.to_string(),
        calls: api.usage.calls,
        failures: api.usage.failures,
        hits: api.usage.hits,
        unsent: api.usage.unsent,
        bytes: api.usage.bytes,
        waiting: u32::try_from(api.waiting).unwrap_or(u32::MAX),
        quota_limit: quota.and_then(|quota| quota.limit),
        quota_remaining: quota.and_then(|quota| quota.remaining),
        quota_reset_ms: quota.and_then(|quota| quota.reset).map_or(0, Timestamp::as_millis),
        held_ms: api.held.map_or(0, Interval::as_millis),
        unusual: api.usage.unusual.map_or("", Unusual::as_str).to_owned(),
    }
}

fn api_budget(budget: &budget::ApiBudget) -> wire::ApiBudget {
    let (max, max_is) = budget.max.clone().unwrap_or_default();
    wire::ApiBudget {
        api: budget.api.clone(),
        calls_per_day_before: budget.before,
        calls_per_day_after: budget.after,
        calls_per_day_max: max,
        max_is,
        exceeds: budget.exceeds(),
        sources: (budget.sources.iter())
            .map(|source| wire::SourceBudget {
                name: source.name.to_string(),
                calls_per_day: source.calls,
                why: source.why.clone(),
                changes: source.changes,
            })
            .collect(),
    }
}
