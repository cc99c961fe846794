//! What differs between operating systems.

use std::fs::Permissions;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

/// The permissions for a file that takes the place of the one at `path`: its own, or those with
/// which programs usually create files; the umask takes its share. Files for temporary use would
/// otherwise be private, also after they have got their final name.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "there are none elsewhere")]
pub fn permissions_for(path: &Path) -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    let usual = || Permissions::from_mode(0o666);
    Some(std::fs::metadata(path).map_or_else(|_| usual(), |replaced| replaced.permissions()))
}

/// The permissions with which programs usually create files: those that the directory passes on.
#[cfg(not(unix))]
pub fn permissions_for(_path: &Path) -> Option<Permissions> {
    None
}

/// Where the shell keeps its history: `$XDG_STATE_HOME/apilink` (XDG Base Directory Specification
/// 0.8), on Windows `%LOCALAPPDATA%\apilink`, which does not roam.
pub fn state_directory() -> Option<PathBuf> {
    let directories = etcetera::choose_base_strategy().ok()?;
    let base = directories
        .state_dir()
        .unwrap_or_else(|| directories.cache_dir());
    Some(base.join("apilink"))
}
