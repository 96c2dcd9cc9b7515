use super::{Area, LayoutSpec, ROWS_MAX, WIDGETS_MAX};
use crate::model::Name;
use crate::model::widget::WidgetSize;

fn layout(widgets: &str) -> LayoutSpec {
    let text = format!(r#"{{"title": "t", "page": [{{"title": "p", "widget": [{widgets}]}}]}}"#);
    serde_json::from_str(&text).unwrap()
}

fn widget(name: &str, area: [u16; 4]) -> String {
    let [x, y, w, h] = area;
    format!(r#"{{"name": "{name}", "at": {{"x": {x}, "y": {y}, "w": {w}, "h": {h}}}}}"#)
}

/// The paths of the problems.
fn paths(layout: &LayoutSpec) -> Vec<String> {
    layout.problems().into_iter().map(|(path, _)| path).collect()
}

#[test]
fn a_layout_that_fits_has_no_problems() {
    let spec = layout(&[widget("a", [0, 0, 6, 2]), widget("b", [6, 0, 6, 2])].join(","));
    assert_eq!(paths(&spec), [""; 0]);
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<LayoutSpec>(&json).unwrap(), spec);
}

#[test]
fn each_problem_names_its_field() {
    let table = [
        (vec![widget("a", [12, 0, 0, 1])], vec!["page[0].widget[0].at"]),
        (vec![widget("a", [6, 0, 7, 1])], vec!["page[0].widget[0].at"]),
        (vec![widget("a", [u16::MAX, 0, u16::MAX, 1])], vec!["page[0].widget[0].at"]),
        (vec![widget("a", [0, ROWS_MAX, 1, 1])], vec!["page[0].widget[0].at"]),
        (vec![widget("a", [0, 0, 2, 2]), widget("b", [1, 1, 2, 2])], vec!["page[0].widget[1].at"]),
        (
            vec![widget("a", [0, 0, 1, 1]), widget("a", [1, 0, 1, 1])],
            vec!["page[0].widget[1].name"],
        ),
    ];
    for (widgets, expected) in table {
        assert_eq!(paths(&layout(&widgets.join(","))), expected, "{widgets:?}");
    }
    let none: LayoutSpec = serde_json::from_str(r#"{"title": "t", "page": []}"#).unwrap();
    assert_eq!(paths(&none), ["page"]);
}

#[test]
fn the_narrower_grids_have_fewer_columns() {
    let area = r#"{"x": 0, "y": 0, "w": 8, "h": 1}"#;
    let text = |key: &str| format!(r#"{{"name": "a", "at": {area}, "{key}": {area}}}"#);
    assert_eq!(paths(&layout(&text("at_medium"))), [""; 0]);
    assert_eq!(paths(&layout(&text("at_narrow"))), ["page[0].widget[0].at_narrow"]);
}

#[test]
fn what_a_page_does_not_say_of_a_size_the_widget_says() {
    let spec = layout(
        r#"{"name": "a", "at": {"x": 2, "y": 0}}, {"name": "b", "at": {"x": 10, "y": 3, "h": 1}},
           {"name": "c", "at": {"x": 0, "y": 9, "w": 3, "h": 2}}"#,
    );
    assert_eq!(paths(&spec), [""; 0]);
    let page = spec.pages[0].sized(|name| (name.as_str() == "a").then_some(WidgetSize::Large));
    let areas: Vec<[u16; 4]> =
        page.widgets.iter().map(|it| [it.at.x, it.at.y, it.at.w, it.at.h]).collect();
    assert_eq!(areas, [[2, 0, 4, 6], [10, 3, 2, 1], [0, 9, 3, 2]]);
}

#[test]
fn sizes_are_spans_of_the_grid() {
    let sizes = ["small", "medium", "large", "wide", "full-width"];
    let spans = sizes.map(|size| {
        let size: WidgetSize = serde_json::from_value(size.into()).unwrap();
        size.span()
    });
    assert_eq!(spans, [(2, 3), (4, 3), (4, 6), (8, 3), (12, 3)]);
}

#[test]
fn a_page_is_bounded() {
    let many: Vec<String> = (0..=WIDGETS_MAX as u16)
        .map(|index| widget(&format!("w{index}"), [index % 12, index / 12, 1, 1]))
        .collect();
    assert_eq!(paths(&layout(&many.join(","))), ["page[0].widget"]);
}

#[test]
fn misspelt_keys_are_refused() {
    let text = r#"{"title": "t", "page": [], "pages": []}"#;
    assert!(serde_json::from_str::<LayoutSpec>(text).is_err());
}

#[test]
fn areas_that_touch_do_not_overlap() {
    let area = |x, y, w, h| Area { x, y, w, h };
    let middle = area(2, 2, 2, 2);
    for beside in [area(0, 2, 2, 2), area(4, 2, 2, 2), area(2, 0, 2, 2), area(2, 4, 2, 2)] {
        assert!(!middle.overlaps(beside) && !beside.overlaps(middle));
    }
    for over in [area(3, 3, 1, 1), area(0, 0, 3, 3), area(0, 0, u16::MAX, u16::MAX), middle] {
        assert!(middle.overlaps(over) && over.overlaps(middle));
    }
}

#[test]
fn a_widget_on_two_pages_is_named_once() {
    let mut spec = layout(&[widget("b", [0, 0, 1, 1]), widget("a", [1, 0, 1, 1])].join(","));
    spec.pages.push(spec.pages[0].clone());
    let names: Vec<&str> = spec.widget_names().into_iter().map(Name::as_str).collect();
    assert_eq!(names, ["b", "a"]);
}
