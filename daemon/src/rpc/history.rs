//! Queries over the kept series.

use ccm_proto::convert::ConvertError;
use ccm_proto::model::series::{Range, SeriesSelector};
use ccm_proto::model::{Interval, Timestamp};
use ccm_proto::wire::history_service_server::HistoryService;
use ccm_proto::wire::{
    ListSeriesRequest, ListSeriesResponse, QueryRangeRequest, QueryRangeResponse, SeriesBuckets,
};
use tonic::{Request, Response, Status};

use super::invalid;
use crate::engine::handle::{EngineHandle, QueryError};
use crate::history::HistoryError;

/// The most series of one answer.
const SERIES_MAX: usize = 10_000;

/// The most buckets of one answer, over all its series.
const BUCKETS_MAX: u64 = 1_000_000;

/// Serves history from the engine.
#[derive(Clone)]
pub struct Histories {
    engine: EngineHandle,
}

impl Histories {
    /// Queries go to this engine.
    pub fn new(engine: EngineHandle) -> Self {
        Self { engine }
    }
}

fn selector(selector: Option<ccm_proto::wire::SeriesSelector>) -> Result<SeriesSelector, Status> {
    let selector = selector.unwrap_or_default();
    SeriesSelector::try_from(selector).map_err(|error| invalid(&error.within("selector")))
}

fn range(request: &QueryRangeRequest) -> Result<Range, Status> {
    let wrong =
        |field: &str, problem: &str| Err(invalid(&ConvertError::new(problem).within(field)));
    if request.step_ms == 0 {
        return wrong("step_ms", "must be more than 0");
    }
    if request.end_ms <= request.start_ms {
        return wrong("end_ms", "must be after start_ms");
    }
    Ok(Range {
        start: Timestamp::from_millis(request.start_ms),
        end: Timestamp::from_millis(request.end_ms),
        step: Interval::from_millis(u64::from(request.step_ms)),
    })
}

fn refused(error: &QueryError) -> Status {
    let sentence = error.to_string();
    match error {
        QueryError::Stopped => Status::unavailable(sentence),
        QueryError::History(HistoryError::EmptyRange | HistoryError::TooManyBuckets(..)) => {
            Status::invalid_argument(sentence)
        }
        QueryError::Failed | QueryError::History(_) => Status::internal(sentence),
    }
}

#[tonic::async_trait]
impl HistoryService for Histories {
    async fn list_series(
        &self,
        request: Request<ListSeriesRequest>,
    ) -> Result<Response<ListSeriesResponse>, Status> {
        let request = request.into_inner();
        let limit = match request.limit as usize {
            0 => SERIES_MAX,
            limit => limit.min(SERIES_MAX),
        };
        let mut series = self
            .engine
            .list(selector(request.selector)?, limit + 1)
            .await
            .map_err(|error| refused(&error))?;
        let more = series.len() > limit;
        series.truncate(limit);
        let series = series.iter().map(Into::into).collect();
        Ok(Response::new(ListSeriesResponse { series, more }))
    }

    async fn query_range(
        &self,
        request: Request<QueryRangeRequest>,
    ) -> Result<Response<QueryRangeResponse>, Status> {
        let request = request.into_inner();
        let range = range(&request)?;
        let selector = selector(request.selector)?;
        let series = self
            .engine
            .list(selector.clone(), SERIES_MAX)
            .await
            .map_err(|error| refused(&error))?
            .len() as u64;
        let span = range.end.since(range.start).as_millis();
        let buckets = span.div_ceil(range.step.as_millis()).saturating_mul(series.max(1));
        if buckets > BUCKETS_MAX {
            let problem = format!(
                "asks for {buckets} buckets; take a longer step, a shorter range or fewer series"
            );
            return Err(invalid(&ConvertError::new(problem).within("step_ms")));
        }
        let answer = self.engine.query(selector, range).await.map_err(|error| refused(&error))?;
        let series = answer.iter().map(|(key, buckets)| SeriesBuckets {
            key: Some(key.into()),
            buckets: buckets.iter().map(Into::into).collect(),
        });
        Ok(Response::new(QueryRangeResponse { series: series.collect() }))
    }
}
