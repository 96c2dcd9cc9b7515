use ccm_proto::model::Name;
use ccm_proto::model::layout::Placement;
use proptest::prelude::*;

use super::*;

fn page(areas: &[[u16; 4]]) -> Page {
    let widgets = areas.iter().enumerate().map(|(index, [x, y, w, h])| Placement {
        name: Name::new(&format!("w{index}")).unwrap(),
        at: Area { x: *x, y: *y, w: *w, h: *h },
        at_medium: None,
        at_narrow: None,
    });
    Page { title: "test".to_owned(), widgets: widgets.collect() }
}

fn sketch() -> Page {
    page(&[[0, 0, 3, 5], [3, 0, 5, 5], [8, 0, 4, 5], [0, 5, 6, 3], [6, 5, 6, 3], [0, 8, 12, 4]])
}

fn rects(page: &Page, width: u16, height: u16) -> Vec<Rect> {
    solve(page, Rect::new(0, 0, width, height), 0)
        .placements
        .iter()
        .map(|(_, rect)| *rect)
        .collect()
}

/// Whether the rectangles cover the area exactly.
fn covers(rects: &[Rect], area: Rect) -> bool {
    let sum: u32 = rects.iter().map(|rect| rect.area()).sum();
    sum == area.area() && rects.iter().all(|rect| area.intersection(*rect) == *rect)
}

#[test]
fn a_page_without_holes_fills_the_terminal_at_every_width_without_holes() {
    for (width, height) in
        [(160, 48), (200, 61), (120, 40), (100, 36), (80, 60), (61, 77), (40, 90)]
    {
        let rects = rects(&sketch(), width, height);
        assert_eq!(rects.len(), 6);
        assert!(covers(&rects, Rect::new(0, 0, width, height)), "{width}x{height} {rects:?}");
    }
}

#[test]
fn breakpoints_are_the_documented_ones() {
    assert_eq!([160, 159, 100, 99, 60, 59, 0].map(columns), [12, 8, 8, 4, 4, 1, 1]);
}

#[test]
fn under_60_columns_there_is_one_column_in_reading_order() {
    let rects = rects(&sketch(), 40, 90);
    assert!(rects.iter().all(|rect| rect.width == 40 && rect.x == 0));
    assert!(rects.windows(2).all(|pair| pair[0].bottom() == pair[1].y));
}

#[test]
fn a_page_that_is_too_high_scrolls() {
    let area = Rect::new(0, 1, 80, 20);
    let solved = solve(&sketch(), area, 0);
    assert!(solved.content_height > 20);
    let end = solve(&sketch(), area, u16::MAX);
    assert!(end.placements.iter().any(|(index, _)| *index == 5), "the last widget is reached");
    assert_eq!(end.placements.iter().map(|(_, rect)| rect.bottom()).max(), Some(21));
}

#[test]
fn at_tiny_sizes_each_widget_has_a_line() {
    let solved = solve(&sketch(), Rect::new(0, 1, 20, 4), 0);
    let expected: Vec<_> = (0..4).map(|i| (i, Rect::new(0, 1 + i as u16, 20, 1))).collect();
    assert_eq!(solved.placements, expected);
    assert_eq!(solved.content_height, 6);
    let scrolled = solve(&sketch(), Rect::new(0, 1, 20, 4), 9);
    assert_eq!(scrolled.placements.last().map(|(index, _)| *index), Some(5));
}

#[test]
fn a_position_said_for_a_narrow_terminal_counts() {
    let mut page = page(&[[0, 0, 6, 2], [6, 0, 6, 2]]);
    page.widgets[0].at_narrow = Some(Area { x: 0, y: 2, w: 4, h: 2 });
    page.widgets[1].at_narrow = Some(Area { x: 0, y: 0, w: 4, h: 2 });
    let rects = rects(&page, 80, 24);
    assert!(rects[0].y > rects[1].y);
}

fn any_page() -> impl Strategy<Value = Page> {
    let area = (0..14_u16, 0..20_u16, 0..14_u16, 0..8_u16);
    let areas = prop::collection::vec((area, any::<bool>()), 0..12);
    areas.prop_map(|areas| {
        let plain: Vec<[u16; 4]> = areas.iter().map(|((x, y, w, h), _)| [*x, *y, *w, *h]).collect();
        let mut page = page(&plain);
        for (widget, (_, narrow)) in page.widgets.iter_mut().zip(&areas) {
            widget.at_narrow = narrow.then_some(widget.at);
        }
        page
    })
}

proptest! {
    #[test]
    fn rectangles_lie_inside_and_never_overlap(
        page in any_page(),
        (x, y, width, height) in (0..9_u16, 0..9_u16, 0..260_u16, 0..120_u16),
        scroll in 0..300_u16,
    ) {
        let area = Rect::new(x, y, width, height);
        let solved = solve(&page, area, scroll);
        for (at, (_, rect)) in solved.placements.iter().enumerate() {
            prop_assert_eq!(area.intersection(*rect), *rect);
            prop_assert!(!rect.is_empty());
            for (_, other) in &solved.placements[..at] {
                prop_assert!(rect.intersection(*other).is_empty());
            }
        }
    }

    #[test]
    fn every_widget_is_in_sight_somewhere(page in any_page(), width in 1..260_u16, height in 1..90_u16) {
        let area = Rect::new(0, 0, width, height);
        let mut seen = std::collections::BTreeSet::new();
        let mut scroll = 0;
        loop {
            let solved = solve(&page, area, scroll);
            seen.extend(solved.placements.iter().map(|(index, _)| *index));
            if scroll >= solved.content_height {
                break;
            }
            scroll += height;
        }
        prop_assert_eq!(seen.len(), page.widgets.len());
    }

    #[test]
    fn reflow_keeps_the_reading_order(page in any_page(), width in 20..60_u16) {
        let solved = solve(&page, Rect::new(0, 0, width, 4_000), 0);
        let key = |index: usize| (page.widgets[index].at.y, page.widgets[index].at.x);
        let mut placed = solved.placements.clone();
        placed.sort_by_key(|(_, rect)| (rect.y, rect.x));
        prop_assert!(placed.windows(2).all(|pair| key(pair[0].0) <= key(pair[1].0)));
    }
}
