use proptest::prelude::*;

use super::reader::{BRACKETS_MAX, NESTING_MAX};
use super::*;

fn compile(text: &str) -> Result<(Expression, Places), String> {
    let mut places = Places::default();
    let root = |name: &str| match name {
        "crm" => Ok(0),
        "shop" => Ok(1),
        other => Err(format!("nothing is called {other}")),
    };
    Expression::compile(text, &mut places, &root).map(|expression| (expression, places))
}

fn crm() -> Value {
    let deal = |name: &str, worth: Value| Value::map([("name", name.into()), ("worth", worth)]);
    let deals = vec![deal("a", 10_i64.into()), deal("b", 2.5.into()), deal("c", Value::Absent)];
    Value::map([
        ("won", Value::Integer(3)),
        ("leads", Value::Integer(12)),
        ("none", Value::Absent),
        ("stage", "open".into()),
        ("hot", true.into()),
        ("deals", Value::List(deals)),
        ("numbers", Value::List(vec![1_i64.into(), 2_i64.into(), 6_i64.into()])),
    ])
}

fn evaluate_over(tree: &Value, text: &str) -> Result<Value, Lack> {
    let (expression, places) = compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let cell = |place: &Place| {
        let value = (place.root == 0).then_some(tree);
        Cell::new(if place.path.is_empty() { value } else { value.and_then(|v| v.at(&place.path)) })
    };
    let cells = Cells { cells: places.as_slice().iter().map(cell).collect() };
    expression.evaluate(&cells.context(), &cells, &places)
}

fn evaluate(text: &str) -> Result<Value, Lack> {
    evaluate_over(&crm(), text)
}

#[test]
fn numbers_are_numbers_however_they_are_written() {
    for (text, expected) in [
        ("crm.won / crm.leads * 100", 25.0),
        ("2 * 1.5", 3.0),
        ("7 % 4 + 0.5", 3.5),
        ("-crm.won", -3.0),
        ("1 / 2", 0.5),
        ("crm.deals[1].worth", 2.5),
        ("crm['won'] + 1u", 4.0),
        ("size(crm.deals) * 1.5", 4.5),
        ("crm.deals.size() + 1", 4.0),
        ("crm.won > 2 && crm.hot ? 10 : 20", 10.0),
        ("sum(crm.numbers) + max(crm.numbers) + max(1, 2)", 17.0),
        ("avg(crm.numbers) + median(crm.numbers)", 5.0),
        ("sum(crm.deals.filter(d, has(d.worth)).map(d, d.worth))", 12.5),
        ("round(pow(2, 0.5) * 100)", 141.0),
        ("clamp(crm.leads, 0, 10)", 10.0),
        ("abs(-2) + floor(1.9) + ceil(0.1) + sqrt(4)", 6.0),
        ("int('5') + double('1.5')", 6.5),
    ] {
        assert_eq!(evaluate(text), Ok(Value::Number(expected)), "{text}");
    }
}

#[test]
fn texts_truths_lists_and_maps_are_results_too() {
    assert_eq!(evaluate("crm.stage + '!'"), Ok("open!".into()));
    assert_eq!(evaluate("crm.stage.startsWith('o')"), Ok(true.into()));
    assert_eq!(evaluate("crm.deals.exists(d, d.name == 'b')"), Ok(true.into()));
    assert_eq!(evaluate("crm.deals.exists_one(d, d.name == 'b')"), Ok(true.into()));
    assert_eq!(evaluate("crm.numbers.all(n, n > 0)"), Ok(true.into()));
    assert_eq!(evaluate("'open' in [crm.stage, 'x']"), Ok(true.into()));
    let list = Value::List(vec![2.0.into(), 3.0.into(), 7.0.into()]);
    assert_eq!(evaluate("crm.numbers.map(n, n + 1)"), Ok(list));
    assert_eq!(evaluate("{'a': crm.won}"), Ok(Value::map([("a", Value::Number(3.0))])));
}

#[test]
fn what_is_missing_is_absent_and_never_zero() {
    for (text, reason) in [
        ("crm.none + 1", "crm.none is not there"),
        ("crm.nothing * 0", "crm.nothing is not there"),
        ("shop.sold", "shop.sold is not there"),
        ("crm.won > 0 ? crm.none : 1", "crm.none is not there"),
        ("crm.deals[7].worth", "crm.deals.7.worth is not there"),
        ("crm.deals.map(d, d.worth)", "there is no worth"),
        ("crm.?none", "an optional value is not there"),
        ("null", "the result is null"),
    ] {
        assert_eq!(evaluate(text), Err(Lack::Absent(reason.to_owned())), "{text}");
    }
    assert_eq!(evaluate("has(crm.none) ? crm.none : 7"), Ok(Value::Number(7.0)));
    assert_eq!(evaluate("has(crm.won)"), Ok(true.into()));
    assert_eq!(evaluate("crm.?none.orValue(4) + crm.?won.orValue(0)"), Ok(Value::Number(7.0)));
    assert_eq!(evaluate("crm.hot || crm.none > 1"), Ok(true.into()));
}

