//! One attempt to send a request: no token, no repetition, no redirect.

use std::future::Future;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Version};
use once_cell::sync::OnceCell;
use rustls::ClientConfig;
use tokio::sync::mpsc;
use url::Url;

use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::http::client::{self, Way};
use crate::http::request::RequestBody;
use crate::http::response::{Arrival, Response, Rest};
use crate::http::tls;
use crate::http::upload::{Activity, Upload, limit_of_system, unless_silent};
use crate::http::wire::Wire;
use crate::io::{self, LANES, Lane, Lanes};
use crate::log::Log;
use crate::platform;
use crate::region::Origin;
use crate::settings::{ProxySettings, TransportSettings};

/// How much of a body is collected before the reply is handed over. Lists of 200 records are far
/// below it; larger bodies arrive while they are read.
const EAGER_LIMIT: usize = 4 << 20;
/// Bodies of this declared size are collected at once whatever they hold.
const SMALL_BODY: u64 = 64 << 10;
/// Pieces of a body that may wait to be read; a piece is at most some 400 KiB.
const PIECES_AHEAD: usize = 4;
/// RFC 9110 section 15.
const HTTP_STATUSES: RangeInclusive<u16> = 100..=599;
/// Size of the pieces in which a file or a callback is sent.
const UPLOAD_PIECE: usize = 64 << 10;

/// The HTTP clients of a connection: one for each lane of input and output, made when it is first
/// needed, because what a client keeps open belongs to the runtime that it was opened in.
#[derive(Debug)]
pub(crate) struct Transport {
    settings: TransportSettings,
    /// Shared by the clients, and with it the TLS sessions that can be resumed.
    tls: OnceCell<ClientConfig>,
    clients: Clients,
    /// Those for hosts that are reached without the proxy.
    direct_clients: Clients,
    /// Those for requests that may wait longer than others, which the system does not give up.
    patient_clients: Clients,
    patient_direct_clients: Clients,
    /// Replies tell of the certificate that the service has shown.
    keeps_certificates: bool,
    /// A host speaks HTTP/2, over which one connection serves calls side by side.
    has_http_2: Arc<AtomicBool>,
}

type Clients = [OnceCell<reqwest::Client>; LANES];

/// What one attempt sends, apart from the body.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Bounds connecting, and silence on the wire.
    pub(crate) timeout: Option<Duration>,
}

/// Why an attempt brought no reply.
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) diagnostic: Diagnostic,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No connection was made, so nothing was sent.
    Connecting,
    /// The connection broke; the service may or may not have done what was asked.
    Link,
    /// Cancelled, out of time, or a problem on this side: not to be repeated.
    Final,
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            stage: Stage::Final,
            diagnostic,
        }
    }
}

impl Transport {
    pub(crate) fn new(settings: TransportSettings, log: &Log) -> Self {
        Self {
            settings,
            tls: OnceCell::new(),
            clients: [const { OnceCell::new() }; LANES],
            direct_clients: [const { OnceCell::new() }; LANES],
            patient_clients: [const { OnceCell::new() }; LANES],
            patient_direct_clients: [const { OnceCell::new() }; LANES],
            keeps_certificates: log.wants(4),
            has_http_2: Arc::default(),
        }
    }

    pub(crate) fn settings(&self) -> &TransportSettings {
        &self.settings
    }

