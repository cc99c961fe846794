//! The rate limit: one budget for each token, shared by everything in the process that uses it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;

use crate::http::retry::service_time;
use crate::process::PerProcess;
use crate::profile::RateLimitProfile;

static BUDGETS: PerProcess<Mutex<HashMap<String, Weak<Budget>>>> =
    PerProcess::new(|| Mutex::new(HashMap::new()));

/// What the service has said about how many requests are left in the current window.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    state: Mutex<Option<Window>>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// Requests that may still be sent before `ends`.
    remaining: u64,
    ends: Instant,
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

impl Budget {
    /// Takes one request from the budget. `Some`: there is none left; wait this long and ask
    /// again.
    pub(crate) fn take(&self) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let window = state.as_mut()?;
        let left = window.ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            *state = None;
            return None;
        }
        if window.remaining == 0 {
            return Some(left);
        }
        window.remaining -= 1;
        None
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
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = Some(match *state {
            // Replies to requests sent side by side arrive in any order: within one window the
            // lower number is the later one.
            Some(known) if ends < known.ends + Duration::from_secs(1) => Window {
                remaining: remaining.min(known.remaining),
                ends: known.ends,
            },
            _ => Window { remaining, ends },
        });
    }

    /// Learns that the service refuses requests for `wait`.
    pub(crate) fn exhausted(&self, wait: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = Some(Window {
            remaining: 0,
            ends: Instant::now() + wait,
        });
    }
}

/// How many more requests a reply says that the service takes in the current window.
pub(crate) fn calls_left(profile: &RateLimitProfile, headers: &HeaderMap) -> Option<u64> {
    number(headers, &profile.remaining_header)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
