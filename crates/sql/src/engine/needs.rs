//! Values without which a table cannot be asked for, for the message about a statement that gives
//! none.

use std::sync::Arc;

use apilink_core::profile::tables::{FilterOperator, List, Table};
use apilink_core::{Diagnostic, SqlState};

use crate::catalog::{TableShape, TableSource};
use crate::position::{error, error_at, first};
use crate::types::SqlType;

/// What `SQLite` says when it finds no way to a plan.
const NO_PLAN: &str = "no query solution";

/// The error of a statement for which there is no plan, if a table in it needs a value.
pub(super) fn unmet(
    tables: &[Arc<TableShape>],
    written: &str,
    problem: &rusqlite::Error,
) -> Option<Diagnostic> {
    if !problem.to_string().starts_with(NO_PLAN) {
        return None;
    }
    let needs: Vec<(&TableShape, Vec<String>)> = tables
        .iter()
        .map(|shape| (shape.as_ref(), needed(shape)))
        .filter(|(_, columns)| !columns.is_empty())
        .collect();
    // Of several such tables, rather the one of which the statement names no such column.
    let is_unnamed = |(_, columns): &&(_, Vec<String>)| {
        columns.iter().any(|name| first(written, name).is_none())
    };
    let (table, columns) = needs.iter().find(is_unnamed).or(needs.first())?;
    let message = message(table, columns);
    Some(match first(written, &table.name) {
        Some(place) => error_at(SqlState::SYNTAX, written, place, message),
        None => error(SqlState::SYNTAX, message),
    })
}

fn message(table: &TableShape, columns: &[String]) -> String {
    let name = &table.name;
    let joins: Vec<String> = columns
        .iter()
        .filter_map(|column| Some((column, column_reference(table, column)?)))
        .map(|(column, parent)| format!("JOIN {parent} ON {parent}.id = {name}.{column}"))
        .collect();
    let examples: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} = {}", example(table, column)))
        .collect();
    let join = match joins.as_slice() {
        [] => String::new(),
        joins => format!(", or by {}", joins.join(" ")),
    };
    format!(
        "The service gives the rows of {name} for one {} at a time: say for which by = or IN, as in \
         WHERE {}{join}.",
        columns.join(" and one "),
        examples.join(" AND ")
    )
}

/// A value that a column can have.
fn example(table: &TableShape, column: &str) -> &'static str {
    let column = table.columns.iter().find(|known| known.name == column);
    match column.map(|column| column.sql_type) {
        Some(SqlType::Bigint | SqlType::Integer) | None => "12345",
        Some(_) => "'…'",
    }
}

/// The columns whose values a request for the table needs.
fn needed(shape: &TableShape) -> Vec<String> {
    let TableSource::Service(table) = &shape.source else {
        return Vec::new();
    };
    let list = table.list.as_ref().filter(|_| table.array.is_none());
    list.map_or_else(Vec::new, |list| {
        in_path(list).chain(required(table, list)).collect()
    })
}

fn in_path(list: &List) -> impl Iterator<Item = String> {
    let behind_braces = list.path.split('{').skip(1);
    behind_braces.filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
}

fn required(table: &Table, list: &List) -> impl Iterator<Item = String> {
    let open = list
        .required
        .iter()
        .filter(|required| required.values.is_empty());
    open.filter_map(|required| {
        let filter = table.filters.iter().find(|filter| {
            filter.operator == FilterOperator::Equal && filter.parameter == required.parameter
        })?;
        Some(filter.column.clone())
    })
}

fn column_reference<'s>(shape: &'s TableShape, column: &str) -> Option<&'s String> {
    let mut columns = shape.columns.iter();
    columns
        .find(|known| known.name == column)?
        .references
        .as_ref()
}