    /// The client for a request to `url` with this time limit.
    fn client(&self, lane: &Lane, url: &Url, timeout: Option<Duration>) -> Result<reqwest::Client> {
        let way = Way::to(url, &self.settings);
        let usual = self.settings.timeout;
        let limit = usual.filter(|usual| timeout.is_some_and(|timeout| timeout <= *usual));
        let limit = limit.map(limit_of_system);
        let problem = |error: reqwest::Error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The HTTP client cannot be set up: {}.", cause(&error)),
            )
        };
        let make = || {
            let tls = self
                .tls
                .get_or_try_init(|| tls::client_config(&self.settings))?;
            let builder = client::builder(&self.settings, tls.clone(), way, limit)?;
            builder
                .tls_info(self.keeps_certificates)
                .build()
                .map_err(problem)
        };
        let clients = match (way, limit) {
            (Way::Configured, Some(_)) => &self.clients,
            (Way::Direct, Some(_)) => &self.direct_clients,
            (Way::Configured, None) => &self.patient_clients,
            (Way::Direct, None) => &self.patient_direct_clients,
        };
        match clients.get(lane.number()) {
            Some(client) => client.get_or_try_init(make).cloned(),
            None => make(),
        }
    }

    /// Sends a request and waits for the head of the reply, and for the body if it is small,
    /// JSON, or an error.
    pub(crate) fn send(
        &self,
        attempt: Attempt,
        body: &mut RequestBody<'_>,
        cancel: &CancellationToken,
    ) -> std::result::Result<Response, Failure> {
        match body {
            RequestBody::Empty => self.run(attempt, None, cancel)?,
            RequestBody::Bytes(bytes) => {
                let upload = Upload::from_bytes(bytes.clone());
                self.run(attempt, Some(upload), cancel)?
            }
            RequestBody::File(path) => {
                let problem = |error: std::io::Error| {
                    Diagnostic::new(
                        SqlState::GENERAL_ERROR,
                        format!("The file {} cannot be read: {error}.", path.display()),
                    )
                };
                let mut file = platform::open_file(path).map_err(problem)?;
                let length = file.metadata().map_err(problem)?.len();
                self.feed(attempt, &mut file, Some(length), cancel)?
            }
            RequestBody::Reader { reader, length } => {
                self.feed(attempt, *reader, *length, cancel)?
            }
        }
    }

    /// Sends a body that this thread reads while the request is under way.
    fn feed(
        &self,
        attempt: Attempt,
        reader: &mut dyn Read,
        length: Option<u64>,
        cancel: &CancellationToken,
    ) -> Result<std::result::Result<Response, Failure>> {
        let (sender, receiver) = mpsc::channel(2);
        let upload = Upload::from_pieces(receiver, length);
        let running = io::start_work(self.lanes(), cancel, |lane| {
            self.exchange(lane, attempt, Some(upload))
        })?;
        let fed = pump_in(reader, length, &sender, cancel);
        drop(sender);
        let result = running.wait();
        // Why the body broke off says more than that the request did.
        fed?;
        result
    }

    fn run(
        &self,
        attempt: Attempt,
        upload: Option<Upload>,
        cancel: &CancellationToken,
    ) -> Result<std::result::Result<Response, Failure>> {
        io::run(self.lanes(), cancel, |lane| {
            self.exchange(lane, attempt, upload)
        })
    }

    /// The work of one attempt, in a lane.
    fn exchange(
        &self,
        lane: &Arc<Lane>,
        attempt: Attempt,
        upload: Option<Upload>,
    ) -> impl Future<Output = Result<std::result::Result<Response, Failure>>> + use<> {
        let client = self.client(lane, &attempt.url, attempt.timeout);
        let (lane, has_http_2) = (Arc::clone(lane), Arc::clone(&self.has_http_2));
        let proxy = self.settings.proxy.clone();
        async move {
            let exchange = exchange(&lane, client?, attempt, upload, &has_http_2, &proxy);
            Ok(exchange.await)
        }
    }

    /// Calls share a connection where they can.
    fn lanes(&self) -> Lanes {
        if self.has_http_2.load(Ordering::Relaxed) {
            Lanes::First
        } else {
            Lanes::Any
        }
    }
}

/// Reads a body and hands it to the request, until the end or until the request wants no more.
fn pump_in(
    reader: &mut dyn Read,
    length: Option<u64>,
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
    cancel: &CancellationToken,
) -> Result<()> {
    let mut left = length;
    loop {
        let mut piece = vec![0; UPLOAD_PIECE];
        let count = match reader.read(&mut piece) {
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return broken_off(sender, format!("{error}"), cancel),
        };
        if count == 0 {
            return match left {
                Some(missing) if missing > 0 => broken_off(
                    sender,
                    format!("it ended {missing} bytes before its stated length"),
                    cancel,
                ),
                _ => Ok(()),
            };
        }
        if let Some(rest) = &mut left {
            let Some(smaller) = rest.checked_sub(count as u64) else {
                let why = "it is longer than its stated length".into();
                return broken_off(sender, why, cancel);
            };
            *rest = smaller;
        }
        piece.truncate(count);
        if !hand_over(sender, Ok(Bytes::from(piece)), cancel) {
            return Ok(());
        }
    }
}

