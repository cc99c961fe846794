//! The sandbox as a whole: who answers what.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use hyper::body::Bytes;
use serde_json::json;

use crate::api::Api;
use crate::clock::{self, Clock};
use crate::control;
use crate::counters::{Counters, Entry};
use crate::error::ApiError;
use crate::facts;
use crate::faults::{Fault, Faults, Kind, Shape};
use crate::firm;
use crate::http::{Body, Reply, Request};
use crate::limit::Limiter;
use crate::oauth::{self, Authorizations, Person};
use crate::options::Options;
use crate::query::Parameters;
use crate::record::Database;
use crate::storage::Storage;

/// The oldest and the newest minor version that `X-API-VERSION` may name.
const VERSIONS: std::ops::RangeInclusive<u32> = 4..=13;

/// Replies shorter than this are not compressed.
const COMPRESS_FROM: usize = 1024;

/// Cached list replies; they are thrown away together when there are more.
const CACHE_LENGTH: usize = 1024;

/// The state of a sandbox.
pub struct App {
    /// What it was started with.
    pub options: Options,
    /// The firm's clock.
    pub clock: Clock,
    /// The API's routes.
    pub api: Api,
    /// The people who can sign in.
    pub people: Vec<Person>,
    database: RwLock<Database>,
    authorizations: Mutex<Authorizations>,
    counters: Mutex<Counters>,
    faults: Mutex<Faults>,
    limiter: Mutex<Limiter>,
    storage: Mutex<Storage>,
    cache: Mutex<HashMap<String, Cached>>,
    addresses: OnceLock<Addresses>,
}

/// Where the sandbox listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// The base URL of the API and the OAuth pages, without a slash at its end.
    pub base: String,
    /// The base URL of the storage host.
    pub storage: String,
}

/// Which of the two listeners a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// OAuth, API and control.
    Main,
    /// Documents.
    Storage,
}

/// A reply that never comes: the connection is broken off.
#[derive(Debug)]
pub struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is dropped on demand")
    }
}

impl std::error::Error for Dropped {}

#[derive(Debug)]
struct Cached {
    version: u64,
    plain: Bytes,
    gzip: Option<Bytes>,
    unknown: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl App {
    /// A sandbox with its firm, not yet listening.
    pub fn new(options: Options) -> Result<Self, String> {
        let today = match options.today.as_str() {
            "now" => clock::real_today(),
            text => clock::parse_date(text)
                .ok_or_else(|| format!("--today is not a date like 2026-06-30: {text}"))?,
        };
        let clock = Clock::new(today);
        let mut database = Database::new();
        let mut storage = Storage::new();
        firm::found(
            &mut database,
            &mut storage,
            options.seed,
            options.matters,
            today,
        );
        let people = database.rows("users").iter().map(|user| Person {
            id: user.id(),
            name: user.get("name").text().unwrap_or_default().to_owned(),
            email: user.get("email").text().unwrap_or_default().to_owned(),
        });
        let people = people.collect();
        Ok(Self {
            api: Api::new(&database),
            options,
            clock,
            people,
            database: RwLock::new(database),
            authorizations: Mutex::default(),
            counters: Mutex::default(),
            faults: Mutex::default(),
            limiter: Mutex::default(),
            storage: Mutex::new(storage),
            cache: Mutex::default(),
            addresses: OnceLock::new(),
        })
    }

    /// Says where it listens. Only the first call counts.
    pub fn listens(&self, addresses: Addresses) {
        // A second call would come from a second listener, which there is none of.
        let _ = self.addresses.set(addresses);
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        let nowhere = || Addresses {
            base: String::new(),
            storage: String::new(),
        };
        self.addresses.get().cloned().unwrap_or_else(nowhere)
    }

    /// The counters.
    pub fn counters(&self) -> MutexGuard<'_, Counters> {
        lock(&self.counters)
    }

