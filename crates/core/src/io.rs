//! The one thread that does the library's input and output, and the ways to wait for it.
//!
//! The library's surface is blocking, and every call can be cancelled. Both come from here: work
//! runs as a task on the input and output thread, the calling thread sleeps until the task is done
//! or cancelled, and a cancelled task is dropped with its sockets before the caller wakes.

use std::future::Future;
use std::sync::mpsc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle};

use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::process::PerProcess;

static RUNTIME: PerProcess<OnceCell<Handle>> = PerProcess::new(OnceCell::new);

/// The runtime of this process, started on first use.
fn runtime() -> Result<Handle> {
    RUNTIME.get().get_or_try_init(start).cloned()
}

fn start() -> Result<Handle> {
    let problem = |error: std::io::Error| {
        Diagnostic::new(
            SqlState::GENERAL_ERROR,
            format!("The library's input and output thread cannot be started: {error}."),
        )
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(problem)?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("apilink-io".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .map_err(problem)?;
    Ok(handle)
}

/// Runs `work` on the input and output thread and waits for its result.
///
/// # Errors
/// The error of `work`; HY008 as soon as `cancel` is cancelled.
pub fn run<T, F>(cancel: &CancellationToken, work: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    start_work(cancel, work)?.wait()
}

/// Work that runs on the input and output thread.
pub struct Running<T>(mpsc::Receiver<Result<T>>);

impl<T> Running<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// As [`run`].
    pub fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or_else(|_| {
            Err(Diagnostic::new(
                SqlState::GENERAL_ERROR,
                "A task of the library broke off. This is a bug in apilink; please report it.",
            ))
        })
    }
}

/// Starts `work` on the input and output thread.
///
/// # Errors
/// HY000 when the thread cannot be started.
pub fn start_work<T, F>(cancel: &CancellationToken, work: F) -> Result<Running<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel(1);
    let cancel = cancel.clone();
    runtime()?.spawn(async move {
        let result = unless_cancelled(&cancel, work).await;
        // Nobody is there to take it if the caller's thread was unwound.
        let _ = sender.send(result);
    });
    Ok(Running(receiver))
}

/// Starts work whose end nobody waits for.
///
/// # Errors
/// HY000 when the thread cannot be started.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    runtime()?.spawn(work);
    Ok(())
}

/// Waits on this thread for something that other threads bring about.
///
/// # Errors
/// The error of `work`; HY008 as soon as `cancel` is cancelled.
pub fn wait_for<T>(cancel: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(unless_cancelled(cancel, work))
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