/// Whether the request takes the piece. It does not when the reply is there before the end of the
/// body, or when the call was cancelled.
fn hand_over(
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
    piece: std::io::Result<Bytes>,
    cancel: &CancellationToken,
) -> bool {
    io::wait_for(cancel, async { Ok(sender.send(piece).await.is_ok()) }).unwrap_or(false)
}

fn broken_off(
    sender: &mpsc::Sender<std::io::Result<Bytes>>,
    why: String,
    cancel: &CancellationToken,
) -> Result<()> {
    let message = format!("The body of the request broke off: {why}.");
    hand_over(sender, Err(std::io::Error::other(why)), cancel);
    Err(Diagnostic::new(SqlState::GENERAL_ERROR, message))
}

async fn exchange(
    lane: &Arc<Lane>,
    client: reqwest::Client,
    attempt: Attempt,
    upload: Option<Upload>,
    has_http_2: &AtomicBool,
    proxy: &ProxySettings,
) -> std::result::Result<Response, Failure> {
    let Attempt {
        method,
        url,
        mut headers,
        timeout,
    } = attempt;
    if announces_no_body(&method, upload.as_ref()) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let activity = upload
        .as_ref()
        .map_or_else(Activity::default, Upload::activity);
    let mut request = reqwest::Request::new(method, url.clone());
    *request.headers_mut() = headers;
    *request.body_mut() = upload.map(reqwest::Body::wrap);
    let mut reply = unless_silent(timeout, &activity, client.execute(request))
        .await
        .map_err(|silent| Failure::from(silent.diagnostic(&url)))?
        .map_err(|error| failure(&error, &url, proxy))?;
    if reply.version() == Version::HTTP_2 {
        has_http_2.store(true, Ordering::Relaxed);
    }
    let status = reply.status();
    if !HTTP_STATUSES.contains(&status.as_u16()) {
        let cause = format!("its status is {}", status.as_u16());
        return Err(not_http(&host(&url), &cause));
    }
    let wire = Wire::of(&reply);
    let headers = std::mem::take(reply.headers_mut());
    let mut collected = Vec::new();
    if is_collected_at_once(status, &headers, reply.content_length()) {
        if let Some(length) = reply.content_length() {
            // One byte more, which `WholeBody` needs.
            collected.reserve(usize::try_from(length).unwrap_or(0).min(EAGER_LIMIT) + 1);
        }
        while collected.len() < EAGER_LIMIT {
            match next_piece(&mut reply, timeout, &url).await? {
                Some(piece) => collected.extend_from_slice(&piece),
                None => return Ok(Response::new(status, headers, url, collected, None, wire)),
            }
        }
    }
    let rest = pump_out(lane, reply, timeout, url.clone());
    Ok(Response::new(
        status,
        headers,
        url,
        collected,
        Some(rest),
        wire,
    ))
}

/// Methods that are expected to have a body say so when they have none (RFC 9110 section 8.6).
fn announces_no_body(method: &Method, upload: Option<&Upload>) -> bool {
    [Method::POST, Method::PUT, Method::PATCH].contains(method)
        && upload.is_none_or(Upload::is_empty)
}

fn is_collected_at_once(
    status: http::StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
) -> bool {
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    is_json || !status.is_success() || length.is_some_and(|length| length <= SMALL_BODY)
}

async fn next_piece(
    reply: &mut reqwest::Response,
    timeout: Option<Duration>,
    url: &Url,
) -> std::result::Result<Option<Bytes>, Failure> {
    unless_silent(timeout, &Activity::default(), reply.chunk())
        .await
        .map_err(|silent| Failure::from(silent.diagnostic(url)))?
        .map_err(|error| failure(&error, url, &ProxySettings::Direct))
}

/// Moves the rest of a body into a channel, a few pieces ahead of its reader.
fn pump_out(
    lane: &Arc<Lane>,
    mut reply: reqwest::Response,
    timeout: Option<Duration>,
    url: Url,
) -> Rest {
    let (sender, arriving) = mpsc::channel(PIECES_AHEAD);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let pump = async move {
        loop {
            let arrival = match next_piece(&mut reply, timeout, &url).await {
                Ok(Some(piece)) => Arrival::Piece(piece),
                Ok(None) => Arrival::End,
                Err(failure) => Arrival::Failure(failure.diagnostic),
            };
            let is_last = !matches!(arrival, Arrival::Piece(_));
            if sender.send(arrival).await.is_err() || is_last {
                return;
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = pump => {}
        }
    });
    Rest::new(arriving, stop.drop_guard(), lane.depend())
}

