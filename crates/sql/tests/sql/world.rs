//! A local Clio and a connection to it.

use std::sync::Arc;
use std::time::Duration;

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Target};
use apilink_core::session::{ConnectOptions, Session};
use apilink_core::settings::Settings;
use apilink_core::{Diagnostic, Result};
use apilink_sql::progress::Costs;
use apilink_sql::{Database, ResultColumn, Value};
use clio_sandbox::{Options, Sandbox};

/// A local Clio and a connection to it.
pub struct World {
    pub sandbox: Sandbox,
    pub database: Database,
}

/// What a query gave.
#[derive(Debug)]
pub struct Answer {
    pub columns: Vec<ResultColumn>,
    pub rows: Vec<Vec<Value>>,
    pub warnings: Vec<Diagnostic>,
    pub costs: Costs,
}

impl World {
    pub fn start(options: Options) -> Self {
        let sandbox = Sandbox::start(options).unwrap();
        let database = connect(&sandbox, "");
        Self { sandbox, database }
    }

    /// Connects once more, with more properties.
    pub fn connect(&self, more: &str) -> Database {
        connect(&self.sandbox, more)
    }

    /// Runs a query to its end.
    pub fn ask(&self, sql: &str, values: &[Value]) -> Result<Answer> {
        ask(&self.database, sql, values)
    }

    /// The requests to the API since the last reset, oldest first, for people.
    pub fn requests(&self) -> Vec<String> {
        let log = self.sandbox.counters().log;
        log.iter()
            .filter(|entry| entry.path.starts_with("/api/"))
            .map(|entry| {
                let query = entry.query.iter();
                let query: Vec<String> = query
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                let path = entry.path.trim_start_matches("/api/v4/");
                format!("{} {path}?{}", entry.method, query.join("&"))
            })
            .collect()
    }

    /// How many requests to the API there were since the last reset.
    pub fn request_count(&self) -> u64 {
        let counters = self.sandbox.counters();
        let endpoints = counters.endpoints.iter();
        endpoints
            .filter(|(name, _)| name.contains(" /api/"))
            .map(|(_, endpoint)| endpoint.requests)
            .sum()
    }
}

/// Connects to a sandbox with a token that nobody has used.
pub fn connect(sandbox: &Sandbox, more: &str) -> Database {
    Database::new(Arc::new(session(sandbox, more))).unwrap()
}

fn session(sandbox: &Sandbox, more: &str) -> Session {
    let user = sandbox.people()[0].id;
    let token = sandbox.issue_token(user, Duration::from_secs(3600));
    let text = format!(
        "Region={};OAuthAccessToken={};{more}",
        sandbox.base_url(),
        token.access_token
    );
    let (settings, _) = Settings::parse(&text).unwrap();
    let cancel = CancellationToken::new();
    let options = ConnectOptions::default();
    Session::connect(settings, options, &cancel, &mut Vec::new()).unwrap()
}

/// Runs a query to its end.
pub fn ask(database: &Database, sql: &str, values: &[Value]) -> Result<Answer> {
    let cancel = CancellationToken::new();
    let mut statement = database.prepare(sql, &cancel)?;
    let columns = statement.columns().to_vec();
    let progress = statement.progress();
    let mut result = statement.query(values, &cancel)?;
    let mut rows = Vec::new();
    while let Some(row) = result.next_row()? {
        rows.push(row);
    }
    let warnings = result.take_warnings();
    Ok(Answer {
        columns,
        rows,
        warnings,
        costs: progress.costs(),
    })
}

/// Deletes a record, as another program would.
pub fn delete(sandbox: &Sandbox, path: &str) {
    let cancel = CancellationToken::new();
    let request = Request::new("DELETE", Target::Api(path.to_owned())).unwrap();
    let mut records = Vec::new();
    let session = session(sandbox, "");
    let reply = session
        .execute(&request, RequestBody::Empty, &cancel, &mut records)
        .unwrap();
    assert_eq!(reply.status(), 204, "{path}");
}
