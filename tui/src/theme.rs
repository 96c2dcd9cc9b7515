//! Themes: from roles to the styles that this terminal can show.

mod colour;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ccm_proto::model::theme::{Modifier as StyleModifier, Role, StyleSpec, ThemeSpec, Variant};
use ccm_proto::model::{Name, widget::State};
use ratatui::style::{Color, Modifier, Style};

use colour::Colour;

/// The longest chain of themes that inherit from each other; nobody means a longer one.
const INHERITANCE_MAX: usize = 8;

/// The theme that is used when nobody chose one.
pub const DEFAULT: &str = "dark";

/// How much of its colour the body of an area keeps below its edge.
const SOFT: f64 = 0.5;

const SHIPPED: [(&str, &str); 6] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("terminal", include_str!("../../themes/terminal.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../themes/deuteranopia.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColorDepth {
    /// None; bold, dim and reverse remain.
    Mono,
    /// The 16 of the terminal's own palette.
    Ansi16,
    /// A fixed table of 256.
    Ansi256,
    /// Any.
    #[default]
    TrueColor,
}

/// A theme that is ready to draw with.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The document's name.
    pub name: Name,
    /// What to call it.
    pub title: String,
    /// The background that it is made for.
    pub variant: Variant,
    /// The colours that it was resolved for.
    pub depth: ColorDepth,
    styles: [Style; Role::ALL.len()],
    soft: [Style; SERIES.len()],
}

const SERIES: [Role; 6] =
    [Role::Series1, Role::Series2, Role::Series3, Role::Series4, Role::Series5, Role::Series6];

/// A shipped theme.
pub fn builtin(name: &Name) -> Option<ThemeSpec> {
    let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name.as_str())?;
    toml::from_str(text).ok()
}

/// The names of all shipped themes, the default first.
pub fn builtin_names() -> Vec<Name> {
    SHIPPED.iter().filter_map(|(name, _)| Name::new(name).ok()).collect()
}

impl Theme {
    /// Resolves a theme for a terminal. Names that `lookup` does not know are looked for among the
    /// shipped themes. What cannot be resolved falls back, and a warning says so.
    pub fn resolve(
        name: &Name,
        lookup: &dyn Fn(&Name) -> Option<ThemeSpec>,
        depth: ColorDepth,
    ) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let chain = inheritance(name, lookup, &mut warnings);
        let mut palette = BTreeMap::new();
        for spec in chain.iter().rev() {
            palette.extend(spec.palette.clone());
        }
        let mut resolver = Resolver { chain: &chain, palette, depth, warnings };
        let ground = resolver.colour(Role::Background, |spec| spec.bg.as_ref());
        let styles = Role::ALL.map(|role| resolver.style(role, ground));
        let soft = SERIES.map(|role| resolver.soft(role, ground));
        let first = chain.first();
        let theme = Self {
            name: name.clone(),
            title: first.map_or_else(|| name.to_string(), |spec| spec.title.clone()),
            variant: first.map(|spec| spec.variant).unwrap_or_default(),
            depth,
            styles,
            soft,
        };
        (theme, resolver.warnings)
    }

    /// A shipped theme, or the default one when there is none of that name.
    pub fn shipped(name: &str, depth: ColorDepth) -> Option<Self> {
        let name = Name::new(name).ok()?;
        Some(Self::resolve(&name, &|_| None, depth).0)
    }

    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    /// How a state looks.
    pub fn state(&self, state: State) -> Style {
        self.style(match state {
            State::Ok => Role::Ok,
            State::Warning => Role::Warning,
            State::Critical => Role::Critical,
        })
    }

    /// How the line of a chart looks; after the sixth the colours begin anew.
    pub fn series(&self, index: usize) -> Style {
        self.style(SERIES.get(index % SERIES.len()).copied().unwrap_or(Role::Series1))
    }

    /// How the body of an area looks below the line of [`Theme::series`].
    pub fn series_soft(&self, index: usize) -> Style {
        self.soft.get(index % SERIES.len()).copied().unwrap_or_default()
    }

    /// The background of a meter's empty part; none where it must be drawn as glyphs.
    pub fn trough(&self) -> Option<Style> {
        match self.style(Role::Track).fg {
            Some(Color::Reset) | None => None,
            Some(colour) if self.depth >= ColorDepth::Ansi256 => Some(Style::new().bg(colour)),
            Some(_) => None,
        }
    }
}

