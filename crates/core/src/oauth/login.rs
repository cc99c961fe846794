//! The interactive login (RFC 8252): a listener on loopback, and the system's browser.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::Child;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use url::{Host, Url};

use super::AuthorizationRequest;
use super::callback::{self, Answer, Head, Redirect};
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState, in_seconds};
use crate::io::{self, Lanes};
use crate::platform::browser;
use crate::process::PerProcess;

/// How long a client of the listener may take to say what it wants.
const CLIENT_PATIENCE: Duration = Duration::from_secs(10);
/// Clients that may dawdle at once.
const MAX_CLIENTS: usize = 64;
/// How often the browser's command is looked at.
const BROWSER_CHECK: Duration = Duration::from_millis(200);

/// Browsers that outlive their login; they are waited for at the next one, lest they stay zombies.
static BROWSERS: PerProcess<Mutex<Vec<Child>>> = PerProcess::new(|| Mutex::new(Vec::new()));

/// Shows the authorization URL to a person; `false` gives the login up.
pub(crate) type ShowUrl<'a> = &'a mut dyn FnMut(&str) -> bool;

/// Has a person answer `request`, and returns the authorization code.
///
/// # Errors
/// 28000 when the person declines, or when nobody can be asked here; 08001 when the port is busy;
/// HYT00 after `limit`; HY008.
pub(crate) fn login(
    request: &AuthorizationRequest,
    callback_url: &str,
    show_url: Option<ShowUrl<'_>>,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<SecretString> {
    let address = CallbackAddress::parse(callback_url)
        .ok_or_else(|| nobody_here(request, &NOT_LOOPBACK.replace("{}", callback_url)))?;
    if show_url.is_none() && !browser::is_available() {
        return Err(nobody_here(
            request,
            "This machine has no way to open a browser",
        ));
    }
    let listeners = address.listen()?;
    let browser = match show_url {
        Some(show) => {
            if !show(request.url.as_str()) {
                return Err(Diagnostic::cancelled());
            }
            None
        }
        None => Some(browser::open(request.url.as_str()).map_err(|error| {
            nobody_here(
                request,
                &format!("The browser could not be started ({error})"),
            )
        })?),
    };
    let expected = Expected {
        path: address.path,
        state: request.state.clone(),
    };
    io::run(Lanes::Any, cancel, |_| {
        wait_for_redirect(listeners, expected, browser, limit, request.clone())
    })
}

const NOT_LOOPBACK: &str = "CallbackURL is {}, which is not a plain http address of this machine \
                            and cannot be listened on";

fn nobody_here(request: &AuthorizationRequest, why: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::AUTHORIZATION,
        format!(
            "A login is needed, and nobody can be asked here. {why}. Either open this URL on any \
             machine, log in, and connect once with OAuthVerifier set to the address that the \
             browser is sent to (or the code in it) and OAuthSettingsLocation to a file; or log in \
             on a machine with a browser and copy its settings file here. {}",
            request.url
        ),
    )
}

/// Where the redirect is expected.
struct CallbackAddress {
    hosts: Vec<SocketAddr>,
    /// The host is a name, so that one of its addresses is enough.
    any_is_enough: bool,
    path: String,
}

impl CallbackAddress {
    /// `None` when the URL is not plain http on loopback.
    fn parse(callback_url: &str) -> Option<Self> {
        let url = Url::parse(callback_url)
            .ok()
            .filter(|url| url.scheme() == "http")?;
        // Port 0 would be any port, and the redirect would go to none of them.
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        let v4 = |address: Ipv4Addr| SocketAddr::from((address, port));
        let v6 = |address: Ipv6Addr| SocketAddr::from((address, port));
        let (hosts, any_is_enough) = match url.host()? {
            Host::Domain(name) if name.eq_ignore_ascii_case("localhost") => {
                (vec![v4(Ipv4Addr::LOCALHOST), v6(Ipv6Addr::LOCALHOST)], true)
            }
            Host::Ipv4(address) if address.is_loopback() => (vec![v4(address)], false),
            Host::Ipv6(address) if address.is_loopback() => (vec![v6(address)], false),
            _ => return None,
        };
        Some(Self {
            hosts,
            any_is_enough,
            path: url.path().to_owned(),
        })
    }

    fn listen(&self) -> Result<Vec<TcpListener>> {
        let mut listeners = Vec::new();
        for host in &self.hosts {
            match TcpListener::bind(host) {
                Ok(listener) => listeners.push(listener),
                // A machine may have one version of the protocol only.
                Err(error)
                    if self.any_is_enough
                        && error.kind() != std::io::ErrorKind::AddrInUse
                        && error.kind() != std::io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(cannot_listen(*host, &error)),
            }
        }
        match self.hosts.first() {
            Some(host) if listeners.is_empty() => Err(cannot_listen(
                *host,
                &std::io::ErrorKind::AddrNotAvailable.into(),
            )),
            _ => Ok(listeners),
        }
    }
}

