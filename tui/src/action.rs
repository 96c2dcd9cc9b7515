//! Every user action: its name, what it does, and its default keys.
//!
//! This one list feeds the key map, the footer, help and the palette.

/// Something that a user can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Shows help.
    Help,
    /// Opens the command line.
    Command,
    /// Filters the focused widget's rows.
    Filter,
    /// Goes one level back.
    Back,
    /// Closes what is open, or leaves.
    Quit,
    /// Leaves at once.
    QuitNow,
    /// Stops and gives the terminal to the shell.
    Suspend,
    /// To the next page.
    PageNext,
    /// To the previous page.
    PagePrevious,
    /// To a page by number, from 1.
    Page(u8),
    /// Focus to the next widget.
    FocusNext,
    /// Focus to the previous widget.
    FocusPrevious,
    /// Focus to the left.
    FocusLeft,
    /// Focus downwards.
    FocusDown,
    /// Focus upwards.
    FocusUp,
    /// Focus to the right.
    FocusRight,
    /// Shows the focused widget alone, or all again.
    Zoom,
    /// One row down.
    Down,
    /// One row up.
    Up,
    /// Columns to the left.
    Left,
    /// Columns to the right.
    Right,
    /// Half a page down.
    HalfDown,
    /// Half a page up.
    HalfUp,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Orders rows by the next column.
    SortNext,
    /// Turns the order of rows around.
    SortReverse,
    /// Shows a longer time.
    WindowLonger,
    /// Shows a shorter time.
    WindowShorter,
    /// Shows the time that the widget is defined with.
    WindowReset,
    /// Stops and continues the display; data goes on arriving.
    Pause,
    /// Has sources read now.
    Refresh,
    /// Draws every cell anew.
    Repaint,
    /// Chooses a theme with live preview.
    Theme,
    /// Tells where the focused widget's data comes from.
    Why,
    /// Lists what needs attention.
    Notices,
    /// Lists what was found on the daemon's machine.
    Discover,
    /// Copies the focused widget's value.
    CopyValue,
    /// Copies the focused widget's data as text.
    CopyWidget,
    /// Takes or releases the mouse.
    Mouse,
    /// Passes no key on but the one that unlocks.
    Lock,
}

/// What is told about an action.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// The action.
    pub action: Action,
    /// Its name in key files and on the command line.
    pub name: &'static str,
    /// One phrase.
    pub description: &'static str,
    /// Default keys, most telling first.
    pub keys: &'static [&'static str],
    /// A word for the footer; empty where it never stands there.
    pub hint: &'static str,
}

const fn action(
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    hint: &'static str,
    description: &'static str,
) -> Described {
    Described { action, name, description, keys, hint }
}

