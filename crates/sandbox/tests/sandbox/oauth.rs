//! The authorization server.

use std::time::Duration;

use serde_json::Value;

use crate::client::{Client, Reply, sandbox, send, start};
use clio_sandbox::{ClientAuth, Sandbox};

const BACK: &str = "http://127.0.0.1:9/callback";

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

fn asked<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("response_type", "code"),
        ("client_id", "sandbox-client"),
        ("redirect_uri", BACK),
        ("state", "s t&a<te"),
    ];
    for (name, value) in more {
        all.retain(|(given, _)| given != name);
        all.push((name, value));
    }
    all
}

fn page(sandbox: &Sandbox, pairs: &[(&str, &str)]) -> Reply {
    let url = format!("{}/oauth/authorize?{}", sandbox.base_url(), encode(pairs));
    send("GET", &url, &[], b"").unwrap()
}

fn post(sandbox: &Sandbox, path: &str, headers: &[(&str, &str)], pairs: &[(&str, &str)]) -> Reply {
    let url = format!("{}/oauth/{path}", sandbox.base_url());
    let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
    all.extend_from_slice(headers);
    send("POST", &url, &all, encode(pairs).as_bytes()).unwrap()
}

fn decide(sandbox: &Sandbox, decision: &str, more: &[(&str, &str)]) -> Reply {
    let mut pairs = asked(more);
    pairs.push(("decision", decision));
    post(sandbox, "authorize", &[], &pairs)
}

fn parameter(location: &str, name: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(given, _)| given == name)
        .map(|(_, value)| value.into_owned())
}

fn code(sandbox: &Sandbox, more: &[(&str, &str)]) -> String {
    let reply = decide(sandbox, "approve", more);
    assert_eq!(reply.status, 302, "{}", reply.text());
    parameter(reply.header("location").unwrap(), "code").unwrap()
}

fn token(sandbox: &Sandbox, pairs: &[(&str, &str)]) -> Reply {
    let mut all = vec![
        ("client_id", "sandbox-client"),
        ("client_secret", "sandbox-secret"),
    ];
    all.extend_from_slice(pairs);
    post(sandbox, "token", &[], &all)
}

fn exchange(sandbox: &Sandbox, code: &str) -> Reply {
    token(
        sandbox,
        &[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
        ],
    )
}

fn refresh(sandbox: &Sandbox, token_text: &Value) -> Reply {
    let text = token_text.as_str().unwrap();
    token(
        sandbox,
        &[("grant_type", "refresh_token"), ("refresh_token", text)],
    )
}

#[test]
fn a_login_gives_a_token() {
    let sandbox = start(|options| options.token_life = Duration::from_secs(7200));
    let shown = page(&sandbox, &asked(&[]));
    assert_eq!(shown.status, 200);
    assert!(shown.text().contains("Approve") && shown.text().contains("Decline"));
    assert!(
        shown.text().contains("s t&amp;a&lt;te"),
        "the state is carried, escaped"
    );
    let reply = decide(&sandbox, "approve", &[]);
    let location = reply.header("location").unwrap();
    assert!(location.starts_with(&format!("{BACK}?code=")));
    assert_eq!(parameter(location, "state").as_deref(), Some("s t&a<te"));
    let code = parameter(location, "code").unwrap();
    let first = exchange(&sandbox, &code);
    assert_eq!(first.status, 200);
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.at("/token_type"), "bearer");
    assert_eq!(first.at("/expires_in"), 7200);
    let mut client = Client::new(&sandbox);
    client.token = first.at("/access_token").as_str().unwrap().to_owned();
    assert_eq!(
        client.get("users/who_am_i").at("/data/name"),
        sandbox.people()[0].name.as_str()
    );
    let again = exchange(&sandbox, &code);
    assert_eq!(
        (again.status, again.at("/error")),
        (400, Value::from("invalid_grant"))
    );
    assert_eq!(sandbox.counters().tokens.invalid_code, 1);
}

#[test]
fn another_person_can_sign_in() {
    let sandbox = sandbox();
    let person = &sandbox.people()[2];
    let code = code(&sandbox, &[("user", &person.email)]);
    let mut client = Client::new(&sandbox);
    client.token = exchange(&sandbox, &code)
        .at("/access_token")
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.get("users/who_am_i").at("/data/id"), person.id);
}

