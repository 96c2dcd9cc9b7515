//! The way out: the gateway, the credentials that go with requests, and what collectors stand on.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::egress::{EgressHost, EgressRule, Ports};
use ccm_proto::model::{EgressSpec, Name};
use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::HeaderName;

use crate::clock::Clock;
use crate::collect::credentials::Credentials;
use crate::collect::http::gateway::Answers;
use crate::collect::http::{
    Attached, Caching, Call, Expose, Gateway, GatewayParts, Limits, Origin, Placement, Policy,
    Priority, Request,
};
use crate::collect::module::Directory;
use crate::collect::{Census, Environment, SelfMetrics, bridge};
use crate::secret::{
    self, Secret, SecretStore, VaultHttp, VaultMethod, VaultRequest, VaultResponse,
};
use crate::settings::{CredentialSettings, Paths, Settings, systemd_credentials};

/// The largest answer of Vault.
const VAULT_ANSWER_BYTES: u64 = 1 << 20;

/// The header that lets a client of Vault in.
const VAULT_TOKEN: HeaderName = HeaderName::from_static("x-vault-token");

/// Everything that leads out of the daemon.
pub(super) struct Outside {
    pub gateway: Gateway,
    pub secrets: SecretStore,
    pub credentials: Credentials,
    pub environment: Environment,
}

impl Outside {
    /// Builds it; nothing is dialled yet.
    pub(super) fn build(
        settings: &Settings,
        paths: &Paths,
        clock: &Clock,
        metrics: &Arc<SelfMetrics>,
    ) -> Self {
        let gateway = Gateway::new(GatewayParts::system(clock.clone()));
        let surroundings = secret::Surroundings {
            data: paths.data.clone(),
            systemd: systemd_credentials(),
            vault: vault(&settings.credentials, clock),
            clock: clock.clone(),
        };
        let secrets = SecretStore::new(&settings.credentials, &surroundings);
        let credentials = Credentials::new(secrets.clone(), gateway.clone(), clock.clone());
        let modules = Directory::default();
        let bridge = bridge(&gateway, &credentials, &modules, clock);
        let environment = Environment {
            metrics: Arc::clone(metrics),
            gateway: gateway.clone(),
            credentials: credentials.clone(),
            modules,
            bridge,
            census: Census::default(),
            tap: None,
            clock: clock.clone(),
        };
        Self { gateway, secrets, credentials, environment }
    }
}

/// The way to Vault. Its address is from the daemon's own settings, which nobody but its operator
/// writes, so this one address may be dialled whatever it is, and by Vault's requests alone.
fn vault(settings: &CredentialSettings, clock: &Clock) -> Option<Arc<dyn VaultHttp>> {
    let origin: Origin = settings.vault.as_ref()?.address.parse().ok()?;
    let host: EgressHost = origin.host().parse().ok()?;
    let rule = EgressRule {
        host,
        ports: Ports::Only(vec![origin.port()]),
        reason: None,
        plaintext_credentials: false,
    };
    let gateway = Gateway::new(GatewayParts::system(clock.clone()));
    gateway.set_policy(Policy::new([&EgressSpec { description: None, allow: vec![rule] }]));
    Some(Arc::new(VaultWay { gateway, name: Name::new("vault").ok()? }))
}

struct VaultWay {
    gateway: Gateway,
    /// What stands for a source in the record of calls.
    name: Name,
}

struct Token(Secret);

impl Expose for Token {
    fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl VaultHttp for VaultWay {
    fn send(&self, request: VaultRequest) -> BoxFuture<'_, Result<VaultResponse, SafeText>> {
        Box::pin(async move {
            let call = self.call(request)?;
            let fetched = self.gateway.fetch(call).await.map_err(|error| error.to_safe_text())?;
            let response = &fetched.response;
            let (status, body) = (response.status.as_u16(), response.body.to_vec());
            Ok(VaultResponse { status, body: Secret::new(body) })
        })
    }
}

impl VaultWay {
    fn call(&self, request: VaultRequest) -> Result<Call, SafeText> {
        let words = |error: &dyn std::error::Error| SafeText::new(&error.to_string());
        let method = match request.method {
            VaultMethod::Get => Method::GET,
            VaultMethod::Post => Method::POST,
            VaultMethod::Delete => Method::DELETE,
        };
        let origin = Origin::of(&request.url).map_err(|error| words(&error))?;
        let asked = Request::new(method, &request.url).map_err(|error| words(&error))?;
        let asked = asked.with_body(request.body.into_message());
        let placement = Placement::Header { name: VAULT_TOKEN, prefix: String::new() };
        let secret: Arc<dyn Expose> = Arc::new(Token(request.token));
        let name: Arc<str> = "vault token".into();
        Ok(Call {
            credential: Some(Attached { name, revision: 0, origin, placement, secret }),
            caching: Caching::Off,
            answers: Answers::Any,
            priority: Priority::Interactive,
            bounds: Limits { body_bytes: VAULT_ANSWER_BYTES, redirects: 0, ..Limits::default() },
            ..Call::new(self.name.clone(), Arc::new(asked))
        })
    }
}
