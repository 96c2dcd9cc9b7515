//! What the model says survives the wire, and what the wire says wrongly is refused by name.
#![expect(clippy::unwrap_used, reason = "a test of its own")]

use std::fmt::Debug;
use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::convert::{ConvertError, FeedChange, FrameContents};
use ccm_proto::model::document::LayerRef;
use ccm_proto::model::series::SeriesSelector;
use ccm_proto::model::view::TRACK_MAX;
use ccm_proto::model::{
    Bucket, Cell, Document, DocumentId, Field, Interval, Kind, Labels, Name, Notice, Provenance,
    Quality, Row, Scope, SeriesKey, Severity, Timestamp, Track, Version, ViewDelta, ViewStatus,
};
use ccm_proto::wire;
use proptest::option;
use proptest::prelude::*;
use prost::Message;

fn safe() -> impl Strategy<Value = SafeText> {
    "[a-zé日 ]{1,12}".prop_map(|text| SafeText::new(&text))
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9][a-z0-9_.-]{0,20}".prop_map(|text| Name::new(&text).unwrap())
}

/// A time that is set: the wire's 0 means that there is none.
fn time() -> impl Strategy<Value = Timestamp> {
    (1..4_000_000_000_000_i64).prop_map(Timestamp::from_millis)
}

fn interval() -> impl Strategy<Value = Interval> {
    any::<u32>().prop_map(|millis| Interval::from_millis(u64::from(millis)))
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(0.0), Just(f64::INFINITY)]
        .prop_filter("absent", |number| !number.is_nan())
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Absent),
        number().prop_map(Cell::Number),
        any::<i64>().prop_map(Cell::Integer),
        "\\PC{0,8}".prop_map(|text| Cell::Text(SafeText::new(&text))),
        any::<bool>().prop_map(Cell::Boolean),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    prop::sample::select(
        &[Quality::Loading, Quality::Live, Quality::Absent, Quality::Stale, Quality::Error][..],
    )
}

fn status() -> impl Strategy<Value = ViewStatus> {
    let times = (option::of(time()), interval(), option::of(time()));
    (quality(), times, option::of(safe()), any::<bool>()).prop_map(
        |(quality, (sampled_at, interval, next_at), cause, backfilling)| ViewStatus {
            quality,
            sampled_at,
            interval,
            next_at,
            cause,
            backfilling,
        },
    )
}

fn track() -> impl Strategy<Value = Track> {
    let values = prop::collection::vec(number(), 0..20);
    ("[a-z]{0,6}", safe(), time(), 1..u32::MAX, values).prop_map(
        |(id, label, start, step, values)| Track {
            id,
            label,
            start,
            step: Interval::from_millis(u64::from(step)),
            values,
        },
    )
}

fn row() -> impl Strategy<Value = Arc<Row>> {
    ("\\PC{0,8}", prop::collection::vec(cell(), 0..5))
        .prop_map(|(key, cells)| Row::shared(key, cells))
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z]{0,6}", 0..4)
}

fn keys() -> impl Strategy<Value = Vec<Arc<str>>> {
    texts().prop_map(|texts| texts.into_iter().map(Into::into).collect())
}

fn delta() -> impl Strategy<Value = ViewDelta> {
    let field = ("[a-z.]{1,8}", cell()).prop_map(|(name, value)| Field { name, value });
    let fields = (prop::collection::vec(field, 0..4), texts());
    let tracks = (prop::collection::vec(track(), 0..4), texts(), option::of(texts()));
    let rows = (prop::collection::vec(row(), 0..4), keys(), option::of(keys()));
    (option::of(status()), fields, tracks, option::of(time()), rows, option::of(any::<u32>()))
        .prop_map(|(status, fields, tracks, window_start, rows, rows_total)| ViewDelta {
            status,
            fields: fields.0,
            removed_fields: fields.1,
            tracks: tracks.0,
            removed_tracks: tracks.1,
            track_order: tracks.2,
            window_start,
            rows: rows.0,
            removed_rows: rows.1,
            row_order: rows.2,
            rows_total,
        })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Platform),
        name().prop_map(Scope::Tenant),
        (name(), name()).prop_map(|(tenant, team)| Scope::Team(tenant, team)),
        (name(), option::of(name()), name()).prop_map(|(tenant, team, user)| Scope::User {
            tenant,
            team,
            user
        }),
    ]
}

fn layer() -> impl Strategy<Value = LayerRef> {
    let provenance = ("\\PC{0,8}", "\\PC{0,8}", "\\PC{0,8}", any::<i64>()).prop_map(
        |(actor, manager, reason, at)| {
            let at = Timestamp::from_millis(at);
            Provenance { actor, manager, reason, at }
        },
    );
    (scope(), any::<u64>(), provenance).prop_map(|(scope, revision, provenance)| LayerRef {
        scope,
        revision,
        provenance,
    })
}

