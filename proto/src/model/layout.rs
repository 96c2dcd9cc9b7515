//! Layouts: named arrangements of widgets on pages of a grid.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Name;
use super::widget::WidgetSize;

/// Columns of the grid that positions are written for.
pub const COLUMNS: u16 = 12;

/// The most rows of one page.
pub const ROWS_MAX: u16 = 400;

/// The most widgets of one page.
pub const WIDGETS_MAX: usize = 256;

/// Pages of widgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutSpec {
    /// What to call it.
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The theme it wants, when the user has not chosen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<Name>,
    /// The pages, reached by 1 to 9.
    #[serde(rename = "page")]
    pub pages: Vec<Page>,
}

/// One screenful.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// What to call it.
    pub title: String,
    /// Its widgets.
    #[serde(rename = "widget", default)]
    pub widgets: Vec<Placement>,
}

/// Where a widget stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The widget document.
    pub name: Name,
    /// Position on a wide terminal, in a grid of 12 columns.
    pub at: Area,
    /// Position on a terminal of 100 to 159 columns, in a grid of 8; derived when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_medium: Option<Area>,
    /// Position on a terminal of 60 to 99 columns, in a grid of 4; derived when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_narrow: Option<Area>,
}

/// A rectangle of grid units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Column of the left edge.
    pub x: u16,
    /// Row of the upper edge.
    pub y: u16,
    /// Columns; 0, or nothing, for those of the widget's own size.
    #[serde(default)]
    pub w: u16,
    /// Rows; 0, or nothing, for those of the widget's own size. A row is about three lines of a
    /// terminal of ordinary height.
    #[serde(default)]
    pub h: u16,
}

impl Area {
    /// Whether the widget's own size has a say.
    pub const fn is_open(self) -> bool {
        self.w == 0 || self.h == 0
    }

    /// The area with what is open taken from a widget's size, at most as wide as the grid goes on.
    #[must_use]
    pub fn sized(self, size: WidgetSize) -> Self {
        let (w, h) = size.span();
        let room = COLUMNS.saturating_sub(self.x).max(1);
        Self {
            w: if self.w == 0 { w.min(room) } else { self.w },
            h: if self.h == 0 { h } else { self.h },
            ..self
        }
    }

    /// Whether the two have a unit in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.x < other.x.saturating_add(other.w)
            && other.x < self.x.saturating_add(self.w)
            && self.y < other.y.saturating_add(other.h)
            && other.y < self.y.saturating_add(self.h)
    }
}

impl Page {
    /// The page with every open size settled; `size` knows the size of a widget.
    pub fn sized(&self, size: impl Fn(&Name) -> Option<WidgetSize>) -> Cow<'_, Self> {
        if !self.widgets.iter().any(|placement| placement.at.is_open()) {
            return Cow::Borrowed(self);
        }
        let mut page = self.clone();
        for placement in &mut page.widgets {
            placement.at = placement.at.sized(size(&placement.name).unwrap_or_default());
        }
        Cow::Owned(page)
    }
}

impl LayoutSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.pages.is_empty() {
            problems.push(("page".to_owned(), "a layout needs at least one [[page]]".to_owned()));
        }
        for (index, page) in self.pages.iter().enumerate() {
            page_problems(page, &format!("page[{index}]"), &mut problems);
        }
        problems
    }

    /// Every widget that the layout names, each once, in order.
    pub fn widget_names(&self) -> Vec<&Name> {
        let mut seen = std::collections::HashSet::new();
        let all = self.pages.iter().flat_map(|page| &page.widgets);
        all.map(|placement| &placement.name).filter(|name| seen.insert(*name)).collect()
    }
}

fn page_problems(page: &Page, path: &str, problems: &mut Vec<(String, String)>) {
    if page.widgets.len() > WIDGETS_MAX {
        let count = page.widgets.len();
        problems.push((
            format!("{path}.widget"),
            format!("a page holds at most {WIDGETS_MAX} widgets, this one has {count}"),
        ));
    }
    for (index, placement) in page.widgets.iter().enumerate() {
        let path = format!("{path}.widget[{index}]");
        let areas = [
            ("at", Some(placement.at), COLUMNS),
            ("at_medium", placement.at_medium, 8),
            ("at_narrow", placement.at_narrow, 4),
        ];
        for (name, area, columns) in areas {
            let Some(area) = area else { continue };
            if name != "at" && area.is_open() {
                problems
                    .push((format!("{path}.{name}"), "width and height are at least 1".to_owned()));
            } else if area.x.saturating_add(area.w.max(1)) > columns {
                problems.push((
                    format!("{path}.{name}"),
                    format!(
                        "x + w is at most {columns}, this is {}",
                        area.x.saturating_add(area.w.max(1))
                    ),
                ));
            } else if area.y.saturating_add(area.h) > ROWS_MAX {
                problems.push((format!("{path}.{name}"), format!("y + h is at most {ROWS_MAX}")));
            }
        }
        for (other, earlier) in page.widgets[..index].iter().enumerate() {
            if earlier.name == placement.name {
                problems.push((
                    format!("{path}.name"),
                    format!("{} stands on this page already, as widget[{other}]", placement.name),
                ));
            }
            if earlier.at.overlaps(placement.at) {
                problems.push((format!("{path}.at"), format!("overlaps {}", earlier.name)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
