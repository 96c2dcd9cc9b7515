//! From a connector to the documents that use it. Pure.

use std::collections::BTreeMap;

use ccm_daemon::secret::PinnedOrigin;
use ccm_proto::model::connector::{CredentialKind, Endpoint};
use ccm_proto::model::layout::COLUMNS;
use ccm_proto::model::source::Param;
use ccm_proto::model::source::external_api::Auth;
use ccm_proto::model::{ConnectorSpec, DocumentId, Kind, Name, WidgetSpec};
use serde_json::{Map, Value, json};

use super::args::UseArgs;

/// The documents that use a connector, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// Sources, widgets, and the layout when one is wanted, as TOML.
    pub documents: Vec<(DocumentId, String)>,
    /// A sentence for each endpoint that was not asked for by name and lacks a parameter.
    pub left_out: Vec<String>,
}

/// Where credentials of this connector are pinned; none where only a source knows.
pub(super) fn origin(connector: &ConnectorSpec, base_url: Option<&str>) -> Option<PinnedOrigin> {
    let address = match &connector.auth {
        Some(Auth::Oauth2 { token_url, .. }) => Some(token_url.as_str()),
        _ => base_url.or(connector.base_url.as_deref()),
    };
    PinnedOrigin::of_address(address?).ok()
}

/// What sets the credential of a connector.
pub(super) fn set_command(
    credential: &Name,
    name: &Name,
    connector: &ConnectorSpec,
    base_url: Option<&str>,
) -> String {
    let kind = connector.credential.as_ref().map(|schema| schema.kind).unwrap_or_default();
    let account = match kind {
        CredentialKind::Token => "",
        CredentialKind::Basic => " --account USER",
        CredentialKind::Oauth2 => " --account CLIENT_ID",
    };
    let by_connector = base_url.is_none() && connector.base_url.is_some();
    match origin(connector, base_url).filter(|_| !by_connector) {
        Some(origin) => {
            format!("ccm cred set {credential} --origin {origin} --kind {kind}{account}")
        }
        None => format!("ccm cred set {credential} --connector {name}{account}"),
    }
}

/// The documents that were asked for. A problem is one sentence.
pub(super) fn documents(
    args: &UseArgs,
    connector: &ConnectorSpec,
    credential: Option<&Name>,
) -> Result<Documents, String> {
    if let (None, None) = (&args.base_url, &connector.base_url) {
        let example = connector.base_url_example.as_deref().unwrap_or("https://HOST");
        return Err(format!(
            "{} is at an address of your own: say --base-url {example}",
            args.name
        ));
    }
    let params: BTreeMap<&str, &Param> =
        args.params.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let mut made = Documents::default();
    let mut used: BTreeMap<&Name, Name> = BTreeMap::new();
    for (name, endpoint) in chosen(args, connector)? {
        if let Some(lacking) = lacking(endpoint, &params) {
            let sentence =
                format!("the endpoint {name} needs a parameter: say --param {lacking}=VALUE");
            if args.endpoints.is_empty() {
                made.left_out.push(sentence);
                continue;
            }
            return Err(sentence);
        }
        let id = DocumentId::new(Kind::Source, joined(args, name)?);
        used.insert(name, id.name.clone());
        made.documents.push((id, text(&source(args, (name, endpoint), credential, &params))?));
    }
    if used.is_empty() {
        return Err(made.left_out.join("; "));
    }
    let takes = |param: &str| used.keys().any(|name| connector.endpoints[*name].allows(param));
    if let Some(unknown) = params.keys().find(|param| !takes(param)) {
        return Err(format!("none of these endpoints takes the parameter {unknown}"));
    }
    let mut shown = Vec::new();
    for (name, widget) in &connector.widgets {
        let Some(source) = used.get(&widget.endpoint) else { continue };
        let spec = widget.spec(source).map_err(|error| error.to_string())?;
        let mut tree = widget.widget.clone();
        tree["source"] = json!(source);
        let id = DocumentId::new(Kind::Widget, joined(args, name)?);
        shown.push((id.name.clone(), spec));
        made.documents.push((id, text(&tree)?));
    }
    if let Some(name) = &args.layout {
        if shown.is_empty() {
            return Err(format!("{} has no widgets to arrange; leave --layout out", args.name));
        }
        let id = DocumentId::new(Kind::Layout, name.clone());
        made.documents.push((id, text(&layout(connector, &shown))?));
    }
    Ok(made)
}

fn chosen<'c>(
    args: &UseArgs,
    connector: &'c ConnectorSpec,
) -> Result<Vec<(&'c Name, &'c Endpoint)>, String> {
    if args.endpoints.is_empty() {
        return Ok(connector.endpoints.iter().collect());
    }
    let find = |name: &Name| {
        connector.endpoints.get_key_value(name).ok_or_else(|| {
            let known: Vec<&str> = connector.endpoints.keys().map(Name::as_str).collect();
            format!("{} has no endpoint {name}; it has {}", args.name, known.join(", "))
        })
    };
    args.endpoints.iter().map(find).collect()
}

/// A parameter that the endpoint needs and nobody gives.
fn lacking<'e>(endpoint: &'e Endpoint, params: &BTreeMap<&str, &Param>) -> Option<&'e str> {
    endpoint.needed().find(|name| !params.contains_key(name))
}

fn joined(args: &UseArgs, rest: &Name) -> Result<Name, String> {
    let prefix = args.prefix.as_ref().unwrap_or(&args.name);
    Name::new(&format!("{prefix}-{rest}")).map_err(|error| error.to_string())
}

