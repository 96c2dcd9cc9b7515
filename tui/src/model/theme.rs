//! The choice of colours.

use ccm_proto::model::widget::Appearance;
use ccm_proto::model::{Name, ThemeSpec};

use super::data::Data;
use crate::theme::{ColorDepth, Theme, builtin, builtin_names};

/// The themes for a light and a dark background.
const MADE_FOR: [&str; 2] = ["light", "dark"];

/// Which theme is in use, and why.
#[derive(Clone, Debug)]
pub struct Themes {
    /// Named by the user.
    pub chosen: Option<Name>,
    /// Looked at in the picker.
    pub preview: Option<Name>,
    /// Where neither the user nor the layout names one.
    pub default: Name,
    /// Colours that the terminal has.
    pub depth: ColorDepth,
    /// The theme in use.
    pub theme: Theme,
    /// What widgets that are made for a light background are drawn with, and for a dark one.
    made_for: [Theme; 2],
}

impl Themes {
    /// The named or the default theme, as far as it is shipped.
    pub fn new(chosen: Option<Name>, default: Name, depth: ColorDepth) -> Self {
        let name = chosen.clone().unwrap_or_else(|| default.clone());
        let resolve = |name: &Name| Theme::resolve(name, &builtin, depth).0;
        let theme = resolve(&name);
        let made_for =
            MADE_FOR.map(|name| Name::new(name).map_or_else(|_| theme.clone(), |it| resolve(&it)));
        Self { chosen, preview: None, default, depth, theme, made_for }
    }

    /// What a widget is drawn with that is made for a background. Who has chosen a theme gets it
    /// everywhere, as does a terminal without colours.
    pub fn made_for(&self, appearance: Option<Appearance>) -> &Theme {
        let [light, dark] = &self.made_for;
        let own = match appearance {
            Some(Appearance::Light) => light,
            Some(Appearance::Dark) => dark,
            Some(Appearance::Auto) | None => &self.theme,
        };
        let free =
            self.chosen.is_none() && self.preview.is_none() && self.depth != ColorDepth::Mono;
        if free && own.variant != self.theme.variant { own } else { &self.theme }
    }

    /// The name of the theme that should be in use.
    pub fn wanted(&self, data: &Data) -> Name {
        let layout = || data.layout().and_then(|layout| layout.theme.clone());
        let chosen = self.preview.clone().or_else(|| self.chosen.clone());
        chosen.or_else(layout).unwrap_or_else(|| self.default.clone())
    }

    /// Resolves the wanted theme from the daemon's documents, or the shipped ones.
    pub fn refresh(&mut self, data: &Data) {
        let name = self.wanted(data);
        let lookup =
            |name: &Name| -> Option<ThemeSpec> { data.theme(name).or_else(|| builtin(name)) };
        let resolve = |name: &Name| Theme::resolve(name, &lookup, self.depth).0;
        self.theme = resolve(&name);
        self.made_for = self.made_for.each_ref().map(|theme| resolve(&theme.name));
    }

    /// Every theme there is, by name.
    pub fn names(&self, data: &Data) -> Vec<Name> {
        let mut names = builtin_names();
        let kind = ccm_proto::model::Kind::Theme;
        names.extend(data.documents.keys().filter(|id| id.kind == kind).map(|id| id.name.clone()));
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn themes(chosen: Option<&str>, depth: ColorDepth) -> Themes {
        let name = |text: &str| Name::new(text).unwrap();
        Themes::new(chosen.map(name), name("dark"), depth)
    }

    #[test]
    fn a_widget_is_drawn_for_the_background_that_it_is_made_for() {
        let themes = themes(None, ColorDepth::TrueColor);
        for (appearance, wanted) in [
            (Some(Appearance::Light), "light"),
            (Some(Appearance::Dark), "dark"),
            (Some(Appearance::Auto), "dark"),
            (None, "dark"),
        ] {
            assert_eq!(themes.made_for(appearance).name.as_str(), wanted, "{appearance:?}");
        }
    }

    #[test]
    fn who_has_chosen_a_theme_or_has_no_colours_gets_one_picture() {
        for (chosen, depth) in
            [(Some("high-contrast"), ColorDepth::TrueColor), (None, ColorDepth::Mono)]
        {
            let themes = themes(chosen, depth);
            assert_eq!(themes.made_for(Some(Appearance::Light)), &themes.theme);
        }
    }
}
