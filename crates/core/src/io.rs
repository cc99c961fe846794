//! Input and output: who does it, and the ways to wait for it.
//!
//! The library's surface is blocking, and every call can be cancelled. Both come from here: work
//! runs on a runtime, the calling thread waits until the work is done or cancelled, and cancelled
//! work is dropped with its sockets before the caller goes on.
//!
//! A runtime does nothing unless a thread drives it, one at a time. A call drives one itself,
//! because to wake another thread and be woken by it costs more than a small request. So there is
//! a runtime for every call that runs at the same time, up to a bound: a *lane*, started when all
//! earlier ones are busy. What is open between calls stays in its lane, so connections are used
//! again by the next call there, and a call that is alone always takes the first lane.
//!
//! Each lane has a thread as well, which drives it when no call does: for calls that find every
//! lane busy, for bodies that arrive while they are read, and for connections that are kept open
//! between calls.

use std::future::Future;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::broken_pipe::held_back;
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::process::PerProcess;

/// How many lanes there are at most.
pub(crate) const LANES: usize = 16;

/// How long a lane is left alone after a call, so that the next one can drive it. What a call that
/// was cancelled leaves behind is cleared away after twice that at the latest.
const PAUSE: Duration = Duration::from_millis(30);

static IO: PerProcess<[OnceCell<Arc<Lane>>; LANES]> =
    PerProcess::new(|| [const { OnceCell::new() }; LANES]);

/// A runtime, and whose turn it is to drive it.
pub struct Lane {
    number: usize,
    runtime: Runtime,
    turn: Mutex<Turn>,
    /// Wakes the lane's thread where it waits for its turn.
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
    /// The lane's thread waits for the end of the call that drives. Short calls are spared telling
    /// it, which costs a system call.
    is_awaited: bool,
}

impl Turn {
    fn is_idle(&self) -> bool {
        self.driver != Driver::Caller && self.dependents == 0
    }
}

#[derive(Default, PartialEq)]
enum Driver {
    #[default]
    Nobody,
    /// The thread of a call.
    Caller,
    /// The lane's thread.
    Thread,
}

/// Which lanes work may go to.
#[derive(Clone, Copy)]
pub enum Lanes {
    /// All of them.
    Any,
    /// The first one, where calls that run at the same time can share what is open.
    First,
}

impl Lanes {
    fn count(self) -> usize {
        match self {
            Self::Any => LANES,
            Self::First => 1,
        }
    }
}

/// A place in a lane.
enum Place {
    /// This thread drives it.
    Here(Driving),
    /// Somebody else does.
    Elsewhere(Dependent),
}

/// Finds a place for work: in the first lane that is idle, or in the least busy one.
fn place(lanes: Lanes, may_drive: bool) -> Result<Place> {
    // A thread drives one runtime at a time.
    let may_drive = may_drive && Handle::try_current().is_err();
    IO.with(|io| place_in(io.get(..lanes.count()).unwrap_or(io), may_drive))
}

fn place_in(lanes: &[OnceCell<Arc<Lane>>], may_drive: bool) -> Result<Place> {
    for (number, lane) in lanes.iter().enumerate() {
        let lane = lane.get_or_try_init(|| Lane::start(number))?;
        if let Some(place) = lane.place_if_idle(may_drive) {
            return Ok(place);
        }
    }
    let lanes = lanes.iter().filter_map(OnceCell::get);
    let least_busy = lanes.min_by_key(|lane| lane.lock().dependents);
    // There is always one.
    least_busy
        .map(|lane| Place::Elsewhere(lane.depend()))
        .ok_or_else(broken_off)
}