#[test]
fn declining_redirects_only_if_asked_to() {
    let sandbox = sandbox();
    let reply = decide(&sandbox, "decline", &[]);
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("declined"));
    let reply = decide(&sandbox, "decline", &[("redirect_on_decline", "true")]);
    let location = reply.header("location").unwrap();
    assert_eq!(
        parameter(location, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(parameter(location, "state").as_deref(), Some("s t&a<te"));
    assert_eq!(sandbox.counters().consent.declined, 2);
}

#[test]
fn wrong_requests_get_a_page_that_says_so() {
    let sandbox = sandbox();
    for (name, value) in [
        ("client_id", "x"),
        ("client_id", ""),
        ("response_type", "token"),
        ("redirect_uri", "http://evil.example/"),
        ("redirect_uri", "http://127.0.0.1@evil.example/"),
        ("redirect_uri", ""),
        ("code_challenge", "x"),
    ] {
        let reply = page(&sandbox, &asked(&[(name, value)]));
        assert_eq!(reply.status, 400, "{name}={value}");
        assert!(reply.text().contains("<html"));
        assert_eq!(decide(&sandbox, "approve", &[(name, value)]).status, 400);
    }
}

#[test]
fn a_list_of_redirect_addresses_is_kept() {
    let sandbox =
        start(|options| options.redirect_uris = vec!["https://app.example/cb".to_owned()]);
    let status = |uri: &str| page(&sandbox, &asked(&[("redirect_uri", uri)])).status;
    assert_eq!(status("https://app.example/cb"), 200);
    assert_eq!(status("https://app.example/cb?id=5"), 200);
    assert_eq!(status("https://app.example/cb/x"), 400);
    assert_eq!(status(BACK), 400);
    let reply = decide(
        &sandbox,
        "approve",
        &[("redirect_uri", "https://app.example/cb?id=5")],
    );
    assert!(
        reply
            .header("location")
            .unwrap()
            .starts_with("https://app.example/cb?id=5&code=")
    );
}

#[test]
fn the_approval_page_shows_the_code() {
    let sandbox = sandbox();
    let out_of_band = [("redirect_uri", "https://eu.app.clio.com/oauth/approval")];
    let follow = |reply: &Reply| {
        let path = reply.header("location").unwrap();
        send("GET", &format!("{}{path}", sandbox.base_url()), &[], b"")
            .unwrap()
            .text()
    };
    let approved = follow(&decide(&sandbox, "approve", &out_of_band));
    let (_, rest) = approved.split_once("<title>Success code=").unwrap();
    let code = rest.split('<').next().unwrap();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        out_of_band[0],
    ];
    assert_eq!(token(&sandbox, &pairs).status, 200);
    let declined = follow(&decide(&sandbox, "decline", &out_of_band));
    assert!(declined.contains("<title>Failure error=access_denied</title>"));
}

#[test]
fn a_code_belongs_to_its_redirect_address() {
    let sandbox = sandbox();
    let other = [("redirect_uri", "http://localhost:9/other")];
    let code = code(&sandbox, &other);
    assert_eq!(exchange(&sandbox, &code).at("/error"), "invalid_grant");
}

#[test]
fn refresh_tokens_last_unless_they_rotate() {
    let sandbox = sandbox();
    let first = exchange(&sandbox, &code(&sandbox, &[]));
    let kept = first.at("/refresh_token");
    for _ in 0..2 {
        let reply = refresh(&sandbox, &kept);
        assert_eq!(reply.status, 200);
        assert!(reply.json().get("refresh_token").is_none());
        assert_ne!(reply.at("/access_token"), first.at("/access_token"));
    }
    let rotating = start(|options| options.rotate_refresh_tokens = true);
    let first = exchange(&rotating, &code(&rotating, &[]));
    let second = refresh(&rotating, &first.at("/refresh_token"));
    assert_ne!(second.at("/refresh_token"), first.at("/refresh_token"));
    let reused = refresh(&rotating, &first.at("/refresh_token"));
    assert_eq!(
        (reused.status, reused.at("/error")),
        (400, Value::from("invalid_grant"))
    );
    assert_eq!(refresh(&rotating, &second.at("/refresh_token")).status, 200);
    let tokens = rotating.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (2, 1));
}

#[test]
fn clients_must_be_known() {
    let sandbox = sandbox();
    let wrong = [
        ("client_id", "sandbox-client"),
        ("client_secret", "wrong"),
        ("grant_type", "refresh_token"),
    ];
    let reply = post(&sandbox, "token", &[], &wrong);
    assert_eq!(
        (reply.status, reply.at("/error")),
        (401, Value::from("invalid_client"))
    );
    let basic = (
        "Authorization",
        "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ=",
    );
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert_eq!(
        post(&sandbox, "token", &[basic], &pairs).at("/error"),
        "invalid_client"
    );
    let either = start(|options| options.client_auth = ClientAuth::Either);
    assert_eq!(
        post(&either, "token", &[basic], &pairs).at("/error"),
        "invalid_grant"
    );
    assert_eq!(
        token(&sandbox, &[("grant_type", "password")]).at("/error"),
        "unsupported_grant_type"
    );
    assert_eq!(token(&sandbox, &[]).at("/error"), "invalid_request");
    let url = format!("{}/oauth/token", sandbox.base_url());
    let json = send("POST", &url, &[("Content-Type", "application/json")], b"{}").unwrap();
    assert_eq!(json.at("/error"), "invalid_request");
}

#[test]
fn a_challenge_must_be_met() {
    let sandbox = start(|options| options.require_pkce = true);
    assert_eq!(page(&sandbox, &asked(&[])).status, 400);
    // The example of RFC 7636, appendix B.
    let challenge = [
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let with = |verifier: Option<&str>| {
        let code = code(&sandbox, &challenge);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", BACK),
        ];
        if let Some(verifier) = verifier {
            pairs.push(("code_verifier", verifier));
        }
        token(&sandbox, &pairs).status
    };
    assert_eq!(
        with(Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
        200
    );
    assert_eq!(with(Some("other")), 400);
    assert_eq!(with(None), 400);
}

#[test]
fn deauthorizing_revokes_one_token() {
    let sandbox = sandbox();
    let (one, two) = (Client::new(&sandbox), Client::new(&sandbox));
    let bearer = format!("Bearer {}", one.token);
    let pairs = [("token", one.token.as_str())];
    assert_eq!(post(&sandbox, "deauthorize", &[], &pairs).status, 401);
    let reply = post(
        &sandbox,
        "deauthorize",
        &[("Authorization", &bearer)],
        &pairs,
    );
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(one.get("users/who_am_i").status, 401);
    assert_eq!(two.get("users/who_am_i").status, 200);
    assert_eq!(sandbox.counters().tokens.revoked, 1);
}
