//! One settings file on the disk: found, read, locked and replaced.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use crate::error::{Diagnostic, Result, SqlState};
use crate::platform;
use crate::token::TokenSet;
use crate::token::settings_file::{Defect, MAX_LEN, SettingsFile};

/// How much larger than the old file the new one may be that the disk is tried with, in bytes.
const PROBE_MARGIN: u64 = 16 * 1024;

/// A settings file with every symbolic link on the way to it followed. It need not exist; its
/// directory does.
#[derive(Debug)]
pub struct Target {
    directory: PathBuf,
    path: PathBuf,
}

/// A settings file that this process alone may replace.
#[derive(Debug)]
pub struct LockedFile {
    target: Target,
    handle: File,
}

impl Target {
    /// Follows the symbolic links at `path`, also where the last one leads to nothing yet.
    pub fn of(path: &Path) -> Result<Self> {
        match platform::behind_links(path) {
            Some(path) => Self::without_links(&path),
            None => Err(not_a_place(path, "its symbolic links lead in a circle")),
        }
    }

    fn without_links(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| not_a_place(path, "it has no file name"))?;
        let directory =
            platform::real_directory(parent(path)).map_err(|error| no_directory(path, &error))?;
        Ok(Self {
            path: directory.join(name),
            directory,
        })
    }

    pub fn load(&self) -> Result<Option<TokenSet>> {
        match self.read()? {
            Some(file) => file.tokens().map_err(|defect| self.is_defective(defect)),
            None => Ok(None),
        }
    }

    pub fn check_writable(&self) -> Result<()> {
        self.read()?;
        self.try_writing()
            .map_err(|error| self.cannot_be("written", &error))
    }

    pub fn try_lock(self) -> Result<Option<LockedFile>> {
        // The lock file is never removed: a process that waits with the old file open and one that
        // makes a new file would both believe that they hold the lock.
        let path = beside(&self.path, ".lock");
        let cannot_be_locked = |error: &io::Error| cannot("lock file", &path, "locked", error);
        let handle = platform::open_lock_file(&path).map_err(|error| cannot_be_locked(&error))?;
        if let Ok(Some(settings_file)) = self.metadata() {
            // Where this fails, the one who cannot write is told so by `check_writable`.
            let _ = platform::keep_owner(&handle, &settings_file);
        }
        match handle.try_lock() {
            Ok(()) => Ok(Some(LockedFile {
                target: self,
                handle,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(cannot_be_locked(&error)),
        }
    }

    fn read(&self) -> Result<Option<SettingsFile>> {
        match read_regular_file(&self.path) {
            Ok(content) => SettingsFile::parse(&content)
                .map(Some)
                .map_err(|defect| self.is_defective(defect)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.cannot_be("read", &error)),
        }
    }

    fn try_writing(&self) -> io::Result<()> {
        let replaced = self.metadata()?;
        if let Some(replaced) = &replaced {
            // Replacing would go past the file's own permissions, and the administrator's rights
            // past those of any file: a file that says it is not to be written is not.
            if replaced.permissions().readonly() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it is read-only",
                ));
            }
            OpenOptions::new().write(true).open(&self.path)?;
            if platform::is_mount_point(&self.path) {
                return Err(io::Error::other(
                    "it is mounted by itself, so it cannot be replaced; mount its directory",
                ));
            }
        }
        // A file of the size that may follow, and without a name.
        let mut probe = tempfile::tempfile_in(&self.directory)?;
        platform::keep_private(&probe, replaced.as_ref())?;
        let size = replaced
            .map_or(0, |replaced| replaced.len())
            .saturating_add(PROBE_MARGIN);
        io::copy(&mut io::repeat(b'\n').take(size), &mut probe)?;
        Ok(())
    }

    /// Writes a new file and puts it in the place of the old one, in one step.
    fn replace(&self, content: &[u8]) -> io::Result<()> {
        // Whoever holds the lock owns this name; a process that was killed may have left one.
        let new = beside(&self.path, ".apilink-new");
        remove_if_present(&new)?;
        let written = self
            .write_new(&new, content)
            .and_then(|()| fs::rename(&new, &self.path));
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_file(&new);
        }
        written?;
        platform::sync_directory(&self.directory)
    }

    fn write_new(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = platform::create_private_file(path)?;
        platform::keep_private(&file, self.metadata()?.as_ref())?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn metadata(&self) -> io::Result<Option<Metadata>> {
        match fs::metadata(&self.path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_defective(&self, defect: Defect) -> Diagnostic {
        let sqlstate = match defect {
            Defect::Encrypted => SqlState::NOT_IMPLEMENTED,
            _ => SqlState::GENERAL_ERROR,
        };
        Diagnostic::new(
            sqlstate,
            format!("The settings file {} {defect}", self.path.display()),
        )
    }

    fn cannot_be(&self, done: &str, error: &io::Error) -> Diagnostic {
        cannot("settings file", &self.path, done, error)
    }
}

impl LockedFile {
    /// Replaces the tokens in the file by `tokens`, or removes them.
    pub fn change(&self, tokens: Option<&TokenSet>) -> Result<()> {
        let target = &self.target;
        let existing = target.read()?;
        if existing.is_none() && tokens.is_none() {
            return Ok(());
        }
        let content = render(existing.unwrap_or_default(), tokens)
            .map_err(|defect| target.is_defective(defect))?;
        target
            .replace(&content)
            .map_err(|error| target.cannot_be("written", &error))
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing is not enough: a child that this process forked meanwhile has the file open too,
        // and would keep the lock.
        let _ = self.handle.unlock();
    }
}

fn render(
    mut file: SettingsFile,
    tokens: Option<&TokenSet>,
) -> std::result::Result<Zeroizing<Vec<u8>>, Defect> {
    match tokens {
        Some(tokens) => file.set_tokens(tokens)?,
        None => file.clear_tokens(),
    }
    file.to_bytes()
}

fn read_regular_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Asked before opening: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() {
            "it is a directory"
        } else {
            "it is not a regular file"
        };
        return Err(io::Error::other(kind));
    }
    // One byte more than is allowed, so that a longer file is seen to be one.
    let limit = MAX_LEN as u64 + 1;
    let capacity = usize::try_from(metadata.len().saturating_add(1).min(limit)).unwrap_or(MAX_LEN);
    let mut content = Zeroizing::new(Vec::with_capacity(capacity));
    File::open(path)?.take(limit).read_to_end(&mut content)?;
    Ok(content)
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The one name of the file that an absolute path leads to, as far as its way exists by now.
pub fn one_name(path: &Path) -> PathBuf {
    if let Ok(target) = Target::of(path) {
        return target.path;
    }
    let existing = path.ancestors().skip(1).find_map(|directory| {
        let rest = path.strip_prefix(directory).ok()?;
        Some(platform::real_directory(directory).ok()?.join(rest))
    });
    existing.unwrap_or_else(|| path.to_owned())
}

/// The directory that holds `path`.
pub fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The name of a file that stands beside `path`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path.file_name().unwrap_or(OsStr::new("")));
    name.push(suffix);
    path.with_file_name(name)
}