fn cannot_listen(host: SocketAddr, error: &std::io::Error) -> Diagnostic {
    let message = if error.kind() == std::io::ErrorKind::AddrInUse {
        format!(
            "Port {} of CallbackURL is busy at {}: another program, or another login, listens \
             there. End it and connect again, or register and use a CallbackURL with another port.",
            host.port(),
            host.ip()
        )
    } else {
        format!(
            "The address {host} of CallbackURL cannot be listened on: {error}. Register and use a \
             CallbackURL such as http://localhost:33333."
        )
    };
    Diagnostic::new(SqlState::CANNOT_CONNECT, message)
}

/// What makes a request to the listener the right one.
struct Expected {
    path: String,
    state: String,
}

type Outcome = Result<SecretString>;

async fn wait_for_redirect(
    listeners: Vec<TcpListener>,
    expected: Expected,
    browser: Option<Child>,
    limit: Duration,
    request: AuthorizationRequest,
) -> Outcome {
    let (sender, mut outcome) = mpsc::channel::<Outcome>(1);
    let listeners = listeners
        .into_iter()
        .map(|listener| {
            listener.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(listener)
        })
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| {
            Diagnostic::new(
                SqlState::GENERAL_ERROR,
                format!("The listener of CallbackURL failed: {error}."),
            )
        })?;
    let expected = Arc::new(expected);
    tokio::select! {
        biased;
        outcome = outcome.recv() => outcome.unwrap_or_else(|| Err(Diagnostic::cancelled())),
        // The listeners are closed as soon as this future is dropped, so that the port is free.
        never = accept_clients(&listeners, &expected, &sender) => match never {},
        failure = watch_browser(browser) => Err(nobody_here(
            &request,
            &format!(
                "The browser could not be shown: {failure} (the environment variable BROWSER can \
                 name another command)"
            ),
        )),
        () = tokio::time::sleep(limit) => Err(Diagnostic::new(
            SqlState::TIMEOUT,
            format!(
                "Nobody completed the login within {} (property LoginTimeout). Connect \
                 again to be asked again; check that CallbackURL is exactly the registered one. \
                 The URL was {}",
                in_seconds(limit),
                request.url
            ),
        )),
    }
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Returns only if the browser's command fails. A command that ends well, or goes on running, is
/// what is wanted.
async fn watch_browser(browser: Option<Child>) -> String {
    let mut browser = Reaped(browser);
    while let Some(child) = &mut browser.0 {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => browser.0 = None,
            Ok(Some(status)) => return format!("its command ended with {status}"),
            Ok(None) => tokio::time::sleep(BROWSER_CHECK).await,
            // A program that ignores its children (SIGCHLD) cannot be told how they end.
            Err(_) => browser.0 = None,
        }
    }
    std::future::pending().await
}

/// A child that is waited for sooner or later.
struct Reaped(Option<Child>);

impl Drop for Reaped {
    fn drop(&mut self) {
        let browsers = BROWSERS.get();
        let mut browsers = browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.extend(self.0.take());
        browsers.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

/// Serves whoever comes, each on a task of its own. Dropped, it ends them.
async fn accept_clients(
    listeners: &[tokio::net::TcpListener],
    expected: &Arc<Expected>,
    sender: &mpsc::Sender<Outcome>,
) -> Infallible {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let stop = CancellationToken::new();
    let _guard = stop.clone().drop_guard();
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let Ok(client) = accept(listeners).await else {
            // Out of descriptors, or a client that is gone already: let it pass.
            tokio::time::sleep(BROWSER_CHECK).await;
            continue;
        };
        let expected = Arc::clone(expected);
        let sender = sender.clone();
        tokio::spawn(until(stop.clone(), async move {
            let _place = place;
            let served = tokio::time::timeout(CLIENT_PATIENCE, serve(client, &expected)).await;
            if let Ok(Some(outcome)) = served {
                // A second answer finds the place taken, or the login over.
                let _ = sender.try_send(outcome);
            }
        }));
    }
}

/// The next client of any of the listeners.
async fn accept(listeners: &[tokio::net::TcpListener]) -> std::io::Result<TcpStream> {
    std::future::poll_fn(|context| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted.map(|(client, _)| client));
            }
        }
        Poll::Pending
    })
    .await
}

/// Serves one client. `Some` when it brought the answer.
async fn serve(mut client: TcpStream, expected: &Expected) -> Option<Outcome> {
    let head = read_request(&mut client).await?;
    let (page, outcome) = answer(head, expected);
    let reply = page.reply();
    let sent = async {
        client.write_all(reply.as_bytes()).await?;
        client.shutdown().await
    };
    // The answer counts even if the browser has gone away.
    let _ = sent.await;
    outcome
}

