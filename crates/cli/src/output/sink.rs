//! Where text goes: standard output, or a file that appears when it is complete.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::failure::{Failure, Outcome};
use crate::platform;

/// Runs `write` with a file, or with standard output where there is none. The file appears under
/// its name only when all of it is written; what was there before stays until then.
/// `before_first` is called before anything appears on standard output.
pub fn write_to(
    file: Option<&Path>,
    before_first: &dyn Fn(),
    write: impl FnOnce(&mut dyn Write) -> Outcome,
) -> Outcome {
    let Some(path) = file else {
        let mut out = BufWriter::with_capacity(
            1 << 16,
            Announced {
                inner: io::stdout().lock(),
                before_first: Some(before_first),
            },
        );
        write(&mut out)?;
        return Ok(out.flush()?);
    };
    // A device, such as /dev/stdout, is written to as it is.
    if std::fs::metadata(path).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        let opened = std::fs::OpenOptions::new().write(true).open(path);
        let mut out = BufWriter::new(opened.map_err(|error| Failure::file(path, error))?);
        write(&mut out)?;
        return Ok(out.flush()?);
    }
    let mut out = BufWriter::new(beside(path).map_err(|error| Failure::file(path, error))?);
    write(&mut out)?;
    let out = out
        .into_inner()
        .map_err(|error| Failure::file(path, error.error()))?;
    out.persist(path)
        .map_err(|error| Failure::file(path, error.error))?;
    Ok(())
}

/// A file for temporary use in the directory of `path`.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".apilink-").suffix(".part");
    if let Some(permissions) = platform::usual_permissions() {
        builder.permissions(permissions);
    }
    builder.tempfile_in(directory)
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
