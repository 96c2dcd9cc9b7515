//! The choice of colours.

use ccm_proto::model::{Name, ThemeSpec};

use super::data::Data;
use crate::theme::{ColorDepth, Theme, builtin, builtin_names};

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
}

impl Themes {
    /// The named or the default theme, as far as it is shipped.
    pub fn new(chosen: Option<Name>, default: Name, depth: ColorDepth) -> Self {
        let name = chosen.clone().unwrap_or_else(|| default.clone());
        let (theme, _) = Theme::resolve(&name, &builtin, depth);
        Self { chosen, preview: None, default, depth, theme }
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
        let (theme, _) = Theme::resolve(&name, &lookup, self.depth);
        self.theme = theme;
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
