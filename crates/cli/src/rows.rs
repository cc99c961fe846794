//! Rows to be shown, whatever they come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use apilink_core::{Diagnostic, Result};
use apilink_sql::types::SqlType;
use apilink_sql::{ResultColumn, Rows, Value, ValueRef};

/// Rows with typed columns, one after another.
pub trait RowSource {
    /// The columns of every row.
    fn columns(&self) -> &[ResultColumn];

    /// Moves to the next row; `false` after the last.
    fn advance(&mut self) -> Result<bool>;

    /// The value of a column in the row moved to.
    fn value(&self, column: usize) -> ValueRef<'_>;

    /// Warnings since they were last taken.
    fn take_warnings(&mut self) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// The rows of a query, counted.
pub struct QueryRows<'s> {
    columns: Vec<ResultColumn>,
    rows: Rows<'s>,
    count: Arc<AtomicU64>,
}

impl<'s> QueryRows<'s> {
    /// `count` is raised with each row.
    pub fn new(columns: Vec<ResultColumn>, rows: Rows<'s>, count: Arc<AtomicU64>) -> Self {
        Self {
            columns,
            rows,
            count,
        }
    }
}

impl RowSource for QueryRows<'_> {
    fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    fn advance(&mut self) -> Result<bool> {
        let moved = self.rows.advance()?;
        if moved {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(moved)
    }

    fn value(&self, column: usize) -> ValueRef<'_> {
        self.rows.value(column)
    }

    fn take_warnings(&mut self) -> Vec<Diagnostic> {
        self.rows.take_warnings()
    }
}

/// Rows that are at hand.
pub struct ListedRows {
    columns: Vec<ResultColumn>,
    rows: std::vec::IntoIter<Vec<Value>>,
    row: Option<Vec<Value>>,
}

/// A value of a row that is at hand.
pub fn value_of(row: Option<&[Value]>, column: usize) -> ValueRef<'_> {
    row.and_then(|row| row.get(column))
        .map_or(ValueRef::Null, ValueRef::from)
}

impl ListedRows {
    /// Rows of texts.
    pub fn of_texts<const N: usize>(names: [&str; N], rows: Vec<[Option<String>; N]>) -> Self {
        let rows: Vec<Vec<Value>> = rows
            .into_iter()
            .map(|row| row.map(|text| text.map_or(Value::Null, Value::Text)).into())
            .collect();
        Self::new(names.map(|name| column(name, SqlType::TEXT)).to_vec(), rows)
    }

    /// Rows of values.
    pub fn new(columns: Vec<ResultColumn>, rows: Vec<Vec<Value>>) -> Self {
        Self {
            columns,
            rows: rows.into_iter(),
            row: None,
        }
    }
}

impl RowSource for ListedRows {
    fn columns(&self) -> &[ResultColumn] {
        &self.columns
    }

    fn advance(&mut self) -> Result<bool> {
        self.row = self.rows.next();
        Ok(self.row.is_some())
    }

    fn value(&self, column: usize) -> ValueRef<'_> {
        value_of(self.row.as_deref(), column)
    }
}

/// A nullable column that shows no table's column.
pub fn column(name: &str, sql_type: SqlType) -> ResultColumn {
    ResultColumn {
        name: name.to_owned(),
        sql_type,
        nullable: true,
        origin: None,
    }
}

/// The names of the columns, made different where they are not (compared without case): the
/// second `id` becomes `id_2`.
pub fn distinct_names(columns: &[ResultColumn]) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let given: std::collections::HashSet<String> = columns
        .iter()
        .map(|column| column.name.to_lowercase())
        .collect();
    columns
        .iter()
        .map(|column| {
            if taken.insert(column.name.to_lowercase()) {
                return column.name.clone();
            }
            // Of that many names, one at least is free.
            let free = (2..=2 * columns.len() + 2)
                .map(|number| format!("{}_{number}", column.name))
                .find(|name| {
                    let name = name.to_lowercase();
                    !given.contains(&name) && !taken.contains(&name)
                })
                .unwrap_or_default();
            taken.insert(free.to_lowercase());
            free
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_come_twice_are_numbered() {
        let columns = ["id", "ID", "id_2", "name", "id"].map(|name| column(name, SqlType::TEXT));
        assert_eq!(
            distinct_names(&columns),
            ["id", "ID_3", "id_2", "name", "id_4"]
        );
    }
}