impl Lane {
    fn start(number: usize) -> Result<Arc<Self>> {
        let problem = |error: std::io::Error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The library's input and output thread cannot be started: {error}."),
            )
        };
        let lane = Arc::new(Self {
            number,
            runtime: Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(problem)?,
            turn: Mutex::default(),
            wanted: Condvar::new(),
            unwanted: Notify::new(),
        });
        let thread = Arc::clone(&lane);
        std::thread::Builder::new()
            .name("apilink-io".into())
            .spawn(move || held_back(|| thread.drive_when_needed()))
            .map_err(problem)?;
        Ok(lane)
    }

    /// Which one it is: less than [`LANES`].
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What the lane's thread does.
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

    /// A place here if nobody else has one: to drive, unless the lane's thread does so already.
    fn place_if_idle(self: &Arc<Self>, may_drive: bool) -> Option<Place> {
        let mut turn = self.lock();
        if !turn.is_idle() {
            return None;
        }
        if !may_drive || turn.driver == Driver::Thread {
            return Some(Place::Elsewhere(self.depend_in(turn)));
        }
        turn.driver = Driver::Caller;
        turn.calls = turn.calls.wrapping_add(1);
        Some(Place::Here(Driving(Arc::clone(self))))
    }

    /// Sees to it that somebody else drives for as long as the result lives.
    pub(crate) fn depend(self: &Arc<Self>) -> Dependent {
        self.depend_in(self.lock())
    }

    fn depend_in(self: &Arc<Self>, mut turn: MutexGuard<'_, Turn>) -> Dependent {
        turn.dependents += 1;
        if turn.driver == Driver::Nobody {
            self.wanted.notify_one();
        }
        Dependent(Arc::clone(self))
    }

    /// Every change is a few assignments that cannot fail.
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of a call.
struct Driving(Arc<Lane>);

impl Drop for Driving {
    fn drop(&mut self) {
        let mut turn = self.0.lock();
        turn.driver = Driver::Nobody;
        if turn.dependents > 0 || turn.is_awaited {
            self.0.wanted.notify_one();
        }
    }
}

/// Something that needs a lane to be driven, by whomever.
pub struct Dependent(Arc<Lane>);

impl Drop for Dependent {
    fn drop(&mut self) {
        let mut turn = self.0.lock();
        turn.dependents = turn.dependents.saturating_sub(1);
        if turn.dependents == 0 && turn.driver == Driver::Thread {
            self.0.unwanted.notify_one();
        }
    }
}

/// Does the work that `work` makes for a lane, and waits for its result.
///
/// # Errors
/// The error of the work; HY008 as soon as `cancel` is cancelled; HY000 when the thread of a lane
/// cannot be started.
pub fn run<T, F>(
    lanes: Lanes,
    cancel: &CancellationToken,
    work: impl FnOnce(&Arc<Lane>) -> F,
) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    match place(lanes, true)? {
        Place::Here(turn) => {
            let lane = &turn.0;
            let work = work(lane);
            held_back(|| lane.runtime.block_on(unless_cancelled(cancel, work)))
        }
        Place::Elsewhere(place) => {
            let work = work(&place.0);
            start_at(place, cancel, work).wait()
        }
    }
}

/// Work that runs in a lane that this thread does not drive.
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
        self.result.recv().unwrap_or_else(|_| Err(broken_off()))
    }
}

fn broken_off() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "A task of the library broke off. This is a bug in apilink; please report it.",
    )
}

/// Starts the work that `work` makes for a lane, so that this thread can do something else
/// meanwhile.
///
/// # Errors
/// HY000 when the thread of a lane cannot be started.
pub fn start_work<T, F>(
    lanes: Lanes,
    cancel: &CancellationToken,
    work: impl FnOnce(&Arc<Lane>) -> F,
) -> Result<Running<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let place = match place(lanes, false)? {
        Place::Here(turn) => turn.0.depend(),
        Place::Elsewhere(place) => place,
    };
    let work = work(&place.0);
    Ok(start_at(place, cancel, work))
}

fn start_at<T, F>(place: Dependent, cancel: &CancellationToken, work: F) -> Running<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, result) = mpsc::sync_channel(1);
    let cancel = cancel.clone();
    place.0.runtime.spawn(async move {
        let result = unless_cancelled(&cancel, work).await;
        // Nobody is there to take it if the caller's thread was unwound.
        let _ = sender.send(result);
    });
    Running {
        result,
        _needs: place,
    }
}

