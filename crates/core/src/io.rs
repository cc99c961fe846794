//! Input and output: who does it, and the ways to wait for it.
//!
//! The library's surface is blocking, and every call can be cancelled. Both come from here: work
//! runs on a runtime, the calling thread waits until the work is done or cancelled, and cancelled
//! work is dropped with its sockets before the caller goes on.
//!
//! A runtime does nothing unless a thread drives it, one at a time. A call that is alone drives it
//! itself, because to wake another thread and be woken by it costs more than a small request.
//! Otherwise the input and output thread drives it: for calls that run side by side, for bodies
//! that arrive while they are read, and for connections that are kept open between calls.

use std::future::Future;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::process::PerProcess;

/// How long the runtime is left alone after a call, so that the next one can drive it.
const PAUSE: Duration = Duration::from_millis(10);

static IO: PerProcess<OnceCell<Arc<Io>>> = PerProcess::new(OnceCell::new);

/// The runtime of a process, and whose turn it is to drive it.
struct Io {
    runtime: Runtime,
    turn: Mutex<Turn>,
    /// Wakes the input and output thread where it waits for its turn.
    wanted: Condvar,
    /// Wakes it where it drives.
    unwanted: Notify,
}

#[derive(Default)]
struct Turn {
    driver: Driver,
    /// Calls and bodies that need the runtime and do not drive it.
    dependents: usize,
    /// Calls that have driven it.
    calls: u64,
    /// The input and output thread waits for the end of the call that drives. Short calls are
    /// spared telling it, which costs a system call.
    is_awaited: bool,
}

#[derive(Default, PartialEq)]
enum Driver {
    #[default]
    Nobody,
    /// The thread of a call.
    Caller,
    /// The input and output thread.
    Thread,
}

/// The runtime of this process, started on first use.
fn io() -> Result<Arc<Io>> {
    IO.get().get_or_try_init(Io::start).cloned()
}

impl Io {
    fn start() -> Result<Arc<Self>> {
        let problem = |error: std::io::Error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The library's input and output thread cannot be started: {error}."),
            )
        };
        let io = Arc::new(Self {
            runtime: Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(problem)?,
            turn: Mutex::default(),
            wanted: Condvar::new(),
            unwanted: Notify::new(),
        });
        let thread = Arc::clone(&io);
        std::thread::Builder::new()
            .name("apilink-io".into())
            .spawn(move || thread.drive_when_needed())
            .map_err(problem)?;
        Ok(io)
    }

    /// What the input and output thread does.
    fn drive_when_needed(&self) {
        loop {
            self.take_turn();
            self.runtime.block_on(self.unwanted.notified());
            let mut turn = self.lock();
            if turn.dependents == 0 {
                turn.driver = Driver::Nobody;
            }
        }
    }

    /// Waits until somebody depends on the thread, or no call has come for a while.
    fn take_turn(&self) {
        let mut turn = self.lock();
        let mut is_quiet = false;
        while turn.driver != Driver::Thread {
            if turn.driver == Driver::Nobody && (turn.dependents > 0 || is_quiet) {
                turn.driver = Driver::Thread;
                return;
            }
            (turn, is_quiet) = if is_quiet {
                // One call takes long. Its end is told.
                turn.is_awaited = true;
                let after = self.wanted.wait(turn);
                (after.unwrap_or_else(PoisonError::into_inner), false)
            } else {
                let calls = turn.calls;
                let after = self.wanted.wait_timeout(turn, PAUSE);
                let (after, waited) = after.unwrap_or_else(PoisonError::into_inner);
                let is_quiet = waited.timed_out() && after.calls == calls;
                (after, is_quiet)
            };
            turn.is_awaited = false;
        }
    }

    /// The right to drive on this thread, unless somebody drives or depends on another driver.
    fn drive_here(&self) -> Option<Driving<'_>> {
        // A thread drives one runtime at a time.
        if Handle::try_current().is_ok() {
            return None;
        }
        let mut turn = self.lock();
        if turn.driver != Driver::Nobody || turn.dependents > 0 {
            return None;
        }
        turn.driver = Driver::Caller;
        turn.calls = turn.calls.wrapping_add(1);
        Some(Driving(self))
    }

    /// Sees to it that somebody else drives for as long as the result lives.
    fn depend(self: Arc<Self>) -> Dependent {
        let mut turn = self.lock();
        turn.dependents += 1;
        if turn.driver == Driver::Nobody {
            self.wanted.notify_one();
        }
        drop(turn);
        Dependent(self)
    }

    /// Every change is a few assignments that cannot fail.
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of a call.
struct Driving<'a>(&'a Io);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        let mut turn = self.0.lock();
        turn.driver = Driver::Nobody;
        if turn.dependents > 0 || turn.is_awaited {
            self.0.wanted.notify_one();
        }
    }
}

/// Something that needs the runtime to be driven, by whomever.
pub struct Dependent(Arc<Io>);

impl Drop for Dependent {
    fn drop(&mut self) {
        let mut turn = self.0.lock();
        turn.dependents = turn.dependents.saturating_sub(1);
        if turn.dependents == 0 && turn.driver == Driver::Thread {
            self.0.unwanted.notify_one();
        }
    }
}

/// Sees to it that tasks go on after the call that started them, for as long as the result lives.
///
/// # Errors
/// HY000 when the input and output thread cannot be started.
pub fn depend() -> Result<Dependent> {
    io().map(Io::depend)
}

