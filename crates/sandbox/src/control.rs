//! `/_sandbox/…`: counters, faults, tokens and the like, for whoever runs the sandbox. Answered
//! only to this machine.

use serde_json::{Value, json};

use crate::app::App;
use crate::faults::Fault;
use crate::firm;
use crate::http::{Reply, Request};
use crate::oauth;
use crate::query::Parameters;
use crate::storage::Content;

/// Answers a control request.
pub fn answer(app: &App, request: &Request) -> Reply {
    let path = request.path.strip_prefix("/_sandbox/").unwrap_or_default();
    let done = || Reply::empty(204);
    match (request.method.as_str(), path) {
        ("GET", "info") => reply(&info(app)),
        ("GET", "counters") => match serde_json::to_value(&*app.counters()) {
            Ok(value) => reply(&value),
            Err(error) => refuse(&error.to_string()),
        },
        ("POST", "reset") => {
            reset(app);
            done()
        }
        ("GET", "faults") => reply(&json!(app.faults().waiting())),
        ("POST", "faults") => match Fault::parse(&request.body) {
            Ok(fault) => {
                app.faults().add(fault);
                done()
            }
            Err(why) => refuse(&why),
        },
        ("DELETE", "faults") => {
            app.faults().clear();
            done()
        }
        ("POST", "tokens") => issue(app, &request.body),
        ("POST", "tokens/expire") => {
            app.authorizations().expire_all();
            done()
        }
        ("POST", "tokens/revoke") => {
            app.authorizations().revoke_all();
            done()
        }
        ("GET", "blob") => {
            let parameters = Parameters::parse(request.query.as_bytes());
            match parameters.get("bytes").and_then(|text| text.parse().ok()) {
                Some(length) => {
                    let mut reply = Reply::new(200, "application/octet-stream", "");
                    reply.body = Content::Generated { seed: 0, length }.body(0, length);
                    reply
                }
                None => refuse("bytes is missing, as in blob?bytes=1048576"),
            }
        }
        ("POST", "documents") => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            match body.get("bytes").and_then(Value::as_u64) {
                Some(length) => reply(&json!({ "id": add_document(app, length) })),
                None => refuse(r#"the body must be {"bytes": N}"#),
            }
        }
        ("GET", _) if path.starts_with("documents/") => content(app, path),
        _ => Reply::json(
            404,
            json!({ "error": "no such control endpoint" }).to_string(),
        ),
    }
}

fn reply(value: &Value) -> Reply {
    Reply::json(200, value.to_string())
}

fn refuse(why: &str) -> Reply {
    Reply::json(400, json!({ "error": why }).to_string())
}

fn info(app: &App) -> Value {
    let addresses = app.addresses();
    let database = app.database();
    let tables: serde_json::Map<String, Value> = database
        .tables()
        .filter(|table| !table.rows.is_empty())
        .map(|table| (table.name.clone(), table.rows.len().into()))
        .collect();
    json!({
        "base_url": addresses.base,
        "storage_url": addresses.storage,
        "client_id": app.options.client_id,
        "seed": app.options.seed,
        "today": app.options.today,
        "records": tables,
    })
}

/// Forgets what was counted, faults and rate-limit windows. Data and tokens stay.
pub fn reset(app: &App) {
    *app.counters() = crate::counters::Counters::default();
    app.faults().clear();
    app.limiter().clear();
}

/// A token without a login: `{"user": id, "life": seconds}`, both optional.
fn issue(app: &App, body: &[u8]) -> Reply {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = app.people.first().map(|person| person.id);
    let Some(user) = asked.get("user").and_then(Value::as_i64).or(first) else {
        return refuse("there is no user");
    };
    let life = asked
        .get("life")
        .and_then(Value::as_f64)
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(app.options.token_life);
    let grant = app.authorizations().grant(user, life);
    let mut members = oauth::members(&grant);
    members.insert("refresh_token".to_owned(), grant.refresh_token.into());
    reply(&Value::Object(members))
}

/// Adds a document with generated content of a size; returns its id.
pub fn add_document(app: &App, length: u64) -> i64 {
    let now = app.clock.now();
    firm::add_document(&mut app.database_mut(), &mut app.storage(), length, now)
}

/// `documents/{id}/content`: what a download must give, without a token.
fn content(app: &App, path: &str) -> Reply {
    let id = path
        .strip_prefix("documents/")
        .and_then(|rest| rest.strip_suffix("/content"));
    let database = app.database();
    let uuid = id
        .and_then(|id| id.parse().ok())
        .and_then(|id: i64| database.named("documents")?.row(id))
        .and_then(|document| document.get("latest_document_version").key())
        .and_then(|key| database.row(key)?.get("uuid").text().map(str::to_owned));
    match uuid.and_then(|uuid| app.storage().get(&uuid).cloned()) {
        Some(content) => {
            let mut reply = Reply::new(200, "application/octet-stream", "");
            reply.body = content.body(0, content.length());
            reply
        }
        None => Reply::json(404, json!({ "error": "no such document" }).to_string()),
    }
}
