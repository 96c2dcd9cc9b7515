//! `ccm doctor`: what serves, what does not, and why.

use std::process::ExitCode;

use ccm_proto::convert::DaemonState;
use ccm_proto::model::Quality;
use ccm_proto::wire::GetStatusRequest;

use super::cred::{pretty, providers, providers_json, table};
use super::output::{Output, print};
use super::{CommandError, Connection, EXIT_REFUSED};
use crate::cli::{DoctorArgs, LinkArgs};

/// Runs the command: done when nothing needs attention, refused otherwise.
pub(super) async fn run(args: &DoctorArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let connection = Connection::open(link).await?;
    let status = connection.system().get_status(GetStatusRequest {}).await?.into_inner();
    let state = DaemonState::from(status);
    let providers = providers(&connection).await?;
    let ill: Vec<String> = state
        .sources
        .iter()
        .filter(|source| source.quality == Quality::Error)
        .map(|source| {
            let cause = source.cause.clone().unwrap_or_default();
            format!("source {}: {cause}", source.name)
        })
        .chain(state.notices.iter().map(|notice| notice.summary.to_string()))
        .collect();
    let takes = providers.iter().any(|provider| provider.takes_new);
    if args.json {
        let value = serde_json::json!({
            "store_state": state.plain.store_state,
            "problems": ill,
            "credential_providers": providers_json(&providers),
        });
        print(&pretty(&value)?)?;
    } else {
        let mut facts = Output::table(&[]);
        facts.row(&["daemon", &state.plain.version]);
        facts.row(&[
            "data",
            &format!("{} ({})", state.plain.data_directory, state.plain.store_state),
        ]);
        let problems = if ill.is_empty() { "none" } else { "these" };
        facts.row(&["problems", problems]);
        let mut text = facts.to_text().trim_start_matches('\n').to_owned();
        for problem in &ill {
            text.push_str(&format!("  {}\n", ccm_proto::SafeText::new(problem)));
        }
        text.push_str("\ncredentials are kept by the first of these that has them:\n");
        text.push_str(&table(&providers));
        if !takes {
            text.push_str("no provider takes new credentials\n");
        }
        print(&text)?;
    }
    Ok(if ill.is_empty() && takes { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REFUSED) })
}