    /// The waiting faults.
    pub fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    /// The codes and tokens.
    pub fn authorizations(&self) -> MutexGuard<'_, Authorizations> {
        lock(&self.authorizations)
    }

    /// The rate limiter.
    pub fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.limiter)
    }

    /// The storage.
    pub fn storage(&self) -> MutexGuard<'_, Storage> {
        lock(&self.storage)
    }

    /// The firm's data.
    pub fn database(&self) -> RwLockReadGuard<'_, Database> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The firm's data, to be changed.
    pub fn database_mut(&self) -> RwLockWriteGuard<'_, Database> {
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a request, faults included.
    pub async fn answer(&self, host: Host, request: Request) -> Result<Reply, Dropped> {
        if host == Host::Main && request.local && request.path.starts_with("/_sandbox/") {
            return Ok(control::answer(self, &request));
        }
        let faults = self.faults().take(&request.method, &request.path);
        for fault in &faults {
            *self
                .counters()
                .faults
                .entry(fault.kind_name().to_owned())
                .or_default() += 1;
            if fault.kind == Kind::Latency {
                tokio::time::sleep(fault.pause()).await;
            }
        }
        let fault = faults.iter().find(|fault| fault.kind != Kind::Latency);
        let endpoint = Self::endpoint(host, &request);
        if let Some(fault) = fault {
            if fault.kind == Kind::Stall {
                self.counters().note(&endpoint, Entry::new(&request, None));
                return std::future::pending().await;
            }
            if fault.kind == Kind::Drop && fault.bytes.is_none() {
                // The request is carried out: that is what makes a lost reply hard.
                self.dispatch(host, &request);
                self.counters().note(&endpoint, Entry::new(&request, None));
                return Err(Dropped);
            }
        }
        let mut reply = match fault {
            Some(fault) if fault.kind == Kind::Unauthorized => {
                unauthorized(fault.shape.unwrap_or_default())
            }
            Some(fault) => match fault.instead() {
                Some(reply) => reply,
                None => self.dispatch(host, &request),
            },
            None => self.dispatch(host, &request),
        };
        if let Some(fault) = fault {
            reply = if fault.kind == Kind::Token {
                change_token(reply, fault)
            } else {
                fault.change(reply).await
            };
        }
        self.counters()
            .note(&endpoint, Entry::new(&request, Some(reply.status)));
        Ok(reply)
    }

    fn endpoint(host: Host, request: &Request) -> String {
        let method = &request.method;
        if host == Host::Storage {
            return format!("{method} storage");
        }
        match request.path.strip_prefix("/api/v4") {
            Some(below) => match facts::FACTS.operation(method, below) {
                Some(operation) => format!("{method} /api/v4{}", operation.path),
                None => format!("{method} /api/v4/(unknown)"),
            },
            None => format!("{method} {}", request.path),
        }
    }

    fn dispatch(&self, host: Host, request: &Request) -> Reply {
        if host == Host::Storage {
            let reply = self.storage().answer(request);
            let mut counters = self.counters();
            counters.storage.requests += 1;
            counters.storage.with_authorization +=
                u64::from(request.headers.contains_key("authorization"));
            if request.method == "PUT" && reply.status == 200 {
                counters.storage.bytes_uploaded += request.body.len() as u64;
            }
            return reply;
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/oauth/authorize") => self.oauth(|server| server.consent_page(request)),
            ("POST", "/oauth/authorize") => self.oauth(|server| server.decision(request)),
            ("GET", "/oauth/approval") => oauth::approval_page(request),
            ("POST", "/oauth/token") => self.oauth(|server| server.token(request)),
            ("POST", "/oauth/deauthorize") => self.oauth(|server| server.deauthorize(request)),
            (_, path) if path.starts_with("/api/v4/") => self.guard(request),
            ("GET", "/") => Reply::html(
                200,
                "<!doctype html><title>clio-sandbox</title><p>This is clio-sandbox, a local \
                 Clio. Its counters are at <a href=\"/_sandbox/counters\">/_sandbox/counters</a>."
                    .to_owned(),
            ),
            _ => Reply::html(
                404,
                "<!doctype html><title>404</title><p>Not found.".to_owned(),
            ),
        }
    }

    fn oauth(&self, answer: impl FnOnce(&mut oauth::Server<'_>) -> Reply) -> Reply {
        answer(&mut oauth::Server {
            options: &self.options,
            authorizations: &mut self.authorizations(),
            counters: &mut self.counters(),
            people: &self.people,
        })
    }

    /// What stands before the API: firewall, version, token, rate limit.
    fn guard(&self, request: &Request) -> Reply {
        if !firewall_passes(request.header("user-agent")) {
            let body = "<html><head><title>403 Forbidden</title></head><body><center>\
                        <h1>403 Forbidden</h1></center></body></html>";
            return Reply::new(403, "text/html", body);
        }
        let newest = format!("4.0.{}", VERSIONS.end());
        let version = request.header("x-api-version").unwrap_or(&newest);
        if !version_is_served(version) {
            return error(&ApiError::gone(version));
        }
        let Some(token) = request.bearer() else {
            return unauthorized(Shape::Object);
        };
        let Some(user) = self.authorizations().user_of(token) else {
            return unauthorized(Shape::String);
        };
        let standing = self.limiter().count(token, &self.options);
        let reply = match standing {
            Some(standing) if standing.exceeded => {
                error(&ApiError::rate_limited(standing.limit(), standing.wait()))
            }
            _ => self.call(request, user),
        };
        let reply = match standing {
            Some(standing) => standing.tell(reply),
            None => reply,
        };
        if reply.status < 400 {
            reply.with("x-api-version", version)
        } else {
            reply
        }
    }

    /// Carries out a request to the API.
    fn call(&self, request: &Request, user: i64) -> Reply {
        let gzip = request
            .header("accept-encoding")
            .is_some_and(|accepted| accepted.split([',', ';']).any(|name| name.trim() == "gzip"));
        let cacheable = request.method == "GET" && self.api.is_list(&request.path);
        let key = if cacheable {
            // However the client has escaped it.
            let query = Parameters::parse(request.query.as_bytes()).to_query();
            format!("{} {}?{query}", self.origin(request), request.path)
        } else {
            String::new()
        };
        if cacheable && let Some(reply) = self.cached(&key, gzip) {
            return reply;
        }
        let unknown = Self::check(request);
        if let Some(what) = &unknown {
            self.counters().note_unknown(what.clone());
        }
        let version = self.database().version();
        let reply = match self.api.call(self, request, user) {
            Ok(reply) => reply,
            Err(found) => error(&found),
        };
        let (method, path) = (&request.method, &request.path);
        if let Err(what) = facts::check_status(method, path, &request.query, reply.status) {
            self.counters().note_undocumented(what);
        }
        let Some(plain) = reply.bytes().cloned() else {
            return reply;
        };
        let compressed = (gzip && plain.len() > COMPRESS_FROM).then(|| compress(&plain));
        if cacheable && reply.status == 200 {
            let mut cache = lock(&self.cache);
            if cache.len() >= CACHE_LENGTH {
                cache.clear();
            }
            let cached = Cached {
                version,
                plain,
                gzip: compressed.clone(),
                unknown,
            };
            cache.insert(key, cached);
        }
        encoded(reply, compressed)
    }

    fn cached(&self, key: &str, gzip: bool) -> Option<Reply> {
        let version = self.database().version();
        let mut cache = lock(&self.cache);
        let found = cache
            .get_mut(key)
            .filter(|found| found.version == version)?;
        if let Some(what) = &found.unknown {
            self.counters().note_unknown(what.clone());
        }
        let reply = Reply::json(200, found.plain.clone());
        let compressed = (gzip && found.plain.len() > COMPRESS_FROM).then(|| {
            found
                .gzip
                .get_or_insert_with(|| compress(&found.plain))
                .clone()
        });
        Some(encoded(reply, compressed))
    }

    /// Answers a GET of the API in the name of the first person, as if it had not been asked.
    pub fn peek(&self, address: &str) -> (u16, Vec<u8>) {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let request = Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: hyper::HeaderMap::new(),
            body: Bytes::new(),
            local: true,
        };
        let user = self.people.first().map_or(0, |person| person.id);
        let reply = match self.api.call(self, &request, user) {
            Ok(reply) => reply,
            Err(found) => error(&found),
        };
        let body = reply.bytes().map(|bytes| bytes.to_vec());
        (reply.status, body.unwrap_or_default())
    }

    /// What Clio's documentation does not have of a request.
    fn check(request: &Request) -> Option<String> {
        let (method, path) = (&request.method, &request.path);
        if let Err(what) = facts::check_request(method, path, &request.query) {
            return Some(what);
        }
        let body = serde_json::from_slice(&request.body).ok()?;
        facts::check_body(method, path, &body).err()
    }

    /// The origin that the client used: links to other pages start with it.
    pub fn origin(&self, request: &Request) -> String {
        let base = self.addresses().base;
        match (base.split_once("://"), request.header("host")) {
            (Some((scheme, _)), Some(host)) => format!("{scheme}://{host}"),
            _ => base,
        }
    }
}

