//! What every request must obey: firewall, version, token, permission, rate limit.

use std::time::Duration;

use serde_json::json;

use crate::client::{Client, sandbox, send, start};

#[test]
fn a_missing_token_and_a_wrong_one_get_different_401s() {
    let sandbox = sandbox();
    let url = format!("{}/api/v4/users/who_am_i.json", sandbox.base_url());
    let agent = ("User-Agent", "test/1.0");
    let missing = send("GET", &url, &[agent], b"").unwrap();
    assert_eq!(missing.status, 401);
    assert_eq!(missing.at("/error/type"), "UnauthorizedError");
    assert!(
        missing
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    let wrong = send("GET", &url, &[agent, ("Authorization", "Bearer x")], b"").unwrap();
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.at("/error"), "invalid_token");
    assert!(
        wrong
            .header("www-authenticate")
            .unwrap()
            .contains("error=\"invalid_token\"")
    );
    assert_eq!(wrong.header("x-ratelimit-limit"), None);
}

#[test]
fn tokens_expire_and_can_be_revoked() {
    let sandbox = sandbox();
    let user = sandbox.people()[0].id;
    let status = |client: &Client<'_>| client.get("users/who_am_i.json").status;
    let mut client = Client::new(&sandbox);
    assert_eq!(status(&client), 200);
    sandbox.expire_tokens();
    assert_eq!(status(&client), 401);
    client.token = sandbox.issue_token(user, Duration::ZERO).access_token;
    assert_eq!(status(&client), 401);
    client.token = sandbox
        .issue_token(user, Duration::from_secs(60))
        .access_token;
    assert_eq!(status(&client), 200);
    sandbox.revoke_tokens();
    assert_eq!(status(&client), 401);
}

#[test]
fn who_am_i_is_the_user_of_the_token() {
    let sandbox = sandbox();
    let mut client = Client::new(&sandbox);
    let person = &sandbox.people()[3];
    client.token = sandbox
        .issue_token(person.id, Duration::from_secs(60))
        .access_token;
    let reply = client.get("users/who_am_i");
    assert_eq!(reply.at("/data/name"), person.name.as_str());
    assert_eq!(
        crate::member_names(&reply.at("/data")),
        ["etag", "id", "name"]
    );
    assert_eq!(
        client
            .get("users/who_am_i.json?fields=email")
            .at("/data/email"),
        person.email
    );
}

#[test]
fn the_firewall_refuses_odd_agents() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let authorization = format!("Bearer {}", client.token);
    for agents in [vec![], vec![("User-Agent", "X/1.0 (+https://x.example)")]] {
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(agents);
        let reply = send("GET", &client.url("matters.json"), &headers, b"").unwrap();
        assert_eq!(reply.status, 403);
        assert!(reply.text().starts_with("<html>"));
    }
}

#[test]
fn versions_are_echoed_or_gone() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let get = |version: &str| client.get_with("users/who_am_i", &[("X-API-VERSION", version)]);
    assert_eq!(
        client.get("users/who_am_i").header("x-api-version"),
        Some("4.0.13")
    );
    assert_eq!(get("4.0.12").header("x-api-version"), Some("4.0.12"));
    assert_eq!(get("4.0.2").status, 410);
    assert_eq!(get("5").status, 410);
}

#[test]
fn a_missing_permission_is_forbidden() {
    let sandbox = start(|options| options.without_permissions = vec!["users".to_owned()]);
    let client = Client::new(&sandbox);
    let reply = client.get("users/who_am_i.json");
    assert_eq!(reply.status, 403);
    assert_eq!(reply.at("/error/type"), "ForbiddenError");
    assert_eq!(client.get("matters.json?limit=1").status, 200);
}

#[test]
fn a_redacted_matter_shows_its_id_only() {
    let sandbox = start(|options| options.redact_every = 2);
    let client = Client::new(&sandbox);
    let activities = client.get("activities.json?fields=total,matter{id,description}");
    let (mut redacted, mut plain) = (0, 0);
    for activity in activities.data() {
        let matter = &activity["matter"];
        if matter["id"].as_i64().unwrap() % 2 == 0 {
            let whole = serde_json::json!({"id": matter["id"], "redacted": true});
            assert_eq!((matter, activity["total"].is_null()), (&whole, true));
            redacted += 1;
        } else {
            assert!(matter["description"].is_string() && activity["total"].is_number());
            plain += 1;
        }
    }
    assert!(redacted > 0 && plain > 0, "{redacted} and {plain}");
    let matters = client.get("matters.json?fields=id,description");
    assert!(
        matters
            .data()
            .iter()
            .all(|row| row["description"].is_string())
    );
}

