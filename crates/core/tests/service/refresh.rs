//! Keeping a token fresh.

use std::time::Duration;

use apilink_core::cancel::CancellationToken;
use apilink_core::error::native;
use apilink_core::{Result, SqlState};
use clio_sandbox::{Fault, FaultKind, Shape};

use super::{Service, get, write_tokens};

fn quiet(service: &Service, more: &str) -> Result<apilink_core::session::Session> {
    let mut show = |_: &str| panic!("a login was asked for");
    service.try_connect(more, Some(&mut show))
}

#[test]
fn an_expired_token_is_refreshed_when_connecting() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    let session = quiet(&service, "").unwrap();
    get(&session, "users/who_am_i");
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
}

#[test]
fn a_401_of_either_shape_is_answered_with_one_refresh_and_one_repetition() {
    for shape in [Shape::String, Shape::Object] {
        let service = Service::plain();
        let session = service.connect("");
        service.sandbox.fault(Fault {
            shape: Some(shape),
            ..Fault::new("/api/v4/matters*", FaultKind::Unauthorized)
        });
        get(&session, "matters?fields=id");
        let counters = service.sandbox.counters();
        assert_eq!(counters.tokens.refresh_token, 1);
        assert_eq!(counters.requests("GET /api/v4/matters.json"), 2);

        service.sandbox.fault(Fault {
            shape: Some(shape),
            times: 0,
            ..Fault::new("/api/v4/matters*", FaultKind::Unauthorized)
        });
        let (reply, records) = super::send(&session, &apilink_core::http::Request::get("matters"));
        assert_eq!(reply.unwrap().status().as_u16(), 401);
        assert_eq!(records[0].native, 401);
        assert_eq!(
            service
                .sandbox
                .counters()
                .requests("GET /api/v4/matters.json"),
            4
        );
    }
}

#[test]
fn a_rotated_refresh_token_is_stored_and_an_old_string_does_not_undo_it() {
    let service = Service::rotating();
    let grant = service.grant(Duration::from_secs(60));
    let more = format!(
        "InitiateOAuth=REFRESH;OAuthRefreshToken={}",
        grant.refresh_token
    );
    quiet(&service, &more).unwrap();
    assert!(!service.stored().contains(&grant.refresh_token));
    for _ in 0..3 {
        let session = quiet(&service, &more).unwrap();
        session
            .refresh(&CancellationToken::new(), &mut Vec::new())
            .unwrap();
        get(&session, "users/who_am_i");
    }
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (4, 0));
}

/// Whichever of a chain of refresh tokens a string holds.
#[test]
fn an_old_string_from_the_middle_of_a_chain_does_not_undo_it_either() {
    let service = Service::rotating();
    let string =
        |refresh_token: &str| format!("InitiateOAuth=REFRESH;OAuthRefreshToken={refresh_token}");
    let mut chain = vec![service.grant(Duration::from_secs(60)).refresh_token];
    quiet(&service, &string(&chain[0])).unwrap();
    for round in 0..4 {
        chain.push(stored_refresh_token(&service));
        // With the first token, and with none.
        let more = if round % 2 == 0 {
            string(&chain[0])
        } else {
            "InitiateOAuth=REFRESH".into()
        };
        let session = quiet(&service, &more).unwrap();
        session
            .refresh(&CancellationToken::new(), &mut Vec::new())
            .unwrap();
    }
    chain.push(stored_refresh_token(&service));
    for old in &chain {
        let session = quiet(&service, &string(old)).unwrap();
        get(&session, "users/who_am_i");
    }
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (5, 0));

    // What does not belong to the chain counts before it.
    let other = service.grant(Duration::from_secs(60)).refresh_token;
    quiet(&service, &string(&other)).unwrap();
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (6, 0));
}