fn encoded(mut reply: Reply, compressed: Option<Bytes>) -> Reply {
    match compressed {
        Some(bytes) => {
            reply.body = Body::Full(Some(bytes));
            reply
                .with("content-encoding", "gzip")
                .with("vary", "Accept-Encoding")
        }
        None => reply,
    }
}

fn compress(plain: &Bytes) -> Bytes {
    let level = flate2::Compression::new(4);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    // Writing to a Vec cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().map(Bytes::from).unwrap_or_default()
}

/// The reply that an API error is.
pub fn error(error: &ApiError) -> Reply {
    Reply::json(error.status, error.json())
}

/// A 401 in one of its two shapes.
fn unauthorized(shape: Shape) -> Reply {
    match shape {
        Shape::Object => error(&ApiError::unauthorized())
            .with("www-authenticate", "Bearer realm=\"clio-sandbox\""),
        Shape::String => {
            let why = "The access token is expired, revoked or not known.";
            let body = json!({ "error": "invalid_token", "error_description": why });
            Reply::json(401, body.to_string()).with(
                "www-authenticate",
                &format!(
                    "Bearer realm=\"clio-sandbox\", error=\"invalid_token\", \
                     error_description=\"{why}\""
                ),
            )
        }
    }
}

/// Clio's firewall refuses requests without a User-Agent or with an address in it.
fn firewall_passes(agent: Option<&str>) -> bool {
    agent.is_some_and(|agent| {
        let agent = agent.trim();
        !agent.is_empty() && agent != "node" && !agent.contains("://") && !agent.contains("www.")
    })
}

