//! What differs between operating systems.

pub mod browser;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    create_private_directory, create_private_file, is_mount_point, keep_owner, keep_private,
    open_lock_file, open_log_file, real_directory, sync_directory, usual_permissions,
};
#[cfg(windows)]
pub use windows::{
    create_private_directory, create_private_file, is_mount_point, keep_owner, keep_private,
    open_lock_file, open_log_file, real_directory, sync_directory, usual_permissions,
};

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy as _;

use reqwest::ClientBuilder;

use crate::error::{Diagnostic, Result, SqlState};

/// Has the system give a connection up whose other side has taken nothing of what is there to be sent
/// for so long (`TCP_USER_TIMEOUT` in tcp(7)); `None`: not at all, in place of reqwest's 30 seconds.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
pub fn with_limit_of_system(builder: ClientBuilder, limit: Option<Duration>) -> ClientBuilder {
    // In milliseconds, it is an int.
    let limit = limit.filter(|limit| i32::try_from(limit.as_millis()).is_ok());
    builder.tcp_user_timeout(limit)
}

/// Nothing to do: there is no such limit here.
#[cfg(not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")))]
pub fn with_limit_of_system(builder: ClientBuilder, _: Option<Duration>) -> ClientBuilder {
    builder
}

/// Opens a file to read it.
///
/// # Errors
/// As [`check_is_file`], and when it cannot be opened.
pub fn open_file(path: &Path) -> io::Result<File> {
    check_is_file(path)?;
    File::open(path)
}

/// Refuses pipes and devices, because opening one could keep the caller waiting for ever.
///
/// # Errors
/// When there is no such file, or it is not a regular one.
pub fn check_is_file(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// The path that symbolic links lead to, whether or not something is there; `None` if that is a
/// circle.
pub fn behind_links(path: &Path) -> Option<PathBuf> {
    /// More links in a row than any system follows.
    const MOST: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(&path).join(link),
            Err(_) => return Some(path),
        }
    }
    None
}

/// The directory for the configuration of the user that runs this process: `%APPDATA%` on Windows,
/// elsewhere `$XDG_CONFIG_HOME` or `~/.config` (XDG Base Directory Specification 0.8).
///
/// # Errors
/// HY000 if the user has no home directory.
pub fn config_directory() -> Result<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|directories| directories.config_dir())
        .filter(|directory| directory.is_absolute())
        .ok_or_else(|| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                "There is no place to keep tokens: the user that runs this program has no home \
                 directory. Set OAuthSettingsLocation to a file (or to memory://ID), or set the \
                 environment variable HOME.",
            )
        })
}
