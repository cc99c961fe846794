//! Getting the first token.

use apilink_core::cancel::CancellationToken;
use apilink_core::error::native;
use apilink_core::oauth::authorization_request;
use apilink_core::session::{ConnectOptions, Session, exchange_code};
use apilink_core::{Result, SqlState};
use clio_sandbox::{Fault, FaultKind};

use super::{Service, browse, get, settings};

fn log_in(service: &Service, decision: &'static str) -> Result<Session> {
    let mut person = None;
    let mut show = |url: &str| {
        let url = url.to_owned();
        person = Some(std::thread::spawn(move || browse(&url, decision)));
        true
    };
    let outcome = service.try_connect("", Some(&mut show));
    if let Some(person) = person {
        person.join().unwrap();
    }
    outcome
}

/// A connect that must not ask anybody.
fn connect_quietly(service: &Service, more: &str) -> Result<Session> {
    let mut show = |_: &str| panic!("a login was asked for");
    service.try_connect(more, Some(&mut show))
}

#[test]
fn one_login_serves_again_and_again() {
    let service = Service::plain();
    let session = log_in(&service, "approve").unwrap();
    let who = get(&session, "users/who_am_i?fields=id,name");
    assert_eq!(who["data"]["id"], service.sandbox.people()[0].id);
    drop(session);

    for _ in 0..3 {
        let session = connect_quietly(&service, "").unwrap();
        assert!(get(&session, "matters?fields=id&limit=2")["data"].is_array());
    }
    let counters = service.sandbox.counters();
    assert_eq!(counters.consent.approved, 1);
    assert_eq!(
        (
            counters.tokens.authorization_code,
            counters.tokens.refresh_token
        ),
        (1, 0)
    );
    assert_eq!(counters.unknown_requests, [] as [String; 0]);
}

#[test]
fn a_usable_token_means_no_network_traffic() {
    let service = Service::plain();
    service.connect("");
    assert_eq!(service.sandbox.counters().connections, 0);
}

