use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::secret::testing::{credential, id};

const TOKEN: &str = "hvs.token";

/// A Vault in memory: paths to bodies as they were written.
#[derive(Default)]
struct Fake {
    secrets: Mutex<BTreeMap<String, serde_json::Value>>,
    status: Mutex<Option<u16>>,
}

impl Fake {
    fn answer(&self, request: &VaultRequest) -> (u16, serde_json::Value) {
        if let Some(status) = *self.status.lock().unwrap() {
            return (status, serde_json::json!({"errors": ["no"]}));
        }
        assert_eq!(request.token.expose_text(), Some(TOKEN));
        let mut secrets = self.secrets.lock().unwrap();
        let path = request.url.path().to_owned();
        let path = path.strip_prefix("/v1/secret/").unwrap();
        let (area, key) = path.split_once('/').unwrap();
        match (request.method, request.url.query()) {
            (VaultMethod::Get, Some("list=true")) => {
                let inside = |key: &String| Some(key.strip_prefix("ccm/platform/")?.to_owned());
                let keys: Vec<String> = secrets.keys().filter_map(inside).collect();
                let status = if keys.is_empty() { 404 } else { 200 };
                (status, serde_json::json!({"data": {"keys": keys}}))
            }
            (VaultMethod::Get, _) => match secrets.get(key) {
                Some(data) => (200, serde_json::json!({"data": {"data": data, "metadata": {}}})),
                None => (404, serde_json::json!({"errors": []})),
            },
            (VaultMethod::Post, _) => {
                let body: serde_json::Value =
                    serde_json::from_slice(request.body.expose()).unwrap();
                secrets.insert(key.to_owned(), body["data"].clone());
                (200, serde_json::json!({"data": {"version": 1}}))
            }
            (VaultMethod::Delete, _) => {
                assert_eq!(area, "metadata", "all versions go");
                secrets.remove(key);
                (204, serde_json::Value::Null)
            }
        }
    }
}

impl VaultHttp for Fake {
    fn send(&self, request: VaultRequest) -> BoxFuture<'_, Result<VaultResponse, SafeText>> {
        let (status, body) = self.answer(&request);
        let body = Secret::new(serde_json::to_vec(&body).unwrap());
        async move { Ok(VaultResponse { status, body }) }.boxed()
    }
}

fn vault() -> (Arc<Fake>, Vault, tempfile::TempDir) {
    let fake = Arc::new(Fake::default());
    let root = tempfile::tempdir().unwrap();
    let token_file = root.path().join("token");
    let token = format!("{TOKEN}\n");
    private::replace(&crate::storage::disk::RealDisk, &token_file, token.as_bytes()).unwrap();
    let place = VaultPlace {
        address: Url::parse("https://vault.example:8200").unwrap(),
        mount: "secret".to_owned(),
        path: "ccm".to_owned(),
        token_file,
    };
    let http: Arc<dyn VaultHttp> = Arc::<Fake>::clone(&fake);
    (fake, Vault::new(place, http), root)
}

#[tokio::test]
async fn vault_gives_back_what_it_was_given_and_forgets_all_versions() {
    let (fake, vault, _root) = vault();
    for (at, name) in [("platform", "stripe"), ("user:acme/bob", "stripe")] {
        let id = id(at, name);
        assert!(vault.get(&id).await.unwrap().is_none());
        let mut given = credential("s3cret", "https://api.stripe.com");
        given.material =
            Material::new(CredentialKind::Basic, "bob".to_owned(), Secret::new(vec![0xff, 0]));
        given.version = 3;
        vault.set(&id, &given).await.unwrap();
        let kept = vault.get(&id).await.unwrap().unwrap();
        assert_eq!(kept.material.secret().expose(), [0xff, 0]);
        assert_eq!(kept.info(id.clone()), given.info(id));
    }
    let paths: Vec<String> = fake.secrets.lock().unwrap().keys().cloned().collect();
    assert_eq!(paths, ["ccm/platform/stripe", "ccm/user/acme/bob/stripe"]);
    assert_eq!(vault.list().await.unwrap().len(), 1);
    assert!(vault.delete(&id("platform", "stripe")).await.unwrap());
    assert!(!vault.delete(&id("platform", "stripe")).await.unwrap());
}

#[tokio::test]
async fn a_secret_that_was_written_by_hand_needs_an_origin_and_a_secret() {
    let (fake, vault, _root) = vault();
    let put = |name: &str, data: serde_json::Value| {
        fake.secrets.lock().unwrap().insert(format!("ccm/platform/{name}"), data);
    };
    put("good", serde_json::json!({"origin": "https://a.example", "secret": "x"}));
    put("unpinned", serde_json::json!({"secret": "topsecret"}));
    put("empty", serde_json::json!({"origin": "https://a.example", "secret": ""}));
    let good = vault.get(&id("platform", "good")).await.unwrap().unwrap();
    assert_eq!((good.version, good.material.kind()), (1, CredentialKind::Token));
    for name in ["unpinned", "empty"] {
        let refused = vault.get(&id("platform", name)).await.map(drop).unwrap_err().to_string();
        assert!(refused.contains("origin and secret"), "{refused}");
        assert!(!refused.contains("topsecret"), "{refused}");
    }
}

#[tokio::test]
async fn a_vault_that_refuses_is_failing_and_says_what_helps() {
    let (fake, vault, _root) = vault();
    assert_eq!(vault.state().await, ProviderState::Available);
    for (status, word) in [(403, "token"), (503, "unseal"), (500, "500")] {
        *fake.status.lock().unwrap() = Some(status);
        let state = vault.state().await;
        assert_eq!(state.as_str(), "failing");
        assert!(state.cause().unwrap().as_str().contains(word));
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let (_, vault, root) = vault();
    std::fs::remove_file(root.path().join("token")).unwrap();
    let state = vault.state().await;
    assert!(state.cause().unwrap().as_str().contains("no token for Vault"));
}