async fn read_request(client: &mut TcpStream) -> Option<Head> {
    let mut bytes = Vec::with_capacity(2048);
    loop {
        match callback::read_head(&bytes) {
            Head::Incomplete => {}
            head => return Some(head),
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn answer(head: Head, expected: &Expected) -> (Page, Option<Outcome>) {
    let (path, query) = match head {
        Head::Get { path, query } => (path, query),
        Head::OtherMethod => return (Page::METHOD, None),
        Head::Incomplete | Head::Broken => return (Page::BROKEN, None),
    };
    if path != expected.path {
        return (Page::NOT_FOUND, None);
    }
    let Some(redirect) = Redirect::from_query(&query) else {
        return (Page::NOT_FOUND, None);
    };
    if redirect.state.as_deref() != Some(&expected.state) {
        return (Page::FOREIGN, None);
    }
    let page = match redirect.answer {
        Answer::Code(_) => Page::DONE,
        Answer::Error { .. } => Page::DECLINED,
    };
    (page, Some(redirect.into_code(Some(&expected.state))))
}

/// A page of the listener.
struct Page {
    status: &'static str,
    title: &'static str,
    text: &'static str,
}

impl Page {
    const DONE: Self = Self {
        status: "200 OK",
        title: "Thank you",
        text: "You can close this page and return to the program.",
    };
    const DECLINED: Self = Self {
        status: "200 OK",
        title: "Not logged in",
        text: "The login was declined or failed. Close this page and return to the program, which \
               says more.",
    };
    const FOREIGN: Self = Self {
        status: "400 Bad Request",
        title: "Another login",
        text: "This page belongs to another login than the one that is waiting. Return to the \
               program and start again.",
    };
    const NOT_FOUND: Self = Self {
        status: "404 Not Found",
        title: "Nothing here",
        text: "A program waits here for a login to be completed. Return to the program.",
    };
    const METHOD: Self = Self {
        status: "405 Method Not Allowed",
        ..Self::NOT_FOUND
    };
    const BROKEN: Self = Self {
        status: "400 Bad Request",
        ..Self::NOT_FOUND
    };

    fn reply(&self) -> String {
        let Self {
            status,
            title,
            text,
        } = self;
        let body = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <body style=\"font:1.1rem system-ui;max-width:32rem;margin:20vh auto;padding:0 1rem\">\
             <h1>{title}</h1><p>{text}</p></body></html>"
        );
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn request() -> AuthorizationRequest {
        AuthorizationRequest {
            url: Url::parse("https://app.example/oauth/authorize?state=s").unwrap(),
            state: "s".into(),
            pkce_verifier: None,
        }
    }

    fn get(port: u16, target: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    }

    fn log_in_with(answers: impl FnOnce(u16) + Send + 'static) -> Outcome {
        let port = free_port();
        let mut browser = None;
        let mut answers = Some(answers);
        let mut show = |url: &str| {
            assert!(url.contains("state=s"));
            let answers = answers.take().unwrap();
            browser = Some(std::thread::spawn(move || answers(port)));
            true
        };
        let callback = format!("http://127.0.0.1:{port}/cb");
        let limit = Duration::from_secs(30);
        let outcome = login(
            &request(),
            &callback,
            Some(&mut show),
            limit,
            &CancellationToken::new(),
        );
        browser.unwrap().join().unwrap();
        outcome
    }

    #[test]
    fn stray_requests_are_survived_and_the_right_one_is_answered() {
        use secrecy::ExposeSecret;
        let outcome = log_in_with(|port| {
            let mut dawdler = TcpStream::connect(("127.0.0.1", port)).unwrap();
            dawdler.write_all(b"GET /cb").unwrap();
            drop(TcpStream::connect(("127.0.0.1", port)).unwrap());
            TcpStream::connect(("127.0.0.1", port))
                .unwrap()
                .write_all(b"\x16\x03\x01")
                .unwrap();
            assert!(get(port, "/favicon.ico").starts_with("HTTP/1.1 404"));
            assert!(get(port, "/cb").starts_with("HTTP/1.1 404"));
            assert!(get(port, "/cb?code=evil&state=other").starts_with("HTTP/1.1 400"));
            assert!(get(port, "/cb?code=evil").starts_with("HTTP/1.1 400"));
            assert!(get(port, "/cb?code=right&state=s").contains("return to the program"));
        });
        assert_eq!(outcome.unwrap().expose_secret(), "right");
    }

    #[test]
    fn a_decline_is_its_own_error() {
        let outcome = log_in_with(|port| {
            assert!(get(port, "/cb?error=access_denied&state=s").contains("declined"));
        });
        let error = outcome.unwrap_err();
        assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
        assert_eq!(error.native, crate::error::native::OAUTH_ACCESS_DENIED);
    }

    #[test]
    fn a_busy_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut show = |_: &str| true;
        let callback = format!("http://localhost:{port}");
        let error = login(
            &request(),
            &callback,
            Some(&mut show),
            Duration::from_secs(1),
            &CancellationToken::new(),
        )
        .unwrap_err();
        assert!(error.message.contains(&port.to_string()), "{error}");
    }

    #[test]
    fn a_wait_has_an_end_and_can_be_cancelled() {
        let mut show = |_: &str| true;
        let callback = format!("http://127.0.0.1:{}", free_port());
        let limit = Duration::from_millis(50);
        let error = login(
            &request(),
            &callback,
            Some(&mut show),
            limit,
            &CancellationToken::new(),
        )
        .unwrap_err();
        assert_eq!(error.sqlstate, SqlState::TIMEOUT);

        let cancel = CancellationToken::new();
        let canceller = cancel.clone();
        let mut show = |_: &str| {
            canceller.cancel();
            true
        };
        let limit = Duration::from_secs(300);
        let error = login(&request(), &callback, Some(&mut show), limit, &cancel).unwrap_err();
        assert_eq!(error.sqlstate, SqlState::CANCELLED);
    }

    #[test]
    fn a_callback_elsewhere_fails_at_once_with_the_url_and_the_headless_ways() {
        let mut show = |_: &str| true;
        for callback in [
            "https://app.example/cb",
            "http://192.0.2.1:80/",
            "https://localhost:1/",
            "http://localhost:0/",
        ] {
            let limit = Duration::from_secs(300);
            let error = login(
                &request(),
                callback,
                Some(&mut show),
                limit,
                &CancellationToken::new(),
            )
            .unwrap_err();
            for part in [
                "OAuthVerifier",
                "copy its settings file",
                "app.example/oauth/authorize",
            ] {
                assert!(error.message.contains(part), "{error}");
            }
        }
    }

    #[test]
    fn the_listener_is_where_the_callback_url_says() {
        let parse = |text| CallbackAddress::parse(text).map(|at| (at.hosts, at.path));
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (text, hosts, path) in [
            ("http://127.0.0.1:5/cb?id=1", vec![at("127.0.0.1:5")], "/cb"),
            ("http://127.0.0.1/cb", vec![at("127.0.0.1:80")], "/cb"),
            ("http://[::1]:5", vec![at("[::1]:5")], "/"),
            (
                "http://LocalHost:5/",
                vec![at("127.0.0.1:5"), at("[::1]:5")],
                "/",
            ),
        ] {
            assert_eq!(parse(text), Some((hosts, path.to_owned())), "{text}");
        }
    }

    #[test]
    fn localhost_is_listened_to_by_both_protocols() {
        let has_v6 = TcpListener::bind("[::1]:0").is_ok();
        for host in ["127.0.0.1", "::1"] {
            if host == "::1" && !has_v6 {
                continue;
            }
            let port = free_port();
            let mut show = |_: &str| {
                std::thread::spawn(move || {
                    let mut stream = TcpStream::connect((host, port)).unwrap();
                    stream
                        .write_all(b"GET /?code=right&state=s HTTP/1.1\r\n\r\n")
                        .unwrap();
                });
                true
            };
            let callback = format!("http://localhost:{port}");
            let limit = Duration::from_secs(30);
            let never = CancellationToken::new();
            login(&request(), &callback, Some(&mut show), limit, &never).unwrap();
        }
    }

    /// Tests share the environment, so each case runs in a process of its own.
    #[cfg(unix)]
    #[test]
    fn a_browser_that_fails_is_told_and_one_that_cannot_be_watched_is_let_be() {
        for (first, browser, expected) in [
            ("", "false", "OAuthVerifier"),
            ("", "true", "Nobody completed"),
            ("trap '' CHLD;", "true", "Nobody completed"),
        ] {
            let child = "oauth::login::tests::a_login_in_a_process_of_its_own";
            let script = format!("{first} exec \"$0\" --exact {child} --ignored --nocapture");
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .arg(std::env::current_exe().unwrap())
                .env("BROWSER", browser)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains(expected), "{first} {browser}: {text}");
        }
    }

    #[test]
    #[ignore = "run by another test"]
    fn a_login_in_a_process_of_its_own() {
        let callback = format!("http://127.0.0.1:{}", free_port());
        let limit = Duration::from_secs(1);
        let never = CancellationToken::new();
        let error = login(&request(), &callback, None, limit, &never).unwrap_err();
        println!("{error}");
    }
}