/// The theme and what it inherits from, nearest first.
fn inheritance(
    name: &Name,
    lookup: &dyn Fn(&Name) -> Option<ThemeSpec>,
    warnings: &mut Vec<String>,
) -> Vec<ThemeSpec> {
    let mut chain: Vec<ThemeSpec> = Vec::new();
    let mut seen: Vec<Name> = Vec::new();
    let mut next = Some(name.clone());
    while let Some(name) = next.take() {
        if seen.contains(&name) {
            warnings.push(format!("theme {name} inherits from itself; the circle is cut there"));
            break;
        }
        if chain.len() >= INHERITANCE_MAX {
            warnings.push(format!(
                "theme {name} and what it inherits are left out: at most {INHERITANCE_MAX} themes inherit from each other"
            ));
            break;
        }
        match lookup(&name).or_else(|| builtin(&name)) {
            Some(spec) => {
                next.clone_from(&spec.inherits);
                chain.push(spec);
            }
            None if chain.is_empty() => {
                warnings.push(format!("there is no theme {name}; {DEFAULT} is used instead"));
                next = Name::new(DEFAULT).ok();
            }
            None => warnings.push(format!("there is no theme {name} to inherit from")),
        }
        seen.push(name);
    }
    chain
}

struct Resolver<'a> {
    chain: &'a [ThemeSpec],
    palette: BTreeMap<String, String>,
    depth: ColorDepth,
    warnings: Vec<String>,
}

impl Resolver<'_> {
    /// What the theme says of a role, or of the nearest role that it falls back to.
    fn spec(&self, role: Role) -> Option<StyleSpec> {
        let mut role = Some(role);
        while let Some(current) = role {
            let found = self.chain.iter().find_map(|spec| spec.role.get(&current));
            if found.is_some() {
                return found.cloned();
            }
            role = current.fallback();
        }
        None
    }

    fn parse(&mut self, role: Role, text: &str) -> Option<Colour> {
        let colour = Colour::parse(text, &self.palette);
        if colour.is_none() {
            let warning = format!(
                "{text:?} of the role {role:?} is neither a colour nor a name of the palette"
            );
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        colour
    }

    fn colour(&mut self, role: Role, part: fn(&StyleSpec) -> Option<&String>) -> Option<Colour> {
        let spec = self.spec(role)?;
        let text = part(&spec)?.clone();
        self.parse(role, &text)
    }

    fn style(&mut self, role: Role, ground: Option<Colour>) -> Style {
        let spec = self.spec(role).unwrap_or_default();
        let mut style = Style::new().add_modifier(modifiers(&spec.modifiers));
        if self.depth == ColorDepth::Mono {
            return style.add_modifier(plain_modifiers(role));
        }
        let fg = match (&spec.fg16, self.depth) {
            (Some(fg16), ColorDepth::Ansi16) => Some(fg16),
            _ => spec.fg.as_ref(),
        };
        style.fg = fg.and_then(|text| self.parse(role, text)).and_then(|c| c.resolve(self.depth));
        let bg = spec.bg.as_ref().and_then(|text| self.parse(role, text));
        style.bg = bg.and_then(|colour| colour.resolve(self.depth));
        let vanished = style.bg.is_some() && style.bg == ground.and_then(|c| c.resolve(self.depth));
        if matches!(role, Role::Selection | Role::Match) && vanished && bg != ground {
            style.bg = None;
            style = style.add_modifier(Modifier::REVERSED);
        }
        style
    }

    fn soft(&mut self, role: Role, ground: Option<Colour>) -> Style {
        let full = self.style(role, ground);
        let fg = self.colour(role, |spec| spec.fg.as_ref());
        let mixed = fg.zip(ground).and_then(|(fg, ground)| fg.mix(ground, SOFT));
        match mixed.filter(|_| self.depth >= ColorDepth::Ansi256) {
            Some(mixed) => Style { fg: mixed.resolve(self.depth), ..full },
            None => full.add_modifier(Modifier::DIM),
        }
    }
}

fn modifiers(list: &[StyleModifier]) -> Modifier {
    list.iter().fold(Modifier::empty(), |all, modifier| {
        all | match modifier {
            StyleModifier::Bold => Modifier::BOLD,
            StyleModifier::Dim => Modifier::DIM,
            StyleModifier::Italic => Modifier::ITALIC,
            StyleModifier::Underline => Modifier::UNDERLINED,
            StyleModifier::Reverse => Modifier::REVERSED,
        }
    })
}

/// What tells roles apart where there is no colour, whatever the theme.
const fn plain_modifiers(role: Role) -> Modifier {
    match role {
        Role::Muted | Role::Border | Role::Stale | Role::Unknown | Role::Track => Modifier::DIM,
        Role::BorderFocus | Role::Title | Role::Key | Role::Accent | Role::Warning => {
            Modifier::BOLD
        }
        Role::Selection => Modifier::REVERSED,
        Role::Critical => Modifier::BOLD.union(Modifier::REVERSED),
        Role::Match => Modifier::BOLD.union(Modifier::UNDERLINED),
        _ => Modifier::empty(),
    }
}
