//! The documents that a module offers: its widgets, and the sources that they show.

use std::collections::BTreeMap;

use ccm_proto::model::id::NAME_MAX;
use ccm_proto::model::module::{Manifest, ModuleAddress, ParamValue};
use ccm_proto::model::{DocumentId, Interval, Kind, Name};
use serde_json::{Map, Value as Json, json};

/// How long a source that nobody gave a timeout may take: longer than its shortest interval.
const TIMEOUT: &str = "10s";

/// The documents of a manifest, sources before widgets. Their names begin with the module's; a name
/// that would be too long is cut and told apart by a hash of itself.
///
/// The sources of a module that reports by itself are told their values, those of others ask.
pub fn contributions(
    module: &Name,
    manifest: &Manifest,
    address: &ModuleAddress,
) -> Vec<(DocumentId, Json)> {
    let mut sources: BTreeMap<Name, (Interval, Json)> = BTreeMap::new();
    let mut widgets = Vec::new();
    for offer in &manifest.widgets {
        let Some(source) = source_name(module, &offer.endpoint, &offer.params) else { continue };
        let Some(widget) = joined(module, offer.name.as_str()) else { continue };
        let mut document = offer.widget.clone();
        document.insert("source".to_owned(), json!(source));
        widgets.push((DocumentId::new(Kind::Widget, widget), Json::Object(document)));
        let description =
            manifest.endpoint(&offer.endpoint).and_then(|found| found.description.as_deref());
        let known = sources.get(&source).map(|(interval, _)| *interval);
        let interval = known.map_or(offer.refresh, |known| known.min(offer.refresh));
        let document = match address {
            ModuleAddress::Push => pushed_document(description),
            _ => source_document(module, (&offer.endpoint, &offer.params), description, interval),
        };
        sources.insert(source, (interval, document));
    }
    let sources = sources
        .into_iter()
        .map(|(name, (_, document))| (DocumentId::new(Kind::Source, name), document));
    sources.chain(widgets).collect()
}

fn source_document(
    module: &Name,
    (endpoint, params): (&str, &BTreeMap<String, ParamValue>),
    description: Option<&str>,
    interval: Interval,
) -> Json {
    let mut config = Map::new();
    config.insert("name".to_owned(), json!(module));
    config.insert("endpoint".to_owned(), json!(endpoint));
    if !params.is_empty() {
        config.insert("params".to_owned(), json!(params));
    }
    let mut document = Map::new();
    document.insert("type".to_owned(), json!("module"));
    if let Some(description) = description {
        document.insert("description".to_owned(), json!(description));
    }
    document.insert("interval".to_owned(), json!(interval));
    document.insert("timeout".to_owned(), json!(TIMEOUT));
    document.insert("module".to_owned(), Json::Object(config));
    Json::Object(document)
}

fn pushed_document(description: Option<&str>) -> Json {
    let mut document = Map::new();
    document.insert("type".to_owned(), json!("push"));
    if let Some(description) = description {
        document.insert("description".to_owned(), json!(description));
    }
    Json::Object(document)
}

/// The name of the source of an endpoint: the path with `-` for `/`, and a hash of the parameters
/// when there are any.
fn source_name(
    module: &Name,
    endpoint: &str,
    params: &BTreeMap<String, ParamValue>,
) -> Option<Name> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let words = endpoint.split(|c: char| !plain(c)).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    if slug.is_empty() {
        slug.push_str("root");
    }
    if !params.is_empty() {
        slug.push('-');
        slug.push_str(&short_hash(&json!(params).to_string()));
    }
    joined(module, &slug)
}

/// Eight hexadecimal digits that stand for a text.
fn short_hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(8).collect()
}

fn joined(module: &Name, rest: &str) -> Option<Name> {
    let whole = format!("{module}-{rest}");
    if whole.len() <= NAME_MAX {
        return Name::new(&whole).ok();
    }
    let hash = short_hash(&whole);
    let kept: String = whole.chars().take(NAME_MAX - 1 - hash.len()).collect();
    Name::new(&format!("{kept}-{hash}")).ok()
}