fn id() -> impl Strategy<Value = DocumentId> {
    (prop::sample::select(&Kind::ALL[..]), name())
        .prop_map(|(kind, name)| DocumentId::new(kind, name))
}

fn document() -> impl Strategy<Value = Document> {
    let spec = prop::collection::btree_map("\\PC{0,6}", any::<i32>(), 0..4)
        .prop_map(|map| serde_json::to_value(map).unwrap());
    (id(), spec, any::<[u8; 16]>(), prop::collection::vec(layer(), 0..3)).prop_map(
        |(id, spec, version, layers)| Document { id, spec, version: Version(version), layers },
    )
}

fn notice() -> impl Strategy<Value = Notice> {
    let severity = prop::sample::select(&[Severity::Info, Severity::Warning, Severity::Error][..]);
    let place = (option::of(safe()), any::<u32>(), any::<u32>());
    let detail = prop::collection::vec(safe(), 0..4);
    ("\\PC{0,8}", severity, safe(), detail, place, any::<i64>(), any::<bool>()).prop_map(
        |(key, severity, summary, detail, (file, line, column), at, cleared)| Notice {
            key,
            severity,
            summary,
            detail,
            file,
            line,
            column,
            at: Timestamp::from_millis(at),
            cleared,
        },
    )
}

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("\\PC{0,6}", "\\PC{0,6}"), 0..4).prop_map(Labels::new)
}