fn version_is_served(version: &str) -> bool {
    version
        .strip_prefix("4.0.")
        .and_then(|minor| minor.parse().ok())
        .is_some_and(|minor: u32| VERSIONS.contains(&minor))
}

/// Replaces members of a successful token reply, or all of it.
fn change_token(mut reply: Reply, fault: &Fault) -> Reply {
    if let Some(body) = &fault.body {
        let status = fault.status.unwrap_or(reply.status);
        return Reply::new(status, "text/html", body.clone());
    }
    let parsed = reply
        .bytes()
        .and_then(|bytes| serde_json::from_slice(bytes).ok());
    let Some(serde_json::Value::Object(mut members)) = parsed.filter(|_| reply.status == 200)
    else {
        return reply;
    };
    for (name, value) in fault.members.iter().flatten() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    reply.body = Body::Full(Some(serde_json::Value::Object(members).to_string().into()));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_firewall_looks_at_the_agent() {
        assert!(firewall_passes(Some("apilink/0.1.0")));
        assert!(!firewall_passes(None));
        assert!(!firewall_passes(Some("")));
        assert!(!firewall_passes(Some("X/1.0 (+https://x.example)")));
    }

    #[test]
    fn versions_are_checked() {
        assert!(version_is_served("4.0.13"));
        assert!(!version_is_served("4.0.14"));
        assert!(!version_is_served("4.0.3"));
        assert!(!version_is_served("latest"));
    }
}
