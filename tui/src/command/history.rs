//! `ccm history`: the revisions of a document.

use std::process::ExitCode;

use ccm_proto::wire;

use super::output::{Output, print, utc};
use super::{CommandError, Connection};
use crate::cli::{HistoryArgs, LinkArgs};

/// Runs the command.
pub(super) async fn run(args: &HistoryArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let request = wire::HistoryRequest {
        id: Some((&args.id).into()),
        scope: Some(wire::Scope::default()),
        before_revision: 0,
        limit: args.limit,
    };
    let response = connection.documents().history(request).await?.into_inner();
    if args.json {
        print(&json(&response.revisions)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Output::table(&["REV", "WHEN", "BY", "THROUGH", "WHAT", "REASON"]);
    for layer in &response.revisions {
        let provenance = layer.provenance.clone().unwrap_or_default();
        let what = if layer.deleted { "deleted" } else { "written" };
        table.row(&[
            layer.revision.to_string(),
            if provenance.at_ms == 0 { String::new() } else { utc(provenance.at_ms) },
            provenance.actor,
            provenance.manager,
            what.to_owned(),
            provenance.reason,
        ]);
    }
    print(&table.to_text())?;
    if response.more {
        print("… older revisions: raise --limit\n")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn json(revisions: &[wire::Layer]) -> Result<String, CommandError> {
    let value = |layer: &wire::Layer| {
        let provenance = layer.provenance.clone().unwrap_or_default();
        serde_json::json!({
            "revision": layer.revision,
            "generation": layer.generation,
            "deleted": layer.deleted,
            "at_ms": provenance.at_ms,
            "actor": provenance.actor,
            "manager": provenance.manager,
            "reason": provenance.reason,
            "toml": layer.source_toml,
            "spec": serde_json::from_str::<serde_json::Value>(&layer.spec_json).unwrap_or_default(),
        })
    };
    let all: Vec<serde_json::Value> = revisions.iter().map(value).collect();
    let mut text = serde_json::to_string_pretty(&all).map_err(|error| {
        CommandError::Usage(format!("the revisions have no form in JSON: {error}"))
    })?;
    text.push('\n');
    Ok(text)
}
