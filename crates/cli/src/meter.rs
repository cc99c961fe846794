//! What a query costs while it runs, and what it has cost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use apilink_core::session::Session;
use apilink_sql::progress::{Costs, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal;

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is drawn anew.
const PERIOD: Duration = Duration::from_millis(150);

/// Shows on a terminal what a query costs, from the time when it takes long until rows appear on
/// the same terminal or the query ends.
pub struct Meter {
    stop: Arc<Stop>,
    drawing: Option<JoinHandle<()>>,
}

/// Tells the thread that draws to end, and whether it has.
#[derive(Default)]
struct Stop {
    is_wanted: Mutex<bool>,
    changed: Condvar,
    /// Held by whoever draws, so that nothing is drawn after a stop.
    drawing: Mutex<()>,
}

impl Meter {
    /// Begins to watch.
    pub fn start(session: &Arc<Session>, progress: Progress, rows: Arc<AtomicU64>) -> Self {
        let stop = Arc::<Stop>::default();
        let drawing = terminal::stderr_is_terminal().then(|| {
            let (stop, session) = (Arc::clone(&stop), Arc::clone(session));
            std::thread::spawn(move || draw(&stop, &session, &progress, &rows))
        });
        Self { stop, drawing }
    }

    /// Takes the line away for good.
    pub fn stop(&self) {
        *self
            .stop
            .is_wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.changed.notify_all();
        // Waits until the line is gone.
        drop(self.stop.drawing.lock());
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.stop();
        if let Some(drawing) = self.drawing.take() {
            // It cannot have panicked in a way that matters here.
            let _ = drawing.join();
        }
    }
}

impl Stop {
    /// Waits; whether a stop is wanted.
    fn wait(&self, time: Duration) -> bool {
        let wanted = self
            .is_wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (wanted, _) = self
            .changed
            .wait_timeout_while(wanted, time, |wanted| !*wanted)
            .unwrap_or_else(PoisonError::into_inner);
        *wanted
    }
}

fn draw(stop: &Stop, session: &Session, progress: &Progress, rows: &AtomicU64) {
    if stop.wait(PATIENCE) {
        return;
    }
    let _drawing = stop.drawing.lock().unwrap_or_else(PoisonError::into_inner);
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(ProgressStyle::default_spinner());
    let begun = Instant::now().checked_sub(PATIENCE);
    while !stop.wait(PERIOD) {
        let seconds = begun.map_or(0, |begun| begun.elapsed().as_secs());
        let costs = progress.costs();
        let rows = rows.load(Ordering::Relaxed);
        line.set_message(describe(&costs, rows, seconds, session.rate_limit_wait()));
        line.tick();
    }
    line.finish_and_clear();
}

/// What a running query has cost, on one line, and for how long it has to `wait` for the rate limit
/// yet, if it does.
fn describe(costs: &Costs, rows: u64, seconds: u64, wait: Option<Duration>) -> String {
    let limit = match (wait, costs.calls_left, costs.waited.as_secs()) {
        (Some(wait), _, _) => {
            let to_go = wait.as_millis().div_ceil(1000);
            format!(", waiting for the rate limit: {to_go} s to go")
        }
        (None, left, waited) => {
            let left = left.map(|left| format!(", {left} calls left"));
            let waited = (waited > 0).then(|| format!(", waited {waited} s for the rate limit"));
            left.into_iter().chain(waited).collect()
        }
    };
    format!(
        "{seconds} s: {}, {}, {}{limit}",
        counted(costs.pages, "page"),
        counted(rows, "row"),
        counted(costs.calls, "call"),
    )
}

/// What a query has cost, on one line.
pub fn summary(costs: &Costs, rows: u64, took: Duration) -> String {
    format!(
        "{} in {:.2} s: {}, {} received, waited {:.1} s",
        counted(rows, "row"),
        took.as_secs_f64(),
        counted(costs.calls, "call"),
        counted(costs.records, "record"),
        costs.waited.as_secs_f64(),
    )
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told_on_a_line() {
        let costs = Costs {
            calls: 3,
            pages: 1,
            records: 200,
            waited: Duration::from_millis(12_300),
            calls_left: Some(0),
        };
        assert_eq!(
            describe(&costs, 1, 20, None),
            "20 s: 1 page, 1 row, 3 calls, 0 calls left, waited 12 s for the rate limit"
        );
        assert_eq!(
            summary(&costs, 5, Duration::from_millis(1500)),
            "5 rows in 1.50 s: 3 calls, 200 records received, waited 12.3 s"
        );
        assert_eq!(
            describe(&Costs::default(), 0, 0, None),
            "0 s: 0 pages, 0 rows, 0 calls"
        );
        // While it lasts, the first wait is not in the costs.
        let costs = Costs {
            waited: Duration::ZERO,
            ..costs
        };
        assert_eq!(
            describe(&costs, 1, 20, Some(Duration::from_millis(22_100))),
            "20 s: 1 page, 1 row, 3 calls, waiting for the rate limit: 23 s to go"
        );
    }
}
