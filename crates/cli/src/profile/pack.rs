//! Profiles as one file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use apilink_core::Diagnostic;
use apilink_core::profile::Profile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Packs the files of a profile in a directory into one with the ending `.apip`. The same files
/// make the same archive. Nothing but the files of a profile is packed.
///
/// # Errors
/// HY024 if there is no valid profile in the directory, or a file cannot be read or written.
pub fn pack(directory: &Path, file: &Path) -> Result<(), Diagnostic> {
    // A profile that is not valid is worth nothing as an archive.
    let [(profile, _), _] = Profile::built_in_files();
    Profile::select(&directory.join(profile))?;
    write(directory, file).map_err(|error| {
        Diagnostic::invalid_value(format!("{} could not be packed: {error}.", file.display()))
    })
}

fn write(directory: &Path, file: &Path) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    let mut archive = ZipWriter::new(File::create(file)?);
    for (name, _) in Profile::built_in_files() {
        let path = directory.join(name);
        if path.exists() {
            archive.start_file(name, options)?;
            archive.write_all(&fs::read(path)?)?;
        }
    }
    archive.finish()?;
    Ok(())
}

/// The built-in profile as one JSON text.
pub fn built_in() -> String {
    let [(_, profile), (_, tables)] = Profile::built_in_files();
    let open = profile.trim_end().trim_end_matches('}').trim_end();
    let tables = tables.trim_end().replace('\n', "\n  ");
    format!("{open},\n  \"tables\": {tables}\n}}\n")
}
