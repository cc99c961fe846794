//! Rows that are read more than once: kept in a temporary database that `SQLite` moves to a file of
//! its own when it grows, with an index on what they are looked up by.

use std::collections::HashSet;

use apilink_core::{Diagnostic, Result, SqlState};

use rusqlite::types::{ToSqlOutput, ValueRef as Held};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::layout::Layout;
use super::row::{Batch, Row};
use crate::catalog::TableShape;
use crate::types::SqlType;
use crate::value::{Value, ValueRef};

/// Rows fetched from a store at once.
const BATCH: usize = 256;

/// The temporary database of a statement. It is made when it is first needed.
#[derive(Default)]
pub(crate) struct Store {
    connection: Option<Connection>,
    tables: usize,
}

/// Stored rows of one layout, numbered from 1 in the order in which they came.
pub(crate) struct StoredTable {
    name: String,
    width: usize,
    collations: Vec<bool>,
    indexed: HashSet<usize>,
    /// The number of rows.
    pub(crate) rows: i64,
}

impl Store {
    fn connection(&mut self) -> Result<&Connection> {
        if self.connection.is_none() {
            // An empty name is a database of its own, in a file that is gone when it is closed.
            let connection = Connection::open("").map_err(problem)?;
            connection
                .execute_batch(
                    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096;",
                )
                .map_err(problem)?;
            self.connection = Some(connection);
        }
        self.connection.as_ref().ok_or_else(unavailable)
    }

    /// Makes a place for rows of a layout.
    pub(crate) fn table(&mut self, shape: &TableShape, layout: &Layout) -> Result<StoredTable> {
        self.tables += 1;
        let name = format!("t{}", self.tables);
        let mut collations = Vec::new();
        let mut columns = Vec::new();
        for slot in 0..layout.width() {
            let column = layout
                .columns
                .get(slot)
                .and_then(|&at| shape.columns.get(at));
            let ignore_case = column.is_some_and(|column| column.ignore_case);
            let affinity = column.map_or("", |column| affinity(column.sql_type));
            collations.push(ignore_case);
            columns.push(format!(
                "c{slot} {affinity}{}",
                if ignore_case { " COLLATE NOCASE" } else { "" }
            ));
        }
        let sql = format!(
            "CREATE TABLE {name} (n INTEGER PRIMARY KEY{}{})",
            if columns.is_empty() { "" } else { ", " },
            columns.join(", ")
        );
        self.connection()?.execute_batch(&sql).map_err(problem)?;
        Ok(StoredTable {
            name,
            width: layout.width(),
            collations,
            indexed: HashSet::new(),
            rows: 0,
        })
    }

    /// Keeps more rows.
    pub(crate) fn add(&mut self, table: &mut StoredTable, rows: &[Row]) -> Result<()> {
        let connection = self.connection()?;
        let places = vec!["?"; table.width + 1].join(", ");
        let sql = format!("INSERT INTO {} VALUES ({places})", table.name);
        let transaction = connection.unchecked_transaction().map_err(problem)?;
        {
            let mut insert = transaction.prepare_cached(&sql).map_err(problem)?;
            for row in rows {
                table.rows += 1;
                let number = ValueRef::Integer(table.rows);
                insert
                    .execute(params_from_iter(
                        std::iter::once(number).chain(row.values()),
                    ))
                    .map_err(problem)?;
            }
        }
        transaction.commit().map_err(problem)
    }

    /// The next rows after row `after`, of those in which these slots have these values.
    pub(crate) fn read(
        &mut self,
        table: &mut StoredTable,
        wanted: &[(usize, Value)],
        after: i64,
    ) -> Result<Vec<(i64, Row)>> {
        self.index(table, wanted)?;
        let conditions: Vec<String> = wanted
            .iter()
            .zip(2..)
            .map(|((slot, _), number)| format!("c{slot} = ?{number} AND "))
            .collect();
        let conditions = conditions.concat();
        let sql = format!(
            "SELECT * FROM {} WHERE {conditions}n > ?1 ORDER BY n LIMIT {BATCH}",
            table.name
        );
        let mut select = self.connection()?.prepare_cached(&sql).map_err(problem)?;
        let wanted = wanted.iter().map(|(_, value)| ValueRef::from(value));
        let values = std::iter::once(ValueRef::Integer(after)).chain(wanted);
        let mut rows = select.query(params_from_iter(values)).map_err(problem)?;
        numbered_rows(&mut rows, table.width)
    }

