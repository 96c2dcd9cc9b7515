use proptest::prelude::*;

use super::*;

const FORMATS: [Format; 17] = Format::ALL;

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
fn what_services_give_is_written_as_people_say_it() {
    let cases: &[(f64, Format, &str)] = &[
        (47.0, Format::Count, "47"),
        (9_999.0, Format::Count, "9999"),
        (10_000.0, Format::Count, "10.0 k"),
        (3_400_000.0, Format::Count, "3.40 M"),
        (0.421, Format::Ratio, "42.1 %"),
        (1.0, Format::Ratio, "100 %"),
        (90.0, Format::PerMinute, "90 /min"),
        (12_000.0, Format::PerMinute, "12.0 k/min"),
        (0.0, Format::Milliseconds, "0 ms"),
        (250.0, Format::Milliseconds, "250 ms"),
        (1_500.0, Format::Milliseconds, "1.5 s"),
        (1_795_183_402.0, Format::Datetime, "2026-11-20 14:03Z"),
        (1_795_183_402_000.0, Format::Datetime, "2026-11-20 14:03Z"),
    ];
    for (value, format, text) in cases {
        assert_eq!(number(*value, *format).to_string(), *text, "{value} {format:?}");
    }
    let small = value(&Cell::Integer(47), Format::Number).to_string();
    assert_eq!(small, "47", "a whole number has no fraction");
}

#[test]
fn money_has_groups_a_code_and_the_digits_of_its_currency() {
    let written = |amount: f64, format: Format, code: Option<&str>| {
        let currency = code.map(|code| code.parse().unwrap());
        number(amount, NumberFormat { format, currency, unit: None }).to_string()
    };
    let whole = |amount, code| written(amount, Format::Currency, Some(code));
    let minor = |amount, code| written(amount, Format::CurrencyMinor, Some(code));
    assert_eq!(whole(15_234.5, "USD"), "15 234.50 USD");
    assert_eq!(whole(-1_234_567.891, "EUR"), "-1 234 567.89 EUR");
    assert_eq!(whole(999.999, "USD"), "1 000.00 USD");
    assert_eq!(whole(-0.001, "USD"), "0.00 USD");
    assert_eq!(whole(1_500.0, "JPY"), "1 500 JPY");
    assert_eq!(whole(1.2345, "KWD"), "1.234 KWD");
    assert_eq!(whole(99_999_999.99, "USD"), "99 999 999.99 USD");
    assert_eq!(whole(1_234_567_890.0, "USD"), "1.23G USD");
    assert_eq!(minor(1_523_450.0, "USD"), "15 234.50 USD");
    assert_eq!(minor(1_500.0, "JPY"), "1 500 JPY");
    assert_eq!(written(15_234.5, Format::Currency, None), "15 234.50");
    assert_eq!(whole(f64::NAN, "USD"), "–");
}

#[test]
fn a_unit_stands_behind_what_shortens_the_number() {
    let written = |cell: Cell, format: Format| {
        let unit = "pods".parse().ok();
        let number = NumberFormat { format, currency: None, unit };
        (value(&cell, number).to_string(), exact(&cell, number), unit_width(number))
    };
    let cases = [
        (Cell::Number(2.347), Format::Number, "2.35 pods", "2.347 pods"),
        (Cell::Integer(1_013), Format::Number, "1013 pods", "1013 pods"),
        (Cell::Number(31_415.0), Format::Number, "31.4k pods", "31415 pods"),
        (Cell::Integer(47), Format::Count, "47 pods", "47 pods"),
        (Cell::Number(3.4e6), Format::Count, "3.40M pods", "3400000 pods"),
        (Cell::Integer(48_122), Format::Integer, "48122 pods", "48122 pods"),
        (Cell::Absent, Format::Number, ABSENT, ABSENT),
    ];
    for (cell, format, short, whole) in cases {
        let expected = (short.to_owned(), whole.to_owned(), 4);
        assert_eq!(written(cell, format), expected, "{format:?}");
    }
    let (share, ..) = written(Cell::Number(50.0), Format::Percent);
    assert_eq!(share, "50.0 %", "a format with a unit of its own keeps that");
}

#[test]
fn moments_are_dates_or_ages() {
    let now = Some(Timestamp::from_millis(1_795_183_402_000));
    let age = Notation { number: Format::Age.into(), now };
    let text = |text: &str| Cell::Text(SafeText::new(text));
    assert_eq!(value(&text("2026-11-20T14:00:00Z"), age).to_string(), "3 m");
    assert_eq!(value(&text("2026-11-20T16:03:22Z"), age).to_string(), "in 2 h");
    assert_eq!(value(&Cell::Integer(1_795_183_390), age).to_string(), "12 s");
    assert_eq!(value(&text("soon"), age).to_string(), "soon");
    let date = value(&text("2026-11-20T15:03:22+01:00"), Format::Datetime).to_string();
    assert_eq!(date, "2026-11-20 14:03Z");
    assert_eq!(
        number(f64::MAX, Format::Datetime).to_string(),
        number(f64::MAX, Format::Number).to_string()
    );
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
        let currency = "USD".parse().ok();
        let money = NumberFormat { format: Format::Currency, currency, unit: None };
        let money = number(value, money);
        prop_assert!(money.width() <= 17, "{money}");
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
