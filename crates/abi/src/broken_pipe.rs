//! SIGPIPE stays away from programs: see [`apilink_core::broken_pipe`].

/// Sees to it that the library's input and output raises no SIGPIPE in the program. Every call from
/// outside begins with it.
pub fn watch() {
    #[cfg(unix)]
    unix::watch();
}

#[cfg(unix)]
mod unix {
    use std::mem::MaybeUninit;

    use apilink_core::broken_pipe::{Held, Hooks, hold_back_with};
    use libc::{SIG_BLOCK, SIG_UNBLOCK, SIGPIPE, sigset_t};

    pub(super) fn watch() {
        hold_back_with(Hooks { hold, release });
    }

    fn hold() -> Held {
        let was_held = contains(&change_mask(SIG_BLOCK));
        Held {
            was_held,
            // One for this thread waits only where it is held back.
            was_pending: was_held && contains(&pending()),
        }
    }

    fn release(held: Held) {
        if !held.was_pending && contains(&pending()) {
            take();
        }
        if !held.was_held {
            change_mask(SIG_UNBLOCK);
        }
    }

    /// Takes the signal that is pending, and held back.
    fn take() {
        let mut taken = 0;
        let set = only_sigpipe();
        // SAFETY: both places outlive the call.
        unsafe { libc::sigwait(&raw const set, &raw mut taken) };
    }

    /// Blocks or unblocks the signal in this thread. What was blocked before.
    fn change_mask(how: libc::c_int) -> sigset_t {
        let set = only_sigpipe();
        let mut before = empty();
        // SAFETY: both places outlive the call.
        unsafe { libc::pthread_sigmask(how, &raw const set, &raw mut before) };
        before
    }

    fn pending() -> sigset_t {
        let mut set = empty();
        // SAFETY: the place outlives the call.
        unsafe { libc::sigpending(&raw mut set) };
        set
    }

    fn only_sigpipe() -> sigset_t {
        let mut set = empty();
        // SAFETY: the set was made by sigemptyset.
        unsafe { libc::sigaddset(&raw mut set, SIGPIPE) };
        set
    }

    fn empty() -> sigset_t {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset makes a set of what is there; it cannot fail.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            set.assume_init()
        }
    }

    fn contains(set: &sigset_t) -> bool {
        // SAFETY: the set outlives the call, and was made by sigemptyset.
        unsafe { libc::sigismember(set, SIGPIPE) == 1 }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn raise() {
            // SAFETY: a signal that is held back here only becomes pending.
            unsafe { libc::raise(SIGPIPE) };
        }

        #[test]
        fn a_signal_that_came_meanwhile_is_taken() {
            let held = hold();
            assert_eq!(held, Held::default());
            raise();
            assert!(contains(&pending()));
            release(held);
            assert!(!contains(&pending()));
            assert_eq!(hold(), Held::default());
        }

        #[test]
        fn what_the_program_holds_back_stays_with_it() {
            change_mask(SIG_BLOCK);
            let held = hold();
            release(held);
            assert!(contains(&change_mask(SIG_BLOCK)));
            raise();
            let held = hold();
            assert!(held.was_held && held.was_pending);
            release(held);
            assert!(contains(&pending()));
            take();
        }
    }
}