#[test]
fn the_old_refresh_token_is_kept_unless_the_reply_has_a_new_one() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    let before = service.stored();
    quiet(&service, "").unwrap();
    let line = |text: &str, key: &str| {
        text.lines()
            .find(|line| line.starts_with(key))
            .map(str::to_owned)
            .unwrap()
    };
    let key = "_persist_oauthrefreshtoken";
    assert_eq!(line(&service.stored(), key), line(&before, key));
    let key = "_persist_oauthaccesstoken";
    assert_ne!(line(&service.stored(), key), line(&before, key));
}

#[test]
fn a_dead_refresh_token_says_that_a_login_is_needed() {
    let service = Service::plain();
    write_tokens(
        &service.file(),
        "dead-access",
        "dead-refresh",
        Duration::ZERO,
        0,
    );
    let error = quiet(&service, "InitiateOAuth=REFRESH").err().unwrap();
    assert_eq!(
        (error.sqlstate, error.native),
        (SqlState::AUTHORIZATION, native::OAUTH_INVALID_GRANT)
    );
    assert!(error.message.contains("new login is needed"), "{error}");
    assert!(!error.message.contains("dead-"), "{error}");
}

#[test]
fn tokens_that_another_process_has_refreshed_are_picked_up() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.expire_tokens();
    // What another process would have done.
    let grant = service.grant(Duration::from_secs(3600));
    write_tokens(
        &service.file(),
        &grant.access_token,
        &grant.refresh_token,
        Duration::from_secs(3600),
        0,
    );
    get(&session, "users/who_am_i");
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 0);
}

#[test]
fn many_threads_refresh_once() {
    let service = Service::rotating();
    let session = service.connect("");
    service.sandbox.expire_tokens();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| get(&session, "users/who_am_i"));
        }
    });
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (1, 0));
}

#[test]
fn a_refresh_that_begins_is_completed_when_its_caller_is_cancelled() {
    let service = Service::rotating();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        milliseconds: Some(300),
        ..Fault::new("/oauth/token", FaultKind::Latency)
    });
    let cancel = CancellationToken::new();
    let before = service.stored();
    std::thread::scope(|scope| {
        let refreshing = scope.spawn(|| session.refresh(&cancel, &mut Vec::new()));
        while service.sandbox.counters().faults.is_empty() {
            std::thread::yield_now();
        }
        cancel.cancel();
        let error = refreshing.join().unwrap().unwrap_err();
        assert_eq!(error.sqlstate, SqlState::CANCELLED);
    });
    while service.stored() == before {
        std::thread::yield_now();
    }
    session
        .refresh(&CancellationToken::new(), &mut Vec::new())
        .unwrap();
    assert_eq!(service.sandbox.counters().tokens.invalid_refresh, 0);
}

#[test]
fn a_service_that_is_down_for_a_moment_does_not_cost_the_login() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    service.sandbox.fault(Fault {
        status: Some(503),
        times: 2,
        ..Fault::new("/oauth/token", FaultKind::Status)
    });
    quiet(&service, "").unwrap();
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
}

#[test]
fn a_token_file_that_cannot_be_written_is_told_before_a_refresh_is_asked_for() {
    let service = Service::plain();
    let elsewhere = service.folder.path().join("missing/tokens.txt");
    let grant = service.grant(Duration::from_secs(60));
    let more = format!(
        "InitiateOAuth=REFRESH;OAuthSettingsLocation={};OAuthRefreshToken={}",
        elsewhere.display(),
        grant.refresh_token
    );
    let error = quiet(&service, &more).err().unwrap();
    assert!(error.message.contains("missing"), "{error}");
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 0);
}

#[test]
fn token_replies_are_read_tolerantly() {
    for (member, value) in [
        ("expires_in", serde_json::Value::Null),
        ("expires_in", "3600".into()),
        ("token_type", "BEARER".into()),
        ("error", "none".into()),
    ] {
        let service = Service::plain();
        service.store_token(Duration::ZERO);
        service.sandbox.fault(Fault {
            members: Some([(member.to_owned(), value)].into_iter().collect()),
            ..Fault::new("/oauth/token", FaultKind::Token)
        });
        let session = quiet(&service, "").unwrap();
        get(&session, "users/who_am_i");
    }
}

