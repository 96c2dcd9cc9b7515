//! The generated types by the names of their messages.

use ccm_proto::wire;
use prost::Message;

fn through<M: Message + Default>(bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    M::decode(bytes).map(|message| message.encode_to_vec())
}

/// Decodes bytes as a message and encodes it again.
pub(crate) fn decode_and_encode(name: &str, bytes: &[u8]) -> Result<Vec<u8>, prost::DecodeError> {
    macro_rules! types {
        ($($name:ident,)*) => {
            match name {
                $(stringify!($name) => through::<wire::$name>(bytes),)*
                _ => panic!("add the message type {name} to this list"),
            }
        };
    }
    types! {
        ApiBudget, ApiState, CallRecord, DocumentText, Exchange, ListCallsRequest,
        ListCallsResponse, Phase, PlanCallsRequest, PlanCallsResponse, Sample, SourceBudget,
        TestSourceRequest, TestSourceResponse,
        AskModuleRequest, AskModuleResponse, ListModulesRequest, ListModulesResponse, ModuleReport, ModuleRights,
        ModuleStatus, ModuleTraffic,
        ApplyRequest, ApplyResponse, Bucket, ClientMessage, Conflict, ConflictPath,
        CredentialInfo, CredentialNeed, CredentialProvider, DaemonStatus, DeleteCredentialRequest,
        DeleteCredentialResponse, DiscoverRequest, DiscoverResponse, DocumentEntry, DocumentId,
        DocumentUpdate, DocumentWatch, EffectiveDocument, FeedBinding, FeedUpdate, FeedWatch,
        Field, Frame, GetRequest, GetResponse, GetStatusRequest, Goodbye, Hello, HistoryRequest,
        HistoryResponse, InvalidDocuments, Label, Layer, LayerRef, ListCredentialsRequest,
        ListCredentialsResponse, ListProvidersRequest, ListProvidersResponse, ListSeriesRequest,
        ListSeriesResponse, ListSourcesRequest, ListSourcesResponse, Notice, Offer,
        OfferedDocument, Outcome, Provenance, QueryRangeRequest, QueryRangeResponse, Refresh,
        Report, ReportRequest, ReportResponse, ReportedValue, RotateCredentialRequest,
        RotateCredentialResponse, Row, Scalar, Scope, SeriesBuckets, SeriesKey, SeriesSelector,
        SetCredentialRequest, SetCredentialResponse, Skipped, SourceStatus, StopRequest,
        StopResponse, TestCredentialRequest, TestCredentialResponse, Track, ViewDelta, ViewStatus,
        Watch, Welcome, Write,
    }
}
