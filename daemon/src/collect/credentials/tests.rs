//! Tokens against two places on loopback: one that gives them, one that takes them.

use axum::Router;
use axum::routing::{get, post};
use ccm_proto::model::{EgressSpec, SourceSpec};
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::collect::external_api::ExternalApi;
use crate::collect::http::egress::Policy;
use crate::collect::{Environment, Fetch, Moment, Retry};
use crate::secret::{
    CredentialId, Material, PinnedOrigin as Pin, Pins, ProviderKind, Surroundings,
};
use crate::settings::CredentialSettings;

const AT: ccm_proto::model::Timestamp = ccm_proto::model::Timestamp::from_millis(1_700_000_000_000);

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// Gives tokens to the client whose secret and refresh token are right.
async fn authority() -> String {
    let give = |headers: axum::http::HeaderMap, body: String| async move {
        // id:client
        let basic = headers["authorization"] == "Basic aWQ6Y2xpZW50";
        let refresh = body == "grant_type=refresh_token&refresh_token=again";
        assert!(basic && refresh, "{headers:?} {body}");
        axum::Json(json!({ "access_token": "fresh", "expires_in": 3_600 }))
    };
    serve(Router::new().route("/token", post(give))).await
}

/// Answers how it was asked.
async fn api() -> String {
    let answer = |headers: axum::http::HeaderMap| async move {
        let given = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        axum::Json(json!({ "given": given }))
    };
    serve(Router::new().route("/x", get(answer))).await
}

struct Scene {
    environment: Environment,
    _data: tempfile::TempDir,
}

impl Scene {
    async fn new(origin: &str, api_origin: Option<&str>) -> Self {
        let clock = Clock::system();
        let mut environment = Environment::alone(clock.clone());
        let loopback = json!({"allow": [{"host": "127.0.0.1", "ports": "*"}]});
        let loopback: EgressSpec = serde_json::from_value(loopback).unwrap();
        environment.gateway.set_policy(Policy::new([&loopback]));
        let data = tempfile::tempdir().unwrap();
        let settings = CredentialSettings {
            providers: vec![ProviderKind::Sealed],
            ..CredentialSettings::default()
        };
        let surroundings = Surroundings {
            data: data.path().to_owned(),
            systemd: None,
            vault: None,
            clock: clock.clone(),
        };
        let store = SecretStore::new(&settings, &surroundings);
        let id = CredentialId::new(Scope::Platform, Name::new("client").unwrap());
        let secret = Secret::from("client\nagain");
        let material = Material::new(CredentialKind::Oauth2, "id".to_owned(), secret);
        let pin = |origin: &str| origin.parse::<Pin>().unwrap();
        let pins = Pins { origin: pin(origin), api_origin: api_origin.map(pin) };
        store.set(&id, material, pins, None).await.unwrap();
        environment.credentials = Credentials::new(store, environment.gateway.clone(), clock);
        Self { environment, _data: data }
    }

    async fn read(&self, base_url: &str, authority: &str) -> Result<String, CollectError> {
        let source: SourceSpec = serde_json::from_value(json!({
            "type": "external_api",
            "external_api": {
                "base_url": base_url,
                "endpoint": "/x",
                "credential": "client",
                "auth": {
                    "type": "oauth2",
                    "grant": "refresh_token",
                    "token_url": format!("{authority}/token"),
                },
            },
        }))
        .unwrap();
        let name = Name::new("x").unwrap();
        let mut collector = ExternalApi::new(&name, &Arc::new(source), None, &self.environment);
        let moment = Moment { at: AT, elapsed: Duration::ZERO };
        let reading = collector.fetch(moment).await?;
        Ok(serde_json::to_string(&reading.value).unwrap())
    }
}

#[tokio::test]
async fn a_token_goes_to_the_origin_of_the_api_and_the_secret_to_where_tokens_are_given() {
    let (authority, api) = (authority().await, api().await);
    let scene = Scene::new(&authority, Some(&api)).await;
    assert_eq!(scene.read(&api, &authority).await.unwrap(), r#"{"given":"Bearer fresh"}"#);
}

#[tokio::test]
async fn an_edited_document_carries_neither_the_token_nor_the_secret_elsewhere() {
    let (authority, own, other) = (authority().await, api().await, api().await);
    let scene = Scene::new(&authority, Some(&own)).await;
    for (base_url, token_place) in [(&other, &authority), (&own, &other), (&own, &own)] {
        let error = scene.read(base_url, token_place).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Hold, "{error}");
        assert!(!error.to_string().contains("fresh"), "{error}");
    }
    let error = scene.read(&other, &authority).await.unwrap_err().to_string();
    assert!(error.contains(&format!("--api-origin {other}")), "{error}");
    let narrow = Scene::new(&authority, None).await;
    assert!(narrow.read(&own, &authority).await.is_err(), "without a second origin there is one");
}

#[tokio::test]
async fn an_oauth2_client_is_tried_where_tokens_are_given() {
    let refuse =
        || async { (axum::http::StatusCode::BAD_REQUEST, "{\"error\": \"invalid_client\"}") };
    let strict = serve(Router::new().route("/token", post(refuse))).await;
    let authority = authority().await;
    let mut tried = Vec::new();
    for place in [&authority, &strict] {
        let scene = Scene::new(place, None).await;
        let credentials = &scene.environment.credentials;
        let client = Name::new("client").unwrap();
        let credential = credentials.0.secrets.get(&Scope::Platform, &client).await.unwrap();
        let url = parse(&format!("{place}/token")).unwrap();
        let probed = credentials.probe(&credential, &url).await.unwrap();
        assert!(!probed.sentence.as_str().contains("client"), "{}", probed.sentence);
        tried.push((probed.accepted, probed.sentence.to_string()));
        let elsewhere = parse("http://127.0.0.1:9/token").unwrap();
        assert!(credentials.probe(&credential, &elsewhere).await.is_err(), "another origin");
    }
    assert!(tried[0].0 && tried[0].1.contains("a token was given"), "{tried:?}");
    assert!(!tried[1].0 && tried[1].1.contains("400"), "{tried:?}");
}
