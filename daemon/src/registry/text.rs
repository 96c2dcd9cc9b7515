//! Which text a changed layer keeps, so that what people wrote beside the values stays.

use super::statement::Statement;

/// The texts that a change has to do with; a layer has none when it is not exactly one TOML text.
pub(super) struct Texts<'a> {
    /// Of the layer that the change was made on.
    pub then: Option<&'a str>,
    /// Of the layer as it is.
    pub now: Option<&'a str>,
    /// That is to be written, and what it says.
    pub mine: Option<(&'a str, &'a Statement)>,
}

/// What comes of them.
pub(super) struct Settled {
    /// The layer's text from now on.
    pub text: Option<String>,
    /// Someone else's comments, newer than the change's base, are not in it.
    pub forgets: bool,
}

impl Texts<'_> {
    /// Finds a text for a layer that said `before` and is to say `merged`. Lines that both writers
    /// changed leave a layer without a text of its own, unless mine says all that was merged.
    pub(super) fn settle(
        &self,
        merged: &Statement,
        before: &Statement,
        reads_as_merged: impl Fn(&str) -> bool,
    ) -> Settled {
        if let Some(text) = self.united().filter(|text| reads_as_merged(text)) {
            return Settled { text: Some(text), forgets: false };
        }
        let text = match self.mine {
            Some((mine, says)) if says == merged => Some(mine),
            _ if merged == before => self.now,
            _ => None,
        };
        let newer = self.now.filter(|now| self.then != Some(*now) && has_comments(now));
        Settled { text: text.map(str::to_owned), forgets: newer.is_some() && text != newer }
    }

    /// One text out of two that began as the same one.
    fn united(&self) -> Option<String> {
        let (mine, _) = self.mine?;
        diffy::merge(self.then?, mine, self.now?).ok()
    }
}

/// Whether there are comments worth telling about.
fn has_comments(toml: &str) -> bool {
    toml.lines().any(|line| line.trim_start().starts_with('#') || line.contains(" # "))
}
