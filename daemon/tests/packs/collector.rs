//! Fakes of services, read by the daemon's own collector.

use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::credentials::Credentials;
use ccm_daemon::collect::external_api::ExternalApi;
use ccm_daemon::collect::extract::Extractor;
use ccm_daemon::collect::http::Policy;
use ccm_daemon::collect::{CollectError, Environment, Fetch, Moment, Retry};
use ccm_daemon::secret::{
    CredentialId, Material, PinnedOrigin, ProviderKind, Secret, SecretStore, Surroundings,
};
use ccm_daemon::settings::CredentialSettings;
use ccm_proto::model::{
    ConnectorSpec, EgressSpec, Interval, Name, Reading, Scope, SourceSpec, Timestamp,
};
use serde_json::json;
use tempfile::TempDir;

use super::asking::{PLENTY, connector, joined, shrunk};
use super::fake::{Fake, RETRY_AFTER};
use super::fixtures::{Service, connectors, pages, service};

/// When everything is read.
const AT: Timestamp = Timestamp::from_millis(1_772_193_600_000);

/// A fake and all that the daemon needs to read it.
struct Daemon {
    fake: Fake,
    spec: ConnectorSpec,
    service: Service,
    environment: Environment,
    _data: TempDir,
}

impl Daemon {
    async fn facing(connector: &str, spec: &ConnectorSpec, calls: u32, stolen: bool) -> Self {
        let fake = Fake::start(connector, calls).await;
        let mut spec = fake.instead_of(&shrunk(connector, spec));
        // The limits of real services would make the test wait.
        spec.limits = None;
        let service = service(connector);
        let clock = Clock::system();
        let mut environment = Environment::alone(clock.clone());
        let loopback: EgressSpec =
            serde_json::from_value(json!({"allow": [{"host": "127.0.0.1", "ports": "*"}]}))
                .unwrap();
        environment.gateway.set_policy(Policy::new([&loopback]));
        let data = TempDir::new().unwrap();
        let settings = CredentialSettings {
            providers: vec![ProviderKind::Sealed],
            ..CredentialSettings::default()
        };
        let data_path = data.path().to_owned();
        let surroundings =
            Surroundings { data: data_path, systemd: None, vault: None, clock: clock.clone() };
        let store = SecretStore::new(&settings, &surroundings);
        let id = CredentialId::new(Scope::Platform, Name::new("pinned").unwrap());
        let material = material(&service, stolen);
        store.set(&id, material, fake.origin.parse::<PinnedOrigin>().unwrap(), None).await.unwrap();
        environment.credentials = Credentials::new(store, environment.gateway.clone(), clock);
        Self { fake, spec, service, environment, _data: data }
    }

    async fn read(&self, connector: &Name, endpoint: &Name) -> Result<Reading, CollectError> {
        let source: SourceSpec = serde_json::from_value(json!({
            "type": "external_api",
            "interval": "1m",
            "external_api": {
                "connector": connector,
                "endpoint": endpoint,
                "credential": "pinned",
                "params": self.service.endpoints[endpoint.as_str()].given,
            },
        }))
        .unwrap();
        assert_eq!(source.problems(), []);
        let (source, connector) = (Arc::new(source), Arc::new(self.spec.clone()));
        let mut collector =
            ExternalApi::new(endpoint, &source, Some(&connector), &self.environment);
        collector.fetch(Moment { at: AT, elapsed: Duration::ZERO }).await
    }
}

/// The credential that the service wants, or one that it does not know.
fn material(service: &Service, stolen: bool) -> Material {
    let secret = |text: &str| Secret::from(if stolen { "stolen" } else { text });
    if let Some(account) = &service.basic {
        return Material::Basic { user: account.user.clone(), password: secret(&account.secret) };
    }
    if let Some(token) = &service.token {
        let refresh = token.refresh.iter().map(|refresh| format!("\n{refresh}"));
        let both = token.secret.clone() + &refresh.collect::<String>();
        return Material::OAuth2 { client_id: token.user.clone(), client_secret: secret(&both) };
    }
    Material::Token(secret(service.secret.as_ref().unwrap()))
}

#[tokio::test]
async fn every_endpoint_is_read_to_the_last_page_and_becomes_the_recorded_reading() {
    for (name, spec) in connectors() {
        let daemon = Daemon::facing(name.as_str(), &spec, PLENTY, false).await;
        let mut calls = 0;
        for (endpoint, asked) in &spec.endpoints {
            let recorded = pages(name.as_str(), endpoint.as_str());
            calls += u32::try_from(recorded.len()).unwrap();
            let mut extractor = Extractor::new(endpoint, asked.extract.as_ref()).unwrap();
            let expect = extractor.reading(AT, joined(asked, &recorded));
            let found = daemon.read(&name, endpoint).await;
            let found = found.unwrap_or_else(|error| panic!("{name}/{endpoint}: {error}"));
            assert_eq!(found.value, expect.value, "{name}/{endpoint}");
            assert_eq!(found.samples.keys, expect.samples.keys, "{name}/{endpoint}");
            let tokens = u32::from(daemon.service.token.is_some());
            assert_eq!(daemon.fake.calls(), (calls, tokens), "{name}/{endpoint}");
        }
        let quotas = daemon.environment.gateway.apis().into_iter().filter_map(|api| api.quota);
        let left: Vec<u64> = quotas.filter_map(|quota| quota.remaining).collect();
        let least = spec.quota.iter().map(|_| u64::from(PLENTY - calls)).next();
        assert_eq!(left.iter().min().copied(), least, "{name}");
        // Endpoints that are limited apart have a quota of their own.
        let apart = spec.endpoints.values().filter(|endpoint| endpoint.limits.is_some()).count();
        assert_eq!(left.len(), spec.quota.iter().map(|_| 1 + apart).sum::<usize>(), "{name}");
    }
}

#[tokio::test]
async fn a_credential_that_is_refused_is_not_told_and_holds_the_source() {
    for (name, spec) in connectors() {
        let daemon = Daemon::facing(name.as_str(), &spec, PLENTY, true).await;
        let endpoint = spec.endpoints.keys().next().unwrap();
        let error = daemon.read(&name, endpoint).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Hold, "{name}: {error}");
        assert!(!error.to_string().contains("stolen"), "{name}: {error}");
        assert_eq!(daemon.fake.calls().0, 0, "{name}");
    }
}

#[tokio::test]
async fn a_service_that_has_enough_between_two_pages_is_left_alone_as_long_as_it_says() {
    let daemon = Daemon::facing("stripe", &connector("stripe"), 1, false).await;
    let (stripe, charges) = (Name::new("stripe").unwrap(), Name::new("charges").unwrap());
    let error = daemon.read(&stripe, &charges).await.unwrap_err();
    let seconds = RETRY_AFTER.parse().unwrap();
    assert_eq!(error.retry(), Retry::After(Interval::from_secs(seconds)), "{error}");
    assert_eq!(daemon.fake.calls(), (2, 0));
}
