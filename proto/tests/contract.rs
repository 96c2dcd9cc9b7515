//! Messages that were sent once must be understood for ever.
//!
//! `recorded/` holds encoded messages and, beside each, what they say. A recording never changes.
//! A message type or field that is new needs a recording too: `CCM_RECORD=1 cargo test` adds what
//! is missing and touches nothing else.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test of its own")]

#[path = "contract/reflection.rs"]
mod reflection;
#[path = "contract/types.rs"]
mod types;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ccm_proto::convert::{DaemonState, FrameContents};
use ccm_proto::model::{Document, DocumentId, Notice, Offer, ViewDelta};
use ccm_proto::wire;
use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use reflection::{describe, filled, messages};

/// One encoded message.
struct Recording {
    file: PathBuf,
    descriptor: MessageDescriptor,
    bytes: Vec<u8>,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn recordings() -> Vec<Recording> {
    let entries = std::fs::read_dir(directory()).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "bin"));
    files.sort();
    let known = messages();
    let load = |file: PathBuf| {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let name = stem.split('.').next().unwrap();
        let descriptor = known
            .iter()
            .find(|message| message.name() == name)
            .unwrap_or_else(|| panic!("{name} was sent once, and is no message type any more"));
        Recording { descriptor: descriptor.clone(), bytes: std::fs::read(&file).unwrap(), file }
    };
    files.into_iter().map(load).collect()
}

/// Adds recordings of what has none.
fn record(descriptor: &MessageDescriptor) {
    for message in filled(descriptor) {
        let bytes = message.encode_to_vec();
        let of_type = |recording: &Recording| recording.descriptor == *descriptor;
        let known: Vec<Recording> = recordings().into_iter().filter(of_type).collect();
        if known.iter().any(|recording| recording.bytes == bytes) {
            continue;
        }
        let file = directory().join(format!("{}.{}.bin", descriptor.name(), known.len() + 1));
        std::fs::write(file.with_extension("txt"), describe(&message)).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

fn unrecorded(descriptor: &MessageDescriptor) -> BTreeSet<String> {
    let mut missing: BTreeSet<String> =
        descriptor.fields().map(|field| field.name().to_owned()).collect();
    for recording in recordings().iter().filter(|recording| recording.descriptor == *descriptor) {
        let bytes = recording.bytes.as_slice();
        let message = DynamicMessage::decode(recording.descriptor.clone(), bytes).unwrap();
        let set = message.fields().map(|(field, _)| field.name().to_owned());
        set.for_each(|name| {
            missing.remove(&name);
        });
    }
    missing
}

#[test]
fn every_field_of_every_message_type_is_recorded() {
    for descriptor in messages() {
        if std::env::var_os("CCM_RECORD").is_some() && !unrecorded(&descriptor).is_empty() {
            record(&descriptor);
        }
        let missing = unrecorded(&descriptor);
        let name = descriptor.name();
        assert!(missing.is_empty(), "{name} has no recording of {missing:?}: set CCM_RECORD=1");
    }
}

#[test]
fn every_recorded_message_says_what_it_said() {
    let recordings = recordings();
    assert!(recordings.len() >= 50);
    for Recording { file, descriptor, bytes } in recordings {
        let said = std::fs::read_to_string(file.with_extension("txt")).unwrap();
        let message = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        assert_eq!(describe(&message), said, "{}", file.display());
        let again = types::decode_and_encode(descriptor.name(), &bytes).unwrap();
        let again = DynamicMessage::decode(descriptor, again.as_slice()).unwrap();
        assert_eq!(describe(&again), said, "the generated type of {}", file.display());
    }
}

/// Decodes bytes as each message that is converted, and converts what decodes.
fn decode_and_convert(bytes: &[u8]) {
    for descriptor in messages() {
        let _ = types::decode_and_encode(descriptor.name(), bytes);
    }
    let _ = wire::Frame::decode(bytes).map(FrameContents::try_from);
    let _ = wire::EffectiveDocument::decode(bytes).map(Document::try_from);
    let _ = wire::DocumentId::decode(bytes).map(DocumentId::try_from);
    let _ = wire::Scope::decode(bytes).map(ccm_proto::model::Scope::try_from);
    let _ = wire::LayerRef::decode(bytes).map(ccm_proto::model::document::LayerRef::try_from);
    let _ = wire::SeriesKey::decode(bytes).map(ccm_proto::model::SeriesKey::try_from);
    let _ = wire::DaemonStatus::decode(bytes).map(DaemonState::from);
    let _ = wire::Notice::decode(bytes).map(Notice::from);
    let _ = wire::Offer::decode(bytes).map(Offer::try_from);
    let delta = wire::ViewDelta::decode(bytes).ok().and_then(|w| ViewDelta::try_from(w).ok());
    let mut view = ccm_proto::model::View::default();
    if let Some(delta) = delta {
        view.apply(delta);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_and_convert(&bytes);
    }

    #[test]
    fn no_damage_of_a_message_makes_decoding_panic(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let all = recordings();
        let mut bytes = all[which.index(all.len())].bytes.clone();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            decode_and_convert(&bytes);
            bytes.truncate(length.index(bytes.len()));
        }
        decode_and_convert(&bytes);
    }
}
