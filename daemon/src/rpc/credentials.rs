//! The credential service: takes secrets in, and tells everything but them.

mod wanted;

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::convert::ConvertError;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::{Name, Scope};
use ccm_proto::wire;
use ccm_proto::wire::credential_service_server::CredentialService;
use ccm_proto::wire::set_credential_request::Pin;
use ccm_proto::wire::test_credential_response::Result as Tested;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use url::Url;

use self::wanted::Wanted;
use crate::access::{self, Identity};
use crate::registry::Snapshot;
use crate::secret::{
    CredentialId, CredentialInfo, CredentialProbe, Found, Material, OriginError, PinnedOrigin,
    Pins, ProviderKind, ProviderReport, ProviderState, Secret, SecretError, SecretStore, Stored,
};

/// Serves credentials.
#[derive(Clone)]
pub struct Credentials {
    store: SecretStore,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    probe: Option<Arc<dyn CredentialProbe>>,
}

impl Credentials {
    /// Over a store. `snapshot` has the connectors; `probe` tries credentials, and without one
    /// they are found and not tried.
    pub fn new(
        store: SecretStore,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        probe: Option<Arc<dyn CredentialProbe>>,
    ) -> Self {
        Self { store, snapshot, probe }
    }

    /// What is wanted of a credential with this pin.
    fn wanted(&self, pin: Option<Pin>, api_origin: &str) -> Result<Wanted, Status> {
        let read = |text: &str| text.parse().map_err(|error: OriginError| unfit(&error));
        let api_origin: Option<PinnedOrigin> = match api_origin {
            "" => None,
            text => Some(read(text)?),
        };
        match pin {
            Some(Pin::Origin(text)) => Ok(Wanted::at(Pins { origin: read(&text)?, api_origin })),
            Some(Pin::Connector(name)) => {
                let name = Name::new(&name).map_err(|error| unfit(&error))?;
                let snapshot = self.snapshot.borrow();
                let connector = snapshot.configuration.connectors.get(&name);
                let connector = connector.ok_or_else(|| {
                    unfit(&format!("there is no connector {name}; `ccm connector list` shows them"))
                })?;
                Wanted::by(&name, connector, api_origin).map_err(|problem| unfit(&problem))
            }
            None => Err(unfit(
                "say what the credential is for: --origin https://HOST, or --connector NAME",
            )),
        }
    }

    async fn probed(&self, found: &Found, url: &str) -> Result<(Tested, SafeText), Status> {
        if url.is_empty() {
            let sentence = match found.credential.material.kind() {
                CredentialKind::Oauth2 => {
                    "say --url with the address of its tokens to try it there"
                }
                _ => "say --url to try it at its API",
            };
            return Ok((Tested::Found, SafeText::new(sentence)));
        }
        let url = Url::parse(url).map_err(|error| unfit(&error))?;
        let origin = &found.credential.pins.origin;
        if !origin.covers(&url) {
            return Err(unfit(&format!("the credential is sent to {origin} only")));
        }
        let Some(probe) = &self.probe else {
            let sentence = "this daemon sends no requests to try it";
            return Ok((Tested::Found, SafeText::new(sentence)));
        };
        Ok(match probe.probe(&found.credential, &url).await {
            Ok(probed) if probed.accepted => (Tested::Accepted, probed.sentence),
            Ok(probed) => (Tested::Refused, probed.sentence),
            Err(sentence) => (Tested::Unreached, sentence),
        })
    }
}

#[tonic::async_trait]
impl CredentialService for Credentials {
    async fn list_credentials(
        &self,
        request: Request<wire::ListCredentialsRequest>,
    ) -> Result<Response<wire::ListCredentialsResponse>, Status> {
        allowed(&request)?;
        let listing = self.store.list().await;
        let credentials = listing.credentials.into_iter().map(|listed| {
            let info = credential_info(listed.provider, &listed.info);
            wire::CredentialInfo { shadowed: listed.shadowed, ..info }
        });
        let failure = |(provider, cause)| format!("{provider}: {cause}");
        Ok(Response::new(wire::ListCredentialsResponse {
            credentials: credentials.collect(),
            failures: listing.failures.into_iter().map(failure).collect(),
        }))
    }

    async fn set_credential(
        &self,
        mut request: Request<wire::SetCredentialRequest>,
    ) -> Result<Response<wire::SetCredentialResponse>, Status> {
        let secret = Secret::from_message(std::mem::take(&mut request.get_mut().secret));
        let id = place(&request.get_ref().name, request.get_ref().scope.clone())?;
        allowed(&request)?;
        let request = request.into_inner();
        let kind = match request.kind {
            0 => None,
            number => Some(kind(number).map_err(|error| super::invalid(&error.within("kind")))?),
        };
        let wanted = self.wanted(request.pin, &request.api_origin)?;
        let provider = match request.provider.as_str() {
            "" => None,
            name => Some(name.parse::<ProviderKind>().map_err(|error| unfit(&error))?),
        };
        let kind = kind.or(wanted.kind).unwrap_or_default();
        let material = Material::new(kind, request.account, secret);
        wanted.check(&material).map_err(|problem| unfit(&problem))?;
        let stored = self.store.set(&id, material, wanted.pins, provider).await;
        let Stored { provider, info, replaced } = stored.map_err(|error| status(&error))?;
        let credential = Some(credential_info(provider, &info));
        Ok(Response::new(wire::SetCredentialResponse { credential, replaced }))
    }

