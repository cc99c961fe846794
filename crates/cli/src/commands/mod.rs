//! The commands, one by one.

pub mod account;
pub mod catalog;
pub mod get;
pub mod query;

use crate::connection::{read_file, read_stdin};
use crate::failure::{Failure, Outcome};

/// Splits what stands before a command's own argument from it.
pub fn split_target(target: &[String]) -> Outcome<(Option<&str>, &str)> {
    match target {
        [argument] => Ok((None, argument)),
        [connection, argument] => Ok((Some(connection), argument)),
        _ => Err(Failure::Usage("An argument is missing.".to_owned())),
    }
}

/// The SQL text that an argument means: itself, `@FILE`, or `-` for standard input.
pub fn sql_text(argument: &str, took_stdin: bool) -> Outcome<String> {
    if argument == "-" {
        if took_stdin {
            return Err(Failure::Usage(
                "Standard input cannot hold both the connection string and the SQL text."
                    .to_owned(),
            ));
        }
        return read_stdin();
    }
    match argument.strip_prefix('@') {
        Some(file) => read_file(file.as_ref()),
        None => Ok(argument.to_owned()),
    }
}
