//! The rate limit: one budget for each token, shared by everything in the process that uses it.
//!
//! When it is used up, requests wait in the order in which they came, so that many that follow each
//! other, such as those for the pages of a long list, do not keep a single one waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use tokio::sync::Notify;

use crate::http::retry::service_time;
use crate::process::PerProcess;
use crate::profile::RateLimitProfile;

/// How long the first reply in a window is waited for.
const FIRST_REPLY: Duration = Duration::from_secs(5);

/// The clock of the runtime counts milliseconds.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

static BUDGETS: PerProcess<Mutex<HashMap<String, Weak<Budget>>>> =
    PerProcess::new(|| Mutex::new(HashMap::new()));

/// What the service has said about how many requests are left in the current window, and who waits
/// for the next one.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    state: Mutex<State>,
    /// Whose turn it is among those who wait: the lock hands itself on in the order of arrival.
    turn: tokio::sync::Mutex<()>,
    /// Tells the one whose turn it is that the window is another.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    window: Option<Window>,
    /// The most requests that a window was seen to take.
    size: Option<u64>,
    waiting: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// Requests that may still be sent before `ends`.
    remaining: u64,
    ends: Instant,
    /// Nothing was heard in this window so far.
    is_assumed: bool,
}

/// The budget that belongs to `key`, a name for the token that is not the token.
pub(crate) fn budget(key: &str) -> Arc<Budget> {
    let budgets = BUDGETS.get();
    let mut budgets = budgets.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(budget) = budgets.get(key).and_then(Weak::upgrade) {
        return budget;
    }
    budgets.retain(|_, budget| budget.strong_count() > 0);
    let budget = Arc::new(Budget::default());
    budgets.insert(key.to_owned(), Arc::downgrade(&budget));
    budget
}

impl State {
    /// How long there is no request left.
    fn wait(&mut self) -> Option<Duration> {
        let window = self.window?;
        let left = window.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Until a reply says more, the next one takes as many as those before: not all who
            // wait may go at once.
            self.window = self.size.map(|remaining| Window {
                remaining,
                ends: Instant::now() + FIRST_REPLY,
                is_assumed: true,
            });
            return None;
        }
        (window.remaining == 0).then_some(left)
    }

    /// Takes one request. `Some`: there is none left for this long.
    fn take(&mut self) -> Option<Duration> {
        let wait = self.wait();
        if wait.is_none()
            && let Some(window) = &mut self.window
        {
            window.remaining = window.remaining.saturating_sub(1);
        }
        wait
    }
}

impl Budget {
    /// Takes one request from the budget, if one is left and nobody waits for it.
    pub(crate) fn try_take(&self) -> bool {
        let mut state = self.state();
        state.waiting == 0 && state.take().is_none()
    }

