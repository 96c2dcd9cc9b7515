//! Points in time that a source gave.

use std::borrow::Cow;

use ccm_proto::model::Timestamp;
use ccm_proto::model::widget::Format;

use super::{Notation, Written, age};

/// A date with a time of day in UTC, or how long ago it was.
pub(super) fn moment(at: Timestamp, notation: Notation) -> Option<Written<'static>> {
    match notation.now.filter(|_| notation.number.format == Format::Age) {
        Some(now) if at > now => {
            Some(Written::new(Cow::Owned(format!("in {}", age(at.since(now)))), ""))
        }
        Some(now) => Some(Written::new(Cow::Owned(age(now.since(at))), "")),
        None => {
            let civil = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
            let text = civil.strftime("%Y-%m-%d %H:%MZ").to_string();
            Some(Written::new(Cow::Owned(text), ""))
        }
    }
}
