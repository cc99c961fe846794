//! Comma-separated values as RFC 4180 has them.
//!
//! NULL is an empty field, empty text is `""`; writers of crates write both alike.

use std::io::{self, Write};

use apilink_sql::Value;

use super::each_row;
use crate::failure::Outcome;
use crate::rows::RowSource;

/// Writes the names, if `header` says so, and all rows.
pub fn write(
    source: &mut dyn RowSource,
    header: bool,
    delimiter: char,
    out: &mut dyn Write,
) -> Outcome {
    let columns = source.columns().to_vec();
    let write_head = |out: &mut dyn Write| {
        if !header {
            return Ok(());
        }
        let names = columns.iter().map(|column| Some(column.name.as_str()));
        write_record(out, delimiter, names)
    };
    let mut texts = vec![String::new(); columns.len()];
    each_row(source, out, write_head, |out, row| {
        for ((text, value), column) in texts.iter_mut().zip(row).zip(&columns) {
            use std::fmt::Write as _;
            text.clear();
            // Writing to a String cannot fail.
            let _ = write!(text, "{}", value.display(column.sql_type));
        }
        let fields = texts
            .iter()
            .zip(row)
            .map(|(text, value)| (*value != Value::Null).then_some(text.as_str()));
        write_record(out, delimiter, fields)
    })
}

fn write_record<'a>(
    out: &mut dyn Write,
    delimiter: char,
    fields: impl Iterator<Item = Option<&'a str>>,
) -> io::Result<()> {
    let mut buffer = [0; 4];
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.write_all(delimiter.encode_utf8(&mut buffer).as_bytes())?;
        }
        match field {
            None => {}
            Some(text) if needs_quotes(text, delimiter) => {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            }
            Some(text) => out.write_all(text.as_bytes())?,
        }
    }
    out.write_all(b"\r\n")
}

fn needs_quotes(text: &str, delimiter: char) -> bool {
    text.is_empty() || text.contains(['"', '\r', '\n', delimiter])
}
