//! What plans cost, for `SQLite` to choose among them.

use super::Planner;
use crate::catalog::TableShape;
use crate::engine::plan::{Constraint, Operator, Role};
use crate::types::SqlType;

/// The rows of a table of which nothing is known.
pub(super) const UNKNOWN_ROWS: f64 = 20_000.0;
/// A list whose pages hold so many records, as that of the users of an account, is one page.
pub(super) const SHORT_LIST: u32 = 2_000;
/// The rows that an equality leaves.
pub(super) const ROWS_OF_EQUALITY: f64 = 20.0;
/// The rows of an array.
pub(super) const ROWS_OF_ARRAY: f64 = 3.0;
/// The keys of a set.
pub(super) const ROWS_OF_SET: f64 = 5.0;
/// What a request costs, in what a step costs `SQLite`: next to requests, sorting is nothing.
pub(super) const REQUEST: f64 = 100_000.0;
/// What a row costs: a page has about 200, and so has a request for the keys of other rows.
pub(super) const ROW: f64 = 500.0;
/// What a request for one of many values costs, since no more are made than reading the list takes.
pub(super) const AMORTIZED: f64 = 10_000.0;
/// What finding rows by a column costs once the whole table is stored.
pub(super) const STORED: f64 = 1_000_000.0;

impl Planner<'_> {
    /// Cost and number of rows.
    pub(super) fn estimate(&self) -> (f64, f64) {
        let mut rows = UNKNOWN_ROWS;
        let mut is_stored = false;
        let mut ranges = Vec::new();
        for (constraint, usage) in self.constraints.iter().zip(&self.usages) {
            let Some(argument) = usage.argument.and_then(|at| self.arguments.get(at)) else {
                continue;
            };
            match argument.role {
                Role::Filters(_) | Role::Parent => {
                    rows /= match constraint.operator {
                        Operator::Equal if is_flag(self.shape, constraint) => 3.0,
                        Operator::Equal => UNKNOWN_ROWS / ROWS_OF_EQUALITY,
                        // From here to there is much less than from here on.
                        _ if ranges.contains(&constraint.column) => 16.0,
                        _ => {
                            ranges.push(constraint.column);
                            4.0
                        }
                    };
                }
                Role::Local => {
                    rows /= 2_000.0;
                    is_stored = true;
                }
                // About as much as any comparison leaves.
                Role::Bound => rows /= 4.0,
                Role::Key | Role::Limit | Role::Offset | Role::Skipped => {}
            }
        }
        let rows = rows.max(2.0);
        if self.is_one_of_few() {
            return (REQUEST + f64::from(SHORT_LIST) * ROW, 2.0);
        }
        let cost = if is_stored {
            STORED
        } else if self.is_repeated() {
            AMORTIZED + rows * ROW
        } else {
            REQUEST + rows * ROW
        };
        (cost, rows)
    }

    /// Whether the table is surely short, and few of its rows are left by a comparison made here.
    pub(super) fn is_one_of_few(&self) -> bool {
        let is_short = self
            .table
            .list
            .as_ref()
            .is_some_and(|list| list.page_size >= SHORT_LIST);
        is_short
            && self.constraints.iter().any(|constraint| {
                constraint.is_usable
                    && constraint.operator == Operator::Equal
                    && constraint.value.is_some()
                    && !is_flag(self.shape, constraint)
            })
    }

    /// Whether a filter gets its values from another table: the list may be read in place of a request
    /// for each.
    pub(super) fn is_repeated(&self) -> bool {
        self.arguments.iter().any(|argument| {
            matches!(argument.role, Role::Filters(_))
                && argument.operator == Operator::Equal
                && !argument.is_set
                && argument.constant.is_none()
        })
    }
}

/// Whether a column has few values, so that comparing it leaves many rows.
pub(super) fn is_flag(shape: &TableShape, constraint: &Constraint) -> bool {
    constraint
        .column
        .and_then(|at| shape.columns.get(at))
        .is_some_and(|column| column.ignore_case || column.sql_type == SqlType::Boolean)
}
