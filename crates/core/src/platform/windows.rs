//! Files on Windows. Access is governed by the list that a file inherits from its directory; the
//! directories of a user's profile give access to that user, the system and administrators.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

/// Creates a directory, and those above it that are missing.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Creates a file that does not exist yet.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens a file to add to it, and creates it if it is missing.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Opens a file to lock it, and creates it if it is missing.
pub fn open_lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// Nothing to do: the new file has inherited its access list.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the same signature on every platform"
)]
pub fn keep_private(_file: &File, _replaced: Option<&Metadata>) -> io::Result<()> {
    Ok(())
}

/// Nothing to do: access does not depend on the owner.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the same signature on every platform"
)]
pub fn keep_owner(_file: &File, _other: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Nothing to do: NTFS logs renames itself, and directories cannot be flushed.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the same signature on every platform"
)]
pub fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Files are never mount points here.
pub fn is_mount_point(_path: &Path) -> bool {
    false
}

/// The full name of a directory that exists. Junctions are not followed: that would give names of
/// the form `\\?\C:\…`, which no one wants to read in a message.
pub fn real_directory(path: &Path) -> io::Result<PathBuf> {
    if fs::metadata(path)?.is_dir() {
        std::path::absolute(path)
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

/// The permissions of a file that is nobody's secret: those of its directory.
pub fn usual_permissions() -> Option<Permissions> {
    None
}
