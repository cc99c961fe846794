//! Bodies that come or go faster or slower than somebody takes them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Target};
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

/// Takes one request at 100 kB a second and answers it.
fn slow_reader(length: usize) -> (u16, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let (mut taken, mut piece) = (0, [0; 10_000]);
        while taken < length {
            std::thread::sleep(Duration::from_millis(100));
            match client.read(&mut piece).unwrap() {
                0 => panic!("only {taken} bytes came"),
                count => taken += count,
            }
        }
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        client.write_all(reply.as_bytes()).unwrap();
    });
    (port, server)
}

/// The system takes a body over at once and sends it as slowly as the wire takes it: that is no
/// silence.
#[test]
fn an_upload_over_a_slow_wire_is_not_silence() {
    const LENGTH: usize = 300_000;
    let service = Service::plain();
    let session = service.connect("Timeout=1");
    let body = vec![7; LENGTH];
    for way in ["memory", "reader"] {
        let (port, server) = slow_reader(LENGTH);
        let target = Target::Signed(format!("http://127.0.0.1:{port}/k?sig=1"));
        let request = Request::new("PUT", target).unwrap();
        let mut reader = &body[..];
        let content = match way {
            "memory" => RequestBody::Bytes(body.clone().into()),
            _ => RequestBody::Reader {
                reader: &mut reader,
                length: Some(LENGTH as u64),
            },
        };
        let begun = Instant::now();
        let reply = session.execute(&request, content, &never(), &mut Vec::new());
        assert_eq!(reply.unwrap().status().as_u16(), 200, "from {way}");
        assert!(begun.elapsed() > Duration::from_secs(2));
        server.join().unwrap();
    }
}

/// A service that has taken a small body and says nothing is not waited for much longer.
#[test]
fn silence_after_a_small_body_ends_with_the_time_limit() {
    let service = Service::plain();
    let session = service.connect("Timeout=1");
    service.sandbox.fault(Fault {
        times: 0,
        ..Fault::new("/api/v4/contacts*", FaultKind::Stall)
    });
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    let begun = Instant::now();
    let body = RequestBody::Bytes(vec![b' '; 1000].into());
    let reply = session.execute(&request, body, &never(), &mut Vec::new());
    assert_eq!(reply.err().unwrap().sqlstate, SqlState::TIMEOUT);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

/// To open a pipe waits for its other end, which nothing could cancel.
#[cfg(unix)]
#[test]
fn a_pipe_is_no_file_to_send_or_to_log_to() {
    let service = Service::plain();
    let pipe = service.folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());

    let session = service.connect("");
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    let body = RequestBody::File(&pipe);
    let sent = session.execute(&request, body, &never(), &mut Vec::new());
    let more = format!("Logfile={}", pipe.display());
    let connected = service.try_connect(&more, None);
    for error in [sent.err(), connected.err()] {
        let error = error.unwrap();
        assert_eq!(error.sqlstate, SqlState::GENERAL_ERROR);
        for part in ["pipe", "not a regular file"] {
            assert!(error.message.contains(part), "{error}");
        }
    }
}
