//! Request bodies on their way out, and how silence on the wire is told from slow progress.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::Url;

use crate::error::{Diagnostic, SqlState, in_seconds};
use crate::region::Origin;

/// Pieces in which bytes in memory are sent, so that progress can be seen.
const PIECE: usize = 64 << 10;

/// How slowly a wire may take a body, in bytes a second, before that counts as silence.
const SLOWEST: u32 = 16 << 10;
/// How many bytes of a body the system may have taken over and not sent yet: what Linux keeps for a
/// connection at most unless it is configured otherwise (`tcp_wmem` in tcp(7)). Others keep less.
const UNSENT: u32 = 4 << 20;

/// When something was last heard of a request.
///
/// The system takes over the pieces of a body long before it sends them, and there is no portable
/// way to see it send. So they are taken to go out at the slowest rate that is allowed, and silence
/// begins when the last of them must have gone.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    last: Instant,
    /// When all that was handed over is sent, at the slowest rate.
    sent_by: Instant,
    /// The wire waits for the program, not the program for the wire.
    is_starved: bool,
}

impl Default for Activity {
    fn default() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            last: now,
            sent_by: now,
            is_starved: false,
        })))
    }
}

impl Activity {
    /// The request takes over so many bytes of its body.
    fn hand_over(&self, count: usize) {
        let now = Instant::now();
        let mut state = self.state();
        let unsent = state.sent_by.max(now) + time_for(u32::try_from(count).unwrap_or(UNSENT));
        *state = State {
            last: now,
            sent_by: unsent.min(now + time_for(UNSENT)),
            is_starved: false,
        };
    }

    /// The request wants more of its body than the program has ready.
    fn starve(&self) {
        self.state().is_starved = true;
    }

    /// How long nothing may be heard since the last activity, and when that is over.
    fn patience(&self, limit: Duration) -> (Duration, Instant) {
        let state = self.state();
        if state.is_starved {
            return (limit, Instant::now() + limit);
        }
        let silence = limit + state.sent_by.saturating_duration_since(state.last);
        (silence, state.last + silence)
    }

    /// Every change is a few assignments that cannot fail.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the slowest wire takes for so many bytes.
fn time_for(bytes: u32) -> Duration {
    Duration::from_secs(bytes.into()) / SLOWEST
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
                "{host} was silent for {}. Try again later, or raise the time limit (property \
                 Timeout).",
                in_seconds(self.0)
            ),
        )
    }
}

/// Waits for `work`, but no longer than `limit` since the last activity: see [`Activity`] for when
/// that was while a body is sent.
pub(crate) async fn unless_silent<T>(
    limit: Option<Duration>,
    activity: &Activity,
    work: impl Future<Output = T>,
) -> Result<T, Silent> {
    let Some(limit) = limit else {
        return Ok(work.await);
    };
    let mut work = pin!(work);
    activity.hand_over(0);
    loop {
        let (_, deadline) = activity.patience(limit);
        tokio::select! {
            biased;
            result = &mut work => return Ok(result),
            () = tokio::time::sleep_until(deadline) => {
                let (silence, deadline) = activity.patience(limit);
                if deadline <= Instant::now() {
                    return Err(Silent(silence));
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
        match &piece {
            Poll::Pending => self.activity.starve(),
            Poll::Ready(Some(Ok(piece))) => {
                let count = piece.len();
                self.activity.hand_over(count);
                if let Some(length) = &mut self.length {
                    *length = length.saturating_sub(count as u64);
                }
            }
            Poll::Ready(_) => self.activity.hand_over(0),
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
                    progress.hand_over(0);
                }
            };
            assert!(unless_silent(limit, &activity, slow).await.is_ok());
        });
    }

    #[test]
    fn short_silence_is_told_in_fractions_of_a_second() {
        let url = Url::parse("https://service.example/list?code=canary").unwrap();
        let message = Silent(Duration::from_millis(250)).diagnostic(&url).message;
        assert!(
            message.starts_with("https://service.example was silent for 0.25 seconds."),
            "{message}"
        );
    }

    #[test]
    fn waiting_for_the_program_is_not_silence() {
        test_runtime().block_on(async {
            let activity = Activity::default();
            let waiting = activity.clone();
            let slow_program = async move {
                waiting.starve();
                tokio::time::sleep(Duration::from_secs(100)).await;
            };
            let limit = Some(Duration::from_secs(10));
            assert!(unless_silent(limit, &activity, slow_program).await.is_ok());
        });
    }
    /// How long it takes until a request is given up that has handed over pieces of so many bytes,
    /// with a second between them, and hears nothing.
    fn given_up_after(pieces: &[usize]) -> Duration {
        test_runtime().block_on(async {
            let activity = Activity::default();
            let handed_over = activity.clone();
            let request = async move {
                for count in pieces {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    handed_over.hand_over(*count);
                }
                std::future::pending::<()>().await;
            };
            let begun = Instant::now();
            let limit = Some(Duration::from_secs(10));
            let silent = unless_silent(limit, &activity, request).await;
            assert!(silent.is_err());
            begun.elapsed()
        })
    }

    #[test]
    fn what_was_handed_over_is_given_time_to_go_out() {
        const RATE: usize = SLOWEST as usize;
        for (pieces, expected) in [
            (&[][..], 10),
            (&[RATE][..], 1 + 1 + 10),
            (&[3 * RATE, 3 * RATE], 1 + 6 + 10),
            // What went out in the meantime does not count again.
            (&[RATE; 20], 20 + 1 + 10),
            (&[RATE / 4; 20], 20 + 10),
            // However long the body, the system has not more than this of it.
            (&[1 << 30, 1 << 30], 2 + 256 + 10),
        ] {
            let after = given_up_after(pieces);
            assert_eq!((after.as_millis() + 500) / 1000, expected, "{pieces:?}");
        }
    }
}