#[test]
fn a_token_reply_that_is_none_is_an_error_without_its_text() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    service.sandbox.fault(Fault {
        body: Some("<html>canary</html>".into()),
        ..Fault::new("/oauth/token", FaultKind::Token)
    });
    let error = quiet(&service, "InitiateOAuth=REFRESH").err().unwrap();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
    assert!(!error.message.contains("canary"), "{error}");
}

/// Some services send their errors with status 200.
#[test]
fn an_oauth_error_with_a_good_status_is_an_error_all_the_same() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    service.sandbox.fault(Fault {
        body: Some(r#"{"error":"invalid_grant","error_description":"gone"}"#.into()),
        times: 0,
        ..Fault::new("/oauth/token", FaultKind::Token)
    });
    let error = quiet(&service, "InitiateOAuth=REFRESH").err().unwrap();
    assert_eq!(error.native, native::OAUTH_INVALID_GRANT, "{error}");
    assert!(error.message.contains("new login is needed"), "{error}");
    assert_asks_for_a_login(&service);
}

/// Connecting shows the URL of a login once.
fn assert_asks_for_a_login(service: &Service) {
    let mut asked = 0;
    let mut show = |_: &str| {
        asked += 1;
        false
    };
    let error = service.try_connect("", Some(&mut show)).err().unwrap();
    assert_eq!((asked, error.sqlstate), (1, SqlState::CANCELLED));
}

/// By their age alone, the stored tokens would look good for a long time.
#[test]
fn tokens_that_are_refused_for_good_lead_to_a_login_when_connecting_again() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.revoke_tokens();
    let (reply, _) = super::send(&session, &apilink_core::http::Request::get("matters"));
    let error = reply.err().unwrap();
    assert_eq!(error.native, native::OAUTH_INVALID_GRANT, "{error}");

    let error = quiet(&service, "InitiateOAuth=REFRESH").err().unwrap();
    assert_eq!(error.native, native::OAUTH_INVALID_GRANT, "{error}");
    assert_asks_for_a_login(&service);
}

#[test]
fn an_access_token_alone_that_is_refused_leads_to_a_login_too() {
    let service = Service::plain();
    write_tokens(
        &service.file(),
        "dead-access",
        "",
        Duration::from_secs(3600),
        0,
    );
    let session = service.connect("");
    let (reply, _) = super::send(&session, &apilink_core::http::Request::get("matters"));
    assert_eq!(reply.err().unwrap().sqlstate, SqlState::AUTHORIZATION);
    let mut show = |_: &str| false;
    let error = service.try_connect("", Some(&mut show)).err().unwrap();
    assert_eq!(error.sqlstate, SqlState::CANCELLED);
}

#[test]
fn a_service_that_repeats_secrets_does_not_bring_them_into_messages() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    let refresh_token = service
        .stored()
        .lines()
        .find_map(|line| {
            line.strip_prefix("_persist_oauthrefreshtoken=")
                .map(str::to_owned)
        })
        .unwrap();
    let body = format!(
        r#"{{"error":"bad sandbox-secret","error_description":"{refresh_token}, {}"}}"#,
        // sandbox-client:sandbox-secret, as the Basic scheme writes it.
        "c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ="
    );
    service.sandbox.fault(Fault {
        times: 0,
        status: Some(400),
        body: Some(body),
        ..Fault::new("/oauth/token", FaultKind::Token)
    });
    let error = quiet(&service, "").err().unwrap();
    for secret in [
        "sandbox-secret",
        refresh_token.as_str(),
        "c2FuZGJveC1jbGllbnQ6",
    ] {
        assert!(!error.message.contains(secret), "{error}");
    }
    assert!(error.message.contains("bad *****"), "{error}");
}

