//! Comma-separated values as RFC 4180 has them.
//!
//! NULL is an empty field, empty text is `""`; writers of crates write both alike.

use std::io::{self, Write};

use apilink_sql::ValueRef;
use apilink_sql::types::SqlType;

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
    let mut line = String::new();
    let write_head = |out: &mut dyn Write| {
        if !header {
            return Ok(());
        }
        let mut names = String::new();
        for (at, column) in columns.iter().enumerate() {
            separate(&mut names, at, delimiter);
            put_field(&mut names, &column.name, delimiter);
        }
        end(&mut names, out)
    };
    each_row(source, out, write_head, |out, row| {
        for (at, column) in columns.iter().enumerate() {
            separate(&mut line, at, delimiter);
            match row.value(at) {
                ValueRef::Null => {}
                ValueRef::Text(text) => put_field(&mut line, text, delimiter),
                value => put_shown(&mut line, value, column.sql_type, delimiter),
            }
        }
        end(&mut line, out)
    })
}

fn separate(line: &mut String, at: usize, delimiter: char) {
    if at > 0 {
        line.push(delimiter);
    }
}

fn end(line: &mut String, out: &mut dyn Write) -> io::Result<()> {
    line.push_str("\r\n");
    out.write_all(line.as_bytes())?;
    line.clear();
    Ok(())
}

fn put_field(line: &mut String, text: &str, delimiter: char) {
    if needs_quotes(text, delimiter) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}

/// Puts a value that is no text, which needs quotes only where its own characters separate fields.
fn put_shown(line: &mut String, value: ValueRef<'_>, sql_type: SqlType, delimiter: char) {
    if delimiter.is_ascii_alphanumeric() || matches!(delimiter, '.' | '-' | '+') {
        put_field(line, &value.display(sql_type).to_string(), delimiter);
    } else {
        value.display(sql_type).push_to(line);
    }
}

fn needs_quotes(text: &str, delimiter: char) -> bool {
    let mut buffer = [0; 4];
    delimiter.encode_utf8(&mut buffer);
    let [first, ..] = buffer;
    let separates = |byte: u8| matches!(byte, b'"' | b'\r' | b'\n') || byte == first;
    // All of it is looked at, many bytes at a time, which is quicker than to stop at the first.
    text.is_empty()
        || text
            .bytes()
            .fold(false, |found, byte| found | separates(byte))
}
