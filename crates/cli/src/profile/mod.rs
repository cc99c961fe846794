//! Profiles: made from an `OpenAPI` document, packed, shown.

mod columns;
mod document;
mod filters;
mod format;
mod generate;
mod names;
mod overlay;

use std::fs;
use std::path::Path;

use apilink_core::Diagnostic;
use serde_json::Value;

pub use generate::Generated;
pub use overlay::Overlay;

/// The tables of an `OpenAPI` 3 document.
///
/// # Errors
/// HY024 if the document is none, and for all that it or the overlay does not account for: one
/// line for each.
pub fn from_openapi(document: &Value, overlay: &Overlay) -> Result<Generated, Diagnostic> {
    let document = document::Document::new(document).map_err(|problem| {
        Diagnostic::invalid_value(format!("The OpenAPI document: {problem}."))
    })?;
    generate::tables(document, overlay).map_err(|problems| {
        Diagnostic::invalid_value(format!(
            "The tables cannot be made:\n  {}",
            problems.join("\n  ")
        ))
    })
}

/// A first entry, for use before the command line calls this module.
///
/// # Errors
/// HY024 for what is wrong with the files.
pub fn run(arguments: &[String]) -> Result<String, Diagnostic> {
    match arguments {
        [command, document, overlay] if command == "from-openapi" => {
            let document: Value = read(Path::new(document))?;
            let overlay: Overlay = read(Path::new(overlay))?;
            let generated = from_openapi(&document, &overlay)?;
            for warning in &generated.warnings {
                eprintln!("The overlay: {warning}.");
            }
            format::tables(&generated.tables)
                .map_err(|error| Diagnostic::invalid_value(error.to_string()))
        }
        _ => Err(Diagnostic::invalid_value("Unknown command.".to_owned())),
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    let problem = |error: &dyn std::fmt::Display| {
        Diagnostic::invalid_value(format!("{}: {error}.", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| problem(&error))?;
    serde_json::from_str(&text).map_err(|error| problem(&error))
}
