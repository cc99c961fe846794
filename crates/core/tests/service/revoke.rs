//! Revoking.

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
