//! A codec whose answers are encoded before they reach it.
//!
//! A feed's update is encoded once, as a length-delimited field of [`super::Frame`]; a session's
//! frame is the concatenation of such fields. Protobuf defines concatenation as merging, so the
//! generated client decodes the result as an ordinary frame.

use bytes::{BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

use super::ClientMessage;

/// A [`super::Frame`] in its encoded form: parts that are written one after the other.
#[derive(Clone, Debug, Default)]
pub struct EncodedFrame {
    /// Encoded fields of the frame, in any order.
    pub parts: Vec<Bytes>,
}

impl EncodedFrame {
    /// The encoded length in bytes.
    pub fn len(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(Bytes::is_empty)
    }
}

/// Decodes [`ClientMessage`]s and writes [`EncodedFrame`]s as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = EncodedFrame;
    type Decode = ClientMessage;
    type Encoder = FrameEncoder;
    type Decoder = ProstDecoder<ClientMessage>;

    fn encoder(&mut self) -> Self::Encoder {
        FrameEncoder
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::default()
    }
}

/// Copies the parts of a frame into the transport's buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameEncoder;

impl Encoder for FrameEncoder {
    type Item = EncodedFrame;
    type Error = Status;

    fn encode(&mut self, frame: EncodedFrame, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(frame.len());
        for part in frame.parts {
            buffer.put_slice(&part);
        }
        Ok(())
    }
}
