//! Connecting that can be broken off, for the blocking client, whose calls cannot.

use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::cancel::CancellationToken;

type BoxError = Box<dyn Error + Send + Sync>;

/// A layer around a client's connector (`reqwest::ClientBuilder::connector_layer`). It gives
/// connecting up as soon as `given_up` is cancelled: looking the name up, the socket, the proxy and
/// the handshake of TLS. A connection that stands is left alone.
#[derive(Clone, Debug)]
pub(crate) struct InterruptibleLayer {
    given_up: CancellationToken,
}

/// A connector within an [`InterruptibleLayer`].
#[derive(Clone, Debug)]
pub(crate) struct Interruptible<S> {
    connector: S,
    given_up: CancellationToken,
}

/// Connecting was given up.
#[derive(Debug)]
struct GivenUp;

impl InterruptibleLayer {
    pub(crate) fn new(given_up: CancellationToken) -> Self {
        Self { given_up }
    }
}

impl<S> Layer<S> for InterruptibleLayer {
    type Service = Interruptible<S>;

    fn layer(&self, connector: S) -> Interruptible<S> {
        Interruptible {
            connector,
            given_up: self.given_up.clone(),
        }
    }
}

impl<S, Destination> Service<Destination> for Interruptible<S>
where
    S: Service<Destination, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, destination: Destination) -> Self::Future {
        let connecting = self.connector.call(destination);
        let given_up = self.given_up.clone();
        Box::pin(async move {
            tokio::select! {
                // A connection that comes too late is not used.
                biased;
                () = given_up.cancelled() => Err(GivenUp.into()),
                connection = connecting => connection,
            }
        })
    }
}

impl Display for GivenUp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("it was given up")
    }
}

impl Error for GivenUp {}

/// Whether a request failed because connecting was given up, so that nothing was sent.
pub(crate) fn was_given_up(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(reason) = next {
        if reason.is::<GivenUp>() {
            return true;
        }
        next = reason.source();
    }
    false
}
