//! Profiles: made from an `OpenAPI` document, packed, shown.

mod columns;
mod document;
mod filters;
mod format;
mod generate;
mod names;
mod overlay;
mod pack;
mod references;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;

use apilink_core::profile::Profile;
use apilink_core::profile::tables::Table;
use apilink_core::{Diagnostic, SqlState};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::args::ProfileCommand;
use crate::failure::{Failure, Outcome};
use crate::terminal::tell;

pub use generate::Generated;
pub use overlay::Overlay;
pub use pack::{built_in, pack};

/// A larger document is none.
const MAX_DOCUMENT: u64 = 256 << 20;

/// The tables of an `OpenAPI` 3 document.
///
/// # Errors
/// HY024 if the document or the overlay is none, and if what the overlay says makes tables that are
/// not valid.
pub fn from_openapi(document: &Value, overlay: &Overlay) -> Result<Generated, Diagnostic> {
    let document = document::Document::new(document).map_err(|problem| {
        Diagnostic::invalid_value(format!("The OpenAPI document cannot be read: {problem}."))
    })?;
    let failed = |problem: String| {
        Diagnostic::invalid_value(format!("The tables cannot be made: {problem}."))
    };
    let generated = generate::tables(document, overlay).map_err(failed)?;
    Profile::check_tables(&generated.tables)
        .map_err(|problem| failed(place_by_name(&problem, &generated.tables)))?;
    Ok(generated)
}

/// Adds to a JSON path with the position of a table the name of the table.
fn place_by_name(problem: &str, tables: &[Table]) -> String {
    let position = problem.split(['/', ' ']).nth(2);
    let position = position.and_then(|text| text.parse::<usize>().ok());
    match position.and_then(|position| tables.get(position)) {
        Some(table) => format!("{problem} (the table is {})", table.name),
        None => problem.to_owned(),
    }
}

/// Tables as the text of a file `tables.json`.
///
/// # Errors
/// HY000, which should not happen: tables are plain data.
pub fn to_json(tables: &[Table]) -> Result<String, Diagnostic> {
    format::tables(tables)
        .map_err(|error| Diagnostic::new(SqlState::GENERAL_ERROR, error.to_string()))
}

/// Runs `profile`. What it makes goes to `out`.
///
/// # Errors
/// HY024 for what is wrong with the files. For a document that is not wholly accounted for, after
/// the tables are written.
pub fn run(command: &ProfileCommand, out: &mut dyn Write) -> Outcome {
    match command {
        ProfileCommand::FromOpenapi { document, overlay } => {
            let overlay = overlay
                .as_deref()
                .map_or_else(|| Ok(Overlay::default()), read)?;
            make(document, &overlay, out)
        }
        ProfileCommand::Pack { directory, file } => {
            pack(directory, file)?;
            Ok(writeln!(out, "Packed into {}.", file.display())?)
        }
        ProfileCommand::Check { file } => {
            let found = Profile::select(file)?;
            // Then it is not the file that was read.
            if let Some(warning) = found.warning {
                return Err(warning.into());
            }
            let profile = found.profile;
            let tables = profile.tables().len();
            Ok(writeln!(
                out,
                "{} is valid: the profile {} with {tables} tables.",
                file.display(),
                profile.name
            )?)
        }
        ProfileCommand::Show => Ok(out.write_all(built_in().as_bytes())?),
    }
}

fn make(document: &Path, overlay: &Overlay, out: &mut dyn Write) -> Outcome {
    let document: Value = read(document)?;
    let generated = from_openapi(&document, overlay)?;
    for warning in &generated.warnings {
        tell!("The overlay does not fit the document: {warning}.");
    }
    out.write_all(to_json(&generated.tables)?.as_bytes())?;
    out.flush()?;
    if generated.open.is_empty() {
        return Ok(());
    }
    Err(Failure::Local(format!(
        "The tables are written, but not all of the document is accounted for. Left out was:\n  {}",
        generated.open.join("\n  ")
    )))
}

/// Reads a JSON file; one that ends with `.gz` is unpacked.
fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    let problem = |error: &dyn std::fmt::Display| {
        Diagnostic::invalid_value(format!("{} could not be read: {error}.", path.display()))
    };
    let file = File::open(path).map_err(|error| problem(&error))?;
    let packed = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let plain: Box<dyn Read> = if packed {
        Box::new(GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let reader = BufReader::new(plain.take(MAX_DOCUMENT));
    serde_json::from_reader(reader).map_err(|error| problem(&error))
}