fn failure(error: &reqwest::Error, url: &Url, proxy: &ProxySettings) -> Failure {
    describe_failure(error, &host(url), proxy)
}

fn host(url: &Url) -> String {
    Origin::of(url).map_or_else(|| "the service".to_owned(), |origin| origin.to_string())
}

/// Why a request to `whom` brought no reply, and how far it came.
pub(crate) fn describe_failure(
    error: &reqwest::Error,
    whom: &str,
    proxy: &ProxySettings,
) -> Failure {
    let cause = cause(error);
    if error.is_connect() {
        let message = format!(
            "{} cannot be reached{}: {cause}. Check the network, and the proxy and TLS properties \
             of the connection string.",
            capitalised(whom),
            through(proxy)
        );
        return Failure {
            stage: if is_tls_refusal(error) {
                Stage::Final
            } else {
                Stage::Connecting
            },
            diagnostic: Diagnostic::new(SqlState::CANNOT_CONNECT, message),
        };
    }
    if is_limit_of_system(error) {
        let message = format!(
            "{} took nothing more of what was sent, until the system gave the connection up. Try \
             again later, or raise the time limit (property Timeout).",
            capitalised(whom)
        );
        return Diagnostic::new(SqlState::TIMEOUT, message).into();
    }
    if is_of_hyper(error, hyper::Error::is_parse) {
        return not_http(whom, &cause);
    }
    // The connection was closed before anything of the request was written to it.
    let is_unsent = is_of_hyper(error, hyper::Error::is_canceled);
    let message = format!("The connection to {whom} broke while a request was under way: {cause}.");
    Failure {
        stage: if is_unsent {
            Stage::Connecting
        } else {
            Stage::Link
        },
        diagnostic: Diagnostic::new(SqlState::LINK_FAILURE, message),
    }
}

/// Asking again would bring the same.
fn not_http(whom: &str, cause: &str) -> Failure {
    let message = format!(
        "The reply of {whom} is not proper HTTP: {cause}. Check Region, and the proxy properties of \
         the connection string: something else may answer in the service's place."
    );
    Diagnostic::new(SqlState::LINK_FAILURE, message).into()
}

/// By which proxy of the connection string a host is reached, if by any.
fn through(proxy: &ProxySettings) -> String {
    let Some(name) = proxy.named() else {
        return String::new();
    };
    match proxy {
        ProxySettings::Through { exceptions, .. } if !exceptions.is_empty() => {
            format!(" (through the proxy {name}, unless ProxyExceptions names the host)")
        }
        _ => format!(" through the proxy {name}"),
    }
}

fn capitalised(text: &str) -> String {
    text.strip_prefix("the ")
        .map_or_else(|| text.to_owned(), |rest| format!("The {rest}"))
}

/// Whether the HTTP protocol failed in this way.
fn is_of_hyper(
    error: &(dyn std::error::Error + 'static),
    is_kind: fn(&hyper::Error) -> bool,
) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref())
        .any(is_kind)
}

/// Whether the system has waited long enough for the other side.
fn is_limit_of_system(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(reason) = next {
        let of_system = reason.downcast_ref::<std::io::Error>();
        if of_system.is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut) {
            return true;
        }
        next = reason.source();
    }
    false
}

/// Whether the two sides do not agree on TLS, which trying again does not change.
pub(crate) fn is_tls_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(reason) = next {
        if reason.is::<rustls::Error>()
            || reason
                .downcast_ref::<std::io::Error>()
                .is_some_and(wraps_tls_refusal)
        {
            return true;
        }
        next = reason.source();
    }
    false
}

/// An I/O error does not name what it wraps among its sources.
fn wraps_tls_refusal(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>()
            || inner
                .downcast_ref::<std::io::Error>()
                .is_some_and(wraps_tls_refusal)
    })
}

/// The innermost reasons of an error, without the URL, which may hold secrets.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(reason) = next {
        let text = reason.to_string();
        if !reasons.iter().any(|known| known.contains(&text)) {
            reasons.push(text);
        }
        next = reason.source();
    }
    if reasons.is_empty() {
        "no reason is known".into()
    } else {
        reasons.join(": ")
    }
}
