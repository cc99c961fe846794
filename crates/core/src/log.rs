//! The log of a connection: a file, a callback of the program, or both; never anything global.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use http::HeaderMap;

use crate::error::{Diagnostic, Result, SqlState};
use crate::platform;
use crate::process::PerProcess;
use crate::secret::MASK;
use crate::settings::LogSettings;

/// Receives a level (1 to 5) and a line without a line break.
pub type LogSink = Arc<dyn Fn(u8, &str) + Send + Sync>;

static FILES: PerProcess<Mutex<HashMap<PathBuf, Weak<LogFile>>>> =
    PerProcess::new(|| Mutex::new(HashMap::new()));

/// Where the lines of one connection go.
pub(crate) struct Log {
    file: Option<(u8, Arc<LogFile>)>,
    sink: Option<(u8, LogSink)>,
}

impl Log {
    /// Opens the log. `sink` is the program's callback with the level that it wants.
    pub(crate) fn open(settings: &LogSettings, sink: Option<(u8, LogSink)>) -> Result<Self> {
        let file = settings
            .file
            .as_deref()
            .map(|path| LogFile::shared(path, settings));
        Ok(Self {
            file: file.transpose()?.map(|file| (settings.verbosity, file)),
            sink,
        })
    }

    /// The log without the program's callback, for work that can outlast the call that began it:
    /// by then the program may have freed what its callback works with.
    pub(crate) fn without_callback(&self) -> Self {
        Self {
            file: self.file.clone(),
            sink: None,
        }
    }

    /// Whether somebody wants lines of this level.
    pub(crate) fn wants(&self, level: u8) -> bool {
        let of_file = self.file.as_ref().map(|(verbosity, _)| *verbosity);
        let of_sink = self.sink.as_ref().map(|(verbosity, _)| *verbosity);
        of_file.max(of_sink).is_some_and(|wanted| level <= wanted)
    }

    /// Makes a call of the program, and says so when it begins and when it ends. `name` must hold
    /// no secret.
    pub(crate) fn call<T>(
        &self,
        name: fmt::Arguments<'_>,
        call: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.write(5, "CALL", || name.to_string());
        let begun = Instant::now();
        let result = call();
        self.write(5, "CALL", || {
            let outcome = match &result {
                Ok(_) => "done".to_owned(),
                Err(problem) => problem.to_string(),
            };
            format!("{name}: {outcome} after {} ms", begun.elapsed().as_millis())
        });
        result
    }

    /// Writes a line, if somebody wants this level. The message must hold no secret.
    pub(crate) fn write(&self, level: u8, module: &str, message: impl FnOnce() -> String) {
        let file = self
            .file
            .as_ref()
            .filter(|(verbosity, _)| level <= *verbosity);
        let sink = self
            .sink
            .as_ref()
            .filter(|(verbosity, _)| level <= *verbosity);
        if file.is_none() && sink.is_none() {
            return;
        }
        let message: String = message()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let line = format!(
            "{}\t{level}\t[{module}]\t{message}",
            humantime::format_rfc3339_millis(SystemTime::now())
        );
        if let Some((_, file)) = file {
            file.write(&line);
        }
        if let Some((_, sink)) = sink {
            sink(level, &line);
        }
    }
}

/// Takes lines for the log.
pub(crate) trait Journal {
    /// Whether somebody may want lines of this level.
    fn wants(&self, level: u8) -> bool;

    /// Takes a line, if somebody may want this level. The message must hold no secret.
    fn write(&self, level: u8, module: &'static str, message: impl FnOnce() -> String);
}

impl Journal for Log {
    fn wants(&self, level: u8) -> bool {
        self.wants(level)
    }

    fn write(&self, level: u8, module: &'static str, message: impl FnOnce() -> String) {
        self.write(level, module, message);
    }
}

/// Lines of every level that wait for a log.
#[derive(Default)]
pub(crate) struct Lines(RefCell<Vec<Line>>);

/// A line that waits for a log.
#[derive(Clone)]
pub(crate) struct Line {
    level: u8,
    module: &'static str,
    message: String,
}

impl Lines {
    pub(crate) fn into_inner(self) -> Vec<Line> {
        self.0.into_inner()
    }
}

impl Journal for Lines {
    fn wants(&self, _: u8) -> bool {
        true
    }

