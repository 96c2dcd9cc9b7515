use proptest::prelude::*;

use crate::history::block::{self, Block};
use crate::history::column::{put_column, put_times, take_column, take_times};
use crate::history::record::{self, Chunk, Record};
use crate::history::{ChunkRef, GroupId, Tier, tests};
use crate::storage::log::Position;

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_map(|value| if value.is_nan() { f64::NAN } else { value }),
        (0_u32..10_000).prop_map(|value| f64::from(value) / 100.0),
        Just(0.0),
        Just(-0.0),
        Just(f64::NAN),
    ]
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_column_comes_back_bit_for_bit(column in prop::collection::vec(number(), 1..300)) {
        let mut bytes = Vec::new();
        put_column(&column, &mut bytes);
        let found = take_column(&bytes, column.len()).unwrap();
        prop_assert_eq!(bits(&found), bits(&column));
    }

    #[test]
    fn times_come_back(first in any::<i64>(), steps in prop::collection::vec(0_i64..5_000, 0..200)) {
        let mut times = vec![first];
        for step in steps {
            times.push(times[times.len() - 1].wrapping_add(step));
        }
        let mut bytes = Vec::new();
        put_times(&times, &mut bytes);
        prop_assert_eq!(take_times(&bytes, times.len()).unwrap(), times);
    }

    #[test]
    fn blocks_merge_into_their_rows(
        parts in prop::collection::vec(prop::collection::vec((number(), number()), 1..40), 1..6),
    ) {
        let mut all: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let mut blocks = Vec::new();
        for part in &parts {
            let (a, b): (Vec<f64>, Vec<f64>) = part.iter().copied().unzip();
            let from = all[0].len() as i64;
            let times: Vec<i64> = (from..from + part.len() as i64).collect();
            all[0].extend(&a);
            all[1].extend(&b);
            blocks.push(block::encode(&times, &[a.clone(), b, a]));
        }
        let merged = block::merge(blocks.iter().map(Vec::as_slice)).unwrap();
        let merged = Block::parse(&merged).unwrap();
        prop_assert_eq!(merged.times().unwrap(), (0..all[0].len() as i64).collect::<Vec<_>>());
        for (index, column) in [&all[0], &all[1], &all[0]].into_iter().enumerate() {
            prop_assert_eq!(bits(&merged.column(index).unwrap()), bits(column));
        }
    }

    #[test]
    fn garbage_is_refused_and_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        kind in prop::sample::select(b"grci".to_vec()),
    ) {
        let mut record = vec![kind, 1];
        record.extend(&bytes);
        let _ = record::decode(&record);
        let _ = record::decode(&bytes);
        let _ = Block::parse(&bytes);
    }

    #[test]
    fn a_changed_chunk_is_noticed(
        values in prop::collection::vec(number(), 8..100),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let times: Vec<i64> = (0..values.len() as i64).collect();
        let block = block::encode(&times, &[values]);
        let chunk = Chunk {
            tier: Tier::Raw,
            group: GroupId(7),
            stripe: 3,
            end_seq: 1_000,
            through: 0,
            first: 0,
            last: 99,
            block: &block,
        };
        let mut record = chunk.encode();
        prop_assert!(matches!(record::decode(&record), Ok(Record::Chunk(_))));
        let place = place.index(record.len());
        record[place] ^= flip;
        prop_assert!(record::decode(&record).is_err());
        prop_assert!(record::decode(&record[..place]).is_err());
    }
}

#[test]
fn groups_and_entries_come_back() {
    let mut keys = tests::keys(40).to_vec();
    keys.push(tests::key("other", "disks.busy", 1));
    keys.push(tests::key("other", "cpu", 1));
    let record = record::encode_group(GroupId(9), &keys);
    let Ok(Record::Group(GroupId(9), found)) = record::decode(&record) else {
        panic!("not a group");
    };
    assert_eq!(found.to_vec(), keys);
    assert!(record.len() < 40 * 8 + 80, "{} bytes", record.len());
    let position = Position { segment: 4, offset: 77 };
    let chunk = ChunkRef { position, first: -5, last: 6, end_seq: 7, through: 8, bytes: 9 };
    let record = record::encode_entry(Tier::Hour, GroupId(1), 2, &chunk);
    let Ok(Record::Entry { tier: Tier::Hour, group, stripe, chunk: found }) =
        record::decode(&record)
    else {
        panic!("not an entry");
    };
    assert_eq!((group, stripe, found), (GroupId(1), 2, chunk));
}
