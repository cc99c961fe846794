//! Rows in the forms that people and programs read.

mod csv;
mod json;
mod sink;
mod sqlite;
mod table;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;

use crate::failure::{Failure, Outcome, warn};
use crate::rows::RowSource;
use crate::terminal::{self, Style};
pub use sink::write_to;
pub use sqlite::Target as SqliteTarget;
pub use table::Layout;

/// The forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people
    Table,
    /// Comma-separated values (RFC 4180)
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Jsonl,
    /// A table in a file of `SQLite`.
    #[value(help = "A table in an SQLite file")]
    Sqlite,
}

impl Format {
    /// The form for rows of which nobody said the form.
    pub fn for_stdout() -> Self {
        if terminal::stdout_is_terminal() {
            Self::Table
        } else {
            Self::Csv
        }
    }

    /// The form that the ending of a file's name says; CSV where there is no ending.
    ///
    /// # Errors
    /// For an ending that says none.
    pub fn for_file(path: &Path) -> Outcome<Self> {
        let Some(ending) = path.extension() else {
            return Ok(Self::Csv);
        };
        let ending = ending.to_string_lossy().to_ascii_lowercase();
        Ok(match ending.as_str() {
            "csv" => Self::Csv,
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::Jsonl,
            "db" | "sqlite" | "sqlite3" => Self::Sqlite,
            "txt" => Self::Table,
            _ => {
                return Err(Failure::Usage(format!(
                    "The ending .{ending} says no form of rows. Say it with --output: table, csv, \
                     json, jsonl or sqlite."
                )));
            }
        })
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sqlite => "sqlite",
        }
    }
}

/// How each form is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// CSV: with a line of names.
    pub header: bool,
    /// CSV: what stands between two values.
    pub delimiter: char,
    /// Table: nothing is cut.
    pub wide: bool,
    /// Table: long texts may be cut. Otherwise rows that do not fit are lists of their values.
    pub cut: bool,
    /// Table: how many columns, from the left, are never cut.
    pub whole: usize,
    /// Table: how NULL is shown.
    pub null: &'static str,
    /// `SQLite`: the table, and whether to append to it.
    pub sqlite: SqliteTarget,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            header: true,
            delimiter: ',',
            wide: false,
            cut: true,
            whole: 0,
            null: "NULL",
            sqlite: SqliteTarget::default(),
        }
    }
}

/// Writes all rows to a file, or else to standard output. `before_first` is called before anything
/// appears on standard output. Warnings are told when all is written.
pub fn write(
    source: &mut dyn RowSource,
    format: Format,
    options: &Options,
    file: Option<&Path>,
    before_first: &dyn Fn(),
) -> Outcome {
    let written = match (format, file) {
        (Format::Sqlite, Some(file)) => sqlite::write(source, file, &options.sqlite),
        (Format::Sqlite, None) => Err(Failure::Usage(
            "The output sqlite goes into a file. Name it with --file.".to_owned(),
        )),
        (_, file) => write_to(file, before_first, |out| {
            let layout = Layout::of(options, file.is_none());
            write_text(source, format, options, &layout, out)
        }),
    };
    warn(&source.take_warnings());
    written
}

/// Writes all rows in a textual form.
fn write_text(
    source: &mut dyn RowSource,
    format: Format,
    options: &Options,
    layout: &Layout,
    out: &mut dyn Write,
) -> Outcome {
    match format {
        Format::Csv => csv::write(source, options.header, options.delimiter, out),
        Format::Json => json::write_array(source, out),
        Format::Jsonl => json::write_lines(source, out),
        Format::Table | Format::Sqlite => table::write(source, layout, out),
    }
}

impl Layout {
    /// For a terminal, if rows go there; without bounds otherwise.
    fn of(options: &Options, to_stdout: bool) -> Self {
        let is_terminal = to_stdout && terminal::stdout_is_terminal();
        Self {
            width: terminal::stdout_width().filter(|_| is_terminal && !options.wide),
            style: if is_terminal {
                Style::of_stdout()
            } else {
                Style::PLAIN
            },
            cut: options.cut,
            whole: options.whole,
            null: options.null,
        }
    }
}

/// How many rows may wait to be written out. Half of a page of Clio, so that no row of a page waits
/// for the next page.
const ROWS_AT_ONCE: usize = 100;

/// Calls `write_head` when it is known that rows come, or that there are none, and `write_row` for
/// each row. What was written is passed on from time to time.
fn each_row(
    source: &mut dyn RowSource,
    out: &mut dyn Write,
    write_head: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    mut write_row: impl FnMut(&mut dyn Write, &dyn RowSource) -> std::io::Result<()>,
) -> Outcome {
    let mut is_at_row = source.advance()?;
    write_head(out)?;
    let mut waiting = 0;
    while is_at_row {
        write_row(out, source)?;
        waiting += 1;
        if waiting == ROWS_AT_ONCE {
            out.flush()?;
            waiting = 0;
        }
        is_at_row = source.advance()?;
    }
    Ok(())
}
