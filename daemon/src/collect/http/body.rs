//! Bodies: read to a bound, and unfolded to a bound. Pure: it is given the pieces.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::header::{self, HeaderMap};

/// Output that is not weighed against its input: small answers may repeat themselves as they
/// like.
pub const RATIO_FREE: u64 = 1 << 20;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// It is not.
    Identity,
    /// gzip.
    Gzip,
    /// zlib, or the bare deflate that some servers send under the same name.
    Deflate,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Larger than the bound.
    TooLarge,
    /// Unfolds to more than so many times its size.
    Bomb,
    /// Damaged, or a coding that was not asked for.
    Encoding,
}

/// Bounds of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes at most, unfolded.
    pub bytes: u64,
    /// Times its size at most, beyond [`RATIO_FREE`].
    pub ratio: u64,
}

/// How the headers say that the body is compressed. One coding is undone, not a pile of them.
pub fn coding(headers: &HeaderMap) -> Result<Coding, BodyError> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let coding = match values.next().map(|value| value.as_bytes().trim_ascii()) {
        None | Some(b"") => Coding::Identity,
        Some(word) if word.eq_ignore_ascii_case(b"identity") => Coding::Identity,
        Some(word) if word.eq_ignore_ascii_case(b"gzip") => Coding::Gzip,
        Some(word) if word.eq_ignore_ascii_case(b"x-gzip") => Coding::Gzip,
        Some(word) if word.eq_ignore_ascii_case(b"deflate") => Coding::Deflate,
        Some(_) => return Err(BodyError::Encoding),
    };
    if values.next().is_some() { Err(BodyError::Encoding) } else { Ok(coding) }
}

/// Gathers a body.
#[derive(Debug)]
pub struct Gatherer {
    bounds: Bounds,
    taken: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Empty,
    One(Bytes),
    Many(BytesMut),
    Gzip(Box<MultiGzDecoder<Output>>),
    Zlib(Box<ZlibDecoder<Output>>),
    /// zlib or bare: the first byte tells.
    Either,
    Bare(Box<DeflateDecoder<Output>>),
}

impl Gatherer {
    /// Nothing yet.
    pub fn new(coding: Coding, bounds: Bounds) -> Self {
        let state = match coding {
            Coding::Identity => State::Empty,
            Coding::Gzip => State::Gzip(Box::new(MultiGzDecoder::new(Output::new(bounds)))),
            Coding::Deflate => State::Either,
        };
        Self { bounds, taken: 0, state }
    }

    /// Bytes as they came, so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: Bytes) -> Result<(), BodyError> {
        if piece.is_empty() {
            return Ok(());
        }
        self.taken += piece.len() as u64;
        // What is not unfolded is bounded too: a compressed body may hold nothing but padding.
        if self.taken > self.bounds.bytes {
            return Err(BodyError::TooLarge);
        }
        let taken = self.taken;
        match &mut self.state {
            State::Empty => self.state = State::One(piece),
            State::One(first) => {
                let mut all = BytesMut::with_capacity(2 * (first.len() + piece.len()));
                all.extend_from_slice(first);
                all.extend_from_slice(&piece);
                self.state = State::Many(all);
            }
            State::Many(all) => all.extend_from_slice(&piece),
            State::Either => {
                let zlib = piece.first().is_some_and(|byte| byte & 15 == 8 && byte >> 4 <= 7);
                let output = Output::new(self.bounds);
                self.state = if zlib {
                    State::Zlib(Box::new(ZlibDecoder::new(output)))
                } else {
                    State::Bare(Box::new(DeflateDecoder::new(output)))
                };
                return self.unfold(&piece, taken);
            }
            State::Gzip(_) | State::Zlib(_) | State::Bare(_) => return self.unfold(&piece, taken),
        }
        Ok(())
    }

    fn unfold(&mut self, piece: &[u8], taken: u64) -> Result<(), BodyError> {
        let (written, output) = match &mut self.state {
            State::Gzip(decoder) => {
                decoder.get_mut().taken = taken;
                (decoder.write_all(piece), decoder.get_ref())
            }
            State::Zlib(decoder) => {
                decoder.get_mut().taken = taken;
                (decoder.write_all(piece), decoder.get_ref())
            }
            State::Bare(decoder) => {
                decoder.get_mut().taken = taken;
                (decoder.write_all(piece), decoder.get_ref())
            }
            State::Empty | State::One(_) | State::Many(_) | State::Either => return Ok(()),
        };
        written.map_err(|_| output.excess.unwrap_or(BodyError::Encoding))
    }

    /// The whole body.
    pub fn finish(self) -> Result<Bytes, BodyError> {
        let output = match self.state {
            State::Empty | State::Either => return Ok(Bytes::new()),
            State::One(bytes) => return Ok(bytes),
            State::Many(bytes) => return Ok(bytes.freeze()),
            // A gzip body without a byte is what answers to HEAD have.
            State::Gzip(_) if self.taken == 0 => return Ok(Bytes::new()),
            State::Gzip(mut decoder) => {
                let finished = decoder.try_finish();
                let excess = decoder.get_ref().excess;
                finished
                    .and_then(|()| decoder.finish())
                    .map_err(|_| excess.unwrap_or(BodyError::Encoding))?
            }
            State::Zlib(decoder) => decoder.finish().map_err(|_| BodyError::Encoding)?,
            State::Bare(decoder) => decoder.finish().map_err(|_| BodyError::Encoding)?,
        };
        match output.excess {
            Some(excess) => Err(excess),
            None => Ok(output.bytes.into()),
        }
    }
}

/// What a decoder writes into; it refuses more than there may be.
#[derive(Debug)]
struct Output {
    bytes: Vec<u8>,
    bounds: Bounds,
    taken: u64,
    excess: Option<BodyError>,
}

impl Output {
    fn new(bounds: Bounds) -> Self {
        Self { bytes: Vec::new(), bounds, taken: 0, excess: None }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let total = self.bytes.len() as u64 + bytes.len() as u64;
        let excess = if total > RATIO_FREE && total > self.taken.saturating_mul(self.bounds.ratio) {
            Some(BodyError::Bomb)
        } else if total > self.bounds.bytes {
            Some(BodyError::TooLarge)
        } else {
            None
        };
        if let Some(excess) = excess {
            self.excess = Some(excess);
            return Err(io::Error::other("more than there may be"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