#[test]
fn peeking_leaves_no_trace() {
    let sandbox = start(|options| options.rate_limit = 1);
    let client = Client::new(&sandbox);
    let address = "/api/v4/matters.json?fields=id,status&limit=3";
    let peeked = sandbox.peek(address);
    let asked = client.get("matters.json?fields=id,status&limit=3");
    let data = |body: &[u8]| -> serde_json::Value {
        let reply: serde_json::Value = serde_json::from_slice(body).unwrap();
        reply["data"].clone()
    };
    assert_eq!(peeked.0, 200);
    assert_eq!(data(&peeked.1), data(&asked.body));
    assert_eq!(sandbox.counters().requests("GET /api/v4/matters.json"), 1);
    assert_eq!(sandbox.peek("/api/v4/matters.json?limit=0").0, 400);
}

#[test]
fn the_rate_limit_is_told_and_kept() {
    let sandbox = start(|options| options.rate_limit = 3);
    let client = Client::new(&sandbox);
    for remaining in ["2", "1", "0"] {
        let reply = client.get("matters.json?limit=1");
        assert_eq!(reply.header("x-ratelimit-limit"), Some("3"));
        assert_eq!(reply.header("x-ratelimit-remaining"), Some(remaining));
    }
    let reply = client.get("matters.json?limit=1");
    assert_eq!(reply.status, 429);
    assert_eq!(reply.at("/error/type"), "RateLimited");
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    let message = format!("Rate limit of 3 exceeded. Retry in {wait} seconds.");
    assert_eq!(reply.at("/error/message"), message.as_str());
    let reset: u64 = reply.header("x-ratelimit-reset").unwrap().parse().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    assert!((now..=now + 61).contains(&reset));
    // Another token has its own window.
    assert_eq!(
        Client::new(&sandbox).get("matters.json?limit=1").status,
        200
    );
}

#[test]
fn a_window_ends() {
    let sandbox = start(|options| {
        options.rate_limit = 1;
        options.rate_window = Duration::from_millis(1);
    });
    let client = Client::new(&sandbox);
    // Two requests over two connections are further apart than the window is long, sooner or
    // later.
    let statuses: Vec<u16> = (0..50)
        .map(|_| client.get("users/who_am_i").status)
        .collect();
    assert!(
        statuses.iter().filter(|status| **status == 200).count() > 1,
        "{statuses:?}"
    );
}

#[test]
fn long_replies_are_compressed_on_request() {
    use std::io::Read as _;
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let path = "contacts.json?fields=id,name,primary_email_address&limit=30";
    let plain = client.get(path);
    assert_eq!(plain.header("content-encoding"), None);
    // The second comes from the cache.
    for _ in 0..2 {
        let packed = client.get_with(path, &[("Accept-Encoding", "deflate, gzip;q=1.0")]);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice())
            .read_to_end(&mut text)
            .unwrap();
        assert_eq!(text, plain.body);
    }
    let short = client.get_with("contacts.json?limit=1", &[("Accept-Encoding", "gzip")]);
    assert_eq!(short.header("content-encoding"), None);
}

#[test]
fn counters_count_and_keep_no_secrets() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = client.first("matters.json");
    client.get(&format!("matters/{id}.json?fields=id,status"));
    client.get(&format!("matters/{id}"));
    let counters = sandbox.counters();
    assert_eq!(counters.requests("GET /api/v4/matters/{id}.json"), 2);
    assert_eq!(counters.requests("GET /api/v4/matters.json"), 1);
    assert_eq!(counters.statuses[&200], 3);
    let text = serde_json::to_string(&counters).unwrap();
    assert!(!text.contains(&client.token));
    assert!(text.contains("Bearer ***"));
    let last = counters.log.iter().rev().nth(1).unwrap();
    assert_eq!(last.query, [("fields".to_owned(), "id,status".to_owned())]);
    sandbox.reset();
    assert_eq!(sandbox.counters().requests("GET /api/v4/matters.json"), 0);
    assert_eq!(client.get("users/who_am_i").status, 200, "tokens stay");
}

#[test]
fn an_unknown_path_is_not_found_and_a_known_one_may_be_missing() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    assert_eq!(client.get("nonsense.json").status, 404);
    assert_eq!(client.get("matters/1.json").status, 404);
    assert_eq!(client.get("timer.json").status, 501);
    assert_eq!(
        client
            .post("matters.json", &json!({"description": "x"}))
            .status,
        400
    );
}
