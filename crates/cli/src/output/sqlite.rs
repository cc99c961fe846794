//! A table in a file of `SQLite`.

use std::path::Path;

use apilink_sql::types::SqlType;
use apilink_sql::{ResultColumn, ValueRef};
use rusqlite::types::{ToSqlOutput, ValueRef as Held};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::sink::Target as Place;
use crate::failure::{Failure, Outcome};
use crate::rows::{RowSource, distinct_names};

/// The table that rows go into.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub table: String,
    /// Rows that are there stay, and so does the table's form.
    pub append: bool,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            table: "result".to_owned(),
            append: false,
        }
    }
}

/// Writes all rows in one transaction: if anything fails, the file is as it was.
pub fn write(source: &mut dyn RowSource, file: &Path, target: &Target) -> Outcome {
    let problem = |error: rusqlite::Error| Failure::file(file, error);
    let place = Place::of(file).map_err(|error| Failure::file(file, error))?;
    let (Place::Open(file) | Place::File(file)) = &place;
    let is_new = !file.exists();
    let written = open(file, is_new)
        .map_err(problem)
        .and_then(|mut database| fill(source, &mut database, target, &problem));
    if is_new && written.is_err() {
        // An empty database would look like a result. If it stays, nothing is lost.
        let _ = std::fs::remove_file(file);
    }
    written
}

fn open(file: &Path, is_new: bool) -> rusqlite::Result<Connection> {
    let database = Connection::open(file)?;
    if is_new {
        // It is filled from beginning to end: with fewer pages, less is done for each.
        database.pragma_update(None, "page_size", PAGE_SIZE)?;
    }
    Ok(database)
}

/// Bytes of a page of a new file. `SQLite`'s own 4096 are for rows that change here and there.
const PAGE_SIZE: u32 = 1 << 14;

fn fill(
    source: &mut dyn RowSource,
    database: &mut Connection,
    target: &Target,
    problem: &dyn Fn(rusqlite::Error) -> Failure,
) -> Outcome {
    let transaction = database.transaction().map_err(problem)?;
    let table = quoted(&target.table);
    if !target.append {
        transaction
            .execute_batch(&format!("DROP TABLE IF EXISTS {table}"))
            .map_err(problem)?;
    }
    let names: Vec<String> = distinct_names(source.columns())
        .iter()
        .map(|name| quoted(name))
        .collect();
    let definitions: Vec<String> = names
        .iter()
        .zip(source.columns())
        .map(|(name, column)| format!("{name} {}", declared(column)))
        .collect();
    transaction
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table} ({})",
            definitions.join(", ")
        ))
        .map_err(problem)?;
    let places = vec!["?"; names.len()].join(", ");
    let insert = format!(
        "INSERT INTO {table} ({}) VALUES ({places})",
        names.join(", ")
    );
    let mut insert = transaction.prepare(&insert).map_err(problem)?;
    let width = names.len();
    while source.advance()? {
        let values = (0..width).map(|column| Bound(source.value(column)));
        insert.execute(params_from_iter(values)).map_err(problem)?;
    }
    drop(insert);
    transaction.commit().map_err(problem)
}

/// The type as columns of `SQLite` have it. DECIMAL becomes REAL: in a column declared so, whole
/// amounts would become integers, and 5 / 2 would be 2.
fn declared(column: &ResultColumn) -> &'static str {
    match column.sql_type {
        SqlType::Bigint => "BIGINT",
        SqlType::Integer => "INTEGER",
        SqlType::Decimal { .. } | SqlType::Double => "REAL",
        SqlType::Boolean => "BOOLEAN",
        SqlType::Date => "DATE",
        SqlType::Time => "TIME",
        SqlType::Timestamp => "TIMESTAMP",
        SqlType::Varchar { .. } => "TEXT",
        SqlType::Varbinary => "BLOB",
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

struct Bound<'v>(ValueRef<'v>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null => Held::Null,
            ValueRef::Integer(number) => Held::Integer(number),
            ValueRef::Real(number) => Held::Real(number),
            ValueRef::Text(text) => Held::Text(text.as_bytes()),
            ValueRef::Bytes(bytes) => Held::Blob(bytes),
        }))
    }
}
