//! Whole documents.

use ccm_proto::model::Value;
use ccm_proto::model::source::QueryConfig;

use super::super::{Input, Query, State, check};

fn config(toml: &str) -> QueryConfig {
    let config: QueryConfig = toml::from_str(toml).unwrap();
    assert_eq!(config.problems(), []);
    config
}

const SHOP: &str = r#"
inputs = { crm = "crm-funnel", shop = "shop" }
[values]
conversion = "crm.won / crm.leads * 100"
doubled = "conversion * 2"
cheap = "size(low)"
stage = "crm.stage"
[tables.low]
from = "shop.items"
where = "stock < 5"
[tables.first]
from = "low"
limit = 1
[series.rate]
of = "shop.sold_total"
function = "rate"
"#;

fn crm(won: i64) -> Value {
    Value::map([("won", won.into()), ("leads", Value::Integer(10)), ("stage", "open".into())])
}

fn shop(stock: &[i64]) -> Value {
    let item = |stock: &i64| Value::map([("stock", Value::Integer(*stock))]);
    Value::map([("items", Value::List(stock.iter().map(item).collect()))])
}

fn step(query: &Query, state: &mut State, inputs: [(Option<&Value>, bool); 2]) -> Value {
    let inputs = inputs.map(|(value, changed)| Input { value, changed });
    query.compute(state, &inputs, Vec::new());
    query.tree(state)
}

#[test]
fn results_may_need_results_and_are_computed_in_order() {
    let query = Query::compile(&config(SHOP)).unwrap();
    let mut state = query.begin();
    let (crm, shop) = (crm(3), shop(&[1, 9, 4]));
    let tree = step(&query, &mut state, [(Some(&crm), true), (Some(&shop), true)]);
    assert_eq!(tree.at("conversion"), Some(&Value::Number(30.0)));
    assert_eq!(tree.at("doubled"), Some(&Value::Number(60.0)));
    assert_eq!(tree.at("cheap"), Some(&Value::Number(2.0)));
    assert_eq!(tree.at("first").and_then(Value::as_list).unwrap().len(), 1);
    assert_eq!(tree.at("reasons.rate"), Some(&"its past is not there yet".into()));
    assert_eq!(query.metrics(&state), ["cheap", "conversion", "doubled", "rate"]);
    let numbers = query.numbers(&state);
    assert_eq!(numbers[..3], [2.0, 30.0, 60.0]);
    assert!(numbers[3].is_nan());
}

#[test]
fn an_input_that_is_not_there_makes_absent_what_needs_it() {
    let query = Query::compile(&config(SHOP)).unwrap();
    let mut state = query.begin();
    let shop = shop(&[1]);
    let tree = step(&query, &mut state, [(None, false), (Some(&shop), true)]);
    assert_eq!(tree.at("conversion"), Some(&Value::Absent));
    assert_eq!(tree.at("reasons.conversion"), Some(&"crm.won is not there".into()));
    assert_eq!(tree.at("reasons.doubled"), Some(&"conversion is not there".into()));
    assert_eq!(tree.at("cheap"), Some(&Value::Number(1.0)));
    assert_eq!(query.failure(&state), None);
}

#[test]
fn what_changed_reaches_all_that_needs_it_and_nothing_else() {
    let query = Query::compile(&config(SHOP)).unwrap();
    let mut state = query.begin();
    let (mut one, two) = (crm(3), shop(&[1, 9, 4]));
    step(&query, &mut state, [(Some(&one), true), (Some(&two), true)]);
    one = crm(5);
    let tree = step(&query, &mut state, [(Some(&one), true), (Some(&two), false)]);
    assert_eq!(tree.at("doubled"), Some(&Value::Number(100.0)));
    // An input that is said not to have changed is not looked at.
    let other = shop(&[]);
    let tree = step(&query, &mut state, [(Some(&one), false), (Some(&other), false)]);
    assert_eq!(tree.at("cheap"), Some(&Value::Number(2.0)));
    let tree = step(&query, &mut state, [(Some(&one), false), (Some(&other), true)]);
    assert_eq!(tree.at("cheap"), Some(&Value::Number(0.0)));
    assert_eq!(tree.at("doubled"), Some(&Value::Number(100.0)));
}

#[test]
fn a_value_that_goes_is_absent_again() {
    let query = Query::compile(&config(SHOP)).unwrap();
    let mut state = query.begin();
    let (one, gone) = (crm(3), Value::map([("leads", Value::Integer(1))]));
    step(&query, &mut state, [(Some(&one), true), (None, false)]);
    let tree = step(&query, &mut state, [(Some(&gone), true), (None, false)]);
    assert_eq!(tree.at("doubled"), Some(&Value::Absent));
    assert_eq!(tree.at("stage"), Some(&Value::Absent));
}

#[test]
fn a_query_fails_when_nothing_of_it_can_be_computed() {
    let all = "inputs = { a = 'x' }\n[values]\none = 'a.t * 2'\ntwo = 'a.t / 2'";
    let query = Query::compile(&config(all)).unwrap();
    let mut state = query.begin();
    let text = Value::map([("t", "word".into())]);
    query.compute(&mut state, &[Input { value: Some(&text), changed: true }], Vec::new());
    assert!(query.failure(&state).unwrap().starts_with("one: "));
    let number = Value::map([("t", Value::Integer(4))]);
    query.compute(&mut state, &[Input { value: Some(&number), changed: true }], Vec::new());
    assert_eq!(query.failure(&state), None);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let found = check(&config(
        r#"
inputs = { crm = "crm" }
[values]
a = "crm.x +"
b = "cmr.x"
c = "crm.x.foo()"
[tables.t]
from = "nowhere.list"
where = "1 +"
[series.s]
of = "t.metric"
function = "avg"
[series.u]
of = "x.metric"
function = "avg"
"#,
    ));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "values.a",
            "values.b",
            "values.c",
            "tables.t.from",
            "tables.t.where",
            "series.s.of",
            "series.u.of"
        ]
    );
    assert_eq!(
        found[1].1,
        "nothing here is called `cmr`; the inputs are crm, and results are known by their names"
    );
}

#[test]
fn a_result_cannot_need_itself() {
    let found = check(&config(
        "inputs = { i = 'x' }\n[values]\na = 'b + 1'\nb = 'c + i.x'\nc = 'a'\nd = 'i.y'",
    ));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["values.a", "values.b", "values.c"]);
    assert_eq!(found[0].1, "`a` needs a value that needs itself");
}
