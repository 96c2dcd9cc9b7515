use proptest::prelude::*;

use super::*;

fn rows(toml: &str) -> Vec<Value> {
    let tree: Value = toml::from_str(&format!("rows = [{toml}]")).unwrap();
    tree.at("rows").and_then(Value::as_list).unwrap().to_vec()
}

fn table(toml: &str) -> Table {
    Table::compile(&toml::from_str(&format!("from = 'a.b'\n{toml}")).unwrap()).unwrap()
}

fn made(toml: &str, left: &[Value], right: Option<&[Value]>) -> Vec<Value> {
    table(toml).make(left, right).unwrap().rows
}

fn column(rows: &[Value], path: &str) -> Vec<Value> {
    rows.iter().map(|row| row.at(path).cloned().unwrap_or_default()).collect()
}

fn sales() -> Vec<Value> {
    rows(
        "{sku = 'a', sold = 9, cat = 'x'}, {sku = 'b', sold = 4, cat = 'y'},
         {sku = 'c', sold = 7, cat = 'x'}, {sku = 'd', cat = 'y'}, {sold = 1}",
    )
}

fn stock() -> Vec<Value> {
    rows(
        "{sku = 'a', stock = 3, reorder = 5, cat = 'z'}, {sku = 'c', stock = 70, reorder = 5},
         {sku = 'b', stock = 1, reorder = 2}, {stock = 0}",
    )
}

const JOIN: &str = "join = { with = 'b.c', on = 'sku' }\n";

#[test]
fn bestsellers_that_run_low() {
    let low = made(
        &format!(
            "{JOIN}columns = {{ cover = 'stock / sold' }}\nwhere = 'stock < reorder && cover < 1'
             sort = 'sold'\nlimit = 2"
        ),
        &sales(),
        Some(&stock()),
    );
    assert_eq!(column(&low, "sku"), ["a".into(), "b".into()]);
    assert_eq!(column(&low, "cover"), [Value::Number(3.0 / 9.0), Value::Number(0.25)]);
    assert_eq!(column(&low, "cat"), ["x".into(), "y".into()], "the first list's column stays");
}

#[test]
fn a_left_join_keeps_what_has_no_partner() {
    let left = "join = { with = 'b.c', on = 'sku', kind = 'left', prefix = 'of_' }";
    let all = made(left, &sales(), Some(&stock()));
    assert_eq!(all.len(), 5);
    assert_eq!(column(&all, "of_cat")[0], "z".into());
    assert_eq!(column(&all, "of_stock")[3..], [Value::Absent, Value::Absent]);
}

#[test]
fn keys_may_have_other_names_and_other_kinds_of_numbers() {
    let left = rows("{id = 1}, {id = 2.0}, {id = '2'}, {id = true}");
    let right = rows("{ref = 1.0, n = 'one'}, {ref = 2, n = 'two'}");
    let joined = made("join = { with = 'b.c', on = 'id', right_on = 'ref' }", &left, Some(&right));
    assert_eq!(column(&joined, "n"), ["one".into(), "two".into()]);
}

#[test]
fn a_key_that_is_there_twice_gives_two_rows() {
    let left = rows("{k = 1}");
    let right = rows("{k = 1, n = 'first'}, {k = 1, n = 'second'}");
    let joined = made("join = { with = 'b.c', on = 'k' }", &left, Some(&right));
    assert_eq!(column(&joined, "n"), ["first".into(), "second".into()]);
    let many = vec![left[0].clone(); 200];
    let error = table(JOIN).make(&vec![rows("{sku = 1}")[0].clone(); 200], Some(&many)).unwrap();
    assert_eq!(error.rows.len(), 0);
    let same = vec![rows("{sku = 1}")[0].clone(); 200];
    let error = table(JOIN).make(&same, Some(&same)).unwrap_err();
    assert!(error.reason().contains("more than 20000 rows"), "{error:?}");
}

#[test]
fn groups_come_as_they_first_appear() {
    let grouped = made(
        "[group]\nby = ['cat']\n[group.aggregate]\nsold = 'sum(sold)'\nn = 'count()'
         m = 'count(sold)'\nbest = 'max(sold)'\nmid = 'quantile(sold, 0.5)'",
        &sales(),
        None,
    );
    assert_eq!(column(&grouped, "cat"), ["x".into(), "y".into(), Value::Absent]);
    let numbers = |of: &[f64]| of.iter().map(|n| Value::Number(*n)).collect::<Vec<_>>();
    assert_eq!(column(&grouped, "sold"), numbers(&[16.0, 4.0, 1.0]));
    assert_eq!(column(&grouped, "n"), numbers(&[2.0, 2.0, 1.0]));
    assert_eq!(column(&grouped, "m"), numbers(&[2.0, 1.0, 1.0]));
    assert_eq!(column(&grouped, "mid"), numbers(&[8.0, 4.0, 1.0]));
}

#[test]
fn of_no_values_there_is_a_count_and_no_sum() {
    let all = "group.aggregate = { n = 'count()', s = 'sum(sold)', d = 'distinct(sold)' }";
    let empty = made(all, &rows("{a = 1}"), None);
    assert_eq!(column(&empty, "n"), [Value::Number(1.0)]);
    assert_eq!(column(&empty, "d"), [Value::Number(0.0)]);
    assert_eq!(column(&empty, "s"), [Value::Absent]);
    assert_eq!(made(all, &[], None), [], "no rows make no group");
}

