//! What lies over the page.

use ccm_proto::model::Name;

use crate::action::Action;

/// One overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// Every key, filtered by what was typed.
    Help(List),
    /// The command line and palette.
    Palette(List),
    /// Themes with live preview; the theme to go back to.
    Themes(List, Option<Name>),
    /// Where a widget's data comes from; lines that are scrolled past.
    Why(Name, usize),
    /// What needs attention; lines that are scrolled past.
    Notices(usize),
    /// What was found on the daemon's machine; the chosen one.
    Offers(usize),
    /// The login that an offer needs.
    Login,
}

/// A list that is filtered by typing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// What was typed.
    pub query: String,
    /// The chosen item, among those that match.
    pub selected: usize,
}

/// What choosing an item of help or palette does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Does an action.
    Action(Action),
    /// Goes to a page, from 0.
    Page(usize),
    /// Focuses a widget of the page.
    Widget(Name),
    /// Opens a layout.
    Layout(Name),
    /// Takes a theme.
    Theme(Name),
}

/// An item of help or palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is called.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its keys.
    pub keys: String,
    /// What choosing it does.
    pub choice: Choice,
}
