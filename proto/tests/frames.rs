//! Frames that were encoded in parts are ordinary frames to the generated decoder.
#![expect(clippy::unwrap_used, reason = "a test of its own")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ccm_proto::wire::{self, EncodedFrame, FrameCodec};
use proptest::prelude::*;
use prost::Message as _;
use tonic::codec::{Codec as _, EncodeBody, SingleMessageCompressionOverride, Streaming};
use tonic::codegen::tokio_stream;
use tonic_prost::ProstDecoder;

/// What a future that never waits comes to.
fn now<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

/// Sends frames through the codec and the transport's framing to a generated client.
fn sent(frames: Vec<EncodedFrame>) -> Vec<wire::Frame> {
    let source = tokio_stream::iter(frames.into_iter().map(Ok));
    let none = SingleMessageCompressionOverride::default();
    let body = EncodeBody::new_server(FrameCodec.encoder(), source, None, none, None);
    let decoder = ProstDecoder::<wire::Frame>::default();
    let mut stream = Streaming::new_request(decoder, body, None, None);
    let mut received = Vec::new();
    while let Some(frame) = now(stream.message()).unwrap() {
        received.push(frame);
    }
    received
}

fn parts(frames: &[wire::Frame]) -> EncodedFrame {
    let parts = frames.iter().map(|frame| Bytes::from(frame.encode_to_vec())).collect();
    EncodedFrame { parts }
}

fn update(feed: u64, version: u64) -> wire::Frame {
    let delta = Some(wire::ViewDelta::default());
    let feeds = vec![wire::FeedUpdate { feed, version, base: version - 1, delta }];
    wire::Frame { feeds, ..wire::Frame::default() }
}

#[test]
fn parts_become_one_frame() {
    let now = wire::Frame { now_ms: 1_700_000_000_000, ..wire::Frame::default() };
    let welcome = wire::Welcome { protocol: 1, ..wire::Welcome::default() };
    let welcome = wire::Frame { welcome: Some(welcome), ..wire::Frame::default() };
    let received = sent(vec![
        parts(&[now, update(1, 7), update(2, 9), welcome]),
        EncodedFrame::default(),
        parts(&[update(3, 1)]),
    ]);
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].now_ms, 1_700_000_000_000);
    assert_eq!(received[0].welcome.as_ref().unwrap().protocol, 1);
    let feeds: Vec<u64> = received[0].feeds.iter().map(|feed| feed.feed).collect();
    assert_eq!(feeds, [1, 2]);
    assert_eq!(received[1], wire::Frame::default());
    assert_eq!(received[2].feeds, update(3, 1).feeds);
}

#[test]
fn a_frame_knows_its_length() {
    let frame = parts(&[update(1, 1), update(2, 300)]);
    let lengths: usize = frame.parts.iter().map(Bytes::len).sum();
    assert_eq!(frame.len(), lengths);
    assert!(!frame.is_empty() && EncodedFrame::default().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_of_updates_says_the_same(
        feeds in prop::collection::vec((any::<u64>(), 1..u64::MAX), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let updates: Vec<wire::Frame> =
            feeds.iter().map(|(feed, version)| update(*feed, *version)).collect();
        let whole = wire::Frame {
            feeds: updates.iter().flat_map(|frame| frame.feeds.clone()).collect(),
            ..wire::Frame::default()
        };
        let cut = cut.index(updates.len() + 1);
        let halves = [&updates[..cut], &updates[cut..]].map(|half| wire::Frame {
            feeds: half.iter().flat_map(|frame| frame.feeds.clone()).collect(),
            ..wire::Frame::default()
        });
        let received = sent(vec![parts(&updates), parts(&halves), parts(std::slice::from_ref(&whole))]);
        prop_assert_eq!(received, vec![whole.clone(), whole.clone(), whole]);
    }
}
