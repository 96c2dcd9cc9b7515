use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::registry::check::check;

/// All problems of a widget's text, as they are told.
fn problems(text: &str) -> Vec<Diagnostic> {
    let parsed = match parse(&Text::Toml(text.to_owned()), "widgets/cpu.toml") {
        Ok(parsed) => parsed,
        Err(problems) => return problems,
    };
    let found = check(Kind::Widget, &parsed.tree).err().unwrap_or_default();
    let at = |problem| parsed.origin.merged(Kind::Widget, &parsed.tree, problem);
    found.iter().map(at).collect()
}

fn told(text: &str) -> Vec<String> {
    problems(text).iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_of_a_document_is_told_with_its_place_and_what_was_meant() {
    let text = r#"titel = "Processor"
source = "host"
type = "stat"

[stat.primary]
valu = "cpu.usage"
label = "all cores"
format = "percnt"
colour = "red"
"#;
    let expected = [
        "widgets/cpu.toml:1:1: there is no key `titel` here; did you mean `title`?",
        "widgets/cpu.toml:6:1: there is no key `valu` here; did you mean `value`?",
        "widgets/cpu.toml:8:10: `format` cannot be `percnt`; did you mean `percent`?",
        "widgets/cpu.toml:9:1: there is no key `colour` here; the keys here are value, label, \
         format, currency, unit, thresholds",
    ];
    let mut found = told(text);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_misspelt_key_of_the_layers_table_is_told_with_its_place_and_what_was_meant() {
    let text = "title = \"t\"\n\n[layer]\nmandatry = [\"title\"]\nremove = 7\n";
    let mut found = told(text);
    found.sort();
    assert_eq!(found.len(), 2, "{found:?}");
    let expected =
        "widgets/cpu.toml:4:1: there is no key `mandatry` here; did you mean `mandatory`?";
    assert_eq!(found[0], expected);
    assert!(found[1].starts_with("widgets/cpu.toml:5:10: "), "{found:?}");
    assert!(told("[layer]\nremove = [\"a..b\"]\n")[0].contains("empty step"));
}

#[test]
fn what_is_missing_is_told_at_the_table_that_lacks_it() {
    let text = "title = \"t\"\nsource = \"host\"\ntype = \"stat\"\n[stat.primary]\nlabel = \"l\"\n";
    let found = told(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("widgets/cpu.toml:4:"), "{found:?}");
    assert!(found[0].contains("needs the key `value`"), "{found:?}");
    let absent = told("title = \"t\"\nsource = \"host\"\ntype = \"gauge\"\n");
    assert_eq!(absent.len(), 1);
    assert!(absent[0].contains("a gauge widget needs a [gauge] section"), "{absent:?}");
}

#[test]
fn a_wrong_type_or_value_is_told_at_the_value() {
    let text = "title = 7\nsource = \"My Host\"\ntype = \"gauge\"\n[gauge]\nvalue = \"a\"\n";
    let found = problems(text);
    let places: Vec<(u32, u32)> = found.iter().map(|d| (d.line, d.column)).collect();
    assert_eq!(places, [(1, 9), (2, 10)], "{found:?}");
    assert!(found[0].sentence.contains("expected a string"), "{found:?}");
    assert!(found[1].sentence.contains("names are lower-case"), "{found:?}");
}

#[test]
fn the_excerpt_points_at_the_place() {
    let found =
        problems("titel = \"ä\"\nsource = \"h\"\ntype = \"gauge\"\n[gauge]\nvalue = \"a\"\n");
    let expected = [
        " --> widgets/cpu.toml:1:1",
        "  |",
        "1 | titel = \"ä\"",
        "  | ^^^^^ there is no key `titel` here; did you mean `title`?",
    ];
    assert_eq!(found[0].excerpt, expected);
}

#[test]
fn text_that_is_no_toml_is_told_with_every_place() {
    let found = problems("title = \nsource = = \"h\"\n");
    assert!(found.len() >= 2, "{found:?}");
    assert_eq!((found[0].line, found[1].line), (1, 2), "{found:?}");
    let found = problems("a = 1979-05-27\nb = nan\n");
    assert_eq!(found.len(), 2);
    let twice = problems("title = \"a\"\ntitle = \"b\"\n");
    assert_eq!(twice[0].line, 2, "{twice:?}");
}

#[test]
fn too_long_and_too_deep_documents_are_refused() {
    let long = format!("title = \"{}\"", "a".repeat(DOCUMENT_BYTES_MAX));
    assert!(told(&long)[0].contains("at most 262144"), "{:?}", &told(&long)[0][..80]);
    let deep = format!("a = {}{}", "[".repeat(40), "]".repeat(40));
    assert!(told(&deep)[0].contains("nested"), "{:?}", told(&deep));
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(40), "]".repeat(40));
    let refused = parse(&Text::Json(deep), "x").unwrap_err();
    assert!(refused[0].sentence.contains("nested more than 32"), "{refused:?}");
}

#[test]
fn json_problems_name_the_place_by_its_path() {
    let text =
        Text::Json(json!({"title": "t", "source": "h", "type": "gauge", "gauge": {}}).to_string());
    let parsed = parse(&text, "widget/x").unwrap();
    let found = check(Kind::Widget, &parsed.tree).unwrap_err();
    let told = parsed.origin.merged(Kind::Widget, &parsed.tree, &found[0]).to_string();
    assert_eq!(told, "widget/x: gauge.value: `gauge` needs the key `value`");
    let broken = parse(&Text::Json("{\n \"a\": }".to_owned()), "x").unwrap_err();
    assert_eq!(broken[0].line, 2);
    assert!(parse(&Text::Json("[]".to_owned()), "x").is_err());
}

#[test]
fn a_problem_of_a_merged_list_is_found_where_the_item_stands_in_the_text() {
    let text = "[[page]]\ntitle = \"b\"\n[[page.widget]]\nname = \"w\"\nat = { x = 1 }\n";
    let parsed = parse(&Text::Toml(text.to_owned()), "l").unwrap();
    let at = json!({"x": 1});
    let merged = json!({"title": "t", "page": [
        {"title": "a", "widget": []},
        {"title": "b", "widget": [{"name": "v", "at": at}, {"name": "w", "at": at}]},
    ]});
    let location = Location::default().key("page").index(1).key("widget").index(1).key("at");
    let problem =
        Problem { location, at_key: false, sentence: "wrong".to_owned(), suggestion: None };
    let found = parsed.origin.merged(Kind::Layout, &merged, &problem);
    assert_eq!((found.line, found.column), (5, 6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_gives_a_tree_or_problems_and_never_a_panic(text in "(?s).{0,200}") {
        let _ = told(&text);
        let _ = parse(&Text::Json(text), "x");
    }

    #[test]
    fn a_damaged_document_gives_places_within_the_text(at in 0..400_usize, with in any::<char>()) {
        let mut text: Vec<char> =
            include_str!("../../packs/widgets/host-cpu.toml").chars().collect();
        let at = at % text.len();
        text[at] = with;
        let text: String = text.into_iter().collect();
        for found in problems(&text) {
            prop_assert!(found.line as usize <= text.matches('\n').count() + 1, "{}", found);
            prop_assert!(!found.sentence.is_empty());
        }
    }
}
