use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds = Bounds { bytes: 8 << 20, ratio: 100 };

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bare(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gather(coding: Coding, bounds: Bounds, bytes: &[u8], piece: usize) -> Result<Bytes, BodyError> {
    let mut gatherer = Gatherer::new(coding, bounds);
    for piece in bytes.chunks(piece.max(1)) {
        gatherer.push(Bytes::copy_from_slice(piece))?;
    }
    assert_eq!(gatherer.taken(), bytes.len() as u64);
    gatherer.finish()
}

proptest! {
    #[test]
    fn a_body_comes_out_as_it_went_in(bytes: Vec<u8>, piece in 1usize..64) {
        for (coding, folded) in [
            (Coding::Identity, bytes.clone()),
            (Coding::Gzip, gzip(&bytes)),
            (Coding::Deflate, zlib(&bytes)),
            (Coding::Deflate, bare(&bytes)),
        ] {
            prop_assert_eq!(gather(coding, BOUNDS, &folded, piece).unwrap(), bytes.clone());
        }
    }

    #[test]
    fn any_bytes_unfold_or_are_refused(bytes: Vec<u8>, piece in 1usize..64) {
        for coding in [Coding::Gzip, Coding::Deflate] {
            let _ = gather(coding, BOUNDS, &bytes, piece);
        }
    }
}

#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 100 << 10);
    assert_eq!(gather(Coding::Gzip, BOUNDS, &bomb, 1_024), Err(BodyError::Bomb));
    let bomb = zlib(&vec![0; 64 << 20]);
    assert_eq!(gather(Coding::Deflate, BOUNDS, &bomb, 1_024), Err(BodyError::Bomb));
    let small = gzip(&vec![0; 1 << 20]);
    assert_eq!(gather(Coding::Gzip, BOUNDS, &small, 1_024).unwrap().len(), 1 << 20);
}

#[test]
fn a_body_ends_at_its_bound() {
    let bounds = Bounds { bytes: 1_000, ratio: 100 };
    assert!(gather(Coding::Identity, bounds, &[b'x'; 1_000], 7).is_ok());
    assert_eq!(gather(Coding::Identity, bounds, &[b'x'; 1_001], 7), Err(BodyError::TooLarge));
    let folded = gzip(&[b'x'; 1_001]);
    assert_eq!(gather(Coding::Gzip, bounds, &folded, 7), Err(BodyError::TooLarge));
}

#[test]
fn damage_and_unknown_codings_are_refused() {
    let folded = gzip(b"hello, hello, hello");
    let cut = &folded[..folded.len() - 4];
    assert_eq!(gather(Coding::Gzip, BOUNDS, cut, 5), Err(BodyError::Encoding));
    assert_eq!(gather(Coding::Gzip, BOUNDS, b"hello", 5), Err(BodyError::Encoding));
    assert_eq!(gather(Coding::Gzip, BOUNDS, b"", 5).unwrap(), Bytes::new());
    for (value, expected) in [
        ("gzip", Ok(Coding::Gzip)),
        ("X-GZIP", Ok(Coding::Gzip)),
        ("deflate", Ok(Coding::Deflate)),
        ("identity", Ok(Coding::Identity)),
        ("br", Err(BodyError::Encoding)),
        ("gzip, gzip", Err(BodyError::Encoding)),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, value.parse().unwrap());
        assert_eq!(coding(&headers), expected, "{value}");
    }
    let mut piled = HeaderMap::new();
    piled.append(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    piled.append(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    assert_eq!(coding(&piled), Err(BodyError::Encoding));
}
