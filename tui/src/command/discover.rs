//! `ccm discover`: what runs on the daemon's machine and could be shown.

use std::process::ExitCode;

use ccm_daemon::secret::{self, Secret};
use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::offer::CredentialNeed;
use ccm_proto::model::{Name, Offer};
use ccm_proto::wire::set_credential_request::Pin;
use ccm_proto::wire::write::Action;
use ccm_proto::wire::{self, DiscoverRequest, SetCredentialRequest, Write};

use super::output::{Output, print};
use super::{CommandError, Connection, apply, cred};
use crate::cli::{DiscoverArgs, LinkArgs};

/// Runs the command.
pub(super) async fn run(args: &DiscoverArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let response = connection.discover().discover(DiscoverRequest {}).await?.into_inner();
    let offers = response.offers.into_iter().map(Offer::try_from).collect::<Result<Vec<_>, _>>();
    let offers = offers.map_err(|error| CommandError::Link(error.to_string()))?;
    if let Some(key) = &args.accept {
        return accept(&connection, &offers, key, args).await;
    }
    print(&if args.json { json(&offers)? } else { text(&offers) })?;
    Ok(ExitCode::SUCCESS)
}

async fn accept(
    connection: &Connection,
    offers: &[Offer],
    key: &Name,
    args: &DiscoverArgs,
) -> Result<ExitCode, CommandError> {
    let offer = offers.iter().find(|offer| offer.key == *key).ok_or_else(|| {
        CommandError::Usage(format!("there is no offer {key}; `ccm discover` lists what there is"))
    })?;
    if let Some(need) = &offer.needs_credential {
        if args.dry_run {
            print(&format!("would ask for {}\n", wanted(need)))?;
        } else {
            print(&keep(connection, need, args).await?)?;
        }
    }
    let reason = args.reason.clone().unwrap_or_else(|| reason(offer));
    let response = apply::send(connection, writes(offer), &reason, args.dry_run, false).await?;
    let mut text = apply::report(&response);
    if !args.dry_run {
        text.push_str(&format!("open it with `ccm --layout {key}`\n"));
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked for.
fn wanted(need: &CredentialNeed) -> String {
    let what = match need.kind {
        CredentialKind::Token => "a token",
        CredentialKind::Basic => "a user name and a password",
        CredentialKind::Oauth2 => "a client's id and its secret",
    };
    format!("{what}, kept as the credential {} and sent to {} only", need.name, need.origin)
}

/// Asks for the credential that an offer needs, and has it kept.
async fn keep(
    connection: &Connection,
    need: &CredentialNeed,
    args: &DiscoverArgs,
) -> Result<String, CommandError> {
    // A client that cannot keep others out of its memory still does what it was asked.
    let _ = secret::protect();
    let account = match &args.account {
        Some(account) => account.clone(),
        None if need.kind == CredentialKind::Token => String::new(),
        None => {
            let problem = format!("{} wants {}: say --account", need.name, wanted(need));
            return Err(CommandError::Usage(problem));
        }
    };
    let secret = cred::read_secret(&args.secret, &need.name, need.kind)?;
    let request = set_request(need, &account, secret);
    let answer = connection.credentials().set_credential(request).await?.into_inner();
    cred::changed(if answer.replaced { "replaced" } else { "set" }, answer.credential)
}

/// Keeps the credential that an offer needs for everyone, pinned to where the offer says.
pub(crate) fn set_request(
    need: &CredentialNeed,
    account: &str,
    secret: Secret,
) -> SetCredentialRequest {
    SetCredentialRequest {
        name: need.name.to_string(),
        scope: Some(wire::Scope::default()),
        kind: wire::CredentialKind::from(need.kind).into(),
        account: account.to_owned(),
        secret: secret.into_message(),
        pin: Some(Pin::Origin(need.origin.to_string())),
        ..SetCredentialRequest::default()
    }
}

/// Why an offer's documents are written, when nobody says otherwise.
pub(crate) fn reason(offer: &Offer) -> String {
    format!("{} was found on this machine", offer.title)
}

/// The documents of an offer as a change. A document of such a name that somebody wrote is theirs:
/// then nothing is written.
pub(crate) fn writes(offer: &Offer) -> Vec<Write> {
    let write = |(id, toml): &(ccm_proto::model::DocumentId, String)| Write {
        id: Some(id.into()),
        base_revision: Some(0),
        action: Some(Action::SpecToml(toml.clone())),
    };
    offer.documents.iter().map(write).collect()
}

fn text(offers: &[Offer]) -> String {
    if offers.is_empty() {
        return "nothing was found on this machine that could be shown\n".to_owned();
    }
    let mut table = Output::table(&["KEY", "WHAT", "SHOWS", "FOUND BY"]);
    for offer in offers {
        let taken = match &offer.needs_credential {
            _ if offer.taken => "shown already".to_owned(),
            Some(_) => format!("{}; it wants a login", offer.what),
            None => offer.what.to_string(),
        };
        let evidence: Vec<&str> = offer.evidence.iter().map(SafeText::as_str).collect();
        table.row(&[offer.key.to_string(), offer.title.to_string(), taken, evidence.join(", ")]);
    }
    table.to_text() + "\ntake one with `ccm discover --accept KEY`\n"
}

fn json(offers: &[Offer]) -> Result<String, CommandError> {
    let texts = |texts: &[SafeText]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let need = |need: &CredentialNeed| serde_json::json!({ "name": need.name.as_str(), "kind": need.kind.to_string(), "origin": need.origin.as_str() });
    let offer = |offer: &Offer| {
        let document = |(id, toml): &(ccm_proto::model::DocumentId, String)| serde_json::json!({ "id": id.to_string(), "toml": toml });
        serde_json::json!({
            "key": offer.key,
            "title": offer.title.as_str(),
            "what": offer.what.as_str(),
            "evidence": texts(&offer.evidence),
            "taken": offer.taken,
            "needs_credential": offer.needs_credential.as_ref().map(need),
            "documents": offer.documents.iter().map(document).collect::<Vec<_>>(),
        })
    };
    let all: Vec<serde_json::Value> = offers.iter().map(offer).collect();
    let mut text = serde_json::to_string_pretty(&all).map_err(|error| {
        CommandError::Usage(format!("the offers have no form in JSON: {error}"))
    })?;
    text.push('\n');
    Ok(text)
}