#[test]
fn rows_without_the_column_come_last_whichever_end_is_first() {
    for (order, expected) in [("descending", ["a", "c", "b"]), ("ascending", ["b", "c", "a"])] {
        let sorted = made(&format!("sort = 'sold'\norder = '{order}'"), &sales()[..4], None);
        let skus = column(&sorted, "sku");
        assert_eq!(skus[..3], expected.map(Value::from));
        assert_eq!(skus[3], "d".into());
    }
}

#[test]
fn what_is_absent_leaves_a_row_out_and_what_is_wrong_is_told() {
    let kept = table("where = 'sold > 5'").make(&sales(), None).unwrap();
    assert_eq!((kept.rows.len(), kept.fault), (2, None));
    let wrong = table("where = 'sku > 5'").make(&sales(), None).unwrap();
    assert_eq!(wrong.rows.len(), 0);
    assert!(wrong.fault.unwrap().contains("cannot be"));
    let column = table("columns = { x = 'sku * 2' }").make(&sales(), None).unwrap();
    assert_eq!(column.rows.len(), 5);
    assert!(column.fault.is_some());
}

#[test]
fn mistakes_are_told_with_their_places() {
    let compile = |toml: &str| {
        let spec = toml::from_str(&format!("from = 'a.b'\n{toml}")).unwrap();
        Table::compile(&spec).unwrap_err()
    };
    let found =
        compile("where = '1 +'\ncolumns = { c = 'nope(1)' }\ngroup.aggregate = { s = 'sun(x)' }");
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(places, ["columns.c", "where", "group.aggregate.s"]);
    for text in ["sum", "sum()", "sum(a, b)", "quantile(a)", "quantile(a, 7)", "sum(max(a))"] {
        assert!(Aggregate::parse(text).is_err(), "{text}");
    }
}

#[test]
fn lists_are_bounded_and_what_is_no_row_is_left_out() {
    let many = vec![Value::map([("a", 1_i64.into())]); ROWS_MAX + 1];
    let error = table("").make(&many, None).unwrap_err();
    assert!(error.reason().contains("at most 10000"));
    assert_eq!(made("", &[1_i64.into(), "a".into(), rows("{a = 1}")[0].clone()], None).len(), 1);
    let groups: Vec<_> =
        (0..=GROUPS_MAX as i64).map(|n| Value::map([("a", Value::Integer(n))])).collect();
    assert!(table("group.by = ['a']").make(&groups, None).is_err());
}

fn list(name: &'static str) -> impl Strategy<Value = Vec<Value>> {
    let row = (proptest::option::of(0..6_i64), 0..100_i64);
    let row = row.prop_map(move |(key, own)| {
        Value::map([("k", Value::from(key)), (name, Value::Integer(own))])
    });
    proptest::collection::vec(row, 0..20)
}

proptest! {
    #[test]
    fn a_join_is_what_two_loops_find(left in list("l"), right in list("r"), inner in any::<bool>()) {
        let kind = if inner { "inner" } else { "left" };
        let toml = format!("join = {{ with = 'b.c', on = 'k', kind = '{kind}' }}");
        let found = made(&toml, &left, Some(&right));
        let mut expected = Vec::new();
        for a in &left {
            let mut partner = false;
            for b in &right {
                if !a.at("k").unwrap().is_absent() && a.at("k") == b.at("k") {
                    partner = true;
                    expected.push((a.at("l").cloned(), b.at("r").cloned()));
                }
            }
            if !partner && !inner {
                expected.push((a.at("l").cloned(), None));
            }
        }
        let found: Vec<_> =
            found.iter().map(|row| (row.at("l").cloned(), row.at("r").cloned())).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn groups_share_all_rows_between_them(rows in list("v")) {
        let toml = "group = { by = ['k'], aggregate = { n = 'count()', s = 'sum(v)' } }";
        let grouped = made(toml, &rows, None);
        let total = |rows: &[Value], path: &str| -> f64 {
            rows.iter().filter_map(|row| row.at(path)?.as_number()).sum()
        };
        prop_assert_eq!(Some(total(&grouped, "n")), Some(rows.len() as f64));
        prop_assert_eq!(Some(total(&grouped, "s")), Some(total(&rows, "v")));
        let keys = column(&grouped, "k");
        for (index, key) in keys.iter().enumerate() {
            prop_assert!(!keys[..index].contains(key), "each key once");
        }
    }

    #[test]
    fn the_first_rows_are_the_largest(rows in list("v"), limit in 1..10_usize) {
        let top = made(&format!("sort = 'v'\nlimit = {limit}"), &rows, None);
        let mut all: Vec<i64> =
            rows.iter().filter_map(|row| Some(row.at("v")?.as_number()? as i64)).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.truncate(limit);
        let found: Vec<i64> =
            top.iter().filter_map(|row| Some(row.at("v")?.as_number()? as i64)).collect();
        prop_assert_eq!(found, all);
    }
}
