//! A wire that is dead in the middle of a large body.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Target};

use super::Service;

/// A service that accepts a connection and takes nothing of what the system does not take for it.
fn deaf() -> (u16, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (until, end) = mpsc::channel();
    std::thread::spawn(move || {
        let client = listener.accept().unwrap();
        let _ = end.recv();
        drop(client);
    });
    (port, until)
}

/// More than the system takes over.
const LARGE: usize = 128 << 20;

/// What becomes of a large body that nobody reads, for a request with this time limit on a connection
/// with another, within so many seconds.
fn sent_to_the_deaf(of_connection: u64, of_request: Option<u64>, seconds: u64) -> (SqlState, u64) {
    let service = Service::plain();
    let session = service.connect(&format!("Timeout={of_connection}"));
    let (port, _until) = deaf();
    let target = Target::Signed(format!("http://127.0.0.1:{port}/k?sig=1"));
    let mut request = Request::new("PUT", target).unwrap();
    request.set_timeout(of_request.map(Duration::from_secs));
    let begun = Instant::now();
    let (cancel, has_ended) = (CancellationToken::new(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let end = begun + Duration::from_secs(seconds);
            while !has_ended.load(Ordering::Relaxed) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(100));
            }
            cancel.cancel();
        });
        let body = RequestBody::Bytes(vec![7; LARGE].into());
        let reply = session.execute(&request, body, &cancel, &mut Vec::new());
        has_ended.store(true, Ordering::Relaxed);
        let error = reply.err().unwrap();
        assert!(!error.message.contains("sig=1"), "{error}");
        (error.sqlstate, begun.elapsed().as_secs())
    })
}

/// Linux tells how far a wire has come; there is some time for a service that reads slowly.
#[test]
fn a_wire_that_stops_in_the_middle_of_a_large_body_is_noticed_in_time() {
    std::thread::scope(|scope| {
        let usual = scope.spawn(|| sent_to_the_deaf(2, Some(2), 100));
        // Those that may wait longer than others do so.
        let longer = [Some(60), None].map(|own| scope.spawn(move || sent_to_the_deaf(2, own, 40)));
        let (state, after) = usual.join().unwrap();
        assert_eq!(state, SqlState::TIMEOUT);
        assert!((25..40).contains(&after), "{after}");
        for call in longer {
            assert_eq!(call.join().unwrap().0, SqlState::CANCELLED);
        }
    });
}
