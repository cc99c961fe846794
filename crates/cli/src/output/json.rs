//! JSON (RFC 8259): one array, or an object a line.

use std::io::{self, Write};

use apilink_sql::ValueRef;
use apilink_sql::types::SqlType;

use super::each_row;
use crate::failure::Outcome;
use crate::rows::{RowSource, distinct_names};

/// Writes one array of objects, a row a line.
pub fn write_array(source: &mut dyn RowSource, out: &mut dyn Write) -> Outcome {
    let record = Record::of(source);
    let mut separator = "[\n";
    each_row(
        source,
        out,
        |_| Ok(()),
        |out, row| {
            out.write_all(separator.as_bytes())?;
            separator = ",\n";
            record.write(out, row)
        },
    )?;
    let end = if separator == "[\n" { "[]\n" } else { "\n]\n" };
    Ok(out.write_all(end.as_bytes())?)
}

/// Writes an object a line.
pub fn write_lines(source: &mut dyn RowSource, out: &mut dyn Write) -> Outcome {
    let record = Record::of(source);
    each_row(
        source,
        out,
        |_| Ok(()),
        |out, row| {
            record.write(out, row)?;
            out.write_all(b"\n")
        },
    )
}

/// What all objects have in common.
struct Record {
    /// The names as JSON text, with the colon, and the types.
    members: Vec<(String, SqlType)>,
}

impl Record {
    fn of(source: &dyn RowSource) -> Self {
        let columns = source.columns();
        let members = distinct_names(columns)
            .into_iter()
            .zip(columns)
            .map(|(name, column)| (format!("{}:", quoted(&name)), column.sql_type))
            .collect();
        Self { members }
    }

    fn write(&self, out: &mut dyn Write, row: &dyn RowSource) -> io::Result<()> {
        let mut separator = "{";
        for (at, (name, sql_type)) in self.members.iter().enumerate() {
            out.write_all(separator.as_bytes())?;
            out.write_all(name.as_bytes())?;
            write_value(out, row.value(at), *sql_type)?;
            separator = ",";
        }
        out.write_all(if self.members.is_empty() { b"{}" } else { b"}" })
    }
}

fn write_value(out: &mut dyn Write, value: ValueRef<'_>, sql_type: SqlType) -> io::Result<()> {
    match value {
        ValueRef::Null => out.write_all(b"null"),
        // JSON has no infinity.
        ValueRef::Real(number) if !number.is_finite() => out.write_all(b"null"),
        // Numbers, and the words true and false.
        ValueRef::Integer(_) | ValueRef::Real(_) => write!(out, "{}", value.display(sql_type)),
        ValueRef::Text(text) => Ok(serde_json::to_writer(out, text)?),
        ValueRef::Bytes(_) => write!(out, "\"{}\"", value.display(sql_type)),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