/// The refresh token of the string was the stored one, and another connection has replaced it.
#[test]
fn a_rotation_by_a_connection_without_a_refresh_token_is_not_undone_either() {
    let service = Service::rotating();
    service.store_token(Duration::from_secs(3600));
    let refresh_token = stored_refresh_token(&service);
    let session = service.connect("");
    let more = format!("InitiateOAuth=REFRESH;OAuthRefreshToken={refresh_token}");
    // The store holds a usable token of it already.
    quiet(&service, &more).unwrap();
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 0);
    session
        .refresh(&CancellationToken::new(), &mut Vec::new())
        .unwrap();
    drop(session);
    let session = quiet(&service, &more).unwrap();
    get(&session, "users/who_am_i");
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (1, 0));
}

fn stored_refresh_token(service: &Service) -> String {
    let stored = service.stored();
    let line = |line: &str| {
        line.strip_prefix("_persist_oauthrefreshtoken=")
            .map(str::to_owned)
    };
    stored.lines().find_map(line).unwrap()
}

/// A refresh with another program's wrong secret must not fail those who have the right one.
#[test]
fn connections_with_different_clients_do_not_share_a_refresh() {
    let service = Service::plain();
    service.store_token(Duration::from_secs(3600));
    let right = service.connect("");
    let wrong = service.connect("OAuthClientSecret=wrong");
    service.sandbox.expire_tokens();
    service.sandbox.fault(Fault {
        milliseconds: Some(300),
        ..Fault::new("/oauth/token", FaultKind::Latency)
    });
    std::thread::scope(|scope| {
        let failing =
            scope.spawn(|| super::send(&wrong, &apilink_core::http::Request::get("matters")).0);
        while service.sandbox.counters().faults.is_empty() {
            std::thread::yield_now();
        }
        get(&right, "matters");
        assert!(failing.join().unwrap().is_err());
    });
}

#[test]
fn a_store_in_memory_is_refreshed_once_by_connections_of_different_lineage() {
    let service = Service::rotating();
    let grant = service.grant(Duration::from_secs(60));
    let place = "OAuthSettingsLocation=memory://lineages;InitiateOAuth=REFRESH";
    let given = format!("{place};OAuthRefreshToken={}", grant.refresh_token);
    let first = quiet(&service, &given).unwrap();
    let second = quiet(&service, place).unwrap();
    service.sandbox.expire_tokens();
    service.sandbox.fault(Fault {
        milliseconds: Some(200),
        times: 0,
        ..Fault::new("/oauth/token", FaultKind::Latency)
    });
    std::thread::scope(|scope| {
        scope.spawn(|| get(&first, "users/who_am_i"));
        scope.spawn(|| get(&second, "users/who_am_i"));
    });
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (2, 0));
}

