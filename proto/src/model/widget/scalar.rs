//! Constants in documents.

use serde::{Deserialize, Serialize};

use crate::model::Value;

/// A constant: true or false, a number, or a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Scalar {
    /// The constant as a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number),
            Self::Boolean(_) | Self::Text(_) => None,
        }
    }

    /// Whether a node of a reading is the same: numbers by their value, however they are written.
    pub fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Boolean(a), Value::Boolean(b)) => a == b,
            (Self::Integer(a), Value::Integer(b)) => a == b,
            (Self::Text(a), Value::Text(b)) => a.as_str() == b.as_str(),
            (_, Value::Integer(_) | Value::Number(_)) => self.as_number() == value.as_number(),
            _ => false,
        }
    }
}
