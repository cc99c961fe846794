//! What the sandbox has seen: counted, and the last requests in a log without secrets.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::http::Request;
use crate::query::Parameters;

const LOG_LENGTH: usize = 200;
const UNKNOWN_LENGTH: usize = 100;

/// What the sandbox has seen since its start or its last reset.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counters {
    /// Requests by endpoint, such as `GET /api/v4/matters/{id}.json`.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Replies by status, over all endpoints.
    pub statuses: BTreeMap<u16, u64>,
    /// The storage host.
    pub storage: Storage,
    /// The token endpoint.
    pub tokens: Tokens,
    /// The consent page.
    pub consent: Consent,
    /// API requests that Clio's documentation does not have, in words: an unknown path, an
    /// undocumented parameter, a field that does not exist. At most 100 are kept.
    pub unknown_requests: Vec<String>,
    /// How many of those there were.
    pub unknown_request_count: u64,
    /// Replies of the API that Clio's documentation does not have, such as `GET /notes.json: 422`:
    /// there the sandbox has drifted. Those that a fault made are not among them. At most 100 are
    /// kept.
    pub undocumented_replies: Vec<String>,
    /// Connections accepted, by either listener.
    pub connections: u64,
    /// Faults that were played, by kind.
    pub faults: BTreeMap<String, u64>,
    /// The last requests, oldest first.
    pub log: VecDeque<Entry>,
}

/// Requests of one endpoint.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Endpoint {
    /// How many.
    pub requests: u64,
    /// Their replies by status. A request that was dropped or is still running has none.
    pub statuses: BTreeMap<u16, u64>,
}

/// Requests to the storage host, where documents are kept.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Storage {
    /// All requests.
    pub requests: u64,
    /// Requests with an `Authorization` header: the token must never go there.
    pub with_authorization: u64,
    /// Bytes received by uploads.
    pub bytes_uploaded: u64,
}

/// Requests to the token endpoint.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tokens {
    /// Codes exchanged.
    pub authorization_code: u64,
    /// Tokens refreshed.
    pub refresh_token: u64,
    /// Codes refused.
    pub invalid_code: u64,
    /// Refresh tokens refused: unknown, revoked, or replaced by a rotation.
    pub invalid_refresh: u64,
    /// Wrong client id or secret.
    pub invalid_client: u64,
    /// Tokens revoked by deauthorizing.
    pub revoked: u64,
}

/// What became of consent pages.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Consent {
    /// Pages shown.
    pub shown: u64,
    /// Approved.
    pub approved: u64,
    /// Declined.
    pub declined: u64,
}

/// One request in the log.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query parameters; the values of secret ones are masked.
    pub query: Vec<(String, String)>,
    /// The header fields; the values of secret ones are masked.
    pub headers: Vec<(String, String)>,
    /// The size of the body, in bytes.
    pub body_bytes: usize,
    /// The status of the reply; none if there was no reply.
    pub status: Option<u16>,
}

impl Entry {
    /// An entry for a request and the status of its reply.
    pub fn new(request: &Request, status: Option<u16>) -> Self {
        let parameters = Parameters::parse(request.query.as_bytes());
        let query = parameters.iter().map(|(name, value)| {
            let secret = matches!(
                name,
                "code" | "state" | "token" | "signature" | "client_secret" | "code_challenge"
            );
            (
                name.to_owned(),
                if secret { "***" } else { value }.to_owned(),
            )
        });
        let headers = request.headers.iter().map(|(name, value)| {
            let value = match name.as_str() {
                // The scheme is of interest, the credentials are not to be kept.
                "authorization" | "proxy-authorization" => {
                    let text = value.to_str().unwrap_or_default();
                    format!("{} ***", text.split(' ').next().unwrap_or_default())
                }
                "cookie" => "***".to_owned(),
                _ => value.to_str().unwrap_or("(not text)").to_owned(),
            };
            (name.as_str().to_owned(), value)
        });
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: query.collect(),
            headers: headers.collect(),
            body_bytes: request.body.len(),
            status,
        }
    }
}

impl Counters {
    /// Notes a request and its reply.
    pub fn note(&mut self, endpoint: &str, entry: Entry) {
        // Looked up before it is inserted: the name is copied only the first time.
        if !self.endpoints.contains_key(endpoint) {
            self.endpoints
                .insert(endpoint.to_owned(), Endpoint::default());
        }
        if let Some(found) = self.endpoints.get_mut(endpoint) {
            found.requests += 1;
            if let Some(status) = entry.status {
                *found.statuses.entry(status).or_default() += 1;
                *self.statuses.entry(status).or_default() += 1;
            }
        }
        if self.log.len() >= LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back(entry);
    }

    /// Notes a request that Clio's documentation does not have.
    pub fn note_unknown(&mut self, what: String) {
        self.unknown_request_count += 1;
        if self.unknown_requests.len() < UNKNOWN_LENGTH {
            self.unknown_requests.push(what);
        }
    }

    /// Notes a reply that Clio's documentation does not have.
    pub fn note_undocumented(&mut self, what: String) {
        if self.undocumented_replies.len() < UNKNOWN_LENGTH {
            self.undocumented_replies.push(what);
        }
    }

    /// Requests of one endpoint, such as `GET /api/v4/matters.json`; 0 if there were none.
    #[must_use]
    pub fn requests(&self, endpoint: &str) -> u64 {
        self.endpoints
            .get(endpoint)
            .map_or(0, |found| found.requests)
    }
}