    /// How long there is no request left.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.state().wait()
    }

    /// How long those who wait have to wait yet. `None`: nobody waits.
    pub(crate) fn pending(&self) -> Option<Duration> {
        let state = self.state();
        let window = state.window.filter(|window| window.remaining == 0)?;
        (state.waiting > 0).then(|| window.ends.saturating_duration_since(Instant::now()))
    }

    /// Goes to the end of the queue.
    pub(crate) fn queue(self: Arc<Self>) -> Waiting {
        self.state().waiting += 1;
        Waiting(self)
    }

    /// Learns from the headers of a reply.
    pub(crate) fn learn(&self, profile: &RateLimitProfile, headers: &HeaderMap) {
        let Some(remaining) = calls_left(profile, headers) else {
            return;
        };
        let Some(reset) = number(headers, &profile.reset_header) else {
            return;
        };
        let now = service_time(headers)
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let left = Duration::from_secs(reset).saturating_sub(now);
        // A reset that is further away than a window is no such time.
        let left = left.min(Duration::from_secs(profile.window_seconds));
        let ends = Instant::now() + left;
        let mut state = self.state();
        state.size = state.size.max(Some(remaining.saturating_add(1)));
        state.window = Some(match state.window {
            // Replies to requests sent side by side arrive in any order: within one window the
            // lower number is the later one.
            Some(known) if !known.is_assumed && ends < known.ends + Duration::from_secs(1) => {
                Window {
                    remaining: remaining.min(known.remaining),
                    ..known
                }
            }
            // Those that were sent into a window before its first reply are not in its number.
            Some(known) if known.is_assumed => Window {
                remaining: remaining.min(known.remaining),
                ends,
                is_assumed: false,
            },
            _ => Window {
                remaining,
                ends,
                is_assumed: false,
            },
        });
        self.changed.notify_one();
    }

    /// Learns that the service refuses requests for `wait`.
    pub(crate) fn exhausted(&self, wait: Duration) {
        self.state().window = Some(Window {
            remaining: 0,
            ends: Instant::now() + wait,
            is_assumed: false,
        });
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue for a request.
pub(crate) struct Waiting(Arc<Budget>);

impl Waiting {
    /// Waits until it is this one's turn and a request is left, and takes it; gives up when that
    /// would take longer than `patience`.
    pub(crate) async fn take(self, patience: Duration) {
        let deadline = tokio::time::Instant::now() + patience;
        let Ok(_turn) = tokio::time::timeout_at(deadline, self.0.turn.lock()).await else {
            return;
        };
        loop {
            let wait = self.0.state().take();
            let Some(wait) = wait else {
                return;
            };
            let until = tokio::time::Instant::now() + wait.max(SHORTEST_WAIT);
            if until > deadline {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                () = self.0.changed.notified() => {}
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.waiting = state.waiting.saturating_sub(1);
    }
}

/// How many more requests a reply says that the service takes in the current window.
pub(crate) fn calls_left(profile: &RateLimitProfile, headers: &HeaderMap) -> Option<u64> {
    number(headers, &profile.remaining_header)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever gets a request writes its name down.
    async fn ask(name: usize, waiting: Waiting, patience: Duration, served: &Mutex<Vec<usize>>) {
        waiting.take(patience).await;
        served.lock().unwrap().push(name);
    }

    fn run(work: impl Future) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(work);
    }

    #[test]
    fn those_who_wait_are_served_in_the_order_in_which_they_came() {
        let budget = Arc::new(Budget::default());
        let window = Duration::from_millis(50);
        budget.exhausted(window);
        let begun = Instant::now();
        let served = Mutex::new(Vec::new());
        run(async {
            let mut asking = tokio::task::JoinSet::new();
            let served = Arc::new(served);
            for name in 0..9 {
                let (waiting, served) = (Arc::clone(&budget).queue(), Arc::clone(&served));
                asking.spawn(async move {
                    ask(name, waiting, Duration::from_secs(60), &served).await;
                });
            }
            tokio::task::yield_now().await;
            assert!(!budget.try_take(), "somebody waits");
            while asking.join_next().await.is_some() {}
            assert_eq!(*served.lock().unwrap(), (0..9).collect::<Vec<_>>());
        });
        assert!(begun.elapsed() >= window);
        assert!(budget.try_take());
    }

    #[test]
    fn who_gives_up_holds_up_nobody() {
        let budget = Arc::new(Budget::default());
        budget.exhausted(Duration::from_millis(100));
        let served = Mutex::new(Vec::new());
        let (short, long) = (Duration::from_millis(20), Duration::from_secs(60));
        run(async {
            let (first, second) = (Arc::clone(&budget).queue(), Arc::clone(&budget).queue());
            let cancelled = Arc::clone(&budget).queue();
            drop(cancelled.take(long));
            tokio::join!(ask(1, first, long, &served), ask(2, second, short, &served),);
        });
        // The second one did not wait for its turn to come.
        assert_eq!(*served.lock().unwrap(), [2, 1]);
        assert!(budget.try_take());
    }

    #[test]
    fn a_new_window_takes_no_more_than_those_before() {
        let budget = Budget::default();
        budget.state().size = Some(2);
        budget.exhausted(Duration::ZERO);
        assert!(budget.try_take() && budget.try_take());
        assert!(!budget.try_take());
    }

    #[test]
    fn one_request_is_taken_at_a_time() {
        let budget = Arc::new(Budget::default());
        budget.state().window = Some(Window {
            remaining: 2,
            ends: Instant::now() + Duration::from_secs(60),
            is_assumed: false,
        });
        assert!(budget.wait().is_none() && budget.wait().is_none());
        assert!(budget.try_take() && budget.try_take());
        assert!(!budget.try_take());
        assert!(budget.wait().is_some());
    }
}