    fn write(&self, level: u8, module: &'static str, message: impl FnOnce() -> String) {
        self.0.borrow_mut().push(Line {
            level,
            module,
            message: message(),
        });
    }
}

impl Line {
    /// Writes it to a log, if somebody wants its level there.
    pub(crate) fn write_to(self, log: &Log) {
        log.write(self.level, self.module, || self.message);
    }
}

/// Headers for the log. Values are masked unless the header is known to hold no secret: others may
/// hold cookies, keys, names of clients, or signed URLs, which are as good as a token while they
/// last.
pub(crate) fn describe_headers(headers: &HeaderMap) -> String {
    let list: Vec<String> = headers
        .iter()
        .map(|(name, value)| {
            let value = if value.is_sensitive() || !is_harmless(name.as_str()) {
                MASK.into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            format!("{name}: {value}")
        })
        .collect();
    list.join("; ")
}

/// Whether the values of a header are known to hold no secret.
pub(crate) fn is_harmless(header: &str) -> bool {
    const HARMLESS: [&str; 29] = [
        "accept",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "age",
        "allow",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "keep-alive",
        "last-modified",
        "range",
        "retry-after",
        "server",
        "transfer-encoding",
        "user-agent",
        "vary",
        "x-api-version",
        "x-request-id",
        "x-runtime",
    ];
    HARMLESS.contains(&header) || header.starts_with("x-ratelimit-")
}

/// A log file that begins anew when it is large. Connections of one process that name the same
/// file share it.
struct LogFile {
    path: PathBuf,
    max_size: u64,
    max_count: Option<u32>,
    open: Mutex<Option<(File, u64)>>,
}

impl LogFile {
    fn shared(path: &Path, settings: &LogSettings) -> Result<Arc<Self>> {
        let files = FILES.get();
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path).and_then(Weak::upgrade) {
            return Ok(file);
        }
        files.retain(|_, file| file.strong_count() > 0);
        let opened = append(path).map_err(|error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!(
                    "The log file {} cannot be opened: {error}. Check the property Logfile; its \
                     directory must exist.",
                    path.display()
                ),
            )
        })?;
        let file = Arc::new(Self {
            path: path.to_owned(),
            max_size: settings.max_file_size,
            max_count: settings.max_file_count,
            open: Mutex::new(Some(opened)),
        });
        files.insert(path.to_owned(), Arc::downgrade(&file));
        Ok(file)
    }

    /// A log that cannot be written must not make calls fail, so problems end here.
    fn write(&self, line: &str) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open
            .as_ref()
            .is_some_and(|(_, size)| *size >= self.max_size)
        {
            *open = None;
            self.roll();
        }
        if open.is_none() {
            *open = append(&self.path).ok();
        }
        if let Some((file, size)) = open.as_mut() {
            let line = format!("{line}\n");
            if file.write_all(line.as_bytes()).is_ok() {
                *size += line.len() as u64;
            }
        }
    }

    /// Renames the full file to `NAME.1`, after moving `NAME.1` to `NAME.2` and so on.
    fn roll(&self) {
        let kept = self.max_count.unwrap_or(u32::MAX).saturating_sub(1);
        if kept == 0 {
            let _ = fs::remove_file(&self.path);
            return;
        }
        let last = (1..kept)
            .find(|number| !self.rolled(*number).exists())
            .unwrap_or(kept);
        for number in (1..last).rev() {
            let _ = fs::rename(self.rolled(number), self.rolled(number + 1));
        }
        let _ = fs::rename(&self.path, self.rolled(1));
    }

    fn rolled(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

fn append(path: &Path) -> std::io::Result<(File, u64)> {
    match platform::check_is_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = platform::open_log_file(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn settings(path: &Path, max_file_size: u64, max_file_count: Option<u32>) -> LogSettings {
        LogSettings {
            file: Some(path.to_owned()),
            verbosity: 2,
            max_file_size,
            max_file_count,
        }
    }

    #[test]
    fn lines_go_to_the_file_and_the_sink_by_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let sink: LogSink = Arc::new(move |level, line: &str| {
            ear.lock().unwrap().push((level, line.to_owned()));
        });
        let log = Log::open(&settings(&path, 1 << 20, None), Some((3, sink))).unwrap();
        for level in 1..=5 {
            log.write(level, "TEST", || format!("line\n{level}"));
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.lines()
                .next()
                .unwrap()
                .ends_with("\t1\t[TEST]\tline 1")
        );
        let heard = heard.lock().unwrap();
        assert_eq!(
            heard.iter().map(|(level, _)| *level).collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        Log::open(&settings(&path, 1 << 20, None), None).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_full_file_is_rolled_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let log = Log::open(&settings(&path, 1, Some(3)), None).unwrap();
        for number in 0..6 {
            log.write(1, "TEST", || format!("{number}"));
        }
        let last = |name: &str| {
            fs::read_to_string(folder.path().join(name))
                .unwrap()
                .trim_end()
                .chars()
                .last()
                .unwrap()
        };
        assert_eq!(
            [last("a.log"), last("a.log.1"), last("a.log.2")],
            ['5', '4', '3']
        );
        assert!(!folder.path().join("a.log.3").exists());
    }

    #[test]
    fn a_directory_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/a.log");
        let error = Log::open(&settings(&path, 1, None), None).err().unwrap();
        assert!(error.message.contains("Logfile") && error.message.contains("a.log"));
    }

    #[test]
    fn only_headers_that_hold_no_secret_are_shown() {
        let mut headers = HeaderMap::new();
        let mut secret = HeaderValue::from_static("canary");
        secret.set_sensitive(true);
        headers.insert("if-match", secret);
        for name in [
            "authorization",
            "location",
            "set-cookie",
            "link",
            "x-auth-token",
        ] {
            headers.insert(name, HeaderValue::from_static("https://s3/?sig=canary"));
        }
        headers.insert("etag", HeaderValue::from_static("\"x\""));
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("49"));
        let text = describe_headers(&headers);
        assert!(!text.contains("canary"), "{text}");
        for shown in ["etag: \"x\"", "x-ratelimit-remaining: 49", "link: *****"] {
            assert!(text.contains(shown), "{text}");
        }
    }
}
