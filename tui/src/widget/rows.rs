//! Which rows a widget shows, in which order.

use std::cmp::Ordering;

use ccm_proto::model::widget::Order;
use ccm_proto::model::{Cell, Row};

use super::DrawContext;

/// The indices of a view's rows after the filter, in the order they are shown.
pub fn ordered_rows(context: &DrawContext<'_>) -> Vec<usize> {
    let rows = &context.view.rows;
    let kept = |row: &Row| match &context.state.filter {
        Some(filter) => {
            let numbers: Vec<String> = row.cells.iter().filter_map(integer_text).collect();
            let texts = row.cells.iter().filter_map(Cell::as_text).map(AsRef::as_ref);
            filter.keeps(texts.chain(numbers.iter().map(String::as_str)))
        }
        None => true,
    };
    let mut order: Vec<usize> =
        rows.iter().enumerate().filter(|(_, row)| kept(row)).map(|(index, _)| index).collect();
    if let Some((column, direction)) = context.state.sort {
        let cell = |index: &usize| rows.get(*index).and_then(|row| row.cells.get(column));
        order.sort_by(|a, b| compare(cell(a), cell(b), direction));
    }
    order
}

/// The first row in sight: where it was scrolled to, but so that the chosen row is seen.
pub(super) fn first_row(context: &DrawContext<'_>, count: usize, height: usize) -> usize {
    let first = match context.state.selected {
        Some(selected) => {
            let selected = selected.min(count.saturating_sub(1));
            context.state.scroll.clamp((selected + 1).saturating_sub(height), selected)
        }
        None => context.state.scroll,
    };
    first.min(count.saturating_sub(height))
}

/// Rows after the filter, for scrolling.
pub fn row_count(context: &DrawContext<'_>) -> usize {
    if context.state.filter.is_none() {
        context.view.rows.len()
    } else {
        ordered_rows(context).len()
    }
}

fn integer_text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Integer(integer) => Some(integer.to_string()),
        _ => None,
    }
}

/// What is absent comes last in either direction.
fn compare(a: Option<&Cell>, b: Option<&Cell>, direction: Order) -> Ordering {
    let (a, b) = (a.unwrap_or(&Cell::Absent), b.unwrap_or(&Cell::Absent));
    let ordering = match (a, b) {
        (Cell::Absent, Cell::Absent) => return Ordering::Equal,
        (Cell::Absent, _) => return Ordering::Greater,
        (_, Cell::Absent) => return Ordering::Less,
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        _ => match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        },
    };
    match direction {
        Order::Ascending => ordering,
        Order::Descending => ordering.reverse(),
    }
}
