//! What lies on disk: connectors, recorded answers, and what services ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ccm_daemon::packs::DOCUMENTS;
use ccm_proto::model::source::Param;
use ccm_proto::model::{ConnectorSpec, Kind, Name};
use serde::Deserialize;
use serde_json::Value;

/// Every connector that comes with the program.
pub(crate) fn connectors() -> Vec<(Name, ConnectorSpec)> {
    let shipped = DOCUMENTS.iter().filter(|document| document.kind == Kind::Connector);
    let read = |name: &str, text: &str| {
        let tree: Value = toml::from_str(text).unwrap();
        let spec = serde_json::from_value(tree);
        (Name::new(name).unwrap(), spec.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    shipped.map(|document| read(document.name, document.toml)).collect()
}

fn folder(connector: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/packs/fixtures").join(connector)
}

fn json(connector: &str, file: &str) -> Option<Value> {
    let path = folder(connector).join(file);
    let text = std::fs::read_to_string(&path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The recorded pages of an endpoint; one where there is no pagination.
pub(crate) fn pages(connector: &str, endpoint: &str) -> Vec<Value> {
    if let Some(only) = json(connector, &format!("{endpoint}.json")) {
        return vec![only];
    }
    (1..).map_while(|number| json(connector, &format!("{endpoint}.page{number}.json"))).collect()
}

/// The headers of a service's answers.
pub(crate) fn headers(connector: &str) -> BTreeMap<String, String> {
    let headers = json(connector, "headers.json").unwrap_or_else(|| panic!("{connector}: headers"));
    serde_json::from_value(headers).unwrap()
}

/// The files of a connector's folder that belong to no endpoint.
pub(crate) fn strangers(connector: &str, endpoints: &[&str]) -> Vec<String> {
    let files = std::fs::read_dir(folder(connector)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let known = |name: &str| {
        let endpoint = name.split('.').next().unwrap_or_default();
        ["headers.json", "service.toml"].contains(&name) || endpoints.contains(&endpoint)
    };
    names.filter(|name| !known(name)).collect()
}

/// What a service asks of requests, apart from what its connector says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// A credential of one secret, as people keep it.
    pub(crate) secret: Option<String>,
    /// The path that its addresses begin with.
    #[serde(default)]
    pub(crate) prefix: String,
    /// Headers that must be there; `*` stands for any value.
    #[serde(default)]
    pub(crate) require: BTreeMap<String, String>,
    /// Query parameters of every request.
    #[serde(default)]
    pub(crate) query: BTreeMap<String, String>,
    /// User and password.
    pub(crate) basic: Option<Account>,
    /// Where tokens are given.
    pub(crate) token: Option<Token>,
    /// The header that counts down.
    pub(crate) remaining: Option<String>,
    pub(crate) endpoints: BTreeMap<String, Asked>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) secret: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) path: String,
    pub(crate) user: String,
    pub(crate) secret: String,
    pub(crate) refresh: Option<String>,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) gives: String,
}

/// What an endpoint asks for. Forms are told in `form.rs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    #[serde(default = "get")]
    pub(crate) method: String,
    pub(crate) path: String,
    /// What a source says.
    #[serde(default)]
    pub(crate) given: BTreeMap<String, Param>,
    #[serde(default)]
    pub(crate) params: BTreeMap<String, String>,
    /// Forms by JSON pointer.
    #[serde(default)]
    pub(crate) body: BTreeMap<String, String>,
    pub(crate) pages: Option<Turning>,
}

fn get() -> String {
    "GET".to_owned()
}

/// How a service turns pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Turning {
    /// What follows the item with this id.
    Cursor { param: String, cursor: String },
    /// By number.
    Number { param: String, first: usize },
    /// By how many items are left out.
    Offset { param: String, size: String },
    /// By an address in the header `Link`.
    Link,
}

/// What a service asks for.
pub(crate) fn service(connector: &str) -> Service {
    let path = folder(connector).join("service.toml");
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{connector}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{connector}: {error}"))
}
