//! Attempts in the words of the log.

use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};

use super::wire::Wire;
use crate::error::Diagnostic;
use crate::log::{Journal, describe_headers};

/// An attempt that is under way.
pub(crate) struct Attempted<'a, J> {
    journal: &'a J,
    /// Method and path; empty where nobody wants to know.
    what: String,
    begun: Instant,
}

impl<'a, J: Journal> Attempted<'a, J> {
    /// Says what goes out. `what` is the method and the path, without what could be a secret.
    pub(crate) fn begin(
        journal: &'a J,
        what: impl FnOnce() -> String,
        headers: &HeaderMap,
    ) -> Self {
        let what = if journal.wants(1) {
            what()
        } else {
            String::new()
        };
        journal.write(3, "HTTP", || {
            format!("{what} headers: {}", describe_headers(headers))
        });
        Self {
            journal,
            what,
            begun: Instant::now(),
        }
    }

    /// Says what came back, and over what.
    pub(crate) fn answered(&self, status: StatusCode, headers: &HeaderMap, wire: &Wire) {
        let (what, took) = (&self.what, self.begun.elapsed().as_millis());
        self.journal
            .write(2, "HTTP", || format!("{what}: {status} in {took} ms"));
        self.journal.write(4, "NET", || format!("{what}: {wire}"));
        self.journal.write(3, "HTTP", || {
            format!("{what} reply headers: {}", describe_headers(headers))
        });
    }

    /// Says why nothing came back.
    pub(crate) fn failed(&self, problem: &Diagnostic) {
        let (what, took) = (&self.what, self.begun.elapsed().as_millis());
        self.journal
            .write(1, "HTTP", || format!("{what}: {problem} after {took} ms"));
    }

    /// Says that there will be another attempt.
    pub(crate) fn waits(&self, wait: Duration, why: &str) {
        write_wait(self.journal, || self.what.clone(), wait, why);
    }
}

/// Says that a request waits.
pub(crate) fn write_wait(
    journal: &impl Journal,
    what: impl FnOnce() -> String,
    wait: Duration,
    why: &str,
) {
    journal.write(2, "HTTP", || {
        format!("{}: {why}; waiting {} ms", what(), wait.as_millis())
    });
}
