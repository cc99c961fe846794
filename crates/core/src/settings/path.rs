//! The paths that a connection string names.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::error::{Diagnostic, Result};

/// The path of a file that is read or written under exactly this name: see [`expand_path`].
///
/// A connection string may come from Windows. There is no `C:` elsewhere: a file would be made in
/// the working directory, with the whole path as its name.
///
/// # Errors
/// HY024 naming the property, if the value is a path of Windows and this is another system, or if
/// the directory that it begins with is not known.
pub(super) fn file_path(property: &str, value: &str) -> Result<PathBuf> {
    let path = expand_path(property, value)?;
    if !cfg!(windows) && is_of_windows(value) {
        return Err(Diagnostic::invalid_value(format!(
            "{property}: the value is a path of Windows, and this is another system. Write a path \
             of this system, or one that works on each, which begins with %APPDATA% or ~."
        )));
    }
    Ok(path)
}

/// `C:\...`, `\\server\...`, or `%VARIABLE%\...` other than `%APPDATA%`.
fn is_of_windows(value: &str) -> bool {
    let mut start = value.chars();
    let has_drive = start.next().is_some_and(|c| c.is_ascii_alphabetic())
        && start.next() == Some(':')
        && start.next().is_none_or(|c| c == '\\' || c == '/');
    let variable = value
        .strip_prefix('%')
        .and_then(|rest| rest.split_once('%'));
    let has_variable = variable.is_some_and(|(name, rest)| {
        rest.starts_with('\\') && !name.eq_ignore_ascii_case("APPDATA")
    });
    has_drive || has_variable || value.starts_with(r"\\")
}

/// The path that a value means: `%APPDATA%` at its beginning is the user's configuration directory
/// on every system, and `~` the home directory. Relative paths are made absolute, so that a later
/// change of the working directory does not move them.
pub(super) fn expand_path(property: &str, value: &str) -> Result<PathBuf> {
    const VARIABLE: &str = "%APPDATA%";
    let unknown = |what: &str| {
        Diagnostic::invalid_value(format!(
            "{property}: {what} of this user is not known. Write the whole path."
        ))
    };
    let path = match value.split_at_checked(VARIABLE.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(VARIABLE) => {
            let strategy = etcetera::choose_base_strategy();
            let base = strategy
                .map_err(|_| unknown("the configuration directory"))?
                .config_dir();
            below(&base, rest)
        }
        _ => match value.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
                let home = etcetera::home_dir().map_err(|_| unknown("the home directory"))?;
                below(&home, rest)
            }
            _ => PathBuf::from(value),
        },
    };
    Ok(std::path::absolute(&path).unwrap_or(path))
}

/// Both separators count here, because such paths are written for every system.
fn below(base: &Path, rest: &str) -> PathBuf {
    let names = rest.split(['/', '\\']).filter(|name| !name.is_empty());
    names.fold(base.to_owned(), |path, name| path.join(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    #[cfg(not(windows))]
    use crate::settings::Settings;

    #[test]
    fn paths_of_windows_are_told_from_others() {
        for path in [
            r"C:\Users\me\token.txt",
            "d:/token.txt",
            "C:",
            r"\\server\share\token.txt",
            r"%USERPROFILE%\token.txt",
        ] {
            assert!(is_of_windows(path), "{path}");
        }
        for path in [
            "/var/lib/token.txt",
            "token.txt",
            "C:token.txt",
            "ab:/token.txt",
            r"%APPDATA%\apilink\token.txt",
            r"%appdata%\token.txt",
            r"~\token.txt",
            "%d%.txt",
            "100%",
            "",
        ] {
            assert!(!is_of_windows(path), "{path}");
        }
    }

    #[cfg(not(windows))]
    #[test]
    fn a_file_of_windows_is_refused_elsewhere() {
        for property in [
            "OAuthSettingsLocation",
            "Logfile",
            "SSLServerCert",
            "SSLClientCert",
        ] {
            let text = format!(r"{property}=C:\Users\me\file.txt");
            let error = Settings::parse(&text).unwrap_err();
            assert_eq!(error.sqlstate.as_str(), "HY024");
            assert!(error.message.starts_with(property), "{}", error.message);
            assert!(error.message.contains("%APPDATA%"), "{}", error.message);
        }
        // The profile is built in, wherever the string says that its file is.
        Settings::parse(r"Profile=C:\profiles\Clio.apip").unwrap();
    }
}
