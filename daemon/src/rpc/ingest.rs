//! Takes reports of values.

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Timestamp, Value};
use ccm_proto::wire;
use ccm_proto::wire::ingest_service_server::IngestService;
use tonic::{Request, Response, Status, Streaming};

use crate::collect::json;
use crate::collect::module::{Directory, NotTaken, Reported, answer};
use crate::collect::push::{Desk, Report, ReportError, Taken};

/// The most reports of one request.
const REPORTS_MAX: usize = 1_000;

/// The deepest that names may lie below names in JSON.
const DEPTH_MAX: usize = 16;

/// Serves the desk for values that others report.
#[derive(Clone)]
pub struct Ingest {
    desk: Desk,
    modules: Directory,
}

impl Ingest {
    /// Reports for this desk, and of these modules.
    pub fn new(desk: Desk, modules: Directory) -> Self {
        Self { desk, modules }
    }

    async fn take(&self, request: wire::ReportRequest) -> Result<Taken, Status> {
        if request.reports.len() + request.modules.len() > REPORTS_MAX {
            let sentence = format!("a request holds at most {REPORTS_MAX} reports; send several");
            return Err(Status::invalid_argument(sentence));
        }
        let reports = request.reports.into_iter().map(report).collect::<Result<_, _>>()?;
        let modules = request.modules.iter().map(|module| self.of_module(module));
        let modules: Vec<(Name, Reported)> = modules.collect::<Result<_, _>>()?;
        let taken = self.desk.report(reports).await.map_err(|error| refused(&error))?;
        for (module, reported) in modules {
            self.modules.report(&module, reported);
        }
        Ok(taken)
    }

    fn of_module(&self, report: &wire::ModuleReport) -> Result<(Name, Reported), Status> {
        let invalid = |error: String| {
            let sentence = format!("module {}: {error}", report.module);
            Status::invalid_argument(SafeText::new(&sentence).to_string())
        };
        let name = Name::new(&report.module).map_err(|error| invalid(error.to_string()))?;
        let manifest = Some(report.manifest_json.as_bytes()).filter(|json| !json.is_empty());
        self.modules.takes(&name, manifest.is_some()).map_err(|error| match error {
            NotTaken::Missing(_) => Status::not_found(error.to_string()),
            _ => Status::failed_precondition(error.to_string()),
        })?;
        let manifest = manifest.map(answer::pushed_manifest).transpose();
        let manifest = manifest.map_err(|error| invalid(error.to_string()))?;
        let health = match report.health_json.as_str() {
            "" => b"{\"status\":\"running\"}",
            json => json.as_bytes(),
        };
        let health = answer::pushed_health(health).map_err(|error| invalid(error.to_string()))?;
        Ok((name, Reported { manifest, health }))
    }
}

#[tonic::async_trait]
impl IngestService for Ingest {
    async fn report(
        &self,
        request: Request<wire::ReportRequest>,
    ) -> Result<Response<wire::ReportResponse>, Status> {
        let taken = self.take(request.into_inner()).await?;
        Ok(Response::new(response(taken)))
    }

    async fn report_stream(
        &self,
        request: Request<Streaming<wire::ReportRequest>>,
    ) -> Result<Response<wire::ReportResponse>, Status> {
        let mut requests = request.into_inner();
        let mut taken = Taken::default();
        while let Some(request) = requests.message().await? {
            taken += self.take(request).await?;
        }
        Ok(Response::new(response(taken)))
    }
}

fn response(taken: Taken) -> wire::ReportResponse {
    wire::ReportResponse { accepted: taken.accepted, outdated: taken.outdated }
}

fn refused(error: &ReportError) -> Status {
    let sentence = SafeText::new(&error.to_string()).to_string();
    match error {
        ReportError::Unknown(_) => Status::not_found(sentence),
        _ => Status::invalid_argument(sentence),
    }
}

fn report(report: wire::Report) -> Result<Report, Status> {
    let invalid = |sentence: String| Status::invalid_argument(SafeText::new(&sentence).to_string());
    let source = Name::new(&report.source).map_err(|error| invalid(error.to_string()))?;
    let mut values: Vec<(String, Value)> =
        report.values.into_iter().map(|value| (value.name, scalar(value.value))).collect();
    if !report.values_json.is_empty() {
        let json = json::parse(report.values_json.as_bytes());
        let json = json.map_err(|error| invalid(format!("values_json: {error}")))?;
        let serde_json::Value::Object(map) = json else {
            return Err(invalid("values_json holds an object, as in {\"total\": 3}".to_owned()));
        };
        for (name, json) in map {
            flatten(name, json, 1, &mut values).map_err(invalid)?;
        }
    }
    let at = (report.at_ms != 0).then(|| Timestamp::from_millis(report.at_ms));
    Ok(Report { source, values, at })
}

fn scalar(scalar: Option<wire::Scalar>) -> Value {
    use wire::scalar::Kind;
    match scalar.and_then(|scalar| scalar.kind) {
        None => Value::Absent,
        Some(Kind::Number(number)) => number.into(),
        Some(Kind::Integer(integer)) => integer.into(),
        Some(Kind::Text(text)) => text.into(),
        Some(Kind::Boolean(boolean)) => boolean.into(),
    }
}

/// Values below names become values of longer names; lists stay whole.
fn flatten(
    path: String,
    json: serde_json::Value,
    depth: usize,
    values: &mut Vec<(String, Value)>,
) -> Result<(), String> {
    let serde_json::Value::Object(map) = json else {
        values.push((path, json::value(json)));
        return Ok(());
    };
    if depth == DEPTH_MAX {
        return Err(format!("names lie deeper than {DEPTH_MAX} below names; report fewer levels"));
    }
    for (name, below) in map {
        flatten(format!("{path}.{name}"), below, depth + 1, values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_report(json: &str) -> wire::Report {
        wire::Report {
            source: "sales".to_owned(),
            values_json: json.to_owned(),
            ..wire::Report::default()
        }
    }

    #[test]
    fn json_becomes_values_by_path() {
        let report =
            report(wire_report(r#"{"total": 3, "by": {"web": 1.5, "ids": [1, 2]}}"#)).unwrap();
        let list = Value::List(vec![1_i64.into(), 2_i64.into()]);
        let wanted = [
            ("total".to_owned(), 3_i64.into()),
            ("by.web".to_owned(), 1.5.into()),
            ("by.ids".to_owned(), list),
        ];
        assert_eq!((report.values, report.at), (wanted.to_vec(), None));
    }

    #[test]
    fn what_is_no_report_says_why() {
        let deep = "{\"a\":".repeat(20) + "1" + &"}".repeat(20);
        let deeper = "{\"a\":".repeat(100_000);
        for (json, part) in [
            ("[1]", "an object"),
            ("{", "not JSON"),
            ("{\"a\": NaN}", "not JSON"),
            (&deep, "deeper"),
            (&deeper, "nested"),
        ] {
            let status = report(wire_report(json)).unwrap_err();
            assert!(status.message().contains(part), "{status}");
        }
        let nameless = wire::Report { source: "No Name".to_owned(), ..wire::Report::default() };
        assert!(report(nameless).is_err());
    }
}
