//! State of the process, made anew in a forked child.
//!
//! A child of `fork` inherits memory but no threads, and perhaps locks that are held by threads
//! that are gone. State that was made before the fork must therefore not be touched in it: not
//! used, not locked, not even dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arc_swap::ArcSwapOption;

/// One more than the forks that led to this process; 0 while nobody counts them.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// From now on every fork is counted by [`count_fork`], so that the system need not be asked which
/// process this is. To be called before anything that belongs to the process is used.
pub fn expect_counted_forks() {
    // Once they are counted, they stay so.
    let _ = FORKS.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
}

/// Counts a fork: to be called in the child before anything else.
pub fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// What tells this process from those that it was forked from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Process {
    Forks(u32),
    Number(u32),
}

impl Process {
    fn current() -> Self {
        match FORKS.load(Ordering::Relaxed) {
            0 => Self::Number(std::process::id()),
            forks => Self::Forks(forks),
        }
    }
}

/// A value that belongs to one process: made on first use, and again after a fork.
pub struct PerProcess<T> {
    current: ArcSwapOption<Owned<T>>,
    make: fn() -> T,
}

struct Owned<T> {
    process: Process,
    value: T,
}

impl<T> PerProcess<T> {
    /// A value that `make` makes when it is first asked for. `make` may run more than once when
    /// threads race; one result is kept.
    #[must_use]
    pub const fn new(make: fn() -> T) -> Self {
        Self {
            current: ArcSwapOption::const_empty(),
            make,
        }
    }

    /// The value of this process.
    pub fn get(&self) -> PerProcessRef<T> {
        let process = Process::current();
        loop {
            let current = self.current.load_full();
            match &current {
                Some(owned) if owned.process == process => {
                    return PerProcessRef(Arc::clone(owned));
                }
                _ => self.replace(current, process),
            }
        }
    }

    /// Runs `call` with the value of this process. Cheaper than [`PerProcess::get`] where many
    /// threads use it: they do not count themselves in one place.
    pub fn with<R>(&self, call: impl FnOnce(&T) -> R) -> R {
        let current = self.current.load();
        match &*current {
            Some(owned) if owned.process == Process::current() => call(&owned.value),
            _ => {
                drop(current);
                call(&self.get())
            }
        }
    }

    fn replace(&self, stale: Option<Arc<Owned<T>>>, process: Process) {
        let fresh = Some(Arc::new(Owned {
            process,
            value: (self.make)(),
        }));
        drop(self.current.compare_and_swap(&stale, fresh));
        // Dropping inherited state could wait for a thread that does not exist here.
        std::mem::forget(stale);
    }
}

/// Access to a [`PerProcess`] value.
pub struct PerProcessRef<T>(Arc<Owned<T>>);

impl<T> std::ops::Deref for PerProcessRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_made_once_and_shared() {
        static VALUE: PerProcess<std::sync::Mutex<u32>> =
            PerProcess::new(|| std::sync::Mutex::new(0));
        *VALUE.get().lock().unwrap() += 1;
        *VALUE.get().lock().unwrap() += 1;
        assert_eq!(*VALUE.get().lock().unwrap(), 2);
        VALUE.with(|value| assert_eq!(*value.lock().unwrap(), 2));
    }

    #[test]
    fn the_first_use_makes_it_either_way() {
        static VALUE: PerProcess<u32> = PerProcess::new(|| 17);
        assert_eq!(VALUE.with(|value| *value), 17);
    }
}
