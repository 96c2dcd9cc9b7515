//! `ccm connector`: external services that are known, and the documents that use them.

mod args;
mod pack;

use std::process::ExitCode;

use ccm_daemon::packs;
use ccm_proto::SafeText;
use ccm_proto::convert::CredentialState;
use ccm_proto::model::source::external_api::ApiLimits;
use ccm_proto::model::{ConnectorSpec, Kind, Name};
use ccm_proto::wire;
use ccm_proto::wire::write::Action;
use serde_json::{Value, json};

use super::get::{self, Entry};
use super::output::{Output, print};
use super::{CommandError, Connection, apply, cred, source};
use crate::cli::LinkArgs;

pub use args::{ConnectorCommand, UseArgs};

/// Runs the command.
pub(super) async fn run(
    command: ConnectorCommand,
    link: &LinkArgs,
) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    match command {
        ConnectorCommand::List { json } => list(json, &connection).await?,
        ConnectorCommand::Show { name } => {
            let connector = fetch(&connection, &name).await?;
            let (credentials, _) = cred::all(&connection).await?;
            print(&shown(&name, &connector, &credentials))?;
        }
        ConnectorCommand::Use(args) => start(&args, &connection).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A connector as it is in effect.
pub(super) async fn fetch(
    connection: &Connection,
    name: &Name,
) -> Result<ConnectorSpec, CommandError> {
    let unknown = || {
        CommandError::Usage(format!(
            "there is no connector {name}; `ccm connector list` shows them"
        ))
    };
    let entries = match get::fetch(connection, Some(Kind::Connector), Some(name.as_str())).await {
        Err(CommandError::Refused(_)) => return Err(unknown()),
        entries => entries?,
    };
    spec(entries.first().ok_or_else(unknown)?)
}

fn spec(entry: &Entry) -> Result<ConnectorSpec, CommandError> {
    serde_json::from_value(entry.document.spec.clone())
        .map_err(|error| CommandError::Link(format!("{}: {error}", entry.document.id)))
}

/// The credentials that fit: those for its origin, and what has its name.
fn fitting<'c>(
    name: &Name,
    connector: &ConnectorSpec,
    base_url: Option<&str>,
    credentials: &'c [CredentialState],
) -> Vec<&'c CredentialState> {
    let origin = pack::origin(connector, base_url).map(|origin| origin.to_string());
    let fits = |credential: &&CredentialState| {
        !credential.shadowed
            && match &origin {
                Some(origin) => credential.origin.as_str() == origin,
                None => credential.name.as_str() == name.as_str(),
            }
    };
    credentials.iter().filter(fits).collect()
}

/// Who wrote a connector: it came with the program, somebody here did, or both.
fn origin_word(entry: &Entry) -> &'static str {
    let shipped = |it: &ccm_daemon::registry::Shipped| {
        it.kind == Kind::Connector && it.name == entry.document.id.name.as_str()
    };
    match (packs::DOCUMENTS.iter().any(shipped), entry.revision() > 0) {
        (true, false) => "shipped",
        (true, true) => "shipped, changed",
        (false, _) => "own",
    }
}

async fn list(as_json: bool, connection: &Connection) -> Result<(), CommandError> {
    let entries = get::fetch(connection, Some(Kind::Connector), None).await?;
    let (credentials, _) = cred::all(connection).await?;
    let mut table = Output::table(&["NAME", "SERVICE", "FROM", "CREDENTIAL", "ENDPOINTS"]);
    let mut values = Vec::with_capacity(entries.len());
    for entry in &entries {
        let (name, connector) = (&entry.document.id.name, spec(entry)?);
        let there: Vec<&str> = fitting(name, &connector, None, &credentials)
            .into_iter()
            .map(|credential| credential.name.as_str())
            .collect();
        let endpoints: Vec<&str> = connector.endpoints.keys().map(Name::as_str).collect();
        table.row(&[
            name.as_str(),
            &connector.title,
            origin_word(entry),
            &match (there.is_empty(), &connector.credential) {
                (false, _) => there.join(", "),
                (true, Some(_)) => "missing".to_owned(),
                (true, None) => "none needed".to_owned(),
            },
            &endpoints.join(", "),
        ]);
        values.push(json!({
            "name": name,
            "title": connector.title,
            "from": origin_word(entry),
            "credentials": there,
            "endpoints": endpoints,
        }));
    }
    print(&if as_json { cred::pretty(&Value::from(values))? } else { table.to_text() })
}

fn limits_text(limits: &ApiLimits) -> String {
    let day = limits.per_day.map(|calls| format!(", {calls} a day")).unwrap_or_default();
    let (rate, burst, at_once) = (limits.per_second, limits.burst, limits.concurrent);
    format!("{rate} a second, {burst} in a burst, {at_once} at a time{day}")
}