/// The log says how a person was asked. The state is for nobody else.
#[test]
fn the_log_tells_of_a_login_without_its_state() {
    let service = Service::plain();
    let mut shown = String::new();
    let mut show = |url: &str| {
        url.clone_into(&mut shown);
        true
    };
    let more = "LoginTimeout=1;State=state-%-canary";
    let error = service.try_connect(more, Some(&mut show)).err().unwrap();
    assert_eq!(error.sqlstate, SqlState::TIMEOUT);
    assert!(shown.contains("-canary") && error.message.contains(&shown));
    let log = service.log.lock().unwrap().join("\n");
    assert!(log.contains("shown by the program"), "{log}");
    assert!(log.contains("/oauth/authorize?"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn declining_is_told_apart() {
    let service = Service::plain();
    let error = log_in(&service, "decline").err().unwrap();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
    assert_eq!(error.native, native::OAUTH_ACCESS_DENIED);
    assert!(!service.file().exists());
}

#[test]
fn refresh_alone_never_asks() {
    let service = Service::plain();
    let error = connect_quietly(&service, "InitiateOAuth=REFRESH")
        .err()
        .unwrap();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
    assert!(error.message.contains("GETANDREFRESH"), "{error}");
}

#[test]
fn off_uses_the_given_token_and_leaves_the_store_alone() {
    let service = Service::plain();
    service.store_token(std::time::Duration::from_secs(3600));
    let before = service.stored();
    let user = service.sandbox.people()[1].id;
    let grant = service
        .sandbox
        .issue_token(user, std::time::Duration::from_secs(3600));
    let more = format!("InitiateOAuth=OFF;OAuthAccessToken={}", grant.access_token);
    let session = connect_quietly(&service, &more).unwrap();
    assert_eq!(get(&session, "users/who_am_i")["data"]["id"], user);

    service.sandbox.expire_tokens();
    let request = apilink_core::http::Request::get("users/who_am_i");
    let (reply, records) = super::send(&session, &request);
    assert_eq!(reply.unwrap().status().as_u16(), 401);
    assert_eq!(records[0].native, 401);
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 0);
    assert_eq!(service.stored(), before);
}

/// Path and query of the redirect that ends a login on another machine.
fn log_in_elsewhere(settings: &apilink_core::settings::Settings) -> String {
    // The redirect leads to this test, which stands in for the other machine.
    let address = settings.callback_url.trim_start_matches("http://");
    let listener = std::net::TcpListener::bind(address).unwrap();
    let request = authorization_request(settings, Some("web-state")).unwrap();
    let url = request.url.to_string();
    let person = std::thread::spawn(move || {
        let _ = std::panic::catch_unwind(|| browse(&url, "approve"));
    });
    let (mut client, _) = listener.accept().unwrap();
    let mut head = [0; 2048];
    let count = std::io::Read::read(&mut client, &mut head).unwrap();
    drop(client);
    person.join().unwrap();
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    head.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn headless_with_a_code_or_the_whole_url() {
    let service = Service::plain();
    for whole in [false, true] {
        let _ = std::fs::remove_file(service.file());
        let settings = service.settings("");
        let target = log_in_elsewhere(&settings);
        let copied = if whole {
            format!("http://localhost{target}")
        } else {
            target
                .split("code=")
                .nth(1)
                .unwrap()
                .split('&')
                .next()
                .unwrap()
                .to_owned()
        };
        let more = format!(
            "CallbackUrl={};OAuthVerifier={{{copied}}};InitiateOAuth=REFRESH",
            settings.callback_url
        );
        let session = connect_quietly(&service, &more).unwrap();
        assert!(get(&session, "users/who_am_i")["data"]["id"].is_i64());
        // The same string again: the code is used up, and must not be needed.
        let session = connect_quietly(&service, &more).unwrap();
        assert!(get(&session, "users/who_am_i")["data"]["id"].is_i64());
    }
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.authorization_code, tokens.invalid_code), (2, 0));
}

/// A person has approved it, and is not to be asked again for a moment's trouble.
#[test]
fn a_login_survives_a_token_endpoint_that_is_down_or_busy_for_a_moment() {
    let service = Service::plain();
    for (status, retry_after) in [(503, None), (429, Some("1")), (502, None)] {
        service.sandbox.fault(Fault {
            status: Some(status),
            retry_after: retry_after.map(str::to_owned),
            ..Fault::new("/oauth/token", FaultKind::Status)
        });
    }
    let session = log_in(&service, "approve").unwrap();
    get(&session, "users/who_am_i");
    let counters = service.sandbox.counters();
    assert_eq!(counters.consent.approved, 1);
    assert_eq!(counters.tokens.authorization_code, 1);
}

#[test]
fn the_wait_before_a_code_is_sent_again_can_be_cancelled() {
    let service = Service::plain();
    let settings = service.settings("");
    service.sandbox.fault(Fault {
        status: Some(429),
        retry_after: Some("50".into()),
        ..Fault::new("/oauth/token", FaultKind::Status)
    });
    let cancel = CancellationToken::new();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        let exchanging =
            scope.spawn(|| exchange_code(settings, None, "x", ConnectOptions::default(), &cancel));
        while service.sandbox.counters().faults.is_empty() {
            std::thread::yield_now();
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(!exchanging.is_finished());
        cancel.cancel();
        let error = exchanging.join().unwrap().unwrap_err();
        assert_eq!(error.sqlstate, SqlState::CANCELLED);
    });
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn a_foreign_state_and_a_wrong_code_are_refused() {
    let service = Service::plain();
    let cancel = CancellationToken::new();
    let exchange = |text: &str| {
        let settings = service.settings("");
        let pending = authorization_request(&settings, Some("ours")).unwrap();
        exchange_code(
            settings,
            Some(&pending),
            text,
            ConnectOptions::default(),
            &cancel,
        )
        .unwrap_err()
    };
    let error = exchange("http://localhost/?code=x&state=theirs");
    assert!(error.message.contains("another login"), "{error}");
    for copied in [
        "http://localhost/?code=without-state",
        "localhost:33333/?code=without-state",
        "?code=without-state",
        "code=without-state&x=y",
    ] {
        let error = exchange(copied);
        assert!(error.message.contains("another login"), "{copied}: {error}");
    }
    assert_eq!(service.sandbox.counters().tokens.invalid_code, 0);
    // The page for out-of-band codes is not known to repeat the state.
    let error = exchange("https://app.clio.com/oauth/approval?code=x");
    assert_eq!(error.native, native::OAUTH_INVALID_GRANT);
    let error = exchange("not-a-code-of-ours");
    assert_eq!(error.native, native::OAUTH_INVALID_GRANT);
    assert!(!error.message.contains("not-a-code-of-ours"), "{error}");
}

#[test]
fn a_wrong_client_secret_is_named() {
    let service = Service::plain();
    let grant = service.grant(std::time::Duration::from_secs(1));
    super::write_tokens(
        &service.file(),
        &grant.access_token,
        &grant.refresh_token,
        std::time::Duration::ZERO,
        0,
    );
    let error = connect_quietly(&service, "OAuthClientSecret=wrong-canary")
        .err()
        .unwrap();
    assert_eq!(error.native, native::OAUTH_INVALID_CLIENT);
    assert!(error.message.contains("OAuthClientSecret"), "{error}");
    assert!(!error.message.contains("canary"), "{error}");
}

#[test]
fn two_connections_log_in_once() {
    let service = Service::plain();
    let string = service.string("");
    let asked = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut show = |url: &str| {
                    asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    let url = url.to_owned();
                    std::thread::spawn(move || browse(&url, "approve"));
                    true
                };
                let options = ConnectOptions {
                    show_url: Some(&mut show),
                    ..ConnectOptions::default()
                };
                let mut records = Vec::new();
                let session = Session::connect(
                    settings(&string),
                    options,
                    &CancellationToken::new(),
                    &mut records,
                )
                .unwrap();
                get(&session, "users/who_am_i");
            });
        }
    });
    assert_eq!(asked.into_inner(), 1);
}

