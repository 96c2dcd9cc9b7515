//! Labels of series, with those that a document adds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ccm_proto::model::{Labels, Value};
use compact_str::CompactString;

/// Labels that a source adds to those of its series.
pub(super) type Added = BTreeMap<String, String>;

/// A series' labels with the added ones. A label without a value is none; one that is called as an
/// added one becomes `exported_NAME`.
pub(super) fn merged<'a>(
    own: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
    added: &Added,
) -> Labels {
    let own = own.filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
        let exported = added.contains_key(name);
        let name = if exported { format!("exported_{name}") } else { name.to_owned() };
        (name, value.into_owned())
    });
    Labels::new(own.chain(added.clone()))
}

/// Whether a series has no labels but the added ones.
pub(super) fn is_bare(labels: &Labels, added: &Added) -> bool {
    labels.iter().all(|(name, _)| added.contains_key(name))
}

/// What an item calls the text that tells it from the others of its list.
const SERIES: &str = "series";

/// Labels as an item of a list begins with them, and all of them as one text.
pub(super) fn item(labels: &Labels) -> BTreeMap<CompactString, Value> {
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let series = (SERIES.into(), Value::from(pairs.join(",")));
    let own = labels.iter().map(|(name, value)| (name.into(), Value::from(value)));
    std::iter::once(series).chain(own).collect()
}
