//! The bodies of the fuzz targets over their corpora and mutations of those: a little of what
//! `fuzz/` does for hours, the same inputs each time.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as its assertions do")]

use std::path::Path;

#[expect(unreachable_pub, reason = "the library of the fuzz targets is a module here")]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// How many mutations each target is given.
const MUTATIONS: usize = 1_000;

/// Pieces that formats are made of, so that mutations get further than noise does.
const WORDS: [&str; 28] = [
    "\n",
    "\r",
    "\0",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "=",
    ",",
    ";",
    ":",
    "#",
    "$",
    "..",
    "*",
    "-1",
    "1e308",
    "NaN",
    "18446744073709551616",
    "\n---\n",
    "now-1d",
    "\u{feff}",
    "é",
    "null",
];

/// Xorshift: what it gives depends on the seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One to four edits: a byte set, a piece put in, taken out or said twice, the beginning of one
/// input joined to the end of another.
fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(16)).min(bytes.len());
        match random.below(6) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            1 => drop(bytes.splice(at..at, WORDS[random.below(WORDS.len())].bytes())),
            2 => drop(bytes.splice(at..end, WORDS[random.below(WORDS.len())].bytes())),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece.repeat(1 + random.below(3)));
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
        }
    }
    bytes
}

#[test]
fn every_parser_holds_what_it_must_over_its_corpus_and_mutations_of_it() {
    for (target, body) in targets::TARGETS {
        let seeds = corpus(target);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mutations = std::iter::repeat_with(|| mutated(&mut random, &seeds)).take(MUTATIONS);
        for input in seeds.iter().cloned().chain(mutations) {
            let held = std::panic::catch_unwind(|| body(&input));
            assert!(held.is_ok(), "{target}: {}", input.escape_ascii());
        }
    }
}
