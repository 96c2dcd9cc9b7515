//! The daemon's own metrics as Prometheus text, for this machine only and off by default.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use ccm_proto::model::Name;
use tokio::net::{TcpListener, UnixListener};

use super::system::Facts;
use crate::collect::Environment;
use crate::collect::daemon::ProcessReader;
use crate::collect::module::State;
use crate::collect::module::bridge::Traffic;
use crate::collect::self_metrics::exposition::{CONTENT_TYPE as TEXT_FORMAT, Told, render};
use crate::settings::MetricsAddress;

fn modules(environment: &Environment) -> Vec<(Name, State, Traffic)> {
    let all = environment.modules.all().into_iter();
    all.map(|(name, known)| (name, known.standing.state, known.traffic)).collect()
}

/// Serves until the daemon ends. An address that cannot be taken is an error at once.
pub async fn serve(
    address: &MetricsAddress,
    environment: Environment,
    facts: Arc<Facts>,
) -> std::io::Result<()> {
    let text = move || {
        let (environment, facts) = (environment.clone(), Arc::clone(&facts));
        async move {
            let told = Told {
                process: ProcessReader::default().read(),
                sources: facts.source_states().await,
                apis: environment.gateway.apis(),
                modules: modules(&environment),
            };
            ([(CONTENT_TYPE, TEXT_FORMAT)], render(&environment.metrics, &told))
        }
    };
    let router = Router::new().route("/metrics", get(text));
    match address {
        MetricsAddress::Loopback(address) => {
            let listener = TcpListener::bind(address).await?;
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        MetricsAddress::Unix(path) => {
            if let Err(error) = std::fs::remove_file(path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error);
            }
            let listener = UnixListener::bind(path)?;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
    }
    Ok(())
}
