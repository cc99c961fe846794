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

pub use generate::Generated;
pub use overlay::Overlay;
pub use pack::{built_in, pack};

/// A larger document is none.
const MAX_DOCUMENT: u64 = 256 << 20;

/// The tables of an `OpenAPI` 3 document.
///
/// # Errors
/// HY024 if the document is none, and for all that it or the overlay does not account for: one
/// line for each.
pub fn from_openapi(document: &Value, overlay: &Overlay) -> Result<Generated, Diagnostic> {
    let document = document::Document::new(document).map_err(|problem| {
        Diagnostic::invalid_value(format!("The OpenAPI document cannot be read: {problem}."))
    })?;
    let failed = |problems: String| {
        Diagnostic::invalid_value(format!("The tables cannot be made:\n  {problems}"))
    };
    let generated =
        generate::tables(document, overlay).map_err(|problems| failed(problems.join("\n  ")))?;
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

/// Runs `from-openapi DOCUMENT [OVERLAY]`, `pack DIRECTORY FILE`, `check FILE` or `show`. What they
/// make goes to `out`, and warnings to `warn`.
///
/// # Errors
/// HY024 for unknown arguments, and for what is wrong with the files. HY000 if `out` cannot be
/// written.
pub fn run(
    arguments: &[&str],
    out: &mut dyn Write,
    warn: &mut dyn Write,
) -> Result<(), Diagnostic> {
    match arguments {
        ["from-openapi", document] => make(Path::new(document), &Overlay::default(), out, warn),
        ["from-openapi", document, overlay] => {
            let overlay: Overlay = read(Path::new(overlay))?;
            make(Path::new(document), &overlay, out, warn)
        }
        ["pack", directory, file] => pack(Path::new(directory), Path::new(file)),
        ["check", file] => Profile::select(Path::new(file)).map(drop),
        ["show"] => out.write_all(built_in().as_bytes()).map_err(unwritten),
        _ => Err(Diagnostic::invalid_value(
            "profile takes: from-openapi DOCUMENT [OVERLAY], pack DIRECTORY FILE, check FILE, or \
             show.",
        )),
    }
}

fn make(
    document: &Path,
    overlay: &Overlay,
    out: &mut dyn Write,
    warn: &mut dyn Write,
) -> Result<(), Diagnostic> {
    let document: Value = read(document)?;
    let generated = from_openapi(&document, overlay)?;
    for warning in &generated.warnings {
        writeln!(warn, "The overlay does not fit the document: {warning}.").map_err(unwritten)?;
    }
    out.write_all(to_json(&generated.tables)?.as_bytes())
        .map_err(unwritten)
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err passes it")]
fn unwritten(error: std::io::Error) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("The output could not be written: {error}."),
    )
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
