//! Streams of events are read as they are meant, in whatever pieces they come.

use ccm_proto::model::Interval;
use proptest::prelude::*;

use crate::collect::module::sse::{DATA_MAX, Frame, ID_MAX, LINE_MAX, Parser, RETRY_MAX};

fn frame(id: &str, event: &str, data: &str) -> Frame {
    Frame { id: id.to_owned(), event: event.to_owned(), data: data.to_owned() }
}

fn read(text: &str) -> Vec<Frame> {
    Parser::default().push(text.as_bytes())
}

#[test]
fn events_are_read_as_the_standard_has_it() {
    let table: [(&str, Vec<Frame>); 14] = [
        ("", vec![]),
        ("data: a\n", vec![]),
        ("data: a\n\n", vec![frame("", "message", "a")]),
        ("data:a\n\n", vec![frame("", "message", "a")]),
        ("data:  a\n\n", vec![frame("", "message", " a")]),
        ("data\n\n", vec![frame("", "message", "")]),
        ("data: a\ndata: b\n\n", vec![frame("", "message", "a\nb")]),
        ("data: a\r\n\r\ndata: b\r\r", vec![frame("", "message", "a"), frame("", "message", "b")]),
        (": note\nid: 7\nevent: x\ndata: a\n\n", vec![frame("7", "x", "a")]),
        (
            "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
            vec![frame("7", "message", "a"), frame("7", "message", "b"), frame("", "message", "c")],
        ),
        ("event: x\n\ndata: a\n\n", vec![frame("", "message", "a")]),
        ("\u{feff}data: a\n\n", vec![frame("", "message", "a")]),
        ("other: x\ndata: a\n\n", vec![frame("", "message", "a")]),
        ("id: a\u{0}b\ndata: a\n\n", vec![frame("", "message", "a")]),
    ];
    for (text, frames) in table {
        assert_eq!(read(text), frames, "{text:?}");
    }
}

#[test]
fn an_id_without_data_moves_the_place_to_go_on_from() {
    let mut parser = Parser::default();
    parser.push(b"id: 41\ndata: a\n\nid: 42\n\nid: 43\n");
    assert_eq!(parser.last_id(), "42", "43 is not whole");
    let again = parser.again();
    assert_eq!(again.last_id(), "42");
    assert_eq!(again.clone().push(b"data: b\n\n"), [frame("42", "message", "b")]);
}

#[test]
fn a_pause_is_taken_up_to_a_bound() {
    let mut parser = Parser::default();
    for (text, pause) in [
        ("retry: soon\n", None),
        ("retry: 2000\n", Some(Interval::from_secs(2))),
        ("retry:\n", Some(Interval::from_secs(2))),
        ("retry: 99999999999999999999999\n", Some(RETRY_MAX)),
    ] {
        parser.push(text.as_bytes());
        assert_eq!(parser.retry(), pause, "{text:?}");
    }
    assert_eq!(parser.again().retry(), Some(RETRY_MAX));
}

#[test]
fn what_is_too_long_is_left_out_and_counted_and_what_follows_is_read() {
    let line = "x".repeat(LINE_MAX);
    let data = format!("data: {}\n", "x".repeat(DATA_MAX / 2));
    let long = [
        format!("id: 1\ndata: {line}\n\n"),
        format!("id: 1\n{data}{data}{data}\n"),
        format!("id: 1\nevent: {}\ndata: a\n\n", "x".repeat(300)),
    ];
    for text in long {
        let mut parser = Parser::default();
        assert_eq!(parser.push(text.as_bytes()), []);
        assert_eq!((parser.dropped(), parser.last_id()), (1, "1"));
        assert_eq!(parser.push(b"data: b\n\n"), [frame("1", "message", "b")]);
    }
    // A long comment spoils nothing, a long id only itself.
    let text = format!(":{line}\nid: {}\ndata: a\n\n", "x".repeat(ID_MAX + 1));
    assert_eq!(read(&text), [frame("", "message", "a")]);
    let fits = format!("data:{}\n\n", "x".repeat(LINE_MAX - 5));
    assert_eq!(read(&fits).len(), 1);
}

#[test]
fn a_line_that_never_ends_takes_no_more_memory() {
    let mut parser = Parser::default();
    for _ in 0..1_000 {
        parser.push(&[b'x'; 4_096]);
    }
    assert!(format!("{parser:?}").len() < 8 * LINE_MAX);
}

/// Lines that streams are made of, and some that they should not be.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("data: a".to_owned()),
        Just("data".to_owned()),
        Just(":x".to_owned()),
        Just("retry: 5".to_owned()),
        Just(String::new()),
        "id: [a-z0-9\u{0}é]{0,4}",
        "event: [a-z]{0,3}",
        "data: [ -~é\u{feff}]{0,8}",
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let text = prop::collection::vec((line, end), 0..30)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]));
    text.prop_map(|parts| parts.collect::<String>().into_bytes())
}

proptest! {
    #[test]
    fn it_does_not_matter_in_which_pieces_a_stream_comes(
        bytes in prop_oneof![lines(), prop::collection::vec(any::<u8>(), 0..200)],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut whole = Parser::default();
        let expected = whole.push(&bytes);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut pieces = Parser::default();
        let mut frames = Vec::new();
        let mut start = 0;
        for end in ends {
            frames.extend(pieces.push(&bytes[start..end]));
            start = end;
        }
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(pieces.last_id(), whole.last_id());
        prop_assert_eq!(pieces.retry(), whole.retry());
        prop_assert_eq!(pieces.dropped(), whole.dropped());
    }
}
