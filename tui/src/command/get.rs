//! `ccm get`: shows documents.

use std::process::ExitCode;

use ccm_proto::model::document::canonical;
use ccm_proto::model::{Document, Kind};
use ccm_proto::wire;

use super::output::{Output, print, utc};
use super::{CommandError, Connection};
use crate::cli::{self, GetArgs, GetOutput, LinkArgs};

/// A document, and the layer of the platform as it was written.
pub(super) struct Entry {
    pub document: Document,
    pub layer: Option<wire::Layer>,
}

impl Entry {
    /// The document as a file would hold it: the text it was written as, comments and all, when
    /// that is the whole document, or else the effective value.
    pub(super) fn to_toml(&self) -> Result<String, CommandError> {
        let written = self.layer.as_ref().filter(|layer| !layer.source_toml.is_empty());
        if let Some(layer) = written.filter(|layer| says_it_all(layer, &self.document)) {
            return Ok(layer.source_toml.clone());
        }
        toml::to_string_pretty(&self.document.spec).map_err(|error| self.no_form(&error))
    }

    /// What the platform's own layer says, as it was written where that is known. None where only
    /// what is shipped is there.
    pub(super) fn layer_toml(&self) -> Result<Option<String>, CommandError> {
        let Some(layer) = self.layer.as_ref().filter(|layer| layer.revision > 0) else {
            return Ok(None);
        };
        if !layer.source_toml.is_empty() {
            return Ok(Some(layer.source_toml.clone()));
        }
        let spec: serde_json::Value =
            serde_json::from_str(&layer.spec_json).map_err(|error| self.no_form(&error))?;
        toml::to_string_pretty(&spec).map(Some).map_err(|error| self.no_form(&error))
    }

    fn no_form(&self, error: &dyn std::fmt::Display) -> CommandError {
        CommandError::Usage(format!("{} has no form in TOML: {error}", self.document.id))
    }

    /// The revision to base a change on.
    pub(super) fn revision(&self) -> u64 {
        self.layer.as_ref().map_or(0, |layer| layer.revision)
    }
}

/// Whether a layer by itself is the document. How it lies over others is not part of the document.
fn says_it_all(layer: &wire::Layer, document: &Document) -> bool {
    let spec = serde_json::from_str::<serde_json::Value>(&layer.spec_json);
    let Ok(serde_json::Value::Object(mut spec)) = spec else { return false };
    spec.remove("layer");
    canonical(&spec.into()) == canonical(&document.spec)
}

/// Fetches the effective documents of a kind and name, or of all.
pub(super) async fn fetch(
    connection: &Connection,
    kind: Option<Kind>,
    name: Option<&str>,
) -> Result<Vec<Entry>, CommandError> {
    let request = wire::GetRequest {
        kind: kind.map_or(wire::Kind::Unspecified, Into::into).into(),
        name: name.unwrap_or_default().to_owned(),
        scope: Some(wire::Scope::default()),
    };
    let response = connection.documents().get(request).await?.into_inner();
    let mut entries = Vec::with_capacity(response.documents.len());
    for entry in response.documents {
        let effective =
            entry.effective.ok_or_else(|| CommandError::Link("an entry is empty".to_owned()))?;
        let document =
            Document::try_from(effective).map_err(|error| CommandError::Link(error.to_string()))?;
        entries.push(Entry { document, layer: entry.layer });
    }
    Ok(entries)
}

/// Runs the command.
pub(super) async fn run(args: &GetArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let (kind, name) = cli::selection(args).map_err(CommandError::Usage)?;
    let connection = Connection::open(link).await?;
    let entries =
        fetch(&connection, kind, name.as_ref().map(ccm_proto::model::Name::as_str)).await?;
    let default = if name.is_some() { GetOutput::Toml } else { GetOutput::Table };
    let text = match args.output.unwrap_or(default) {
        GetOutput::Table => table(&entries),
        GetOutput::Toml => many_toml(&entries)?,
        GetOutput::Json => json(&entries, name.is_some())?,
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Entry]) -> String {
    let mut table = Output::table(&["KIND", "NAME", "TITLE", "REV", "BY", "WHEN", "REASON"]);
    for entry in entries {
        let title =
            entry.document.spec.get("title").and_then(|title| title.as_str()).unwrap_or_default();
        let newest = entry.document.layers.last();
        let provenance = newest.map(|layer| &layer.provenance);
        let shipped = provenance.is_some_and(|provenance| provenance.manager == "builtin");
        let revision = newest.map_or(0, |layer| layer.revision).to_string();
        let at = provenance.map_or(0, |provenance| provenance.at.as_millis());
        table.row(&[
            entry.document.id.kind.to_string(),
            entry.document.id.name.to_string(),
            title.to_owned(),
            if shipped { "shipped".to_owned() } else { revision },
            provenance.map_or_else(String::new, |provenance| provenance.actor.clone()),
            if shipped || at == 0 { String::new() } else { utc(at) },
            if shipped {
                String::new()
            } else {
                provenance.map_or_else(String::new, |p| p.reason.clone())
            },
        ]);
    }
    table.to_text()
}

fn many_toml(entries: &[Entry]) -> Result<String, CommandError> {
    let mut text = String::new();
    for entry in entries {
        if entries.len() > 1 {
            if !text.is_empty() {
                text.push('\n');
            }
            let id = &entry.document.id;
            text.push_str(&format!("# ---- {}/{}.toml\n", id.kind.directory(), id.name));
        }
        text.push_str(&entry.to_toml()?);
    }
    Ok(text)
}

fn json(entries: &[Entry], single: bool) -> Result<String, CommandError> {
    let value = |entry: &Entry| {
        let layers: Vec<serde_json::Value> = entry
            .document
            .layers
            .iter()
            .filter_map(|layer| serde_json::to_value(layer).ok())
            .collect();
        serde_json::json!({
            "kind": entry.document.id.kind,
            "name": entry.document.id.name,
            "revision": entry.revision(),
            "spec": entry.document.spec,
            "layers": layers,
        })
    };
    let all = match entries {
        [entry] if single => value(entry),
        entries => entries.iter().map(value).collect(),
    };
    let mut text = serde_json::to_string_pretty(&all).map_err(|error| {
        CommandError::Usage(format!("the documents have no form in JSON: {error}"))
    })?;
    text.push('\n');
    Ok(text)
}
