//! Scalars and qualities.

use super::ConvertError;
use crate::SafeText;
use crate::model::{Cell, Quality};
use crate::wire;

impl TryFrom<wire::Scalar> for Cell {
    type Error = ConvertError;

    fn try_from(scalar: wire::Scalar) -> Result<Self, ConvertError> {
        use wire::scalar::Kind;
        Ok(match scalar.kind {
            None => Self::Absent,
            Some(Kind::Number(number)) if number.is_nan() => Self::Absent,
            Some(Kind::Number(number)) => Self::Number(number),
            Some(Kind::Integer(integer)) => Self::Integer(integer),
            Some(Kind::Text(text)) => Self::Text(SafeText::new(&text)),
            Some(Kind::Boolean(boolean)) => Self::Boolean(boolean),
        })
    }
}

impl From<&Cell> for wire::Scalar {
    fn from(cell: &Cell) -> Self {
        use wire::scalar::Kind;
        let kind = match cell {
            Cell::Absent => None,
            Cell::Number(number) => Some(Kind::Number(*number)),
            Cell::Integer(integer) => Some(Kind::Integer(*integer)),
            Cell::Text(text) => Some(Kind::Text(text.to_string())),
            Cell::Boolean(boolean) => Some(Kind::Boolean(*boolean)),
        };
        Self { kind }
    }
}

impl From<Quality> for wire::Quality {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Loading => Self::Loading,
            Quality::Live => Self::Live,
            Quality::Stale => Self::Stale,
            Quality::Error => Self::Error,
            Quality::Absent => Self::Absent,
        }
    }
}

impl From<wire::Quality> for Quality {
    /// A quality that this build does not know counts as no reading yet: never as live.
    fn from(quality: wire::Quality) -> Self {
        match quality {
            wire::Quality::Unspecified | wire::Quality::Loading => Self::Loading,
            wire::Quality::Live => Self::Live,
            wire::Quality::Stale => Self::Stale,
            wire::Quality::Error => Self::Error,
            wire::Quality::Absent => Self::Absent,
        }
    }
}

pub(super) fn quality(number: i32) -> Quality {
    wire::Quality::try_from(number).unwrap_or_default().into()
}
