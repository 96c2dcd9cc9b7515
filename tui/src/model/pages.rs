//! Pages, and what people did with them and their widgets.

use std::collections::HashMap;

use ccm_proto::model::Name;

use crate::widget::WidgetState;

/// The state of all pages.
#[derive(Clone, Debug)]
pub struct Pages {
    /// The page on display, from 0.
    pub current: usize,
    states: HashMap<usize, PageState>,
    untouched: PageState,
    widgets: HashMap<Name, WidgetState>,
    plain: WidgetState,
}

/// The state of one page; kept while others are on display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageState {
    /// The focused widget, by its place on the page.
    pub focus: usize,
    /// The focused widget is shown alone.
    pub zoomed: bool,
    /// Rows of the page above the screen.
    pub scroll: u16,
}

impl Pages {
    /// Begins with a page.
    pub fn new(current: usize) -> Self {
        Self {
            current,
            states: HashMap::new(),
            untouched: PageState::default(),
            widgets: HashMap::new(),
            plain: WidgetState::default(),
        }
    }

    /// The state of the page on display.
    pub fn state(&self) -> &PageState {
        self.states.get(&self.current).unwrap_or(&self.untouched)
    }

    /// The state of the page on display, to be changed.
    pub fn state_mut(&mut self) -> &mut PageState {
        self.states.entry(self.current).or_default()
    }

    /// What was done with a widget.
    pub fn widget(&self, name: &Name) -> &WidgetState {
        self.widgets.get(name).unwrap_or(&self.plain)
    }

    /// What was done with a widget, to be changed.
    pub fn widget_mut(&mut self, name: &Name) -> &mut WidgetState {
        self.widgets.entry(name.clone()).or_default()
    }
}