    /// The last rows before row `before`, the last one first.
    pub(crate) fn read_back(
        &mut self,
        table: &StoredTable,
        before: i64,
    ) -> Result<Vec<(i64, Row)>> {
        let sql = format!(
            "SELECT * FROM {} WHERE n < ?1 ORDER BY n DESC LIMIT {BATCH}",
            table.name
        );
        let mut select = self.connection()?.prepare_cached(&sql).map_err(problem)?;
        let mut rows = select.query([before]).map_err(problem)?;
        numbered_rows(&mut rows, table.width)
    }

    /// The different values of a slot, at most `most`, without NULL.
    pub(crate) fn distinct(
        &mut self,
        table: &StoredTable,
        slot: usize,
        most: usize,
    ) -> Result<Vec<Value>> {
        let sql = format!(
            "SELECT DISTINCT c{slot} FROM {} WHERE c{slot} IS NOT NULL LIMIT {most}",
            table.name
        );
        let mut select = self.connection()?.prepare_cached(&sql).map_err(problem)?;
        let values = select
            .query_map([], |row| row.get_ref(0).map(Value::from))
            .map_err(problem)?
            .collect::<rusqlite::Result<Vec<Value>>>()
            .map_err(problem)?;
        Ok(values)
    }

    fn index(&mut self, table: &mut StoredTable, wanted: &[(usize, Value)]) -> Result<()> {
        let Some((slot, _)) = wanted.first() else {
            return Ok(());
        };
        // One index is enough: the first column leaves few rows.
        if !table.indexed.insert(*slot) {
            return Ok(());
        }
        let collation = match table.collations.get(*slot) {
            Some(true) => " COLLATE NOCASE",
            _ => "",
        };
        let sql = format!(
            "CREATE INDEX {0}_{slot} ON {0} (c{slot}{collation})",
            table.name
        );
        self.connection()?.execute_batch(&sql).map_err(problem)
    }
}

fn numbered_rows(rows: &mut rusqlite::Rows<'_>, width: usize) -> Result<Vec<(i64, Row)>> {
    let mut numbers = Vec::new();
    let mut batch = Batch::new(width);
    while let Some(row) = rows.next().map_err(problem)? {
        let at = batch.len();
        numbers.push(row.get(0).map_err(problem)?);
        batch.add_row();
        for slot in 0..width {
            match row.get_ref(slot + 1).map_err(problem)? {
                Held::Null => {}
                Held::Integer(number) => batch.set(at, slot, ValueRef::Integer(number)),
                Held::Real(number) => batch.set(at, slot, ValueRef::Real(number)),
                Held::Text(text) => {
                    batch.set(at, slot, ValueRef::Text(&String::from_utf8_lossy(text)));
                }
                Held::Blob(bytes) => batch.set(at, slot, ValueRef::Bytes(bytes)),
            }
        }
    }
    Ok(numbers.into_iter().zip(batch.into_rows()).collect())
}

/// The affinity of a column of a type: what `SQLite` makes of a value compared with it.
pub(crate) fn affinity(sql_type: SqlType) -> &'static str {
    match sql_type {
        SqlType::Bigint | SqlType::Integer | SqlType::Boolean => "INTEGER",
        SqlType::Decimal { .. } | SqlType::Double => "REAL",
        SqlType::Date | SqlType::Time | SqlType::Timestamp | SqlType::Varchar { .. } => "TEXT",
        SqlType::Varbinary => "BLOB",
    }
}

/// A value that `SQLite` holds, in our terms. Text that is no UTF-8, which no one puts there, is
/// repaired.
impl From<Held<'_>> for Value {
    fn from(value: Held<'_>) -> Self {
        match value {
            Held::Null => Self::Null,
            Held::Integer(number) => Self::Integer(number),
            Held::Real(number) => Self::Real(number),
            Held::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            Held::Blob(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}

impl ToSql for ValueRef<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Self::Null => Held::Null,
            Self::Integer(number) => Held::Integer(*number),
            Self::Real(number) => Held::Real(*number),
            Self::Text(text) => Held::Text(text.as_bytes()),
            Self::Bytes(bytes) => Held::Blob(bytes),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn problem(error: rusqlite::Error) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!(
            "Rows could not be kept in a temporary file: {error}. Check the free space of the \
             directory for temporary files."
        ),
    )
}

fn unavailable() -> Diagnostic {
    Diagnostic::new(SqlState::GENERAL_ERROR, "There is no temporary database.")
}
