//! Where text goes: standard output, or a file that appears when it is complete.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::{Failure, Outcome};
use crate::platform;

/// Runs `write` with a file, or with standard output where there is none. The file appears under
/// its name only when all of it is written; what was there before stays until then. A symbolic link
/// stays, and what it leads to is written.
/// `before_first` is called before anything appears on standard output.
pub fn write_to(
    file: Option<&Path>,
    before_first: &dyn Fn(),
    write: impl FnOnce(&mut dyn Write) -> Outcome,
) -> Outcome {
    let Some(path) = file else {
        let mut out = BufWriter::with_capacity(
            CAPACITY,
            Announced {
                inner: io::stdout().lock(),
                before_first: Some(before_first),
            },
        );
        write(&mut out)?;
        return Ok(out.flush()?);
    };
    let problem = |error: io::Error| Failure::file(path, error);
    match Target::of(path).map_err(problem)? {
        Target::Open(open) => {
            let opened = OpenOptions::new().append(true).open(open);
            let mut out = BufWriter::new(opened.map_err(problem)?);
            write(&mut out)?;
            Ok(out.flush()?)
        }
        Target::File(target) => {
            let mut out = BufWriter::with_capacity(CAPACITY, beside(&target).map_err(problem)?);
            write(&mut out)?;
            let out = out
                .into_inner()
                .map_err(|error| problem(error.into_error()))?;
            let kept = out.persist(&target);
            kept.map(drop).map_err(|error| problem(error.error))
        }
    }
}

/// Bytes that are written at once: more than a page of rows has in most cases.
const CAPACITY: usize = 1 << 16;

/// How many symbolic links are followed: as many as Linux follows.
const MAX_LINKS: usize = 40;

/// What a name leads to.
pub enum Target {
    /// A device, a pipe, or a file that a process holds open, such as `/dev/stdout`: it cannot be
    /// replaced and is written to as it is.
    Open(PathBuf),
    /// A file, which need not exist, without symbolic links at the end of its path.
    File(PathBuf),
}

impl Target {
    /// Follows the symbolic links at `path`, also where the last one leads to nothing yet.
    pub fn of(path: &Path) -> io::Result<Self> {
        let is_special = |known: fs::Metadata| !known.is_file() && !known.is_dir();
        if fs::metadata(path).is_ok_and(is_special) {
            return Ok(Self::Open(path.to_owned()));
        }
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if is_descriptor(&path) {
                return Ok(Self::Open(path));
            }
            match fs::read_link(&path) {
                Ok(link) => path = directory_of(&path).join(link),
                Err(_) => return Ok(Self::File(path)),
            }
        }
        Err(io::Error::other("its symbolic links lead in a circle"))
    }
}

/// Whether a path names a file by the number under which a process holds it open.
fn is_descriptor(path: &Path) -> bool {
    directory_of(path)
        .canonicalize()
        .is_ok_and(|directory| directory.starts_with("/proc") || directory == Path::new("/dev/fd"))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// A file for temporary use in the directory of `path`, as private as the one that it will replace.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".apilink-").suffix(".part");
    if let Some(permissions) = platform::permissions_for(path) {
        builder.permissions(permissions);
    }
    builder.tempfile_in(directory_of(path))
}

/// A writer that tells when it is first written to.
struct Announced<'a, W> {
    inner: W,
    before_first: Option<&'a dyn Fn()>,
}

impl<W: Write> Write for Announced<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(announce) = self.before_first.take() {
            announce();
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
