//! `ccm module`: what modules are, what they ask and tell each other, and one ask on demand.

use std::process::ExitCode;

use ccm_proto::wire::{self, ModuleRights, ModuleStatus, ModuleTraffic};
use serde_json::{Value, json};

use super::error::Refusal;
use super::output::{Output, print, utc};
use super::source::pretty;
use super::{CommandError, Connection};
use crate::cli::{LinkArgs, ModuleAskArgs, ModuleCommand, ModuleReportArgs};

/// Runs the command.
pub(super) async fn run(command: ModuleCommand, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    match command {
        ModuleCommand::List { json } => list(json, link).await,
        ModuleCommand::Show { name, json } => show(name.as_str(), json, link).await,
        ModuleCommand::Ask(args) => ask(&args, link).await,
        ModuleCommand::Report(args) => report(&args, link).await,
    }
}

async fn modules(name: &str, link: &LinkArgs) -> Result<Vec<ModuleStatus>, CommandError> {
    let connection = Connection::open(link).await?;
    let request = wire::ListModulesRequest { name: name.to_owned() };
    Ok(connection.modules().list_modules(request).await?.into_inner().modules)
}

async fn list(as_json: bool, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let modules = modules("", link).await?;
    if as_json {
        print(&pretty(&modules.iter().map(module_json).collect())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if modules.is_empty() {
        print("there are no modules; docs/modules.md says how to make one known\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Output::table(&[
        "MODULE", "STATE", "VERSION", "ASKED", "ANSWERED", "TOLD", "HEARD", "DROPPED", "REFUSED",
        "WHY",
    ]);
    for module in &modules {
        let traffic = module.traffic.clone().unwrap_or_default();
        table.row(&[
            module.name.clone(),
            module.state.clone(),
            dash(&module.version),
            traffic.asks.to_string(),
            traffic.answered.to_string(),
            traffic.published.to_string(),
            traffic.delivered.to_string(),
            traffic.dropped.to_string(),
            traffic.refused.to_string(),
            module.reason.clone(),
        ]);
    }
    print(&table.to_text())?;
    Ok(ExitCode::SUCCESS)
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

async fn show(name: &str, as_json: bool, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    for module in modules(name, link).await? {
        let text = if as_json { pretty(&module_json(&module))? } else { described(&module) };
        print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A module in lines.
fn described(module: &ModuleStatus) -> String {
    let ModuleStatus { name, state, address, .. } = module;
    let (title, version) = (dash(&module.title), dash(&module.version));
    let mut text = format!("{name}: {title} {version}, {state}: {}\n", module.reason);
    let place = if address == "push" { "reports by itself" } else { &format!("at {address}") };
    text.push_str(&format!("  {place}, {state} since {}\n", utc(module.since_ms)));
    let wants = module.wants.clone().unwrap_or_default();
    let grants = module.grants.clone().unwrap_or_default();
    let mut line = |what: &str, items: &[String]| {
        if !items.is_empty() {
            text.push_str(&format!("  {what}: {}\n", items.join(", ")));
        }
    };
    line("asks to be allowed", &module.permissions);
    line("answers others", &module.answers);
    line("wants to ask", &wants.ask);
    line("may ask", &grants.ask);
    line("publishes", &wants.publish);
    line("may publish", &grants.publish);
    line("wants to hear", &wants.subscribe);
    line("may hear", &grants.subscribe);
    let traffic = module.traffic.clone().unwrap_or_default();
    text.push_str(&format!(
        "  asked {} times ({} failed), answered {}, told {}, heard {}; {} dropped, {} refused\n",
        traffic.asks + traffic.asks_failed,
        traffic.asks_failed,
        traffic.answered,
        traffic.published,
        traffic.delivered,
        traffic.dropped,
        traffic.refused,
    ));
    if !traffic.refusal.is_empty() {
        text.push_str(&format!("  last refused: {}\n", traffic.refusal));
    }
    if !module.missing.is_empty() {
        text.push_str(&format!("  not granted; modules/{name}.toml could say:\n"));
        module.missing.iter().for_each(|missing| text.push_str(&format!("    {missing}\n")));
    }
    text
}

async fn ask(args: &ModuleAskArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let request = wire::AskModuleRequest {
        from: args.from.to_string(),
        to: args.to.to_string(),
        path: args.path.clone(),
    };
    let connection = Connection::open(link).await?;
    let reply = connection.modules().ask_module(request).await?.into_inner();
    if reply.data_json.is_empty() {
        let sentence = format!("{} ({}): {}", reply.title, reply.status, reply.detail);
        let refusal = Refusal { sentence, details: Vec::new(), conflict: None };
        return Err(CommandError::Refused(Box::new(refusal)));
    }
    let data: Value = serde_json::from_str(&reply.data_json)
        .map_err(|error| CommandError::Usage(format!("the daemon's answer: {error}")))?;
    print(&pretty(&data)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn report(args: &ModuleReportArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let manifest_json = match &args.manifest {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| CommandError::io(format!("cannot read {}", file.display()), error))?,
        None => String::new(),
    };
    let mut health = json!({ "status": args.status });
    if let Some(detail) = &args.detail {
        health["detail"] = json!(detail);
    }
    let (module, health_json) = (args.name.to_string(), health.to_string());
    let report = wire::ModuleReport { module, manifest_json, health_json };
    let request = wire::ReportRequest { reports: Vec::new(), modules: vec![report] };
    Connection::open(link).await?.ingest().report(request).await?;
    print("reported\n")?;
    Ok(ExitCode::SUCCESS)
}

fn rights_json(rights: Option<&ModuleRights>) -> Value {
    let rights = rights.cloned().unwrap_or_default();
    json!({ "ask": rights.ask, "publish": rights.publish, "subscribe": rights.subscribe })
}

fn traffic_json(traffic: &ModuleTraffic) -> Value {
    json!({
        "asks": traffic.asks,
        "asks_failed": traffic.asks_failed,
        "answered": traffic.answered,
        "published": traffic.published,
        "refused": traffic.refused,
        "delivered": traffic.delivered,
        "dropped": traffic.dropped,
        "refusal": (!traffic.refusal.is_empty()).then_some(&traffic.refusal),
    })
}

fn module_json(module: &ModuleStatus) -> Value {
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    json!({
        "name": module.name,
        "id": given(&module.id),
        "title": given(&module.title),
        "version": given(&module.version),
        "state": module.state,
        "reason": module.reason,
        "since_ms": module.since_ms,
        "address": module.address,
        "permissions": module.permissions,
        "wants": rights_json(module.wants.as_ref()),
        "answers": module.answers,
        "grants": rights_json(module.grants.as_ref()),
        "missing": module.missing,
        "traffic": traffic_json(&module.traffic.clone().unwrap_or_default()),
    })
}
