//! Bodies that come or go faster or slower than somebody takes them.

use std::time::Duration;

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::Request;
use clio_sandbox::{Fault, FaultKind};

use super::{Service, send};

fn never() -> CancellationToken {
    CancellationToken::new()
}

/// A program that is slower than the wire never waits for it, and can be cancelled all the same.
#[test]
fn reading_what_is_at_hand_is_cancelled_and_goes_on_later() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        bytes: Some(20 << 20),
        ..Fault::new("/api/v4/matters*", FaultKind::Huge)
    });
    let mut reply = send(&session, &Request::get("matters")).0.unwrap();
    let mut piece = vec![0; 64 << 10];
    let mut total = 0;
    // What was collected with the head.
    while total < 4 << 20 {
        total += reply.read(&mut piece, &never()).unwrap();
    }
    // More has arrived meanwhile.
    std::thread::sleep(Duration::from_millis(300));
    let cancelled = never();
    cancelled.cancel();
    let error = loop {
        match reply.read(&mut piece, &cancelled) {
            Ok(0) => panic!("it came to its end"),
            Ok(count) => total += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.sqlstate, SqlState::CANCELLED);
    assert!(total < 5 << 20, "{total} bytes were read");
    loop {
        match reply.read(&mut piece, &never()).unwrap() {
            0 => break,
            count => total += count,
        }
    }
    assert!(total >= 20 << 20, "{total} bytes in all");
}
