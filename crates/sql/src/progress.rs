//! What a statement has cost so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The counters of a statement, which any thread may look at while it runs.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    pages: AtomicU64,
    records: AtomicU64,
    waited: AtomicU64,
    /// One more than the number; 0 where it is not known.
    calls_left: AtomicU64,
}

/// What a statement had cost at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// Requests sent.
    pub calls: u64,
    /// Pages received.
    pub pages: u64,
    /// Records received.
    pub records: u64,
    /// Time spent waiting for the rate limit.
    pub waited: Duration,
    /// Requests that the service allows in the rest of the current window, as its last reply said.
    pub calls_left: Option<u64>,
}

impl Progress {
    /// What it has cost so far.
    #[must_use]
    pub fn costs(&self) -> Costs {
        Costs {
            calls: self.0.calls.load(Ordering::Relaxed),
            pages: self.0.pages.load(Ordering::Relaxed),
            records: self.0.records.load(Ordering::Relaxed),
            waited: Duration::from_micros(self.0.waited.load(Ordering::Relaxed)),
            calls_left: self.0.calls_left.load(Ordering::Relaxed).checked_sub(1),
        }
    }

    /// Begins to count anew.
    pub(crate) fn reset(&self) {
        for counter in [
            &self.0.calls,
            &self.0.pages,
            &self.0.records,
            &self.0.waited,
            &self.0.calls_left,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_call(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// A reply came, after a wait for the rate limit.
    pub(crate) fn add_reply(&self, waited: Duration, calls_left: Option<u64>) {
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.0.waited.fetch_add(waited, Ordering::Relaxed);
        let left = calls_left.map_or(0, |left| left.saturating_add(1));
        self.0.calls_left.store(left, Ordering::Relaxed);
    }

    pub(crate) fn add_page(&self, records: u64) {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
        self.0.records.fetch_add(records, Ordering::Relaxed);
    }
}