/// Waits on this thread for something that other threads bring about. Works within a runtime of
/// the program's own, too.
///
/// # Errors
/// The error of `work`; HY008 as soon as `cancel` is cancelled.
pub fn wait_for<T>(cancel: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<T> {
    pollster::block_on(unless_cancelled(cancel, work))
}

/// Sleeps.
///
/// # Errors
/// HY008 as soon as `cancel` is cancelled.
pub fn sleep(cancel: &CancellationToken, duration: Duration) -> Result<()> {
    run(Lanes::Any, cancel, |_| async move {
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
            run(Lanes::Any, &CancellationToken::new(), |_| async { Ok(17) }).unwrap(),
            17
        );
    }

    #[test]
    fn a_call_that_is_alone_is_done_on_its_own_thread_and_others_are_not() {
        let here = std::thread::current().id();
        let cancel = CancellationToken::new();
        let thread = |_: &Arc<Lane>| async { Ok(std::thread::current().id()) };
        // Other tests may be in the way: then it is not alone.
        assert!((0..10_000).any(|_| run(Lanes::Any, &cancel, thread).unwrap() == here));
        let busy: Vec<_> = (0..LANES * 2)
            .map(|_| place(Lanes::Any, false).unwrap())
            .collect();
        assert_ne!(run(Lanes::Any, &cancel, thread).unwrap(), here);
        drop(busy);
    }

    /// Runs work in as many threads at the same time; in which lanes, and whether on the threads'
    /// own.
    fn side_by_side(lanes: Lanes, threads: usize) -> Vec<(usize, bool)> {
        let all_have_begun = Arc::new(tokio::sync::Barrier::new(threads));
        let call = || {
            let (here, met) = (std::thread::current().id(), Arc::clone(&all_have_begun));
            let work = |lane: &Arc<Lane>| {
                let number = lane.number();
                async move {
                    met.wait().await;
                    Ok((number, std::thread::current().id() == here))
                }
            };
            run(lanes, &CancellationToken::new(), work).unwrap()
        };
        std::thread::scope(|scope| {
            let calls: Vec<_> = (0..threads).map(|_| scope.spawn(call)).collect();
            let mut places: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
            places.sort_unstable();
            places
        })
    }

    #[test]
    fn calls_side_by_side_have_a_lane_each_and_do_their_own_work() {
        let expected: Vec<_> = (0..LANES).map(|lane| (lane, true)).collect();
        // A lane that its own thread drives just then is left to it.
        assert!((0..100).any(|_| side_by_side(Lanes::Any, LANES) == expected));
    }

    #[test]
    fn calls_beyond_the_number_of_lanes_and_those_of_the_first_share_them() {
        let places = side_by_side(Lanes::Any, LANES * 3);
        for lane in 0..LANES {
            assert!(places.iter().filter(|(number, _)| *number == lane).count() > 1);
        }
        let places = side_by_side(Lanes::First, 5);
        assert!(places.iter().all(|(lane, _)| *lane == 0), "{places:?}");
    }

    #[test]
    fn work_goes_on_when_the_call_that_started_it_has_ended() {
        let cancel = CancellationToken::new();
        let (sender, receiver) = mpsc::channel();
        // A short call and one that is long enough for the thread to wait for its end.
        for duration in [Duration::ZERO, PAUSE * 5] {
            let sender = sender.clone();
            run(Lanes::Any, &cancel, |_| async move {
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
                        let answer = run(Lanes::Any, &cancel, |_| async move {
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
        let call = std::panic::AssertUnwindSafe(|| {
            run::<(), _>(Lanes::Any, &cancel, |_| async { panic!("on purpose") })
        });
        // On the thread of the call it is a panic, elsewhere an error.
        if let Ok(result) = std::panic::catch_unwind(call) {
            assert_eq!(result.unwrap_err().sqlstate, SqlState::GENERAL_ERROR);
        }
        assert_eq!(run(Lanes::Any, &cancel, |_| async { Ok(17) }).unwrap(), 17);
    }

    #[test]
    fn a_cancelled_call_returns_at_once_and_drops_its_work() {
        let cancel = CancellationToken::new();
        let (sender, receiver) = mpsc::channel::<()>();
        let canceller = cancel.clone();
        let thread = std::thread::spawn(move || canceller.cancel());
        let begun = Instant::now();
        let result: Result<()> = run(Lanes::Any, &cancel, |_| async move {
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
