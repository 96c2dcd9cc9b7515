use proptest::prelude::*;

use super::*;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> RawLabels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn result(json: &str) -> QueryResult {
    Answer::parse(json.as_bytes()).unwrap().result
}

#[test]
fn vectors_are_read() {
    let json = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"__name__":"up","job":"node","instance":"a:1"},"value":[1435781451.781,"1"]},
        {"metric":{},"value":[1435781451,"-Inf"]}]}}"#;
    let expected = vec![
        (labels([("instance", "a:1"), ("job", "node")]), 1.0),
        (labels([]), f64::NEG_INFINITY),
    ];
    assert_eq!(result(json), QueryResult::Vector(expected));
    let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    assert_eq!(result(empty), QueryResult::Vector(Vec::new()));
    let nan = r#"{"status":"success","data":{"result":[{"metric":{},"value":[0,"NaN"]}],
        "resultType":"vector","stats":{"timings":{}}},"infos":["x"]}"#;
    assert!(matches!(result(nan), QueryResult::Vector(found) if found[0].1.is_nan()));
}

#[test]
fn matrices_scalars_and_texts_are_read() {
    let matrix = r#"{"status":"success","isPartial":false,"data":{"resultType":"matrix","result":[
        {"metric":{"job":"node"},"values":[[1435781430.781,"1"],[1435781445.781,"+Inf"]]}]}}"#;
    let points = vec![(1_435_781_430_781, 1.0), (1_435_781_445_781, f64::INFINITY)];
    let track = Track { labels: labels([("job", "node")]), points };
    assert_eq!(result(matrix), QueryResult::Matrix(vec![track]));
    let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"2.5"]}}"#;
    assert_eq!(result(scalar), QueryResult::Scalar(2.5));
    let text = r#"{"status":"success","data":{"resultType":"string","result":[1.5,"hello"]}}"#;
    assert_eq!(result(text), QueryResult::Text("hello".to_owned()));
}

#[test]
fn warnings_are_told() {
    let json = r#"{"status":"success","data":{"resultType":"scalar","result":[0,"0"]},
        "warnings":["a store was not reached"]}"#;
    assert_eq!(Answer::parse(json.as_bytes()).unwrap().warnings, ["a store was not reached"]);
}

#[test]
fn an_error_tells_what_the_server_said() {
    let refused =
        r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: \u001b[2J"}"#;
    let error = Answer::parse(refused.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("as bad_data (1:5: parse error: "), "{error}");
    assert!(!error.contains('\u{1b}'));
}

#[test]
fn what_is_no_answer_is_refused() {
    let vector = |element: &str| {
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{element}]}}}}"#)
    };
    let deep = format!("{{\"status\":{}", "[".repeat(100_000));
    let unknown_deep = format!("{{\"other\":{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let table: [(&str, &str); 11] = [
        ("", "EOF"),
        ("<html>", "expected value"),
        ("{}", "missing field"),
        (r#"{"status":"success"}"#, "no data"),
        (r#"{"status":"success","data":{"resultType":"tensor","result":[]}}"#, "unknown variant"),
        (&vector(r#"{"metric":{},"value":[0,1]}"#), "a number as text"),
        (&vector(r#"{"metric":{},"value":[0,"one"]}"#), "a text is no number"),
        (&vector(r#"{"metric":{}}"#), "a series has no value"),
        (&vector(r#"{"metric":{},"histogram":[0,{"count":"1"}]}"#), "histogram_quantile"),
        (&deep, "invalid type"),
        (&unknown_deep, "no result of a query"),
    ];
    for (json, expected) in table {
        let error = Answer::parse(json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Answer::parse(b"{\"status\":\"\xff\"}").is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[{}\\[\\]\":,a-z0-9]{0,99}") {
        let _ = Answer::parse(&bytes);
        let _ = Answer::parse(text.as_bytes());
    }
}
