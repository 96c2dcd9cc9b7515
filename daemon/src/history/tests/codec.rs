use proptest::prelude::*;

use crate::history::block::{self, Block};
use crate::history::column::{Effort, put_column, put_times, take_column, take_times};
use crate::history::record::{self, Chunk, Record, RowReader, RowWriter, definition, row};
use crate::history::stripe::{merge_bucket, sample_bucket, samples_bucket};
use crate::history::{ChunkRef, DecodeError, GroupId, Tier, tests};
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

/// How a number of a row differs from the one before.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Whole(i32),
    Hundredths(i32),
    Bits(u64),
    Any(f64),
}

impl Edit {
    fn apply(self, before: f64) -> f64 {
        match self {
            Self::Whole(step) => before + f64::from(step),
            Self::Hundredths(step) => ((before * 100.0).round() + f64::from(step)) / 100.0,
            Self::Bits(bits) => f64::from_bits(before.to_bits() ^ bits),
            Self::Any(value) => value,
        }
    }
}

/// A row of one of three groups: the place and the edit of each number that differs.
#[derive(Clone, Debug)]
struct NextRow {
    group: usize,
    edits: Vec<(prop::sample::Index, Edit)>,
    /// The log goes on in a new segment.
    rotates: bool,
    /// The log does not take it.
    refused: bool,
}

fn next_row() -> impl Strategy<Value = NextRow> {
    let edit = prop_oneof![
        (-20_i32..20).prop_map(Edit::Whole),
        (-99_i32..99).prop_map(Edit::Hundredths),
        any::<u64>().prop_map(Edit::Bits),
        any::<f64>().prop_map(Edit::Any),
        number().prop_map(Edit::Any),
    ];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), edit), 0..12);
    (0_usize..3, edits, prop::bool::weighted(0.05), prop::bool::weighted(0.05))
        .prop_map(|(group, edits, rotates, refused)| NextRow { group, edits, rotates, refused })
}

/// The numbers of a row of a group. One group has none.
const WIDTHS: [usize; 3] = [37, 8, 0];

/// What a log holds: the segment, and the row of a group, as it was and as it is recorded.
struct Recorded {
    segment: u64,
    group: usize,
    seq: u64,
    time: i64,
    values: Vec<f64>,
    record: Vec<u8>,
}

fn write_rows(rows: &[NextRow]) -> Vec<Recorded> {
    let (mut writer, mut log) = (RowWriter::default(), Vec::new());
    let mut values = WIDTHS.map(|width| vec![0.0; width]);
    let mut segment = 1;
    for (seq, row) in (0_u64..).zip(rows) {
        let NextRow { group, ref edits, rotates, refused } = *row;
        segment += u64::from(rotates);
        for (place, edit) in edits.iter().filter(|_| WIDTHS[group] > 0) {
            let value = &mut values[group][place.index(WIDTHS[group])];
            *value = edit.apply(*value);
        }
        let (id, time) = (GroupId(group as u32), 1_700_000_000_000 + seq as i64 * 997);
        let place = (!refused).then_some(segment);
        let record = writer.encode(place, (id, seq), time, &values[group]).to_vec();
        if refused {
            // A stopped log goes on in another segment.
            segment += 1;
            continue;
        }
        writer.appended(segment, (id, seq), time, values[group].clone());
        log.push(Recorded { segment, group, seq, time, values: values[group].clone(), record });
    }
    log
}