/// Every action, in the order of help.
pub const ACTIONS: &[Described] = &[
    action(Action::Help, "help", &["?"], "help", "show every key; type to filter, Enter runs"),
    action(
        Action::Command,
        "command",
        &[":", "space"],
        "command",
        "open the command line and palette",
    ),
    action(Action::Filter, "filter", &["/"], "filter", "filter rows: text, !text, -f fuzzy"),
    action(
        Action::Zoom,
        "zoom",
        &["enter", "f"],
        "zoom",
        "show the focused widget alone, and all again",
    ),
    action(Action::Back, "back", &["esc"], "back", "one level back; clears a filter first"),
    action(Action::Quit, "quit", &["q"], "quit", "close what is open, or leave"),
    action(Action::QuitNow, "quit-now", &["ctrl-c"], "", "leave at once"),
    action(
        Action::Suspend,
        "suspend",
        &["ctrl-z"],
        "",
        "give the terminal to the shell; fg comes back",
    ),
    action(Action::PageNext, "page-next", &["}", "ctrl-n"], "", "to the next page"),
    action(Action::PagePrevious, "page-previous", &["{", "ctrl-p"], "", "to the previous page"),
    action(Action::Page(1), "page-1", &["1"], "", "to page 1"),
    action(Action::Page(2), "page-2", &["2"], "", "to page 2"),
    action(Action::Page(3), "page-3", &["3"], "", "to page 3"),
    action(Action::Page(4), "page-4", &["4"], "", "to page 4"),
    action(Action::Page(5), "page-5", &["5"], "", "to page 5"),
    action(Action::Page(6), "page-6", &["6"], "", "to page 6"),
    action(Action::Page(7), "page-7", &["7"], "", "to page 7"),
    action(Action::Page(8), "page-8", &["8"], "", "to page 8"),
    action(Action::Page(9), "page-9", &["9"], "", "to page 9"),
    action(Action::FocusNext, "focus-next", &["tab"], "", "focus the next widget"),
    action(Action::FocusPrevious, "focus-previous", &["backtab"], "", "focus the previous widget"),
    action(
        Action::FocusLeft,
        "focus-left",
        &["H", "ctrl-left", "shift-left"],
        "",
        "focus to the left",
    ),
    action(
        Action::FocusDown,
        "focus-down",
        &["J", "ctrl-down", "shift-down"],
        "",
        "focus downwards",
    ),
    action(Action::FocusUp, "focus-up", &["K", "ctrl-up", "shift-up"], "", "focus upwards"),
    action(
        Action::FocusRight,
        "focus-right",
        &["L", "ctrl-right", "shift-right"],
        "",
        "focus to the right",
    ),
    action(Action::Down, "down", &["j", "down"], "", "one row down"),
    action(Action::Up, "up", &["k", "up"], "", "one row up"),
    action(Action::Left, "left", &["h", "left"], "", "columns to the left"),
    action(Action::Right, "right", &["l", "right"], "", "columns to the right"),
    action(Action::HalfDown, "half-down", &["ctrl-d", "pagedown"], "", "half a page down"),
    action(Action::HalfUp, "half-up", &["ctrl-u", "pageup"], "", "half a page up"),
    action(Action::First, "first", &["g g", "home"], "", "to the first row"),
    action(Action::Last, "last", &["G", "end"], "", "to the last row"),
    action(Action::SortNext, "sort-next", &["s"], "sort", "order rows by the next column"),
    action(Action::SortReverse, "sort-reverse", &["S"], "", "turn the order of rows around"),
    action(Action::WindowShorter, "window-shorter", &["+", "="], "", "show a shorter time"),
    action(Action::WindowLonger, "window-longer", &["-"], "time", "show a longer time"),
    action(Action::WindowReset, "window-reset", &["0"], "", "show the usual time"),
    action(
        Action::Pause,
        "pause",
        &["p"],
        "pause",
        "stop and continue the display; data goes on arriving",
    ),
    action(Action::Refresh, "refresh", &["r"], "", "read sources now"),
    action(Action::Repaint, "repaint", &["ctrl-l"], "", "draw every cell anew"),
    action(Action::Theme, "theme", &["T"], "theme", "choose a theme with live preview"),
    action(Action::Why, "why", &["w"], "why", "where the focused widget's data comes from"),
    action(Action::Notices, "notices", &["N"], "", "what needs attention"),
    action(
        Action::Discover,
        "discover",
        &["D"],
        "",
        "what runs on this machine and could be shown",
    ),
    action(Action::CopyValue, "copy-value", &["y"], "", "copy the focused widget's value"),
    action(Action::CopyWidget, "copy-widget", &["Y"], "", "copy the focused widget's data"),
    action(Action::Mouse, "mouse", &["m"], "", "take or release the mouse"),
    action(Action::Lock, "lock", &["ctrl-g"], "", "pass no key on until pressed again"),
];

/// What is told about an action.
pub fn described(action: Action) -> Option<&'static Described> {
    ACTIONS.iter().find(|described| described.action == action)
}

/// The action of a name.
pub fn named(name: &str) -> Option<Action> {
    ACTIONS.iter().find(|described| described.name == name).map(|described| described.action)
}
