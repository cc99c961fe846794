//! The shell's own commands.

use std::path::PathBuf;

use clap::ValueEnum as _;

use crate::failure::{Failure, Outcome};
use crate::output::Format;

/// Their names.
pub const NAMES: [&str; 7] = [
    "describe", "explain", "help", "output", "quit", "stats", "tables",
];

/// What `.help` says.
pub const HELP: &str = "\
SELECT …;              runs a statement; it ends with a semicolon
.tables [PATTERN]      lists the tables; PATTERN is a part of the names, * any text
.describe TABLE        describes a table's columns
.explain SQL           shows which requests a statement would make
.output FORMAT [FILE]  table, csv, json, jsonl or sqlite; into FILE from now on, or to the screen
.output                back to the beginning
.stats on|off          rows, calls and time after each statement
.help                  this
.quit                  ends, as Ctrl-D does
Ctrl-C                 cancels a running statement, or forgets the line";

/// A command of the shell's own.
#[derive(Debug, PartialEq)]
pub enum DotCommand {
    /// `.tables`
    Tables(Option<String>),
    /// `.describe`
    Describe(String),
    /// `.explain`
    Explain(String),
    /// `.output`
    Output(Option<(Format, Option<PathBuf>)>),
    /// `.stats`
    Stats(bool),
    /// `.help`
    Help,
    /// `.quit`
    Quit,
}

impl DotCommand {
    /// Reads a line that begins with a dot.
    pub fn parse(line: &str) -> Outcome<Self> {
        let line = line.trim().trim_start_matches('.');
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        // People end these with a semicolon, too.
        let argument = rest.trim_end_matches(';').trim();
        let needed = |argument: &str, what: &str| {
            if argument.is_empty() {
                Err(Failure::Local(format!(".{name} needs {what}.")))
            } else {
                Ok(argument.to_owned())
            }
        };
        Ok(match name.to_ascii_lowercase().as_str() {
            "tables" => Self::Tables((!argument.is_empty()).then(|| argument.to_owned())),
            "describe" => Self::Describe(needed(argument, "the name of a table")?),
            "explain" => Self::Explain(needed(rest, "a statement")?),
            "output" => Self::Output(parse_output(argument)?),
            "stats" => match argument {
                "on" => Self::Stats(true),
                "off" => Self::Stats(false),
                _ => return Err(Failure::Local(".stats needs on or off.".to_owned())),
            },
            "help" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => {
                return Err(Failure::Local(format!(
                    "There is no command .{name}. See .help."
                )));
            }
        })
    }
}

fn parse_output(argument: &str) -> Outcome<Option<(Format, Option<PathBuf>)>> {
    if argument.is_empty() {
        return Ok(None);
    }
    let (format, file) = argument
        .split_once(char::is_whitespace)
        .unwrap_or((argument, ""));
    let format = Format::from_str(format, true).map_err(|_| {
        Failure::Local(".output takes table, csv, json, jsonl or sqlite.".to_owned())
    })?;
    let file = Some(file.trim())
        .filter(|file| !file.is_empty())
        .map(PathBuf::from);
    if format == Format::Sqlite && file.is_none() {
        return Err(Failure::Local(".output sqlite needs a file.".to_owned()));
    }
    Ok(Some((format, file)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn commands_are_read_with_and_without_arguments() {
        for (line, expected) in [
            (".tables", DotCommand::Tables(None)),
            (" .TABLES mat*;", DotCommand::Tables(Some("mat*".into()))),
            (".describe matters", DotCommand::Describe("matters".into())),
            (
                ".explain SELECT 1;",
                DotCommand::Explain("SELECT 1;".into()),
            ),
            (".output", DotCommand::Output(None)),
            (
                ".output json",
                DotCommand::Output(Some((Format::Json, None))),
            ),
            (
                ".output CSV my file.csv",
                DotCommand::Output(Some((Format::Csv, Some("my file.csv".into())))),
            ),
            (".stats on", DotCommand::Stats(true)),
            (".exit", DotCommand::Quit),
        ] {
            assert_eq!(DotCommand::parse(line).unwrap(), expected, "{line}");
        }
        for line in [
            ".",
            ".x",
            ".describe",
            ".stats",
            ".output xml",
            ".output sqlite",
        ] {
            assert!(DotCommand::parse(line).is_err(), "{line}");
        }
        for name in NAMES {
            assert!(HELP.contains(&format!(".{name}")), "{name}");
        }
    }
}
