//! Values without which a table cannot be asked for, for the message about a statement that gives
//! none.

use std::sync::Arc;

use apilink_core::profile::tables::{FilterOperator, List, Table};
use apilink_core::{Diagnostic, SqlState};

use crate::catalog::{TableShape, TableSource};
use crate::position::{error, error_at, first};

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
    let (table, column) = tables
        .iter()
        .find_map(|shape| Some((shape, needed(shape)?)))?;
    let name = &table.name;
    let parent = column_reference(table, &column);
    let join = parent.map_or_else(String::new, |parent| format!(", or join it with {parent}"));
    let message = format!(
        "The service gives the rows of {name} for one {column} at a time: compare {column} with = \
         or IN{join}."
    );
    Some(match first(written, name) {
        Some(place) => error_at(SqlState::SYNTAX, written, place, message),
        None => error(SqlState::SYNTAX, message),
    })
}

/// The column whose value a request for the table needs.
fn needed(shape: &TableShape) -> Option<String> {
    let TableSource::Service(table) = &shape.source else {
        return None;
    };
    let list = table.list.as_ref().filter(|_| table.array.is_none())?;
    in_path(list).or_else(|| required(table, list))
}

fn in_path(list: &List) -> Option<String> {
    let (_, rest) = list.path.split_once('{')?;
    let (column, _) = rest.split_once('}')?;
    Some(column.to_owned())
}

fn required(table: &Table, list: &List) -> Option<String> {
    let parameter = list
        .required
        .iter()
        .find(|required| required.values.is_empty())?;
    let passes =
        |operator, name: &String| operator == FilterOperator::Equal && *name == parameter.parameter;
    let filter = table
        .filters
        .iter()
        .find(|filter| passes(filter.operator, &filter.parameter))?;
    Some(filter.column.clone())
}

fn column_reference<'s>(shape: &'s TableShape, column: &str) -> Option<&'s String> {
    let mut columns = shape.columns.iter();
    columns
        .find(|known| known.name == column)?
        .references
        .as_ref()
}