#[test]
fn what_cannot_be_computed_says_why() {
    for (text, reason) in [
        ("crm.won / 0", "the result is no number; is there a division by 0?"),
        ("0 / 0", "the result is no number; is there a division by 0?"),
        ("avg([])", "avg: the list is empty"),
        ("sum(['a'])", "sum: the list holds something that is no number"),
    ] {
        assert_eq!(evaluate(text), Err(Lack::Failed(reason.to_owned())), "{text}");
    }
    for text in ["crm.stage * 2", "crm.stage + 1", "crm.hot > 'a'", "crm.won.startsWith('a')"] {
        let Err(Lack::Failed(reason)) = evaluate(text) else { panic!("{text}") };
        assert!(reason.contains("cannot be"), "{text}: {reason}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    for (text, expected) in [
        ("", "this is no expression"),
        ("1 +", "this is no expression"),
        ("crm.won +* 2", "at character"),
        ("cmr.won", "nothing is called cmr"),
        ("crm.won.frobnicate()", "there is no function `frobnicate`"),
        ("system('rm')", "there is no function `system`"),
        ("crm.numbers.map(x, crm.numbers.map(y, x * y))", "cannot stand within one another"),
    ] {
        let error = compile(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn expressions_are_bounded() {
    assert!(compile(&"1+".repeat(2_000)).unwrap_err().contains("2048 bytes"));
    for (text, expected) in [
        (vec!["1"; 900].join("+"), "48 deep"),
        (format!("crm{}", ".a".repeat(900)), "48 deep"),
        (format!("{}1{}", "(".repeat(900), ")".repeat(900)), "12 deep"),
        (format!("{}1{}", "[".repeat(900), "]".repeat(900)), "12 deep"),
        ("true?1:".repeat(200) + "1", "12 deep"),
        (format!("{}true", "!".repeat(1_000)), ""),
        (format!("{}1", "-".repeat(1_000)), ""),
        (format!("[{}]", vec!["1"; 500].join(",")), "256 parts"),
    ] {
        match compile(&text) {
            Ok(_) => assert!(expected.is_empty(), "{text}"),
            Err(error) => assert!(error.contains(expected), "{text}: {error}"),
        }
    }
    let nested = format!("{}1{}", "(".repeat(BRACKETS_MAX), ")".repeat(BRACKETS_MAX));
    assert_eq!(evaluate(&nested), Ok(Value::Number(1.0)));
    let sum = vec!["1"; NESTING_MAX].join("+");
    assert_eq!(evaluate(&sum), Ok(Value::Number(NESTING_MAX as f64)));
    let many = Value::map([("l", Value::List(vec![1_i64.into(); ITEMS_MAX + 1]))]);
    let Err(Lack::Failed(reason)) = evaluate_over(&many, "size(crm.l)") else { panic!() };
    assert_eq!(reason, "crm.l is larger than an expression may see; take a table for it");
}

#[test]
fn only_what_is_named_is_seen() {
    let (expression, places) = compile("crm.won / crm.leads + crm.won").unwrap();
    let named: Vec<&str> = places.as_slice().iter().map(|place| place.written.as_str()).collect();
    assert_eq!(named, ["crm.won", "crm.leads"]);
    assert_eq!(expression.cells().collect::<Vec<_>>(), [0, 1]);
    let (_, places) = compile("crm.deals.map(d, d.name + crm.stage)").unwrap();
    let named: Vec<&str> = places.as_slice().iter().map(|place| place.written.as_str()).collect();
    assert_eq!(named, ["crm.deals", "crm.stage"], "a macro's own name is no path");
}

#[test]
fn a_cell_knows_what_it_holds() {
    for value in [1_i64.into(), Value::Number(0.5), true.into(), "a".into(), Value::Absent] {
        assert!(Cell::new(Some(&value)).holds(Some(&value)), "{value:?}");
        assert!(!Cell::new(Some(&value)).holds(Some(&"b".into())));
    }
    assert!(Cell::new(Some(&1_i64.into())).holds(Some(&Value::Number(1.0))));
    let list = Value::List(vec![]);
    assert!(!Cell::new(Some(&list)).holds(Some(&list)), "trees are taken as changed");
}

/// An expression and what it comes to, by plain arithmetic.
#[derive(Clone, Debug)]
enum Model {
    Number(i32),
    Won,
    Leads,
    Both(Box<Model>, char, Box<Model>),
}

impl Model {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => format!("({number})"),
            Self::Won => "crm.won".to_owned(),
            Self::Leads => "crm.leads".to_owned(),
            Self::Both(a, operator, b) => format!("({} {operator} {})", a.text(), b.text()),
        }
    }

    fn value(&self) -> f64 {
        match self {
            Self::Number(number) => f64::from(*number),
            Self::Won => 3.0,
            Self::Leads => 12.0,
            Self::Both(a, operator, b) => {
                let (a, b) = (a.value(), b.value());
                match operator {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    '/' => a / b,
                    _ => a % b,
                }
            }
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let leaf =
        prop_oneof![(-9..9_i32).prop_map(Model::Number), Just(Model::Won), Just(Model::Leads),];
    let operator = proptest::sample::select(vec!['+', '-', '*', '/', '%']);
    leaf.prop_recursive(4, 24, 2, move |inner| {
        let inner = inner.prop_map(Box::new);
        (inner.clone(), operator.clone(), inner).prop_map(|(a, o, b)| Model::Both(a, o, b))
    })
}

proptest! {
    #[test]
    fn arithmetic_is_that_of_doubles(model in model()) {
        let expected = model.value();
        match evaluate(&model.text()) {
            Ok(number) => prop_assert_eq!(number, Value::Number(expected)),
            Err(Lack::Failed(_)) => prop_assert!(!expected.is_finite()),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(text in "\\PC{0,60}") {
        drop(compile(&text));
    }

    #[test]
    fn nothing_that_looks_like_an_expression_makes_it_panic(
        text in "[a-z0-9.()\\[\\]{}?:,'\" +*/%<>=&|!-]{0,60}",
    ) {
        if let Ok((expression, places)) = compile(&text) {
            let cells = Cells { cells: places.as_slice().iter().map(|_| Cell::Absent).collect() };
            drop(expression.evaluate(&cells.context(), &cells, &places));
        }
    }
}