fn source(
    args: &UseArgs,
    (name, endpoint): (&Name, &Endpoint),
    credential: Option<&Name>,
    params: &BTreeMap<&str, &Param>,
) -> Value {
    let mut api = Map::new();
    api.insert("connector".to_owned(), json!(args.name));
    api.insert("endpoint".to_owned(), json!(name));
    if let Some(base_url) = &args.base_url {
        api.insert("base_url".to_owned(), json!(base_url));
    }
    if let Some(credential) = credential {
        api.insert("credential".to_owned(), json!(credential));
    }
    let taken: BTreeMap<&str, &Param> =
        params.iter().filter(|(param, _)| endpoint.allows(param)).map(|(n, v)| (*n, *v)).collect();
    if !taken.is_empty() {
        api.insert("params".to_owned(), json!(taken));
    }
    json!({ "type": "external_api", "external_api": api })
}

/// The widgets in rows, each as large as it wants to be.
fn layout(connector: &ConnectorSpec, widgets: &[(Name, WidgetSpec)]) -> Value {
    let (mut x, mut y, mut tallest) = (0, 0, 0);
    let mut placements = Vec::with_capacity(widgets.len());
    for (name, spec) in widgets {
        let (w, h) = spec.size.unwrap_or_default().span();
        if x + w > COLUMNS {
            (x, y, tallest) = (0, y + tallest, 0);
        }
        placements.push(json!({ "name": name, "at": { "x": x, "y": y, "w": w, "h": h } }));
        (x, tallest) = (x + w, tallest.max(h));
    }
    let title = &connector.title;
    json!({ "title": title, "page": [{ "title": title, "widget": placements }] })
}

fn text(tree: &Value) -> Result<String, String> {
    toml::to_string_pretty(tree).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ccm_daemon::packs;
    use ccm_daemon::registry::Registry;
    use ccm_daemon::registry::check::{Spec, check};
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::command::connector::ConnectorCommand;

    fn connectors() -> BTreeMap<Name, ConnectorSpec> {
        let (registry, _) = Registry::new(packs::DOCUMENTS);
        let connectors = registry.snapshot().configuration.connectors.clone();
        connectors.into_iter().map(|(name, spec)| (name, ConnectorSpec::clone(&spec))).collect()
    }

    fn made(line: &str) -> Result<Documents, String> {
        let line = format!("ccm connector use {line} --reason x");
        let Some(Command::Connector(ConnectorCommand::Use(args))) =
            Cli::parse_from(line.split(' ')).command
        else {
            panic!("{line}");
        };
        documents(&args, &connectors()[&args.name], args.credential.as_ref())
    }

    fn names(made: &Documents) -> Vec<String> {
        made.documents.iter().map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn every_shipped_connector_can_be_used_and_what_is_written_is_right() {
        for name in connectors().keys() {
            let more = "--base-url https://own.example --param owner=a --param repo=b --param property=1 --param entity_id=x --param lat=1.5 --param lon=2 --param table=t --param function=f";
            let spec = &connectors()[name];
            let takes = |param: &str| spec.endpoints.values().any(|e| e.allows(param));
            let mut line = format!("{name} --layout all --credential c");
            for pair in more.split(" --").map(|pair| pair.trim_start_matches('-')) {
                let param = pair.strip_prefix("param ").and_then(|p| p.split_once('='));
                if param.is_none_or(|(param, _)| takes(param)) {
                    line.push_str(&format!(" --{pair}"));
                }
            }
            let made = made(&line).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(made.left_out, Vec::<String>::new(), "{name}");
            assert!(names(&made).contains(&"layout/all".to_owned()), "{name}");
            for (id, toml) in &made.documents {
                let tree: Value = toml::from_str(toml).unwrap();
                let spec = check(id.kind, &tree).unwrap_or_else(|e| panic!("{id}: {e:?}\n{toml}"));
                if let Spec::Layout(layout) = spec {
                    let places: Vec<_> = layout.pages[0].widgets.iter().map(|w| w.at).collect();
                    assert!(places.iter().all(|at| at.x + at.w <= COLUMNS), "{name}");
                }
            }
        }
    }

    #[test]
    fn an_endpoint_that_lacks_a_parameter_is_left_out_unless_it_was_asked_for() {
        let github = made("github").unwrap();
        assert!(names(&github).contains(&"source/github-rate-limit".to_owned()));
        assert!(github.left_out.iter().any(|it| it.contains("--param owner=VALUE")), "{github:?}");
        assert!(made("github --endpoint pulls").unwrap_err().contains("--param owner"));
        assert!(made("github --endpoint pull").unwrap_err().contains("pulls"));
        assert!(made("stripe --param colour=red").unwrap_err().contains("colour"));
        assert!(made("mailchimp").unwrap_err().contains("--base-url https://"));
    }

    #[test]
    fn names_begin_with_what_was_asked_for() {
        let made = made("stripe --endpoint balance --prefix pay").unwrap();
        let names = names(&made);
        assert!(names[0] == "source/pay-balance", "{names:?}");
        assert!(names.iter().all(|name| name.contains("/pay-")), "{names:?}");
        let toml = &made.documents[0].1;
        assert!(!toml.contains("interval") && !toml.contains("credential"), "{toml}");
    }

    #[test]
    fn what_sets_a_credential_is_said_as_it_can_be_typed() {
        let connectors = connectors();
        let say = |name: &str, base: Option<&str>| {
            let name = Name::new(name).unwrap();
            set_command(&name, &name, &connectors[&name], base)
        };
        assert_eq!(say("stripe", None), "ccm cred set stripe --connector stripe");
        assert_eq!(
            say("paypal", None),
            "ccm cred set paypal --connector paypal --account CLIENT_ID"
        );
        assert_eq!(
            say("mailchimp", Some("https://us6.api.mailchimp.com/3.0")),
            "ccm cred set mailchimp --origin https://us6.api.mailchimp.com --kind basic --account USER"
        );
    }
}
