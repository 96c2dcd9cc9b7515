//! `ccm source`: tries sources, and shows what they cost and whom they call.

mod trial;

use std::process::ExitCode;

use ccm_proto::SafeText;
use ccm_proto::convert::SourceState;
use ccm_proto::model::{Interval, Kind};
use ccm_proto::wire;
use serde_json::{Value, json};

use super::output::{Output, print, utc};
use super::status::quality;
use super::{CommandError, Connection, EXIT_REFUSED, files};
use crate::cli::{LinkArgs, SourceCallsArgs, SourceCommand, SourcePlanArgs, SourceTestArgs};

/// Runs the command.
pub(super) async fn run(command: SourceCommand, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    match command {
        SourceCommand::List { json } => list(json, link).await,
        SourceCommand::Test(args) => test(&args, link).await,
        SourceCommand::Plan(args) => plan(&args, link).await,
        SourceCommand::Calls(args) => calls(&args, link).await,
    }
}

pub(super) fn pretty(value: &Value) -> Result<String, CommandError> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| CommandError::Usage(format!("no form in JSON: {error}")))?;
    Ok(text + "\n")
}

async fn list(as_json: bool, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let request = wire::ListSourcesRequest { name: String::new() };
    let sources = connection.sources().list_sources(request).await?.into_inner().sources;
    let sources: Vec<SourceState> = sources.into_iter().map(Into::into).collect();
    if as_json {
        let of = |source: &SourceState| {
            json!({
                "name": source.name.as_str(),
                "type": source.source_type.as_str(),
                "quality": quality(source.quality),
                "interval_ms": source.interval.as_millis(),
                "readings": source.readings,
                "failures": source.failures,
                "series": source.series,
                "last_duration_ms": source.last_duration_ms,
                "cause": source.cause.as_ref().map(SafeText::as_str),
            })
        };
        print(&pretty(&sources.iter().map(of).collect())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        Output::table(&["SOURCE", "TYPE", "STATE", "EVERY", "TOOK", "SERIES", "FAILED", "CAUSE"]);
    for source in &sources {
        table.row(&[
            source.name.to_string(),
            source.source_type.to_string(),
            quality(source.quality).to_owned(),
            source.interval.to_string(),
            format!("{:.1} ms", source.last_duration_ms),
            source.series.to_string(),
            source.failures.to_string(),
            source.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    print(&table.to_text())?;
    Ok(ExitCode::SUCCESS)
}

async fn test(args: &SourceTestArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let document = match &args.file {
        Some(file) => {
            let id =
                args.name.clone().map(|name| ccm_proto::model::DocumentId::new(Kind::Source, name));
            let mut documents = files::read(file, id.as_ref())?;
            let one = documents.pop().filter(|_| documents.is_empty());
            Some(one.ok_or_else(|| CommandError::Usage("name one file of a source".to_owned()))?)
        }
        None => None,
    };
    if let Some(document) = document.as_ref().filter(|document| document.id.kind != Kind::Source) {
        return Err(CommandError::Usage(format!("{} is no source", document.id)));
    }
    let places = files::places(document.as_slice());
    let name = document.as_ref().map(|document| document.id.name.clone()).or(args.name.clone());
    let request = wire::TestSourceRequest {
        name: name.map(|name| name.to_string()).unwrap_or_default(),
        toml: document.map(|document| document.text).unwrap_or_default(),
    };
    let connection = Connection::open(link).await?;
    let tested = connection.sources().test_source(request).await;
    let tested = tested.map_err(|error| CommandError::from(error).in_files(&places))?;
    let trial = tested.into_inner();
    let text =
        if args.json { pretty(&trial::json(&trial))? } else { trial::text(&trial, args.full) };
    print(&text)?;
    let failed = !trial.error.is_empty();
    Ok(if failed { ExitCode::from(EXIT_REFUSED) } else { ExitCode::SUCCESS })
}

async fn plan(args: &SourcePlanArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let documents = match &args.file {
        Some(file) => files::read(file, args.id.as_ref())?,
        None => Vec::new(),
    };
    let places = files::places(&documents);
    let text = |document: files::DocumentFile| wire::DocumentText {
        id: Some((&document.id).into()),
        toml: document.text,
    };
    let request = wire::PlanCallsRequest { documents: documents.into_iter().map(text).collect() };
    let connection = Connection::open(link).await?;
    let planned = connection.sources().plan_calls(request).await;
    let planned = planned.map_err(|error| CommandError::from(error).in_files(&places))?;
    let apis = planned.into_inner().apis;
    if args.json {
        print(&pretty(&apis.iter().map(budget_json).collect())?)?;
    } else if apis.is_empty() {
        print("no source calls anybody\n")?;
    } else {
        print(&budgets(&apis))?;
    }
    let exceeds = apis.iter().any(|api| api.exceeds);
    Ok(if exceeds { ExitCode::from(EXIT_REFUSED) } else { ExitCode::SUCCESS })
}

/// What documents would cost, in lines.
pub(super) fn budgets(apis: &[wire::ApiBudget]) -> String {
    let mut text = String::new();
    for api in apis {
        let name = SafeText::new(&api.api);
        let (before, after) = (count(api.calls_per_day_before), count(api.calls_per_day_after));
        text.push_str(&format!("{name}: {after} calls a day (today {before})"));
        if api.calls_per_day_max > 0.0 {
            let (max, share) = (
                count(api.calls_per_day_max),
                api.calls_per_day_after / api.calls_per_day_max * 100.0,
            );
            let why = SafeText::new(&api.max_is);
            text.push_str(&format!(", {share:.1}% of {max} ({why})"));
        }
        text.push_str(if api.exceeds { ": TOO MANY, raise the intervals\n" } else { "\n" });
        let mut table = Output::table(&[]);
        for source in &api.sources {
            table.row(&[
                if source.changes { "  +" } else { "  " }.to_owned(),
                source.name.clone(),
                count(source.calls_per_day),
                source.why.clone(),
            ]);
        }
        text.push_str(table.to_text().trim_start_matches('\n'));
    }
    text
}

/// A count with its thousands apart.
fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.round());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn budget_json(api: &wire::ApiBudget) -> Value {
    let source = |source: &wire::SourceBudget| {
        json!({
            "name": source.name,
            "calls_per_day": source.calls_per_day,
            "why": source.why,
            "changes": source.changes,
        })
    };
    json!({
        "api": api.api,
        "calls_per_day_before": api.calls_per_day_before,
        "calls_per_day_after": api.calls_per_day_after,
        "calls_per_day_max": (api.calls_per_day_max > 0.0).then_some(api.calls_per_day_max),
        "exceeds": api.exceeds,
        "sources": api.sources.iter().map(source).collect::<Vec<_>>(),
    })
}

async fn calls(args: &SourceCallsArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let request = wire::ListCallsRequest {
        source: args.source.as_ref().map(ToString::to_string).unwrap_or_default(),
        limit: args.limit,
    };
    let connection = Connection::open(link).await?;
    let listing = connection.sources().list_calls(request).await?.into_inner();
    if args.json {
        let value = json!({
            "calls": listing.calls.iter().map(call_json).collect::<Vec<_>>(),
            "apis": listing.apis.iter().map(api_json).collect::<Vec<_>>(),
        });
        print(&pretty(&value)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Output::table(&[
        "WHEN", "SOURCE", "STATUS", "TOOK", "BYTES", "FROM", "API", "CALL", "ERROR",
    ]);
    for call in &listing.calls {
        table.row(&[
            utc(call.at_ms),
            call.source.clone(),
            if call.status == 0 { "-".to_owned() } else { call.status.to_string() },
            format!("{:.0} ms", call.latency_ms),
            call.bytes.to_string(),
            call.hit.clone(),
            call.api.clone(),
            format!("{} {}", call.method, call.url),
            call.error.clone(),
        ]);
    }
    let mut text = table.to_text();
    let mut apis = Output::table(&[
        "API",
        "CREDENTIAL",
        "CIRCUIT",
        "CALLS",
        "FAILED",
        "KEPT",
        "UNSENT",
        "WAITING",
        "QUOTA",
        "NOTE",
    ]);
    for api in &listing.apis {
        apis.row(&[
            api.api.clone(),
            if api.credential.is_empty() { "-".to_owned() } else { api.credential.clone() },
            api.breaker.clone(),
            api.calls.to_string(),
            api.failures.to_string(),
            api.hits.to_string(),
            api.unsent.to_string(),
            api.waiting.to_string(),
            quota(api),
            note(api),
        ]);
    }
    text.push('\n');
    text.push_str(&apis.to_text());
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn quota(api: &wire::ApiState) -> String {
    match (api.quota_remaining, api.quota_limit) {
        (Some(left), Some(limit)) => format!("{left} of {limit} left"),
        (Some(left), None) => format!("{left} left"),
        (None, Some(limit)) => format!("of {limit}"),
        (None, None) => "-".to_owned(),
    }
}

fn note(api: &wire::ApiState) -> String {
    let held =
        (api.held_ms > 0).then(|| format!("left alone for {}", Interval::from_millis(api.held_ms)));
    let unusual = (!api.unusual.is_empty()).then(|| api.unusual.clone());
    held.into_iter().chain(unusual).collect::<Vec<_>>().join("; ")
}

fn call_json(call: &wire::CallRecord) -> Value {
    json!({
        "at_ms": call.at_ms,
        "source": call.source,
        "api": call.api,
        "owner": call.owner,
        "credential": (!call.credential.is_empty()).then_some(&call.credential),
        "method": call.method,
        "url": call.url,
        "status": (call.status > 0).then_some(call.status),
        "latency_ms": call.latency_ms,
        "bytes": call.bytes,
        "hit": call.hit,
        "error": (!call.error.is_empty()).then_some(&call.error),
    })
}

fn api_json(api: &wire::ApiState) -> Value {
    json!({
        "api": api.api,
        "credential": (!api.credential.is_empty()).then_some(&api.credential),
        "breaker": api.breaker,
        "calls": api.calls,
        "failures": api.failures,
        "hits": api.hits,
        "unsent": api.unsent,
        "bytes": api.bytes,
        "waiting": api.waiting,
        "quota_limit": api.quota_limit,
        "quota_remaining": api.quota_remaining,
        "quota_reset_ms": (api.quota_reset_ms > 0).then_some(api.quota_reset_ms),
        "held_ms": api.held_ms,
        "unusual": (!api.unusual.is_empty()).then_some(&api.unusual),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_apart() {
        let table = [(0.0, "0"), (999.4, "999"), (1_440.0, "1,440"), (8_640_000.0, "8,640,000")];
        for (number, text) in table {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn a_budget_says_what_is_new_and_what_is_too_much() {
        let source = |name: &str, calls, changes| wire::SourceBudget {
            name: name.to_owned(),
            calls_per_day: calls,
            why: "every 1m".to_owned(),
            changes,
        };
        let api = wire::ApiBudget {
            api: "shop\u{1b}[31m".to_owned(),
            calls_per_day_before: 1_440.0,
            calls_per_day_after: 18_720.0,
            calls_per_day_max: 10_000.0,
            max_is: "per_day of its limits".to_owned(),
            exceeds: true,
            sources: vec![source("balance", 1_440.0, false), source("orders", 17_280.0, true)],
        };
        let text = budgets(&[api]);
        assert!(!text.contains('\u{1b}'));
        assert!(text.contains("18,720 calls a day (today 1,440), 187.2% of 10,000"), "{text}");
        assert!(text.contains("TOO MANY") && text.contains("  +  orders"), "{text}");
    }
}