/// The clock was put back after the token at hand was issued, so it looks newer than all others.
#[test]
fn a_clock_that_was_put_back_does_not_cost_the_login() {
    let service = Service::rotating();
    let day = Duration::from_secs(24 * 3600);
    service.store_token(Duration::from_secs(3600));
    let refresh_token = stored_refresh_token(&service);
    let stamp = std::time::UNIX_EPOCH.elapsed().unwrap() + day;
    let text: Vec<String> = service
        .stored()
        .lines()
        .map(|line| match line.split_once('=') {
            Some((key @ "_persist_oauthtokentimestamp", _)) => {
                format!("{key}={}", stamp.as_millis())
            }
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(service.file(), text.join("\n")).unwrap();
    let session = service.connect("");

    // Another process renews it, and its token ends.
    let more = format!(
        "InitiateOAuth=REFRESH;OAuthSettingsLocation=memory://clock;OAuthRefreshToken={refresh_token}"
    );
    let other = quiet(&service, &more).unwrap().current_token().unwrap();
    let text = |secret: &Option<secrecy::SecretString>| {
        use secrecy::ExposeSecret;
        secret.as_ref().unwrap().expose_secret().to_owned()
    };
    let (access, refresh) = (text(&other.access_token), text(&other.refresh_token));
    write_tokens(&service.file(), &access, &refresh, Duration::ZERO, 0);
    service.sandbox.expire_tokens();

    get(&session, "users/who_am_i");
    assert_eq!(service.sandbox.counters().tokens.invalid_refresh, 0);
}

#[test]
fn tokens_that_could_not_be_stored_are_used_and_told() {
    let service = Service::rotating();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        milliseconds: Some(300),
        ..Fault::new("/oauth/token", FaultKind::Latency)
    });
    let new = format!("{}.apilink-new", service.file().display());
    let mut records = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| session.refresh(&CancellationToken::new(), &mut records));
        while service.sandbox.counters().faults.is_empty() {
            std::thread::yield_now();
        }
        // What was writable is not any more when the reply is there.
        std::fs::create_dir(&new).unwrap();
    });
    assert!(
        records
            .iter()
            .any(|record| record.message.contains("could not be stored")),
        "{records:?}"
    );
    std::fs::remove_dir(&new).unwrap();
    service.sandbox.expire_tokens();
    get(&session, "users/who_am_i");
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (2, 0));
}

#[test]
fn a_refresh_ahead_of_time_that_fails_is_not_tried_with_every_call() {
    let service = Service::plain();
    let life = Duration::from_secs(3600);
    let grant = service.grant(life);
    // Within the margin before its end.
    write_tokens(
        &service.file(),
        &grant.access_token,
        &grant.refresh_token,
        life,
        3_400_000,
    );
    service.sandbox.fault(Fault {
        status: Some(400),
        times: 0,
        ..Fault::new("/oauth/token", FaultKind::Status)
    });
    let session = quiet(&service, "").unwrap();
    let asked = service.sandbox.counters().requests("POST /oauth/token");
    assert_eq!(asked, 1);
    for _ in 0..5 {
        get(&session, "users/who_am_i");
    }
    let counters = service.sandbox.counters();
    assert_eq!(counters.requests("POST /oauth/token"), asked);
}

#[test]
fn a_dead_refresh_token_is_asked_about_once() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.revoke_tokens();
    let ask = || super::send(&session, &apilink_core::http::Request::get("matters")).0;
    for _ in 0..3 {
        let error = ask().err().unwrap();
        assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
        assert_eq!(error.native, native::OAUTH_INVALID_GRANT, "{error}");
    }
    session
        .refresh(&CancellationToken::new(), &mut Vec::new())
        .unwrap_err();
    assert_eq!(service.sandbox.counters().tokens.invalid_refresh, 1);
    // Until there are other tokens.
    service.store_token(Duration::from_secs(3600));
    assert_eq!(ask().unwrap().status().as_u16(), 200);
    service.sandbox.expire_tokens();
    assert_eq!(ask().unwrap().status().as_u16(), 200);
    let tokens = service.sandbox.counters().tokens;
    assert_eq!((tokens.refresh_token, tokens.invalid_refresh), (1, 1));
}

/// The refresh under way only picks up what another process has stored.
#[test]
fn who_asks_for_a_new_token_gets_one_whatever_is_under_way() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.expire_tokens();
    let held = std::fs::File::create(format!("{}.lock", service.file().display())).unwrap();
    held.lock().unwrap();
    let moment = || std::thread::sleep(Duration::from_millis(150));
    std::thread::scope(|scope| {
        scope.spawn(|| get(&session, "users/who_am_i"));
        moment();
        let refreshing =
            scope.spawn(|| session.refresh(&CancellationToken::new(), &mut Vec::new()));
        moment();
        service.store_token(Duration::from_secs(3600));
        drop(held);
        refreshing.join().unwrap().unwrap();
    });
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
}
