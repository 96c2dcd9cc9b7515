use proptest::prelude::*;

use super::*;

const FORMATS: [Format; 9] = [
    Format::Number,
    Format::Integer,
    Format::Percent,
    Format::Bytes,
    Format::BytesPerSecond,
    Format::PerSecond,
    Format::Duration,
    Format::Celsius,
    Format::Text,
];

#[test]
fn numbers_have_three_or_four_significant_digits_and_their_unit() {
    let cases: &[(f64, Format, &str)] = &[
        (0.0, Format::Number, "0"),
        (1.0, Format::Number, "1.00"),
        (3.142_3, Format::Number, "3.14"),
        (31.41, Format::Number, "31.4"),
        (9.999, Format::Number, "10.0"),
        (99.96, Format::Number, "100"),
        (3_142.4, Format::Number, "3142"),
        (31_415.0, Format::Number, "31.4 k"),
        (-2.5, Format::Number, "-2.50"),
        (0.000_02, Format::Number, "2.0e-5"),
        (48_122.0, Format::Integer, "48122"),
        (6.14, Format::Percent, "6.1 %"),
        (34.25, Format::Percent, "34.2 %"),
        (99.97, Format::Percent, "100 %"),
        (0.0, Format::Bytes, "0 B"),
        (512.0, Format::Bytes, "512 B"),
        (1_023.0, Format::Bytes, "1023 B"),
        (1_024.0, Format::Bytes, "1.00 KiB"),
        (12.0 * 1024.0 * 1024.0, Format::Bytes, "12.0 MiB"),
        (11.2 * 1024.0 * 1024.0 * 1024.0, Format::Bytes, "11.2 GiB"),
        (88_000.0, Format::BytesPerSecond, "88.0 kB/s"),
        (1_200_000.0, Format::BytesPerSecond, "1.20 MB/s"),
        (999.7, Format::BytesPerSecond, "1.00 kB/s"),
        (214.0, Format::PerSecond, "214 /s"),
        (12.5, Format::PerSecond, "12.5 /s"),
        (0.25, Format::Duration, "250 ms"),
        (42.0, Format::Duration, "42.0 s"),
        (303.0, Format::Duration, "5m 3s"),
        (15_120.0, Format::Duration, "4h 12m"),
        (273_600.0, Format::Duration, "3d 4h"),
        (42.46, Format::Celsius, "42.5 °C"),
        (f64::NAN, Format::Bytes, "–"),
        (f64::INFINITY, Format::Percent, "inf"),
    ];
    for (value, format, text) in cases {
        assert_eq!(number(*value, *format).to_string(), *text, "{value} {format:?}");
    }
}

#[test]
fn what_is_absent_is_never_a_zero() {
    for format in FORMATS {
        assert_eq!(value(&Cell::Absent, format).to_string(), "–");
    }
}

#[test]
fn ages_are_short() {
    let cases = [
        (400, "0.4s"),
        (12_300, "12 s"),
        (59_999, "59 s"),
        (180_000, "3 m"),
        (7_200_000, "2 h"),
        (345_600_000, "4 d"),
    ];
    for (millis, text) in cases {
        assert_eq!(age(Interval::from_millis(millis)), text);
    }
}

#[test]
fn the_exact_value_keeps_every_digit() {
    assert_eq!(exact(&Cell::Integer(12_025_908_224), Format::Bytes), "12025908224 B");
    assert_eq!(exact(&Cell::Number(34.1875), Format::Percent), "34.1875 %");
    assert_eq!(exact(&Cell::Absent, Format::Percent), "–");
}

#[test]
fn a_number_that_does_not_fit_loses_its_unit_and_then_itself() {
    let written = || number(11.2 * 1024.0, Format::Bytes);
    assert_eq!(written().fit(8).to_string(), "11.2 KiB");
    assert_eq!(written().fit(6).to_string(), "11.2");
    assert_eq!(written().fit(3).to_string(), "…");
    assert_eq!(written().fit(0).to_string(), "");
}

proptest! {
    #[test]
    fn numbers_stay_narrow_and_fit_where_they_are_told_to(
        value in prop_oneof![any::<f64>(), -1e6..1e6_f64],
        columns in 0..12_usize,
        format in prop::sample::select(&FORMATS[..]),
    ) {
        let written = number(value, format);
        prop_assert!(written.width() <= 17, "{written}");
        prop_assert!(written.fit(columns).width() <= columns);
    }

    #[test]
    fn truncated_texts_are_never_wider_than_asked(text in "\\PC{0,20}", columns in 0..24_usize) {
        let safe = SafeText::new(&text);
        let cut = truncate(&safe, columns);
        prop_assert!(cut.width() <= columns);
        prop_assert!(safe.width() > columns || cut == safe);
    }
}
