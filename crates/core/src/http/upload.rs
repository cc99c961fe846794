//! Request bodies on their way out, and how silence on the wire is told from slow progress.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use crate::error::{Diagnostic, SqlState};
use crate::region::Origin;

/// Pieces in which bytes in memory are sent, so that progress can be seen.
const PIECE: usize = 64 << 10;

/// When something was last heard of a request.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    last: Instant,
    /// The wire waits for the program, not the program for the wire.
    starved: bool,
}

impl Default for Activity {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            last: Instant::now(),
            starved: false,
        })))
    }
}

impl Activity {
    fn note(&self, starved: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            last: Instant::now(),
            starved,
        };
    }

    fn last(&self) -> Instant {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.starved {
            Instant::now()
        } else {
            state.last
        }
    }
}

/// Nothing was heard for this long.
pub(crate) struct Silent(Duration);

impl Silent {
    pub(crate) fn diagnostic(&self, url: &Url) -> Diagnostic {
        let host =
            Origin::of(url).map_or_else(|| "The service".into(), |origin| origin.to_string());
        Diagnostic::new(
            SqlState::TIMEOUT,
            format!(
                "{host} was silent for {} seconds. Try again later, or raise the time limit \
                 (property Timeout).",
                self.0.as_secs_f64()
            ),
        )
    }
}

/// Waits for `work`, but no longer than `limit` since the last activity.
pub(crate) async fn unless_silent<T>(
    limit: Option<Duration>,
    activity: &Activity,
    work: impl Future<Output = T>,
) -> Result<T, Silent> {
    let Some(limit) = limit else {
        return Ok(work.await);
    };
    let mut work = pin!(work);
    activity.note(false);
    loop {
        let deadline = activity.last() + limit;
        tokio::select! {
            biased;
            result = &mut work => return Ok(result),
            () = tokio::time::sleep_until(deadline) => {
                if activity.last() + limit <= Instant::now() {
                    return Err(Silent(limit));
                }
            }
        }
    }
}

/// A request body on its way out.
pub(crate) struct Upload {
    source: Source,
    length: Option<u64>,
    activity: Activity,
}

enum Source {
    Bytes(Bytes),
    Pieces(mpsc::Receiver<std::io::Result<Bytes>>),
}

impl Upload {
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        let length = Some(bytes.len() as u64);
        Self {
            source: Source::Bytes(bytes),
            length,
            activity: Activity::default(),
        }
    }

    pub(crate) fn from_pieces(
        pieces: mpsc::Receiver<std::io::Result<Bytes>>,
        length: Option<u64>,
    ) -> Self {
        Self {
            source: Source::Pieces(pieces),
            length,
            activity: Activity::default(),
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        self.activity.clone()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let piece = match &mut self.source {
            Source::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Source::Bytes(bytes) => {
                let count = bytes.len().min(PIECE);
                Poll::Ready(Some(Ok(bytes.split_to(count))))
            }
            Source::Pieces(pieces) => pieces.poll_recv(context),
        };
        self.activity.note(piece.is_pending());
        if let (Poll::Ready(Some(Ok(piece))), Some(length)) = (&piece, &mut self.length) {
            *length = length.saturating_sub(piece.len() as u64);
        }
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.source, Source::Bytes(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    }

    #[test]
    fn silence_ends_the_wait_and_progress_prolongs_it() {
        test_runtime().block_on(async {
            let limit = Some(Duration::from_secs(10));
            let activity = Activity::default();
            let silent = unless_silent(limit, &activity, std::future::pending::<()>()).await;
            assert!(silent.is_err());

            let progress = activity.clone();
            let slow = async move {
                for _ in 0..10 {
                    tokio::time::sleep(Duration::from_secs(9)).await;
                    progress.note(false);
                }
            };
            assert!(unless_silent(limit, &activity, slow).await.is_ok());
        });
    }

    #[test]
    fn waiting_for_the_program_is_not_silence() {
        test_runtime().block_on(async {
            let activity = Activity::default();
            let waiting = activity.clone();
            let slow_program = async move {
                waiting.note(true);
                tokio::time::sleep(Duration::from_secs(100)).await;
            };
            let limit = Some(Duration::from_secs(10));
            assert!(unless_silent(limit, &activity, slow_program).await.is_ok());
        });
    }
}
