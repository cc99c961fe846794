//! The commands, one by one.

pub mod account;
pub mod catalog;
pub mod get;
pub mod query;

use crate::args::ProfileCommand;
use crate::connection::{read_file, read_stdin};
use crate::failure::{Failure, Outcome};
use crate::profile;

/// `profile`.
pub fn make_profile(command: &ProfileCommand) -> Outcome {
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let mut arguments = Vec::new();
    match command {
        ProfileCommand::FromOpenapi { document, overlay } => {
            arguments.extend(["from-openapi".to_owned(), text(document)]);
            arguments.extend(overlay.as_deref().map(text));
        }
        ProfileCommand::Pack { directory, file } => {
            arguments.extend(["pack".to_owned(), text(directory), text(file)]);
        }
        ProfileCommand::Check { file } => arguments.extend(["check".to_owned(), text(file)]),
        ProfileCommand::Show => arguments.push("show".to_owned()),
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    profile::run(
        &arguments,
        &mut std::io::stdout().lock(),
        &mut std::io::stderr().lock(),
    )?;
    Ok(())
}

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