fn read_row(reader: &mut RowReader, recorded: &Recorded) -> Result<(i64, Vec<u64>), DecodeError> {
    let Record::Row(row) = record::decode(&recorded.record)? else {
        panic!("not a row");
    };
    assert_eq!((row.group, row.seq), (GroupId(recorded.group as u32), recorded.seq));
    reader.read(recorded.segment, &row).map(|(time, values)| (time, bits(values)))
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn effort() -> impl Strategy<Value = Effort> {
    prop::sample::select(vec![Effort::Quick, Effort::Small])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn samples_at_once_make_the_bucket_of_one_after_the_other(
        values in prop::collection::vec(number(), 0..40),
    ) {
        let mut one_by_one = [f64::NAN; 4];
        for value in &values {
            merge_bucket(&mut one_by_one, sample_bucket(*value));
        }
        // Of two zeros either is the smaller.
        let of = |bucket: [f64; 4]| bits(&bucket.map(|number| number + 0.0));
        prop_assert_eq!(of(samples_bucket(&values)), of(one_by_one));
    }

    #[test]
    fn a_column_comes_back_bit_for_bit(
        column in prop::collection::vec(number(), 1..300),
        effort in effort(),
    ) {
        let mut bytes = Vec::new();
        put_column(&column, effort, &mut bytes);
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
        effort in effort(),
    ) {
        let mut all: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let mut blocks = Vec::new();
        for part in &parts {
            let (a, b): (Vec<f64>, Vec<f64>) = part.iter().copied().unzip();
            let from = all[0].len() as i64;
            let times: Vec<i64> = (from..from + part.len() as i64).collect();
            all[0].extend(&a);
            all[1].extend(&b);
            blocks.push(block::encode(&times, &[a.clone(), b, a], effort));
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
        version in 1_u8..=2,
    ) {
        let mut record = vec![kind, version];
        record.extend(&bytes);
        for bytes in [&record, &bytes] {
            match record::decode(bytes) {
                Ok(Record::Group(definition)) => drop(definition.keys()),
                Ok(Record::Row(row)) => drop(RowReader::default().read(1, &row).is_ok()),
                _ => {}
            }
        }
        let _ = Block::parse(&bytes);
    }

    #[test]
    fn rows_come_back_bit_for_bit(rows in prop::collection::vec(next_row(), 1..120)) {
        let mut reader = RowReader::default();
        for recorded in write_rows(&rows) {
            let found = read_row(&mut reader, &recorded);
            prop_assert_eq!(found, Ok((recorded.time, bits(&recorded.values))));
        }
    }

    #[test]
    fn a_lost_row_costs_at_most_fifteen_more_of_its_group_and_no_row_is_made_up(
        rows in prop::collection::vec(next_row(), 1..120),
        lost in any::<prop::sample::Index>(),
    ) {
        let mut log = write_rows(&rows);
        if log.is_empty() {
            return Ok(());
        }
        let lost = log.remove(lost.index(log.len()));
        let mut reader = RowReader::default();
        let mut missing = 0;
        for recorded in &log {
            match read_row(&mut reader, recorded) {
                Ok(found) => prop_assert_eq!(found, (recorded.time, bits(&recorded.values))),
                Err(error) => {
                    prop_assert_eq!(error, DecodeError::BaseMissing);
                    prop_assert_eq!((recorded.segment, recorded.group), (lost.segment, lost.group));
                    prop_assert!(recorded.seq > lost.seq);
                    missing += 1;
                }
            }
        }
        prop_assert!(missing <= 15, "{missing} more rows");
    }

    #[test]
    fn a_damaged_row_never_panics(
        rows in prop::collection::vec(next_row(), 1..40),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_u8..), 1..9),
    ) {
        let mut log = write_rows(&rows);
        for (row, place, flip) in flips {
            if log.is_empty() {
                return Ok(());
            }
            let row = row.index(log.len());
            let record = &mut log[row].record;
            let place = place.index(record.len());
            record[place] ^= flip;
        }
        let mut reader = RowReader::default();
        for Recorded { segment, record, .. } in &log {
            if let Ok(Record::Row(row)) = record::decode(record) {
                let _ = reader.read(*segment, &row);
            }
        }
    }

    #[test]
    fn a_changed_chunk_is_noticed(
        values in prop::collection::vec(number(), 8..100),
        place in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let times: Vec<i64> = (0..values.len() as i64).collect();
        let block = block::encode(&times, &[values], Effort::Small);
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
fn a_row_of_version_1_is_read_and_followed_by_changes() {
    let mut reader = RowReader::default();
    let plain = row::encode_plain(GroupId(3), 41, 1_000, &[1.5, f64::NAN, -0.0]);
    let Ok(Record::Row(found)) = record::decode(&plain) else { panic!("not a row") };
    assert_eq!((found.group, found.seq), (GroupId(3), 41));
    let (time, values) = reader.read(1, &found).unwrap();
    assert_eq!((time, bits(values)), (1_000, bits(&[1.5, f64::NAN, -0.0])));
    let mut writer = RowWriter::default();
    writer.encode(Some(1), (GroupId(3), 41), 1_000, &[1.5, f64::NAN, -0.0]);
    writer.appended(1, (GroupId(3), 41), 1_000, vec![1.5, f64::NAN, -0.0]);
    let next = writer.encode(Some(1), (GroupId(3), 42), 2_000, &[2.5, f64::NAN, 7.0]);
    let Ok(Record::Row(found)) = record::decode(next) else { panic!("not a row") };
    let (time, values) = reader.read(1, &found).unwrap();
    assert_eq!((time, bits(values)), (2_000, bits(&[2.5, f64::NAN, 7.0])));
    // The same change without what it is a change of.
    assert!(RowReader::default().read(1, &found).is_err());
}

#[test]
fn rows_of_usual_numbers_take_few_bytes() {
    let mut writer = RowWriter::default();
    let row = |seq: u64| -> Vec<f64> {
        let values = (0_u64..1_000).map(|index| match index % 4 {
            0 => index as f64,
            1 => (index * 1_000 + seq * (index % 50)) as f64,
            2 => ((seq * 31 + index * 17) % 10_000) as f64 / 100.0,
            _ => (index * 1_000 + seq) as f64 / 1e6,
        });
        values.collect()
    };
    let mut bytes = 0;
    for seq in 0..160 {
        let at = (GroupId(1), seq);
        bytes += writer.encode(Some(1), at, seq as i64 * 10_000, &row(seq)).len();
        writer.appended(1, at, seq as i64 * 10_000, row(seq));
    }
    assert!(bytes < 160_000 * 2, "{bytes} bytes for 160,000 numbers");
}

#[test]
fn groups_and_entries_come_back() {
    let mut keys = tests::keys(40).to_vec();
    keys.push(tests::key("other", "disks.busy", 1));
    keys.push(tests::key("other", "cpu", 1));
    let (small, plain) =
        (definition::encode(GroupId(9), &keys), definition::encode_plain(GroupId(9), &keys));
    for record in [&*small, &plain] {
        let Ok(Record::Group(definition)) = record::decode(record) else {
            panic!("not a group");
        };
        assert_eq!(definition.group, GroupId(9));
        assert_eq!(definition.keys().unwrap().to_vec(), keys);
    }
    assert!(plain.len() < 40 * 8 + 80, "{} bytes", plain.len());
    assert!(small.len() * 2 < plain.len(), "{} of {} bytes", small.len(), plain.len());
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
