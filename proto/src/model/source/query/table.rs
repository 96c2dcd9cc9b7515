//! Lists made from lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name_problem;
use crate::model::source::Problem;
use crate::model::widget::Order;

/// A list made from another: joined, computed, filtered, grouped, sorted and cut, in this order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableQuery {
    /// The list: an input and a path in it, as in `sales.top`, or another table's name.
    pub from: String,
    /// A second list, whose rows are put beside those of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Columns computed from the others, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Which rows stay.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Makes one row of all that are equal in some columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The column by which rows are ordered; in the order in which they come when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Which end of that column comes first.
    #[serde(default)]
    pub order: Order,
    /// The most rows, in the table's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Puts rows of a second list beside those that have the same key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The second list, written as `from` is.
    pub with: String,
    /// The column that must be equal.
    pub on: String,
    /// What that column is called in the second list, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_on: Option<String>,
    /// What becomes of rows without a partner.
    #[serde(default)]
    pub kind: JoinKind,
    /// Stands before the names of the second list's columns. Without it a column that both lists
    /// have is the first one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// What becomes of rows of the first list that have no partner in the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// They are left out.
    #[default]
    Inner,
    /// They stay, without the second list's columns.
    Left,
}

/// Makes one row of many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Columns whose values tell groups apart; none makes one group of all rows.
    #[serde(default)]
    pub by: Vec<String>,
    /// Columns of the result, as in `sum(revenue)`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aggregate: BTreeMap<String, String>,
}

impl TableQuery {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for name in self.columns.keys() {
            if let Some(sentence) = name_problem(name) {
                problems.push((format!("columns.{name}"), sentence));
            }
        }
        if self.limit == Some(0) {
            problems.push(("limit".to_owned(), "a table of no rows shows nothing".to_owned()));
        }
        if let Some(group) = &self.group {
            if group.by.is_empty() && group.aggregate.is_empty() {
                let sentence = "say what groups are made `by`, or what they `aggregate`";
                problems.push(("group".to_owned(), sentence.to_owned()));
            }
            for name in group.aggregate.keys().filter(|name| group.by.contains(name)) {
                let sentence = format!("the column `{name}` is one that groups are made by");
                problems.push((format!("group.aggregate.{name}"), sentence));
            }
        }
        problems
    }
}
