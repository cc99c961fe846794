//! Files on Linux, macOS and other Unix systems.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

const OWNER_ONLY: u32 = 0o600;

/// Creates a directory, and those above it that are missing, for its owner alone.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Creates a file that nobody but its owner can open, not even for a moment.
pub fn create_private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)
}

/// Opens a file to lock it, and creates it for its owner alone if it is missing.
pub fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .open(path)
}

/// Opens a file to add to it, and creates it for its owner alone if it is missing.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(OWNER_ONLY)
        .open(path)
}

/// Gives a new file the permissions it is to have in place of `replaced`: the same owner, and what
/// that file allowed its owner, nothing for anybody else.
pub fn keep_private(file: &File, replaced: Option<&Metadata>) -> io::Result<()> {
    let mode = replaced.map_or(OWNER_ONLY, |replaced| replaced.mode() & OWNER_ONLY);
    file.set_permissions(Permissions::from_mode(mode))?;
    replaced.map_or(Ok(()), |replaced| keep_owner(file, replaced))
}

/// Gives a file the owner that `other` has: the administrator would otherwise lock that owner out
/// by using the file once.
pub fn keep_owner(file: &File, other: &Metadata) -> io::Result<()> {
    if file.metadata()?.uid() == other.uid() {
        return Ok(());
    }
    fchown(file, Some(other.uid()), None).map_err(|_| belongs_to_another_user())
}

fn belongs_to_another_user() -> io::Error {
    let reason = "it belongs to another user, who could not read it any more";
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // A directory that may be changed but not listed, or a file system that cannot do it.
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

/// Whether something is mounted at `path`, which then cannot be replaced. `path` must not hold
/// symbolic links.
pub fn is_mount_point(path: &Path) -> bool {
    // Only Linux can mount a single file, as containers do.
    fs::read("/proc/self/mountinfo").is_ok_and(|table| lists_mount_point(&table, path))
}

/// Looks for `path` in the fifth column of `/proc/self/mountinfo`, see proc(5).
fn lists_mount_point(table: &[u8], path: &Path) -> bool {
    let wanted = escape(path);
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .any(|mount_point| mount_point == wanted)
}

/// A path as the kernel writes it in its tables.
fn escape(path: &Path) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => {
                escaped.extend_from_slice(format!("\\{byte:03o}").as_bytes());
            }
            other => escaped.push(*other),
        }
    }
    escaped
}

/// The one name of a directory, whichever links lead to it.
pub fn real_directory(path: &Path) -> io::Result<PathBuf> {
    let path = fs::canonicalize(path)?;
    if path.is_dir() {
        Ok(path)
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

/// The permissions of a file that is nobody's secret: the process's umask decides.
#[allow(
    clippy::unnecessary_wraps,
    reason = "the same signature on every platform"
)]
pub fn usual_permissions() -> Option<Permissions> {
    Some(Permissions::from_mode(0o666))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_found_by_their_escaped_name() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
                      30 22 8:1 /x /run/my\\040file.txt rw,relatime shared:1 - ext4 /dev/sda1 rw\n";
        assert!(lists_mount_point(table, Path::new("/run/my file.txt")));
        assert!(lists_mount_point(table, Path::new("/")));
        assert!(!lists_mount_point(table, Path::new("/run/my")));
        assert!(!lists_mount_point(b"", Path::new("/")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_mounts_of_this_system_are_seen() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self/status")));
    }
}