/// The error of an operation on the file system, with what to do about it.
pub fn cannot(what: &str, path: &Path, be_done: &str, error: &io::Error) -> Diagnostic {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let next = match error.kind() {
        PermissionDenied => {
            "Let the user that runs this program read and write it and its directory, or name a \
             file elsewhere in OAuthSettingsLocation."
        }
        ReadOnlyFilesystem => "Name a file on a disk that can be written in OAuthSettingsLocation.",
        StorageFull | QuotaExceeded => "Make room, then try again.",
        _ => "Put that right, or name another file in OAuthSettingsLocation.",
    };
    let message = format!(
        "The {what} {} cannot be {be_done}: {error}. {next}",
        path.display()
    );
    Diagnostic::new(SqlState::GENERAL_ERROR, message)
}

fn no_directory(path: &Path, error: &io::Error) -> Diagnostic {
    if !matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    ) {
        return cannot("settings file", path, "reached", error);
    }
    let message = format!(
        "The settings file {} cannot be used: {} is not an existing directory. Create it, or name \
         another file in OAuthSettingsLocation.",
        path.display(),
        parent(path).display()
    );
    Diagnostic::new(SqlState::GENERAL_ERROR, message)
}

fn not_a_place(path: &Path, reason: &str) -> Diagnostic {
    Diagnostic::invalid_value(format!(
        "OAuthSettingsLocation leads to {}, which cannot be a settings file: {reason}. Name a file.",
        path.display()
    ))
}