/// Does `work` and waits for its result.
///
/// # Errors
/// The error of `work`; HY008 as soon as `cancel` is cancelled.
pub fn run<T, F>(cancel: &CancellationToken, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let io = io()?;
    if let Some(_turn) = io.drive_here() {
        return io.runtime.block_on(unless_cancelled(cancel, work));
    }
    start_on(io, cancel, work).wait()
}

/// Work that runs on the input and output thread.
pub struct Running<T> {
    result: mpsc::Receiver<Result<T>>,
    _needs: Dependent,
}

impl<T> Running<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// As [`run`].
    pub fn wait(self) -> Result<T> {
        self.result.recv().unwrap_or_else(|_| {
            Err(Diagnostic::new(
                SqlState::GENERAL_ERROR,
                "A task of the library broke off. This is a bug in apilink; please report it.",
            ))
        })
    }
}

/// Starts `work`, so that this thread can do something else meanwhile.
///
/// # Errors
/// HY000 when the input and output thread cannot be started.
pub fn start_work<T, F>(cancel: &CancellationToken, work: F) -> Result<Running<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    Ok(start_on(io()?, cancel, work))
}

fn start_on<T, F>(io: Arc<Io>, cancel: &CancellationToken, work: F) -> Running<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, result) = mpsc::sync_channel(1);
    let cancel = cancel.clone();
    io.runtime.spawn(async move {
        let result = unless_cancelled(&cancel, work).await;
        // Nobody is there to take it if the caller's thread was unwound.
        let _ = sender.send(result);
    });
    Running {
        result,
        _needs: io.depend(),
    }
}

/// Waits on this thread for something that other threads bring about. Works within a runtime of
/// the program's own, too.
///
/// # Errors
/// The error of `work`; HY008 as soon as `cancel` is cancelled.
pub fn wait_for<T>(cancel: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<T> {
    let _needs = depend()?;
    pollster::block_on(unless_cancelled(cancel, work))
}

/// Sleeps.
///
/// # Errors
/// HY008 as soon as `cancel` is cancelled.
pub fn sleep(cancel: &CancellationToken, duration: Duration) -> Result<()> {
    run(cancel, async move {
        tokio::time::sleep(duration).await;
        Ok(())
    })
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Diagnostic::cancelled()),
        result = work => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn work_comes_back() {
        assert_eq!(
            run(&CancellationToken::new(), async { Ok(17) }).unwrap(),
            17
        );
    }

    #[test]
    fn a_call_that_is_alone_is_done_on_its_own_thread_and_others_are_not() {
        let here = std::thread::current().id();
        let cancel = CancellationToken::new();
        let thread = || async { Ok(std::thread::current().id()) };
        // Other tests may be in the way: then it is not alone.
        assert!((0..10_000).any(|_| run(&cancel, thread()).unwrap() == here));
        let needs = depend().unwrap();
        assert_ne!(run(&cancel, thread()).unwrap(), here);
        drop(needs);
    }

    #[test]
    fn work_goes_on_when_the_call_that_started_it_has_ended() {
        let cancel = CancellationToken::new();
        let (sender, receiver) = mpsc::channel();
        // A short call and one that is long enough for the thread to wait for its end.
        for duration in [Duration::ZERO, PAUSE * 5] {
            let sender = sender.clone();
            run(&cancel, async move {
                tokio::time::sleep(duration).await;
                tokio::spawn(async move {
                    tokio::time::sleep(PAUSE).await;
                    sender.send(17).unwrap();
                });
                Ok(())
            })
            .unwrap();
            assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(17));
        }
    }

    #[test]
    fn calls_come_to_their_end_however_they_overlap() {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                std::thread::spawn(move || {
                    let cancel = CancellationToken::new();
                    for call in 0..500 {
                        let answer = run(&cancel, async move {
                            if call % 3 == 0 {
                                tokio::time::sleep(Duration::from_micros(50)).await;
                            }
                            Ok((thread, call))
                        });
                        assert_eq!(answer.unwrap(), (thread, call));
                        if call % 100 == 0 {
                            // Long enough for the input and output thread to take its turn.
                            std::thread::sleep(PAUSE * 2);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn a_call_that_panics_leaves_the_turn_to_others() {
        let cancel = CancellationToken::new();
        let call =
            std::panic::AssertUnwindSafe(|| run::<(), _>(&cancel, async { panic!("on purpose") }));
        // On the thread of the call it is a panic, elsewhere an error.
        if let Ok(result) = std::panic::catch_unwind(call) {
            assert_eq!(result.unwrap_err().sqlstate, SqlState::GENERAL_ERROR);
        }
        assert_eq!(run(&cancel, async { Ok(17) }).unwrap(), 17);
    }

    #[test]
    fn a_cancelled_call_returns_at_once_and_drops_its_work() {
        let cancel = CancellationToken::new();
        let (sender, receiver) = mpsc::channel::<()>();
        let canceller = cancel.clone();
        let thread = std::thread::spawn(move || canceller.cancel());
        let begun = Instant::now();
        let result: Result<()> = run(&cancel, async move {
            std::future::pending::<()>().await;
            drop(sender);
            Ok(())
        });
        assert_eq!(result.unwrap_err().sqlstate, SqlState::CANCELLED);
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(receiver.try_recv() == Err(mpsc::TryRecvError::Disconnected));
        thread.join().unwrap();
    }
}