/// Converts to the wire, through bytes and back.
fn through<'a, M, W>(model: &'a M) -> M
where
    W: From<&'a M> + Message + Default,
    M: TryFrom<W>,
    M::Error: Debug,
{
    let bytes = W::from(model).encode_to_vec();
    M::try_from(W::decode(bytes.as_slice()).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn view_deltas_survive(delta in delta()) {
        prop_assert_eq!(through::<_, wire::ViewDelta>(&delta), delta);
    }

    #[test]
    fn documents_survive(document in document()) {
        prop_assert_eq!(through::<_, wire::EffectiveDocument>(&document), document);
    }

    #[test]
    fn notices_survive(notice in notice()) {
        prop_assert_eq!(through::<_, wire::Notice>(&notice), notice);
    }

    #[test]
    fn scopes_and_layers_survive(scope in scope(), layer in layer()) {
        prop_assert_eq!(through::<_, wire::Scope>(&scope), scope);
        prop_assert_eq!(through::<_, wire::LayerRef>(&layer), layer);
    }

    #[test]
    fn series_survive(
        source in name(),
        metric in "[a-z.]{1,12}",
        labels in labels(),
        is_any in any::<bool>(),
        numbers in any::<(i64, u64)>(),
        mean in number(),
    ) {
        let key = SeriesKey {
            source: source.clone(),
            metric: Arc::from(metric),
            labels: labels.clone(),
        };
        let metric = Some(Arc::clone(&key.metric)).filter(|_| is_any);
        let selector = SeriesSelector { source: Some(source).filter(|_| is_any), metric, labels };
        prop_assert!(selector.matches(&key));
        prop_assert_eq!(&through::<_, wire::SeriesKey>(&key), &key);
        prop_assert_eq!(&through::<_, wire::SeriesSelector>(&selector), &selector);
        let start = Timestamp::from_millis(numbers.0);
        let bucket = Bucket { start, min: mean, max: mean, mean, count: numbers.1 };
        prop_assert_eq!(through::<_, wire::Bucket>(&bucket), bucket);
    }

    #[test]
    fn text_from_the_wire_is_safe(text in "\\PC{0,20}") {
        let text = format!("{text}\x1b[2J\u{202e}");
        let scalar = wire::Scalar { kind: Some(wire::scalar::Kind::Text(text.clone())) };
        let expected = SafeText::new(&text);
        prop_assert_eq!(Cell::try_from(scalar).unwrap(), Cell::Text(expected.clone()));
        let goodbye = Some(wire::Goodbye { reason: text });
        let frame = wire::Frame { goodbye, ..wire::Frame::default() };
        prop_assert_eq!(FrameContents::try_from(frame).unwrap().goodbye.unwrap().reason, expected);
    }
}

#[test]
fn not_a_number_is_a_gap_of_a_track_and_absent_in_a_cell() {
    let scalar = wire::Scalar { kind: Some(wire::scalar::Kind::Number(f64::NAN)) };
    assert_eq!(Cell::try_from(scalar), Ok(Cell::Absent));
    let values = vec![1.0, f64::NAN];
    let track = wire::Track { step_ms: 1_000, values, ..wire::Track::default() };
    assert!(Track::try_from(track).unwrap().values[1].is_nan());
}

#[test]
fn an_unknown_quality_is_never_live() {
    for number in [-1, 0, 6, 99] {
        let status = wire::ViewStatus { quality: number, ..wire::ViewStatus::default() };
        assert_eq!(ViewStatus::from(status).quality, Quality::Loading);
    }
}

fn error<M: TryFrom<W, Error = ConvertError> + Debug, W>(wire: W) -> String {
    M::try_from(wire).unwrap_err().to_string()
}

fn feed(delta: wire::ViewDelta) -> wire::Frame {
    let update = wire::FeedUpdate { version: 1, delta: Some(delta), ..wire::FeedUpdate::default() };
    wire::Frame { feeds: vec![update.clone(), update], ..wire::Frame::default() }
}

#[test]
fn errors_name_the_field_path() {
    let row = wire::Row { key: "a".to_owned(), cells: vec![wire::Scalar::default()] };
    let nameless = wire::Field { name: "value".to_owned(), value: None };
    let track = |step_ms, count| wire::Track {
        step_ms,
        values: vec![0.0; count],
        ..wire::Track::default()
    };
    let fields = wire::ViewDelta { fields: vec![nameless], ..wire::ViewDelta::default() };
    assert!(FrameContents::try_from(feed(fields.clone())).is_err());
    assert_eq!(error::<ViewDelta, _>(fields), "fields[0].value: is missing");
    let rows = wire::ViewDelta { rows: vec![row], ..wire::ViewDelta::default() };
    assert!(ViewDelta::try_from(rows).is_ok());
    let stepless =
        wire::ViewDelta { tracks: vec![track(1, 0), track(0, 3)], ..wire::ViewDelta::default() };
    assert_eq!(
        error::<FrameContents, _>(feed(stepless)),
        "feeds[0].delta.tracks[1].step_ms: must be more than 0"
    );
    let endless =
        wire::ViewDelta { tracks: vec![track(1, TRACK_MAX + 1)], ..wire::ViewDelta::default() };
    let refused = error::<ViewDelta, _>(endless);
    assert!(refused.starts_with("tracks[0].values: holds 16385 values"), "{refused}");
}

#[test]
fn missing_fields_and_unknown_kinds_are_named() {
    let table = [
        (error::<FeedChange, _>(wire::FeedUpdate::default()), "version: is missing"),
        (
            error::<FeedChange, _>(wire::FeedUpdate { version: 1, ..Default::default() }),
            "delta: is missing",
        ),
        (error::<LayerRef, _>(wire::LayerRef::default()), "provenance: is missing"),
        (error::<Document, _>(document_of("{}", 0)), "id.kind: is not a kind"),
        (error::<Document, _>(document_of("{}", 99)), "id.kind: is not a kind"),
        (error::<Document, _>(document_of("{", 2)), "spec_json: "),
        (error::<Document, _>(document_of("{}", 2)), "version: a version has 16 bytes, not 3"),
        (error::<SeriesKey, _>(wire::SeriesKey::default()), "metric: is missing"),
        (
            error::<SeriesKey, _>(wire::SeriesKey { metric: "m".to_owned(), ..Default::default() }),
            "source: a name is missing",
        ),
        (
            error::<Scope, _>(wire::Scope { team: "t".to_owned(), ..Default::default() }),
            "tenant: is missing",
        ),
        (
            error::<Scope, _>(wire::Scope { tenant: "T".to_owned(), ..Default::default() }),
            "tenant: the name has 'T' at position 1",
        ),
    ];
    for (found, expected) in table {
        assert!(found.starts_with(expected), "{found:?} does not start with {expected:?}");
    }
    let update = wire::DocumentUpdate { id: None, document: None };
    let frame = wire::Frame { documents: vec![update], ..wire::Frame::default() };
    assert_eq!(error::<FrameContents, _>(frame), "documents[0].id: is missing");
}

/// A document whose version has 3 bytes.
fn document_of(spec: &str, kind: i32) -> wire::EffectiveDocument {
    wire::EffectiveDocument {
        id: Some(wire::DocumentId { kind, name: "host".to_owned() }),
        spec_json: spec.to_owned(),
        version: vec![1, 2, 3].into(),
        layers: Vec::new(),
    }
}

#[test]
fn what_shows_a_message_with_a_secret_shows_nothing_of_it() {
    let secret = || bytes::Bytes::from_static(b"sk_live_canary");
    let set = wire::SetCredentialRequest {
        name: "stripe".to_owned(),
        secret: secret(),
        account: "bob".to_owned(),
        ..wire::SetCredentialRequest::default()
    };
    let rotate = wire::RotateCredentialRequest {
        name: "stripe".to_owned(),
        secret: secret(),
        ..wire::RotateCredentialRequest::default()
    };
    for shown in [format!("{set:?}"), format!("{rotate:#?}")] {
        assert!(shown.contains("stripe"), "{shown}");
        assert!(!shown.contains("canary") && !shown.contains("bob"), "{shown}");
    }
}
