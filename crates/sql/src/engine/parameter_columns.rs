//! Columns that only pass a value to the service, in statements that leave none for it to pass.

use apilink_core::profile::tables::Table;
use apilink_core::{Diagnostic, SqlState};

use super::filters::allowed;
use super::plan::Plan;
use super::runtime::Runtime;
use crate::catalog::{ColumnShape, Origin, TableShape, TableSource};
use crate::position::{error, error_at, first};
use crate::value::Value;

/// The error of a statement that reads such a column without a comparison which passes its value.
/// Known from the plans, so that no request is made before.
pub(super) fn unasked(runtime: &Runtime, written: &str) -> Option<Diagnostic> {
    runtime.scans().iter().find_map(|(_, plan, facts)| {
        let shape = runtime.catalog.table(&plan.table)?;
        let is_passed = |at: usize| {
            let mut arguments = plan.arguments.iter();
            arguments.any(|argument| argument.column == Some(at))
        };
        let mut read = facts.columns.iter().filter(|_| !facts.never_begins);
        let (at, column) = read.find_map(|&at| {
            let column = shape.columns.get(at)?;
            (column.origin == Origin::Parameter && !is_passed(at)).then_some((at, column))
        })?;
        let message = message(shape, column, unknown_value(plan, shape, at));
        Some(match first(written, &column.name) {
            Some(place) => error_at(SqlState::SYNTAX, written, place, message),
            None => error(SqlState::SYNTAX, message),
        })
    })
}

/// What is wrong with a comparison, or with there being none that passes a value.
pub(super) fn message(shape: &TableShape, column: &ColumnShape, unknown: Option<&str>) -> String {
    let (name, table) = (&column.name, &shape.name);
    let known = values(shape, name).unwrap_or_default().join(", ");
    match unknown {
        Some(value) => {
            format!("{name} of {table} cannot be '{value}'. The service knows: {known}.")
        }
        None if known.is_empty() => format!(
            "{name} of {table} is in no record: it passes a value to the service. Compare it with = \
             and one value, without IN and OR."
        ),
        None => format!(
            "{name} of {table} is in no record: it passes a value to the service. Compare it with = \
             and one value, without IN and OR; the service knows: {known}."
        ),
    }
}

/// The values that a filter of a column takes, where they are few.
pub(super) fn values<'s>(shape: &'s TableShape, column: &str) -> Option<&'s [String]> {
    let table = profiled(shape)?;
    let mut filters = table.filters.iter();
    filters
        .find(|filter| filter.column.eq_ignore_ascii_case(column) && !filter.values.is_empty())
        .map(|filter| filter.values.as_slice())
}

/// A value that the column is compared with, and that the service does not know.
fn unknown_value<'p>(plan: &'p Plan, shape: &TableShape, column: usize) -> Option<&'p str> {
    let name = &shape.columns.get(column)?.name;
    let mut filters = profiled(shape)?.filters.iter();
    let filter = filters.find(|filter| filter.column.eq_ignore_ascii_case(name))?;
    let compared = plan.compared.iter();
    compared
        .filter(|compared| compared.column == Some(column) && !filter.values.is_empty())
        .flat_map(|compared| &compared.values)
        .find_map(|value| match &value.0 {
            Value::Text(text) if allowed(filter, &value.0).is_none() => Some(text.as_str()),
            _ => None,
        })
}

fn profiled(shape: &TableShape) -> Option<&Table> {
    match &shape.source {
        TableSource::Service(table) => Some(table),
        TableSource::System => None,
    }
}
