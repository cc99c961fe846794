//! Refreshing a token.

use std::io::Read;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use oauth2::{HttpRequest, HttpResponse, RefreshToken};
use once_cell::unsync::OnceCell;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::endpoint::{
    Ended, Grant, MAX_REPLY, client, describe, endpoint_url, grant_problem, no_attempts, token_set,
    tolerant, wait_for_repetition,
};
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState, in_seconds};
use crate::http::client as http_client;
use crate::http::interruptible::{InterruptibleLayer, was_given_up};
use crate::http::lines::Attempted;
use crate::http::tls;
use crate::http::transport::{Failure, Stage, cause, describe_failure};
use crate::http::wire::Wire;
use crate::io;
use crate::log::Lines;
use crate::settings::{Settings, TransportSettings};
use crate::token::TokenSet;

/// Refreshes an access token (RFC 6749 section 6). Once it is given up, nothing is begun any more:
/// neither an attempt nor a connection. An attempt that has its connection cannot be cancelled,
/// because the service may have replaced the refresh token as soon as it has read the request: the
/// reply must be kept. That makes it the one place for a blocking client.
///
/// Dropping it waits for a name that is being looked up, which the system does not break off.
pub(crate) struct Refresh {
    given_up: CancellationToken,
    http: OnceCell<reqwest::blocking::Client>,
}

impl Refresh {
    pub(crate) fn new(given_up: CancellationToken) -> Self {
        Self {
            given_up,
            http: OnceCell::new(),
        }
    }

    /// Cancelled when nobody wants the token any more.
    pub(crate) fn given_up(&self) -> &CancellationToken {
        &self.given_up
    }

    /// Asks for the token. `lines` are for the log.
    ///
    /// # Errors
    /// 28000 when the service refuses the refresh token or the client; 08001, 08S01, HYT00; HY008
    /// while it connects, and between attempts.
    pub(crate) fn run(
        &self,
        settings: &Settings,
        refresh_token: &SecretString,
        lines: &Lines,
    ) -> Result<TokenSet> {
        let client = client(settings, &settings.endpoints.refresh)?;
        let used = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let http = self.http.get_or_try_init(|| {
            let url = &settings.endpoints.refresh;
            blocking_client(&settings.transport, url, self.given_up.clone())
        })?;
        let issued_at = SystemTime::now();
        let reply = client
            .exchange_refresh_token(&used)
            .request(&|request| self.send(settings, http, &request, lines))
            .map_err(|error| grant_problem(error, settings, Grant::Refresh, &[refresh_token]))?;
        token_set(&reply, issued_at)
    }

    /// Sends it, and again after failures that pass by.
    fn send(
        &self,
        settings: &Settings,
        http: &reqwest::blocking::Client,
        request: &HttpRequest,
        lines: &Lines,
    ) -> Result<HttpResponse> {
        let retry = &settings.profile.retry;
        // Others wait for the token store meanwhile.
        let longest = Duration::from_millis(retry.cap_milliseconds);
        let url = endpoint_url(&request.uri().to_string())?;
        for attempt in 1.. {
            let what = || describe(request.method(), &url);
            let attempted = Attempted::begin(lines, what, request.headers());
            let outcome = send_blocking(http, &url, request.clone(), &attempted);
            let outcome = outcome.map_err(|error| failure(error, &settings.transport));
            let ended = match &outcome {
                Ok(reply) => Ended::Reply(reply.status, &reply.headers),
                Err(failure) => {
                    attempted.failed(&failure.diagnostic);
                    Ended::Failure(failure.stage)
                }
            };
            if let Some((wait, why)) = wait_for_repetition(retry, attempt, &ended) {
                let wait = wait.min(longest);
                attempted.waits(wait, why);
                io::sleep(&self.given_up, wait)?;
                continue;
            }
            let reply = outcome.map_err(|failure| failure.diagnostic)?;
            return tolerant(reply.status, Some(reply.body));
        }
        Err(no_attempts())
    }
}

fn blocking_client(
    settings: &TransportSettings,
    url: &Url,
    given_up: CancellationToken,
) -> Result<reqwest::blocking::Client> {
    let way = http_client::Way::to(url, settings);
    let builder = http_client::builder(settings, tls::client_config(settings)?, way, None)?;
    reqwest::blocking::ClientBuilder::from(builder)
        .timeout(refresh_limit(settings))
        .tls_info(true)
        .connector_layer(InterruptibleLayer::new(given_up))
        .build()
        .map_err(|error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The HTTP client cannot be set up: {}.", cause(&error)),
            )
        })
}

/// A refresh that has its connection cannot be cancelled and holds up others, so it has a bound where
/// requests have none.
fn refresh_limit(settings: &TransportSettings) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    settings.timeout.unwrap_or(LONGEST)
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Why there is no reply.
enum Problem {
    Request(reqwest::Error),
    Body(std::io::Error),
}

fn send_blocking(
    http: &reqwest::blocking::Client,
    url: &Url,
    request: HttpRequest,
    attempted: &Attempted<'_, Lines>,
) -> std::result::Result<Reply, Problem> {
    let (parts, body) = request.into_parts();
    let response = http
        .request(parts.method, url.clone())
        .headers(parts.headers)
        .body(body)
        .send()
        .map_err(Problem::Request)?;
    let status = response.status();
    let headers = response.headers().clone();
    attempted.answered(status, &headers, &Wire::of_blocking(&response));
    let mut body = Vec::new();
    // One byte more than is allowed, so that a longer reply is seen to be one.
    response
        .take(MAX_REPLY as u64 + 1)
        .read_to_end(&mut body)
        .map_err(Problem::Body)?;
    Ok(Reply {
        status,
        headers,
        body,
    })
}

fn failure(problem: Problem, settings: &TransportSettings) -> Failure {
    match problem {
        Problem::Request(error) => request_failure(&error, settings),
        // An error of reading a body holds the one of the HTTP client.
        Problem::Body(error) => match error.downcast::<reqwest::Error>() {
            Ok(error) => request_failure(&error, settings),
            Err(error) => link_failure(&error.to_string()),
        },
    }
}

fn request_failure(error: &reqwest::Error, settings: &TransportSettings) -> Failure {
    if was_given_up(error) {
        return Diagnostic::cancelled().into();
    }
    if error.is_timeout() {
        let message = format!(
            "The token endpoint did not answer within {}. Try again later, or raise the time limit \
             (property Timeout).",
            in_seconds(refresh_limit(settings))
        );
        return Diagnostic::new(SqlState::TIMEOUT, message).into();
    }
    describe_failure(error, "the token endpoint", &settings.proxy)
}

fn link_failure(cause: &str) -> Failure {
    let message = format!("The connection to the token endpoint broke: {cause}.");
    Failure {
        stage: Stage::Link,
        diagnostic: Diagnostic::new(SqlState::LINK_FAILURE, message),
    }
}

/// Reads a reply of the token endpoint to a refresh as [`Refresh`] does, without a network.
///
/// # Errors
/// 28000 when there are no tokens in the reply.
#[cfg(feature = "fuzzing")]
pub fn read_token_reply(
    settings: &Settings,
    refresh_token: &SecretString,
    status: http::StatusCode,
    body: &[u8],
) -> Result<TokenSet> {
    let client = client(settings, &settings.endpoints.refresh)?;
    let used = RefreshToken::new(refresh_token.expose_secret().to_owned());
    let reply = client
        .exchange_refresh_token(&used)
        .request(&|_| tolerant(status, Some(body.to_vec())))
        .map_err(|error| grant_problem(error, settings, Grant::Refresh, &[refresh_token]))?;
    token_set(&reply, SystemTime::now())
}