    async fn rotate_credential(
        &self,
        mut request: Request<wire::RotateCredentialRequest>,
    ) -> Result<Response<wire::RotateCredentialResponse>, Status> {
        let secret = Secret::from_message(std::mem::take(&mut request.get_mut().secret));
        let id = place(&request.get_ref().name, request.get_ref().scope.clone())?;
        allowed(&request)?;
        let rotated = self.store.rotate(&id, secret, request.into_inner().account).await;
        let Stored { provider, info, .. } = rotated.map_err(|error| status(&error))?;
        let credential = Some(credential_info(provider, &info));
        Ok(Response::new(wire::RotateCredentialResponse { credential }))
    }

    async fn delete_credential(
        &self,
        request: Request<wire::DeleteCredentialRequest>,
    ) -> Result<Response<wire::DeleteCredentialResponse>, Status> {
        let id = place(&request.get_ref().name, request.get_ref().scope.clone())?;
        allowed(&request)?;
        let providers = self.store.delete(&id).await.map_err(|error| status(&error))?;
        let providers = providers.iter().map(ToString::to_string).collect();
        Ok(Response::new(wire::DeleteCredentialResponse { providers }))
    }

    async fn test_credential(
        &self,
        request: Request<wire::TestCredentialRequest>,
    ) -> Result<Response<wire::TestCredentialResponse>, Status> {
        let id = place(&request.get_ref().name, request.get_ref().scope.clone())?;
        allowed(&request)?;
        let found = self.store.find(id.scope(), id.name()).await;
        let found = found.map_err(|error| status(&error))?;
        let (result, sentence) = self.probed(&found, &request.get_ref().url).await?;
        let info = found.credential.info(found.id.clone());
        Ok(Response::new(wire::TestCredentialResponse {
            credential: Some(credential_info(found.provider, &info)),
            result: result.into(),
            sentence: sentence.to_string(),
        }))
    }

    async fn list_providers(
        &self,
        request: Request<wire::ListProvidersRequest>,
    ) -> Result<Response<wire::ListProvidersResponse>, Status> {
        allowed(&request)?;
        let providers = self.store.states().await.iter().map(provider).collect();
        Ok(Response::new(wire::ListProvidersResponse { providers }))
    }
}

/// Credentials of every scope are for those who own the platform.
fn allowed<T>(request: &Request<T>) -> Result<(), Status> {
    let identity = request.extensions().get::<Identity>().ok_or_else(|| {
        Status::unauthenticated("the caller is not known; connect through the local socket")
    })?;
    access::owns_platform(identity)
        .map_err(|error| Status::permission_denied(SafeText::new(&error.to_string()).to_string()))
}

fn place(name: &str, scope: Option<wire::Scope>) -> Result<CredentialId, Status> {
    let name = Name::new(name)
        .map_err(|error| super::invalid(&ConvertError::new(error.to_string()).within("name")))?;
    let scope = Scope::try_from(scope.unwrap_or_default());
    let scope = scope.map_err(|error| super::invalid(&error.within("scope")))?;
    Ok(CredentialId::new(scope, name))
}

fn kind(number: i32) -> Result<CredentialKind, ConvertError> {
    let known = wire::CredentialKind::try_from(number).unwrap_or_default();
    CredentialKind::try_from(known)
}

fn unfit(problem: &(impl ToString + ?Sized)) -> Status {
    Status::invalid_argument(SafeText::new(&problem.to_string()).to_string())
}

fn status(error: &SecretError) -> Status {
    let sentence = SafeText::new(&error.to_string()).to_string();
    match error {
        SecretError::Missing { .. } => Status::not_found(sentence),
        SecretError::Unfit(_) | SecretError::Unlisted(_) => Status::invalid_argument(sentence),
        SecretError::Unavailable { .. }
        | SecretError::Provider { .. }
        | SecretError::Blocked { .. }
        | SecretError::Hidden { .. }
        | SecretError::Nowhere => Status::failed_precondition(sentence),
    }
}

fn credential_info(provider: ProviderKind, info: &CredentialInfo) -> wire::CredentialInfo {
    wire::CredentialInfo {
        name: info.id.name().to_string(),
        scope: Some(info.id.scope().into()),
        kind: wire::CredentialKind::from(info.kind).into(),
        account: SafeText::new(&info.account).to_string(),
        origin: info.pins.origin.to_string(),
        version: info.version,
        created_at_ms: info.created.as_millis(),
        rotated_at_ms: info.rotated.as_millis(),
        provider: provider.to_string(),
        shadowed: false,
        api_origin: info.pins.api_origin.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn provider(report: &ProviderReport) -> wire::CredentialProvider {
    use wire::credential_provider::State;
    let state = match &report.state {
        ProviderState::Available => State::Available,
        ProviderState::Absent(_) => State::Absent,
        ProviderState::Failing(_) => State::Failing,
    };
    wire::CredentialProvider {
        name: report.kind.to_string(),
        place: SafeText::new(&report.place).to_string(),
        state: state.into(),
        cause: report.state.cause().map(ToString::to_string).unwrap_or_default(),
        writable: report.writable,
        takes_new: report.takes_new,
    }
}
