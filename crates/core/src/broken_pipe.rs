//! The signal that ends a program because somebody else has closed a connection.
//!
//! Writing to a connection that the other side has closed raises SIGPIPE in the thread that writes,
//! unless each write asks for it not to be; writes of several pieces at once (`writev`) cannot ask.
//! By default the signal ends the program, and how a program treats its signals is not the library's
//! to change. So it is held back in the threads that do input and output, for as long as they do.
//! Signals are a matter of C: what holds it back is told by the C interface ([`hold_back_with`]).

use once_cell::sync::OnceCell;

static HOOKS: OnceCell<Hooks> = OnceCell::new();

/// How the signal is held back in the thread that calls.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Holds it back from now on.
    pub hold: fn() -> Held,
    /// Takes away the one that came meanwhile, and restores what was before [`Hooks::hold`].
    pub release: fn(Held),
}

/// What was so before the signal was held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The program held it back already.
    pub was_held: bool,
    /// One had come, and waited.
    pub was_pending: bool,
}

/// From now on the signal is held back with `hooks`; the first ones stay.
pub fn hold_back_with(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

/// Does input and output.
pub(crate) fn held_back<T>(work: impl FnOnce() -> T) -> T {
    let _guard = HOOKS.get().map(|hooks| Guard {
        release: hooks.release,
        held: (hooks.hold)(),
    });
    work()
}

struct Guard {
    release: fn(Held),
    held: Held,
}

impl Drop for Guard {
    fn drop(&mut self) {
        (self.release)(self.held);
    }
}
