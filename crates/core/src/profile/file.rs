//! Profiles in files.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::{BUILT_IN_STEM, EXTENSION, FORMAT_KEY};
use crate::error::{Diagnostic, Result, SqlState};

/// The name of the file with a profile, in a directory or an archive.
pub(super) const PROFILE: &str = "profile.json";

/// The name of the file with a profile's tables, beside it.
pub(super) const TABLES: &str = "tables.json";

/// A larger file is not a profile.
const MAX_FILE_SIZE: u64 = 4 << 20;

/// How an archive begins that holds a file.
const ZIP_SIGNATURE: &[u8] = b"PK\x03\x04";

/// The file that `named` means, if there is one.
pub(super) fn find(named: &Path) -> Result<Option<PathBuf>> {
    let mut with_extension = named.as_os_str().to_owned();
    with_extension.push(EXTENSION);
    let with_extension = PathBuf::from(with_extension);
    for candidate in [named, &with_extension] {
        if kind(candidate)?.is_some_and(|kind| !kind.is_dir()) {
            return Ok(Some(candidate.to_owned()));
        }
    }
    if kind(named)?.is_some() {
        find_in_directory(named)
    } else {
        Ok(None)
    }
}

/// The type of a file; `None` if there is no such file.
fn kind(path: &Path) -> Result<Option<fs::FileType>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// `profile.json`, or the only `.apip` file of a directory.
fn find_in_directory(directory: &Path) -> Result<Option<PathBuf>> {
    let own = directory.join(PROFILE);
    if kind(&own)?.is_some() {
        return Ok(Some(own));
    }
    let entries = fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("apip"))
        })
        .collect();
    if found.len() > 1 {
        return Err(Diagnostic::invalid_value(format!(
            "Profile: {} holds several profiles. Name one of the files in it.",
            quoted(directory)
        )));
    }
    Ok(found.pop())
}

/// Whether the built-in profile answers to this name. Both separators count everywhere, because
/// the same connection string is used on every platform.
pub(super) fn is_built_in(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let name = text
        .trim_end_matches(['/', '\\'])
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default();
    let stem = match name.split_at_checked(name.len().saturating_sub(EXTENSION.len())) {
        Some((stem, extension)) if extension.eq_ignore_ascii_case(EXTENSION) => stem,
        _ => name,
    };
    stem.eq_ignore_ascii_case(BUILT_IN_STEM)
}

/// What a profile is read from.
#[derive(Debug)]
pub(super) struct Source {
    /// The profile, as JSON.
    pub profile: String,
    /// Its tables, as JSON, where they are in a file of their own.
    pub tables: Option<String>,
}

/// The text of a profile of ours; `None` for a file in another format.
///
/// A file is JSON, or a ZIP archive with the JSON files [`PROFILE`] and [`TABLES`]. A file that
/// is named [`PROFILE`] can have the other one beside it.
pub(super) fn read(path: &Path) -> Result<Option<Source>> {
    let bytes = read_bounded(path).map_err(|error| unreadable(path, &error))?;
    if bytes.starts_with(ZIP_SIGNATURE) {
        return read_zip(&bytes).map_err(|error| unreadable(path, &error));
    }
    let Some(profile) = String::from_utf8(bytes).ok().filter(|text| is_ours(text)) else {
        return Ok(None);
    };
    let beside = path.with_file_name(TABLES);
    let has_tables = path.file_name().is_some_and(|name| name == PROFILE)
        && kind(&beside)?.is_some_and(|kind| !kind.is_dir());
    let tables = if has_tables {
        let bytes = read_bounded(&beside).map_err(|error| unreadable(&beside, &error))?;
        Some(String::from_utf8(bytes).map_err(|_| invalid(&beside, "it is not UTF-8"))?)
    } else {
        None
    };
    Ok(Some(Source { profile, tables }))
}

/// The profile in a ZIP archive; `None` if none of ours is in it. Nothing else is unpacked.
fn read_zip(bytes: &[u8]) -> io::Result<Option<Source>> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else {
        return Ok(None);
    };
    let Some(profile) = read_entry(&mut archive, PROFILE)?.filter(|text| is_ours(text)) else {
        return Ok(None);
    };
    let tables = read_entry(&mut archive, TABLES)?;
    Ok(Some(Source { profile, tables }))
}

/// A file of an archive; `None` if there is none of this name, or it cannot be unpacked.
fn read_entry(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> io::Result<Option<String>> {
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(ZipError::Io(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut bytes = Vec::new();
    // What the archive says about sizes may be wrong.
    entry.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_SIZE) {
        return Err(io::Error::other(format!(
            "{name} in it is larger than 4 MiB"
        )));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| io::Error::other(format!("{name} in it is not UTF-8")))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe or a device could keep the caller waiting for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_SIZE)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a text means to be a profile of ours. A mistake in the JSON must not make it look like
/// a foreign one, so this does not parse it.
fn is_ours(text: &str) -> bool {
    let begins_as_object = without_bom(text).trim_start().starts_with('{');
    begins_as_object && text.contains(&format!("\"{FORMAT_KEY}\""))
}

pub(super) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A path for a message. It is left out where it holds a `=`: then a `;` may be missing in the
/// connection string, and what follows may be a secret.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains('=') {
        return "the path (which holds a =; is there a ; missing before it?)".to_owned();
    }
    format!("\"{}\"", text.replace(char::is_control, "?"))
}

pub(super) fn invalid(path: &Path, problem: &str) -> Diagnostic {
    Diagnostic::invalid_value(format!("Profile {}: {problem}.", quoted(path)))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: {} could not be read: {error}.",
        quoted(path)
    ))
}

pub(super) fn not_found(path: &Path) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: there is no file at {}. Name a file in apilink's profile format, or write \
         Profile=Clio for the built-in profile.",
        quoted(path)
    ))
}

pub(super) fn foreign(path: &Path) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "Profile: {} is not in apilink's profile format, a JSON object with the key \
         \"{FORMAT_KEY}\". Profiles in other formats are not read; the profile of Clio is built \
         in: write Profile=Clio.",
        quoted(path)
    ))
}

pub(super) fn stands_in(path: &Path) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_WARNING,
        format!(
            "Profile: {} is not in apilink's profile format. The built-in profile of Clio is used \
             in its place.",
            quoted(path)
        ),
    )
}

#[cfg(test)]
mod tests;
