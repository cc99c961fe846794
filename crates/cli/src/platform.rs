//! What differs between operating systems.

use std::fs::Permissions;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;

/// The permissions with which programs usually create files; the umask takes its share. Files
/// for temporary use would otherwise be private, also after they have got their final name.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "there are none elsewhere")]
pub fn usual_permissions() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt as _;
    Some(Permissions::from_mode(0o666))
}

/// The permissions with which programs usually create files: those that the directory passes on.
#[cfg(not(unix))]
pub fn usual_permissions() -> Option<Permissions> {
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