#[test]
fn connect_on_open_proves_the_token() {
    let service = Service::plain();
    service.connect("ConnectOnOpen=true");
    assert_eq!(
        service
            .sandbox
            .counters()
            .requests("GET /api/v4/users/who_am_i.json"),
        1
    );
    service.sandbox.revoke_tokens();
    let error = connect_quietly(&service, "InitiateOAuth=REFRESH;ConnectOnOpen=true")
        .err()
        .unwrap();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
}

#[test]
fn a_refused_token_that_is_found_by_connect_on_open_leads_to_a_login() {
    let service = Service::plain();
    service.store_token(std::time::Duration::from_secs(3600));
    service.sandbox.revoke_tokens();
    let mut person = None;
    let mut show = |url: &str| {
        let url = url.to_owned();
        person = Some(std::thread::spawn(move || browse(&url, "approve")));
        true
    };
    let session = service
        .try_connect("ConnectOnOpen=true", Some(&mut show))
        .unwrap();
    person.unwrap().join().unwrap();
    get(&session, "users/who_am_i");
}

#[test]
fn a_secret_that_is_missing_is_named_before_anything_is_sent() {
    let service = Service::plain();
    service.store_token(std::time::Duration::ZERO);
    let more = "InitiateOAuth=REFRESH;OAuthClientSecret=''";
    let string = service
        .string(more)
        .replace("OAuthClientSecret=sandbox-secret;", "");
    let error = Session::connect(
        settings(&string),
        ConnectOptions::default(),
        &CancellationToken::new(),
        &mut Vec::new(),
    )
    .err()
    .unwrap();
    assert!(
        error.message.contains("OAuthClientSecret is missing"),
        "{error}"
    );
    assert_eq!(service.sandbox.counters().connections, 0);
}

#[test]
fn a_code_is_exchanged_once_by_connections_that_come_together() {
    let service = Service::plain();
    let first = service.settings("");
    let copied = format!("http://localhost{}", log_in_elsewhere(&first));
    let more = format!(
        "CallbackUrl={};OAuthVerifier={{{copied}}};InitiateOAuth=REFRESH",
        first.callback_url
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let session = connect_quietly(&service, &more).unwrap();
                get(&session, "users/who_am_i");
            });
        }
    });
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.authorization_code, tokens.invalid_code), (1, 0));
}

#[test]
fn waiting_for_another_connections_login_can_be_cancelled() {
    let service = Service::plain();
    let (first, second) = (CancellationToken::new(), CancellationToken::new());
    let string = service.string("");
    let connect = |cancel: &CancellationToken, show: &mut dyn FnMut(&str) -> bool| {
        let options = ConnectOptions {
            show_url: Some(show),
            ..ConnectOptions::default()
        };
        let error = Session::connect(settings(&string), options, cancel, &mut Vec::new());
        error.err().unwrap().sqlstate
    };
    let asked = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let logging_in = scope.spawn(|| {
            connect(&first, &mut |_| {
                asked.wait();
                true
            })
        });
        asked.wait();
        let waiting = scope.spawn(|| connect(&second, &mut |_| panic!("asked twice")));
        second.cancel();
        assert_eq!(waiting.join().unwrap(), SqlState::CANCELLED);
        first.cancel();
        assert_eq!(logging_in.join().unwrap(), SqlState::CANCELLED);
    });
}
