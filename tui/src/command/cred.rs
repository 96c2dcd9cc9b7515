//! `ccm cred`: secrets of external APIs. They travel to the daemon only.

mod input;
mod prompt;
mod question;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use ccm_daemon::secret::{self, Secret};
use ccm_proto::SafeText;
use ccm_proto::convert::{ConvertError, CredentialState, ProviderState};
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::{Name, Scope};
use ccm_proto::wire;
use ccm_proto::wire::set_credential_request::Pin;
use ccm_proto::wire::test_credential_response::Result as Tested;
use serde_json::{Value, json};

use self::question::Question;
use super::output::{Output, print, utc};
use super::{CommandError, Connection, EXIT_REFUSED, connector};
use crate::cli::{
    CredCommand, CredKind, CredRotateArgs, CredSetArgs, CredTestArgs, LinkArgs, SecretArgs,
};

/// Runs the command.
pub(super) async fn run(command: CredCommand, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    // A client that cannot keep others out of its memory still does what it was asked.
    let _ = secret::protect();
    match command {
        CredCommand::Set(args) => set(args, link).await,
        CredCommand::List { json } => list(json, link).await,
        CredCommand::Rotate(args) => rotate(args, link).await,
        CredCommand::Test(args) => test(args, link).await,
        CredCommand::Delete { name, owner } => delete(&name, &owner.scope, link).await,
        CredCommand::Providers { json } => {
            let providers = providers(&Connection::open(link).await?).await?;
            print(&if json { pretty(&providers_json(&providers))? } else { table(&providers) })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn kind(kind: CredKind) -> CredentialKind {
    match kind {
        CredKind::Token => CredentialKind::Token,
        CredKind::Basic => CredentialKind::Basic,
        CredKind::Oauth2 => CredentialKind::Oauth2,
    }
}

async fn set(args: CredSetArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    // First, so that a secret is asked for only when there is somebody to take it.
    let connection = Connection::open(link).await?;
    let connector = match &args.pin.connector {
        Some(name) => Some(connector::fetch(&connection, name).await?),
        None => None,
    };
    let wanted = connector.as_ref().and_then(|connector| connector.credential.as_ref());
    let kind = args.kind.map(kind).or(wanted.map(|schema| schema.kind)).unwrap_or_default();
    if args.account.is_none() && kind != CredentialKind::Token {
        let problem = format!(
            "a {kind} credential has a user name or client's id beside its secret: say --account"
        );
        return Err(CommandError::Usage(problem));
    }
    let question = Question::of_set(&args.name, kind, connector.as_ref());
    let secret = input::read(&args.secret, &question)?;
    let pin = match (args.pin.origin, args.pin.connector) {
        (Some(origin), _) => Some(Pin::Origin(origin.to_string())),
        (None, connector) => connector.map(|name| Pin::Connector(name.to_string())),
    };
    let request = wire::SetCredentialRequest {
        name: args.name.to_string(),
        scope: Some((&args.owner.scope).into()),
        kind: wire::CredentialKind::from(kind).into(),
        account: args.account.unwrap_or_default(),
        secret: secret.into_message(),
        pin,
        provider: args.provider.map(|it| it.as_str().to_owned()).unwrap_or_default(),
        api_origin: args.api_origin.map(|it| it.to_string()).unwrap_or_default(),
    };
    let answer = connection.credentials().set_credential(request).await?.into_inner();
    let done = if answer.replaced { "replaced" } else { "set" };
    print(&changed(done, answer.credential)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(args: CredRotateArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let typed = args.secret.fd.is_none() && !args.secret.stdin;
    let kind = if typed {
        known_kind(&connection, &args.name, &args.owner.scope).await?
    } else {
        CredentialKind::default()
    };
    let secret = input::read(&args.secret, &Question::of_rotate(&args.name, kind))?;
    let request = wire::RotateCredentialRequest {
        name: args.name.to_string(),
        scope: Some((&args.owner.scope).into()),
        secret: secret.into_message(),
        account: args.account,
    };
    let answer = connection.credentials().rotate_credential(request).await?.into_inner();
    print(&changed("rotated", answer.credential)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Says what became of a credential.
pub(super) fn changed(
    done: &str,
    info: Option<wire::CredentialInfo>,
) -> Result<String, CommandError> {
    let credential = credential(info)?;
    let (places, CredentialState { name, version, provider, .. }) =
        (places(&credential), credential);
    Ok(format!("{name} {done}, version {version}, for {places} only, kept by {provider}\n"))
}

/// Reads the secret of a credential from where the arguments say, else from the terminal.
pub(super) fn read_secret(
    args: &SecretArgs,
    name: &Name,
    kind: CredentialKind,
) -> Result<Secret, CommandError> {
    input::read(args, &Question::of_set(name, kind, None))
}

/// Where a credential may be sent: its secret, and the tokens that were got with it.
fn places(credential: &CredentialState) -> String {
    match &credential.api_origin {
        None => credential.origin.to_string(),
        Some(api) => format!("{}, its tokens also for {api}", credential.origin),
    }
}

/// The kind of a credential that is there; a token where nothing is known of it.
async fn known_kind(
    connection: &Connection,
    name: &Name,
    scope: &Scope,
) -> Result<CredentialKind, CommandError> {
    let known = all(connection).await?.0;
    let this = |it: &&CredentialState| it.name.as_str() == name.as_str() && it.scope == *scope;
    Ok(known.iter().find(this).map(|it| it.kind).unwrap_or_default())
}

/// All credentials, and who could not be asked.
pub(super) async fn all(
    connection: &Connection,
) -> Result<(Vec<CredentialState>, Vec<SafeText>), CommandError> {
    let request = wire::ListCredentialsRequest {};
    let answer = connection.credentials().list_credentials(request).await?.into_inner();
    let credentials = answer.credentials.into_iter().map(CredentialState::try_from);
    let credentials = credentials.collect::<Result<_, _>>().map_err(|error| unknown(&error))?;
    Ok((credentials, answer.failures.iter().map(|it| SafeText::new(it)).collect()))
}

async fn delete(name: &Name, scope: &Scope, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let request =
        wire::DeleteCredentialRequest { name: name.to_string(), scope: Some(scope.into()) };
    let connection = Connection::open(link).await?;
    let answer = connection.credentials().delete_credential(request).await?.into_inner();
    let providers = SafeText::new(&answer.providers.join(", "));
    print(&format!("{name} deleted from {providers}\n"))?;
    Ok(ExitCode::SUCCESS)
}

async fn test(args: CredTestArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let request = wire::TestCredentialRequest {
        name: args.name.to_string(),
        scope: Some((&args.owner.scope).into()),
        url: args.url.unwrap_or_default(),
    };
    let connection = Connection::open(link).await?;
    let answer = connection.credentials().test_credential(request).await?.into_inner();
    let result = answer.result();
    let word = match result {
        Tested::Found | Tested::Unspecified => "found",
        Tested::Accepted => "accepted",
        Tested::Refused => "refused",
        Tested::Unreached => "unreached",
    };
    let credential = credential(answer.credential)?;
    let sentence = SafeText::new(&answer.sentence);
    if args.json {
        let value = json!({
            "credential": credential_json(&credential),
            "result": word,
            "sentence": sentence.as_str(),
        });
        print(&pretty(&value)?)?;
    } else {
        print(&tested(&credential, word, &sentence))?;
    }
    let well = !matches!(result, Tested::Refused | Tested::Unreached);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REFUSED) })
}

fn tested(credential: &CredentialState, word: &str, sentence: &SafeText) -> String {
    let mut table = Output::table(&[]);
    let mut line = |name: &str, value: String| table.row(&[name.to_owned(), value]);
    line("credential", format!("{} of {}", credential.name, credential.scope));
    line("kind", credential.kind.to_string());
    if !credential.account.is_empty() {
        line("account", credential.account.to_string());
    }
    line("origin", places(credential));
    line("kept by", credential.provider.to_string());
    line("version", format!("{} of {}", credential.version, at(credential)));
    line("result", format!("{word}: {sentence}"));
    table.to_text().trim_start_matches('\n').to_owned()
}

fn at(credential: &CredentialState) -> String {
    match credential.rotated_at.as_millis() {
        0 => "an unknown date".to_owned(),
        millis => utc(millis),
    }
}

async fn list(as_json: bool, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let (credentials, failures) = all(&connection).await?;
    if as_json {
        let told: Vec<&str> = failures.iter().map(SafeText::as_str).collect();
        let credentials: Vec<Value> = credentials.iter().map(credential_json).collect();
        print(&pretty(&json!({ "credentials": credentials, "failures": told }))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let headings = ["NAME", "SCOPE", "KIND", "ACCOUNT", "ORIGIN", "VERSION", "CHANGED", "KEPT BY"];
    let mut table = Output::table(&headings);
    for credential in &credentials {
        let hidden = if credential.shadowed { " (hidden by the one before)" } else { "" };
        table.row(&[
            credential.name.to_string(),
            credential.scope.to_string(),
            credential.kind.to_string(),
            credential.account.to_string(),
            places(credential),
            credential.version.to_string(),
            at(credential),
            format!("{}{hidden}", credential.provider),
        ]);
    }
    print(&table.to_text())?;
    for failure in &failures {
        print(&format!("not asked: {failure}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Who keeps credentials.
pub(super) async fn providers(connection: &Connection) -> Result<Vec<ProviderState>, CommandError> {
    let request = wire::ListProvidersRequest {};
    let answer = connection.credentials().list_providers(request).await?.into_inner();
    Ok(answer.providers.into_iter().map(Into::into).collect())
}

/// The providers as lines, in the order in which they are asked.
pub(super) fn table(providers: &[ProviderState]) -> String {
    let mut table = Output::table(&["PROVIDER", "STATE", "NEW ONES", "WHERE", "WHY"]);
    for provider in providers {
        let new = match (provider.takes_new, provider.writable) {
            (true, _) => "here",
            (false, true) => "when named",
            (false, false) => "never",
        };
        table.row(&[
            provider.name.as_str(),
            provider.state,
            new,
            provider.place.as_str(),
            provider.cause.as_ref().map(SafeText::as_str).unwrap_or_default(),
        ]);
    }
    table.to_text()
}

/// The providers as JSON.
pub(super) fn providers_json(providers: &[ProviderState]) -> Value {
    let value = |provider: &ProviderState| {
        json!({
            "name": provider.name.as_str(),
            "state": provider.state,
            "cause": provider.cause.as_ref().map(SafeText::as_str),
            "place": provider.place.as_str(),
            "writable": provider.writable,
            "takes_new": provider.takes_new,
        })
    };
    providers.iter().map(value).collect()
}

fn credential_json(credential: &CredentialState) -> Value {
    json!({
        "name": credential.name.as_str(),
        "scope": credential.scope.to_string(),
        "kind": credential.kind.as_str(),
        "account": credential.account.as_str(),
        "origin": credential.origin.as_str(),
        "api_origin": credential.api_origin.as_ref().map(SafeText::as_str),
        "version": credential.version,
        "created_at_ms": credential.created_at.as_millis(),
        "rotated_at_ms": credential.rotated_at.as_millis(),
        "provider": credential.provider.as_str(),
        "shadowed": credential.shadowed,
    })
}

fn credential(info: Option<wire::CredentialInfo>) -> Result<CredentialState, CommandError> {
    let info = info.ok_or_else(|| unknown(&ConvertError::missing("credential")))?;
    CredentialState::try_from(info).map_err(|error| unknown(&error))
}

fn unknown(error: &ConvertError) -> CommandError {
    CommandError::Link(format!("its answer cannot be understood: {error}"))
}

/// JSON with a line end.
pub(super) fn pretty(value: &Value) -> Result<String, CommandError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::Usage(format!("there is no form in JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}