fn shown(name: &Name, connector: &ConnectorSpec, credentials: &[CredentialState]) -> String {
    let mut facts = Output::table(&[]);
    let mut fact = |word: &str, text: &str| facts.row(&[word, text]);
    fact("service", &connector.title);
    fact("what", connector.description.as_deref().unwrap_or_default());
    fact("documentation", connector.documentation.as_deref().unwrap_or("not told"));
    match (&connector.base_url, &connector.base_url_example) {
        (Some(address), _) => fact("address", address),
        (None, example) => {
            let example = example.as_deref().unwrap_or("https://HOST");
            fact("address", &format!("your own: --base-url {example}"));
        }
    }
    if let Some(schema) = &connector.credential {
        fact("credential", &format!("{}: {}", schema.kind, schema.label));
        fact("", schema.hint.as_deref().unwrap_or_default());
        let there = fitting(name, connector, None, credentials);
        match there.first() {
            Some(credential) => fact("", &format!("there is one: {}", credential.name)),
            None => fact("", &pack::set_command(name, name, connector, None)),
        }
    }
    if let Some(limits) = &connector.limits {
        fact("limits", &limits_text(limits));
    }
    for (endpoint, limits) in
        connector.endpoints.iter().filter_map(|(name, it)| Some((name, it.limits.as_ref()?)))
    {
        fact("", &format!("{endpoint} apart: {}", limits_text(limits)));
    }
    let mut endpoints = Output::table(&["ENDPOINT", "EVERY", "NEEDS", "TAKES", "WHAT"]);
    for (name, endpoint) in &connector.endpoints {
        endpoints.row(&[
            name.to_string(),
            endpoint.interval.map(|interval| interval.to_string()).unwrap_or_default(),
            endpoint.needed().collect::<Vec<_>>().join(", "),
            endpoint.allowed(),
            endpoint.description.clone().unwrap_or_default(),
        ]);
    }
    let mut widgets = Output::table(&["WIDGET", "SHOWS", "WHAT"]);
    for (name, widget) in &connector.widgets {
        let title = widget.widget.get("title").and_then(Value::as_str).unwrap_or_default();
        widgets.row(&[name.as_str(), widget.endpoint.as_str(), title]);
    }
    format!(
        "{}\n{}\n{}\n`ccm connector use {name} --reason WHY` writes sources and widgets for it\n",
        facts.to_text().trim_start_matches('\n'),
        endpoints.to_text(),
        widgets.to_text(),
    )
}

/// Begins to use a connector: one change with everything that it needs.
async fn start(args: &UseArgs, connection: &Connection) -> Result<(), CommandError> {
    let connector = fetch(connection, &args.name).await?;
    let (credentials, _) = cred::all(connection).await?;
    let base_url = args.base_url.as_deref();
    let there = fitting(&args.name, &connector, base_url, &credentials);
    let known = there.first().and_then(|it| Name::new(it.name.as_str()).ok());
    let wanted = connector.credential.is_some() && !args.no_credential;
    let credential = args.credential.clone().or(known).unwrap_or_else(|| args.name.clone());
    let credential = wanted.then_some(credential);
    let made = pack::documents(args, &connector, credential.as_ref());
    let made = made.map_err(CommandError::Usage)?;
    let text = |(id, toml): &(ccm_proto::model::DocumentId, String)| wire::DocumentText {
        id: Some(id.into()),
        toml: toml.clone(),
    };
    // Before they are written, as it says what they change.
    let request = wire::PlanCallsRequest { documents: made.documents.iter().map(text).collect() };
    let apis = connection.sources().plan_calls(request).await?.into_inner().apis;
    let write = |(id, toml): &(ccm_proto::model::DocumentId, String)| wire::Write {
        id: Some(id.into()),
        // A document of such a name that somebody wrote is theirs.
        base_revision: Some(0),
        action: Some(Action::SpecToml(toml.clone())),
    };
    let writes = made.documents.iter().map(write).collect();
    let response = apply::send(connection, writes, &args.reason, args.dry_run, false).await?;
    let mut said = apply::brief(&response);
    said.push_str(&source::budgets(&apis));
    for sentence in &made.left_out {
        said.push_str(&format!("left out: {}\n", SafeText::new(sentence)));
    }
    let is_there = |name: &Name| credentials.iter().any(|it| it.name.as_str() == name.as_str());
    if let Some(credential) = credential.filter(|name| !is_there(name)) {
        let command = pack::set_command(&credential, &args.name, &connector, base_url);
        said.push_str(&format!("missing: the credential; `{}` sets it\n", SafeText::new(&command)));
    }
    if let Some(layout) = args.layout.as_ref().filter(|_| !args.dry_run) {
        said.push_str(&format!("open it with `ccm --layout {layout}`\n"));
    }
    print(&said)
}
