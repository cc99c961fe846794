//! Revoking.

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;

use super::{Service, get};

#[test]
fn revoking_ends_the_token_and_empties_the_store() {
    let service = Service::plain();
    let session = service.connect("");
    get(&session, "users/who_am_i");
    session
        .revoke(&CancellationToken::new(), &mut Vec::new())
        .unwrap();
    assert_eq!(service.sandbox.counters().tokens.revoked, 1);
    assert!(!service.stored().contains("accesstoken="));
    assert!(session.current_token().is_none());
}

#[test]
fn revoking_a_token_of_the_string_leaves_the_store_alone() {
    let service = Service::plain();
    service.store_token(std::time::Duration::from_secs(3600));
    let before = service.stored();
    let user = service.sandbox.people()[1].id;
    let grant = service
        .sandbox
        .issue_token(user, std::time::Duration::from_secs(3600));
    let session = service.connect(&format!("OAuthAccessToken={}", grant.access_token));
    assert_eq!(get(&session, "users/who_am_i")["data"]["id"], user);
    session
        .revoke(&CancellationToken::new(), &mut Vec::new())
        .unwrap();
    assert_eq!(service.stored(), before);
    let other = get(&session, "users/who_am_i")["data"]["id"].clone();
    assert_eq!(other, service.sandbox.people()[0].id);
}

#[test]
fn revoking_can_be_cancelled_while_another_program_holds_the_store() {
    let service = Service::plain();
    let session = service.connect("");
    let name = format!("{}.lock", service.file().display());
    let held = std::fs::File::create(name).unwrap();
    held.lock().unwrap();
    let cancel = CancellationToken::new();
    let error = std::thread::scope(|scope| {
        let revoking = scope.spawn(|| session.revoke(&cancel, &mut Vec::new()));
        let is_revoked = |line: &String| line.contains("The token was revoked");
        while !service.log.lock().unwrap().iter().any(is_revoked) {
            std::thread::yield_now();
        }
        cancel.cancel();
        revoking.join().unwrap().unwrap_err()
    });
    // Held all the while: without being cancelled it would have waited for a minute.
    assert_eq!(error.sqlstate, SqlState::CANCELLED, "{error}");
    drop(held);
}

/// There is nothing left to revoke, but the store must not keep what it has.
#[test]
fn revoking_a_dead_token_empties_the_store_and_says_so() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.revoke_tokens();
    let (reply, _) = super::send(&session, &apilink_core::http::Request::get("matters"));
    assert_eq!(reply.err().unwrap().sqlstate, SqlState::AUTHORIZATION);
    let mut records = Vec::new();
    session
        .revoke(&CancellationToken::new(), &mut records)
        .unwrap();
    assert_eq!(records[0].sqlstate, SqlState::GENERAL_WARNING);
    assert!(!service.stored().contains("accesstoken="));
    assert!(!service.stored().contains("refreshtoken="));
    assert_eq!(service.sandbox.counters().tokens.revoked, 0);
    // Now there is no token at all.
    let error = session
        .revoke(&CancellationToken::new(), &mut Vec::new())
        .unwrap_err();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
}
