//! A local Clio to develop, demonstrate and test against: OAuth pages and API v4 over the
//! generated data of a law firm, with faults on demand and counters.
//!
//! The program `clio-sandbox` is a thin shell around [`Sandbox`]; tests can run it in-process:
//!
//! ```
//! use clio_sandbox::{Options, Sandbox};
//! let sandbox = Sandbox::start(Options { matters: 10, ..Options::default() })?;
//! assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
//! assert_eq!(sandbox.counters().requests("GET /api/v4/matters.json"), 0);
//! # Ok::<(), String>(())
//! ```

mod api;
mod app;
mod clock;
mod control;
mod counters;
mod documents;
mod error;
pub mod facts;
mod faults;
mod filter;
mod firm;
mod http;
mod limit;
mod names;
mod oauth;
mod options;
mod query;
mod random;
mod record;
mod select;
mod server;
mod storage;
mod write;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use counters::{Consent, Counters, Endpoint, Entry, Storage, Tokens};
pub use faults::{Fault, Kind as FaultKind, Shape};
pub use oauth::{Grant, Person};
pub use options::{ClientAuth, Options};
pub use select::Selection;

use app::{Addresses, App, Host};

/// A running sandbox. It ends when this is dropped.
pub struct Sandbox {
    app: Arc<App>,
    addresses: Addresses,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Sandbox {
    /// Starts a sandbox on threads of its own and returns when it listens.
    ///
    /// # Errors
    /// In words: the port is taken, the certificate cannot be read, `today` is not a date.
    pub fn start(options: Options) -> Result<Self, String> {
        // On a thread of its own, because the caller may itself be within a runtime.
        std::thread::spawn(|| Self::start_here(options))
            .join()
            .unwrap_or_else(|_| Err("the sandbox could not be started".to_owned()))
    }

    fn start_here(options: Options) -> Result<Self, String> {
        let app = Arc::new(App::new(options)?);
        let security = server::security(&app.options)?;
        let scheme = if security.is_some() { "https" } else { "http" };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("clio-sandbox")
            .enable_all()
            .build()
            .map_err(|error| format!("no threads: {error}"))?;
        let main = app.options.listen;
        let addresses = runtime.block_on(async {
            let (main_listener, main) = server::listen(main).await?;
            let (storage_listener, storage) = server::listen(SocketAddr::new(main.ip(), 0)).await?;
            let url = |address: SocketAddr| format!("{scheme}://{}", reachable(address));
            let addresses = Addresses {
                base: url(main),
                storage: url(storage),
            };
            app.listens(addresses.clone());
            tokio::spawn(server::serve(
                app.clone(),
                Host::Main,
                main_listener,
                security.clone(),
            ));
            tokio::spawn(server::serve(
                app.clone(),
                Host::Storage,
                storage_listener,
                security,
            ));
            Ok::<_, String>(addresses)
        })?;
        Ok(Self {
            app,
            addresses,
            runtime: Some(runtime),
        })
    }

    /// The base URL of the API and the OAuth pages, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.addresses.base
    }

    /// The base URL of the storage host, which must never see a token.
    #[must_use]
    pub fn storage_url(&self) -> &str {
        &self.addresses.storage
    }

    /// The people who can sign in; the first does so unless another is chosen.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.app.people
    }

    /// What was seen since the start or the last [`reset`](Self::reset).
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.app.counters().clone()
    }

    /// Forgets what was counted, waiting faults and rate-limit windows. Data and tokens stay.
    pub fn reset(&self) {
        control::reset(&self.app);
    }

    /// Lets something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.app.faults().add(fault);
    }

    /// Removes the faults that are waiting.
    pub fn clear_faults(&self) {
        self.app.faults().clear();
    }

    /// Gives out a token of a user without a login.
    #[must_use]
    pub fn issue_token(&self, user: i64, life: Duration) -> Grant {
        self.app.authorizations().grant(user, life)
    }

    /// Ends the life of all access tokens; refresh tokens stay good.
    pub fn expire_tokens(&self) {
        self.app.authorizations().expire_all();
    }

    /// Revokes all tokens and codes.
    pub fn revoke_tokens(&self) {
        self.app.authorizations().revoke_all();
    }

    /// Adds a document with generated content of `bytes` bytes and returns its id.
    #[must_use]
    pub fn add_document(&self, bytes: u64) -> i64 {
        control::add_document(&self.app, bytes)
    }

    /// Answers a GET of the API from within: `/api/v4/matters.json?fields=id`. It is not counted, not
    /// limited, and meets no fault. The status and the body.
    #[must_use]
    pub fn peek(&self, address: &str) -> (u16, Vec<u8>) {
        self.app.peek(address)
    }

    /// Documented operations that the sandbox answers with 501, such as `GET /timer.json`.
    #[must_use]
    pub fn not_built(&self) -> Vec<String> {
        let name = |found: &facts::Operation| format!("{} {}", found.method, found.path);
        self.app.api.not_built().map(name).collect()
    }

    /// Ends the sandbox: its ports are free and its connections closed when this returns.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Likewise. A panic there would leave nothing to be done here.
            let _ = std::thread::spawn(|| runtime.shutdown_timeout(Duration::from_secs(5))).join();
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("base_url", &self.addresses.base)
            .finish_non_exhaustive()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end();
    }
}

/// An address that a client can connect to: a wildcard address becomes the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
