//! Calls on good and bad days.

use std::time::{Duration, Instant};

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Target};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, SqlState};
use clio_sandbox::{Fault, FaultKind, Options};

use super::{Service, get, send};

fn never() -> CancellationToken {
    CancellationToken::new()
}

fn execute(
    session: &Session,
    request: &Request,
    body: RequestBody<'_>,
) -> (
    apilink_core::Result<apilink_core::http::Response>,
    Vec<Diagnostic>,
) {
    let mut records = Vec::new();
    let reply = session.execute(request, body, &never(), &mut records);
    (reply, records)
}

fn json_body(value: &serde_json::Value) -> RequestBody<'static> {
    RequestBody::Bytes(serde_json::to_vec(value).unwrap().into())
}

#[test]
fn an_error_is_a_reply_with_a_record() {
    let service = Service::plain();
    let session = service.connect("");
    let (reply, records) = send(&session, &Request::get("matters/999999999"));
    assert_eq!(reply.unwrap().status().as_u16(), 404);
    assert_eq!(
        (records[0].sqlstate, records[0].native),
        (SqlState::GENERAL_WARNING, 404)
    );
    assert!(
        records[0]
            .message
            .contains("GET /api/v4/matters/999999999.json"),
        "{}",
        records[0]
    );

    assert!(!records[0].message.contains("not below"), "{}", records[0]);

    let (reply, records) = send(&session, &Request::get("/matters"));
    assert_eq!(reply.unwrap().status().as_u16(), 404);
    let message = &records[0].message;
    assert!(
        message.contains("This path is not below /api/v4"),
        "{message}"
    );

    let (reply, records) = send(&session, &Request::get("matters?fields=nonsense"));
    assert_eq!(reply.unwrap().status().as_u16(), 400);
    assert!(
        records[0].message.contains("InvalidFields"),
        "{}",
        records[0]
    );
}

#[test]
fn records_are_written_and_changed() {
    let service = Service::plain();
    let session = service.connect("");
    let mut request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    request.add_query("fields", "id,etag,name");
    request.set_content_type("application/json").unwrap();
    let contact = serde_json::json!({"data": {
        "type": "Person", "first_name": "Ada", "last_name": "Lovelace"
    }});
    let (reply, records) = execute(&session, &request, json_body(&contact));
    let mut reply = reply.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &records[..]),
        (201, &[] as &[Diagnostic])
    );
    let data = reply.json(&never()).unwrap()["data"].clone();
    assert_eq!(data["name"], "Ada Lovelace");

    let path = format!("contacts/{}", data["id"]);
    let mut request = Request::new("PATCH", Target::Api(path)).unwrap();
    request.add_header("If-Match", "\"stale\"").unwrap();
    request.set_content_type("application/json").unwrap();
    let change = serde_json::json!({"data": {"first_name": "Augusta"}});
    let (reply, records) = execute(&session, &request, json_body(&change));
    assert_eq!(reply.unwrap().status().as_u16(), 412);
    let message = &records[0].message;
    assert_eq!(
        message.matches("changed in the meantime").count(),
        1,
        "{message}"
    );
    assert!(message.contains("Read the record again"), "{message}");
}

#[test]
fn a_read_only_connection_writes_nothing() {
    let service = Service::plain();
    let session = service.connect("Readonly=true");
    let request = Request::new("DELETE", Target::Api("contacts/1".into())).unwrap();
    let error = send(&session, &request).0.err().unwrap();
    assert_eq!(error.sqlstate, SqlState::READ_ONLY);
    get(&session, "users/who_am_i");
}

#[test]
fn bursts_of_5xx_and_lost_connections_are_repeated_where_that_is_safe() {
    let service = Service::plain();
    let session = service.connect("");
    for kind in [FaultKind::Status, FaultKind::Drop] {
        service.sandbox.reset();
        service.sandbox.fault(Fault {
            status: Some(503),
            times: 2,
            ..Fault::new("/api/v4/matters*", kind)
        });
        get(&session, "matters?fields=id");
        assert_eq!(
            service
                .sandbox
                .counters()
                .requests("GET /api/v4/matters.json"),
            3
        );

        service.sandbox.reset();
        service.sandbox.fault(Fault {
            status: Some(503),
            ..Fault::new("/api/v4/contacts*", kind)
        });
        let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
        let (reply, records) = execute(&session, &request, RequestBody::Empty);
        match reply {
            Ok(reply) => assert_eq!((reply.status().as_u16(), records[0].native), (503, 503)),
            Err(error) => assert_eq!(error.sqlstate, SqlState::LINK_FAILURE),
        }
        assert_eq!(
            service
                .sandbox
                .counters()
                .requests("POST /api/v4/contacts.json"),
            1
        );
    }
}

#[test]
fn a_body_that_breaks_off_is_fetched_again() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        bytes: Some(100),
        ..Fault::new("/api/v4/matters*", FaultKind::Drop)
    });
    assert_eq!(
        get(&session, "matters?fields=id")["data"]
            .as_array()
            .unwrap()
            .len(),
        30
    );
}

#[test]
fn the_rate_limit_is_waited_for() {
    let options = Options {
        rate_limit: 3,
        rate_window: Duration::from_secs(1),
        ..Options::default()
    };
    let service = Service::start(options);
    let session = service.connect("");
    for _ in 0..7 {
        get(&session, "users/who_am_i");
    }
    service.sandbox.fault(Fault {
        status: Some(429),
        retry_after: Some("1".into()),
        ..Fault::new("/api/v4/matters*", FaultKind::Status)
    });
    let begun = Instant::now();
    get(&session, "matters?fields=id");
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn an_error_that_comes_with_200_is_taken_as_what_it_is() {
    let service = Service::plain();
    let session = service.connect("");
    let garbage = |body: &str, times| Fault {
        body: Some(body.into()),
        times,
        ..Fault::new("/api/v4/matters*", FaultKind::Garbage)
    };
    let limited = r#"{"error":{"type":"RateLimited","message":"Retry."}}"#;
    service.sandbox.fault(garbage(limited, 2));
    let (reply, _) = send(&session, &Request::get("matters?fields=id"));
    let reply = reply.unwrap();
    assert_eq!(reply.status(), 200);
    assert!(reply.waited() > Duration::ZERO);

    let forbidden = r#"{"error":{"type":"ForbiddenError","message":"No."}}"#;
    service.sandbox.fault(garbage(forbidden, 1));
    let (reply, records) = send(&session, &Request::get("matters"));
    assert_eq!(reply.unwrap().status(), 403);
    assert!(records[0].message.contains("ForbiddenError"), "{records:?}");

    // What is data is no error, and what nobody knows is left as it came.
    for body in [
        r#"{"data":[],"error":{"type":"RateLimited"}}"#,
        r#"{"error":{"type":"Unheard"}}"#,
    ] {
        service.sandbox.fault(garbage(body, 1));
        let (reply, records) = send(&session, &Request::get("matters"));
        assert_eq!(reply.unwrap().status(), 200, "{body}");
        assert!(records.is_empty(), "{records:?}");
    }
}

#[test]
fn a_wait_for_the_rate_limit_can_be_watched() {
    let service = Service::plain();
    let session = service.connect("");
    get(&session, "users/who_am_i");
    assert_eq!(session.rate_limit_wait(), None);
    service.sandbox.fault(Fault {
        status: Some(429),
        retry_after: Some("1".into()),
        ..Fault::new("/api/v4/matters*", FaultKind::Status)
    });
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            get(&session, "matters?fields=id");
        });
        while !waiting.is_finished() {
            seen.extend(session.rate_limit_wait());
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    assert!(
        seen.len() > 1 && seen.is_sorted_by(|one, next| one >= next),
        "{seen:?}"
    );
    assert!(
        seen[0] <= Duration::from_secs(1) && seen[0] > Duration::from_millis(300),
        "{seen:?}"
    );
    assert_eq!(session.rate_limit_wait(), None);
}

#[test]
fn a_wait_that_would_be_too_long_is_not_begun() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        status: Some(429),
        retry_after: Some("121".into()),
        ..Fault::new("/api/v4/matters*", FaultKind::Status)
    });
    let (reply, records) = send(&session, &Request::get("matters"));
    assert_eq!(
        (reply.unwrap().status().as_u16(), records[0].native),
        (429, 429)
    );
}

#[test]
fn silence_ends_and_slowness_does_not() {
    let service = Service::plain();
    let session = service.connect("Timeout=1");
    service
        .sandbox
        .fault(Fault::new("/api/v4/users*", FaultKind::Stall));
    let error = send(&session, &Request::get("users/who_am_i"))
        .0
        .err()
        .unwrap();
    assert_eq!(error.sqlstate, SqlState::TIMEOUT);

    service.sandbox.fault(Fault {
        milliseconds: Some(30),
        ..Fault::new("/api/v4/users*", FaultKind::Drip)
    });
    let begun = Instant::now();
    get(&session, "users/who_am_i");
    assert!(begun.elapsed() > Duration::from_secs(1));
}

/// A body that takes longer than the time limit as a whole, never silent for that long.
struct Trickle {
    pieces: u32,
    pause: Duration,
}

impl std::io::Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.pieces == 0 {
            return Ok(0);
        }
        self.pieces -= 1;
        std::thread::sleep(self.pause);
        buffer[..4].copy_from_slice(b"data");
        Ok(4)
    }
}

#[test]
fn a_slow_upload_is_not_silence() {
    let service = Service::plain();
    let session = service.connect("Timeout=1");
    let request = Request::new("PATCH", Target::Api("contacts/999999999".into())).unwrap();
    // Longer in all than the limit; and with one pause that is, for which the program is to blame
    // and not the wire.
    for (pieces, pause, length) in [(12, 100, None), (12, 100, Some(48)), (1, 1200, None)] {
        let mut reader = Trickle {
            pieces,
            pause: Duration::from_millis(pause),
        };
        let begun = Instant::now();
        let body = RequestBody::Reader {
            reader: &mut reader,
            length,
        };
        let (reply, _) = execute(&session, &request, body);
        let status = reply.unwrap().status().as_u16();
        assert!(begun.elapsed() >= Duration::from_millis(1200));
        assert!((400..500).contains(&status), "{status}");
    }
    let log = service.sandbox.counters().log;
    assert_eq!(log.len(), 3);
}

#[test]
fn a_stalled_call_is_cancelled_and_the_connection_stays_usable() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        times: 0,
        ..Fault::new("/api/v4/users*", FaultKind::Stall)
    });
    let cancel = never();
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    let request = Request::get("users/who_am_i");
                    let outcome =
                        session.execute(&request, RequestBody::Empty, &cancel, &mut Vec::new());
                    (outcome.err().unwrap(), Instant::now())
                })
            })
            .collect();
        while service
            .sandbox
            .counters()
            .requests("GET /api/v4/users/who_am_i.json")
            < 50
        {
            std::thread::yield_now();
        }
        let cancelled = Instant::now();
        cancel.cancel();
        for call in calls {
            let (error, ended) = call.join().unwrap();
            assert_eq!(error.sqlstate, SqlState::CANCELLED);
            // Promised are 100 ms; a loaded machine may take longer to wake fifty threads.
            assert!(ended - cancelled < Duration::from_secs(2));
        }
    });
    service.sandbox.clear_faults();
    get(&session, "users/who_am_i");
}

#[test]
fn a_service_that_is_not_there_is_08001() {
    let service = Service::plain();
    let more = format!(
        "ProfileSettings='Region=http://127.0.0.1:{}'",
        super::free_port()
    );
    let session = service.connect(&more);
    let error = send(&session, &Request::get("matters")).0.err().unwrap();
    assert_eq!(error.sqlstate, SqlState::CANNOT_CONNECT);
    assert!(error.message.contains("refused"), "{error}");
}

#[test]
fn a_document_is_downloaded_without_the_token_reaching_the_other_host() {
    let service = Service::plain();
    let session = service.connect("");
    let size = 3_000_000;
    let id = service.sandbox.add_document(size);
    let request = Request::get(format!("documents/{id}/download"));
    let (reply, records) = send(&session, &request);
    assert_eq!(records, []);
    let path = service.folder.path().join("document.bin");
    assert_eq!(reply.unwrap().save(&path, &never()).unwrap(), size);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size);

    let mut reply = send(&session, &request).0.unwrap();
    let (mut total, mut piece) = (Vec::new(), [0; 10_000]);
    loop {
        let count = reply.read(&mut piece, &never()).unwrap();
        if count == 0 {
            break;
        }
        total.extend_from_slice(&piece[..count]);
    }
    assert!(total == std::fs::read(&path).unwrap());
    assert_eq!(service.sandbox.counters().storage.with_authorization, 0);
    assert_eq!(service.sandbox.counters().storage.requests, 2);
}

#[test]
fn a_document_is_uploaded_in_three_steps_from_memory_file_and_reader() {
    let service = Service::plain();
    let session = service.connect("");
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = service.folder.path().join("upload.bin");
    std::fs::write(&file, &content).unwrap();
    let matter = get(&session, "matters?fields=id&limit=1")["data"][0]["id"].clone();
    for way in 0..3 {
        let mut create = Request::new("POST", Target::Api("documents".into())).unwrap();
        create.add_query(
            "fields",
            "id,latest_document_version{uuid,put_url,put_headers}",
        );
        create.set_content_type("application/json").unwrap();
        let document = serde_json::json!({"data": {
            "name": "upload.bin", "parent": {"id": matter, "type": "Matter"}
        }});
        let mut reply = execute(&session, &create, json_body(&document)).0.unwrap();
        let data = reply.json(&never()).unwrap()["data"].clone();
        let version = &data["latest_document_version"];

        let put_url = version["put_url"].as_str().unwrap().to_owned();
        let mut put = Request::new("PUT", Target::Signed(put_url)).unwrap();
        for header in version["put_headers"].as_array().unwrap() {
            let text = |name: &str| header[name].as_str().unwrap();
            put.add_header(text("name"), text("value")).unwrap();
        }
        let mut reader = &content[..];
        let body = match way {
            0 => RequestBody::Bytes(content.clone().into()),
            1 => RequestBody::File(&file),
            _ => RequestBody::Reader {
                reader: &mut reader,
                length: Some(content.len() as u64),
            },
        };
        let (reply, records) = execute(&session, &put, body);
        assert!(reply.unwrap().status().is_success(), "{records:?}");

        let path = format!("documents/{}", data["id"]);
        let mut finish = Request::new("PATCH", Target::Api(path.clone())).unwrap();
        finish.set_content_type("application/json").unwrap();
        let done = serde_json::json!({"data": {"uuid": version["uuid"], "fully_uploaded": true}});
        assert_eq!(
            execute(&session, &finish, json_body(&done))
                .0
                .unwrap()
                .status()
                .as_u16(),
            200
        );

        let mut back = send(&session, &Request::get(format!("{path}/download")))
            .0
            .unwrap();
        assert!(back.body(&never()).unwrap() == content, "way {way}");
    }
    let storage = service.sandbox.counters().storage;
    assert_eq!(storage.with_authorization, 0);
}

#[test]
fn a_body_that_breaks_off_on_this_side_says_so() {
    let service = Service::plain();
    let session = service.connect("");
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    for length in [Some(5), Some(2), None] {
        let mut reader: &mut dyn std::io::Read = &mut &b"abc"[..];
        let mut broken = Broken;
        if length.is_none() {
            reader = &mut broken;
        }
        let error = execute(&session, &request, RequestBody::Reader { reader, length })
            .0
            .err();
        let error = error.unwrap();
        assert!(error.message.contains("broke off"), "{error}");
    }
    get(&session, "users/who_am_i");
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("the disk is gone"))
    }
}

#[test]
fn nothing_secret_is_logged_and_the_log_has_every_request() {
    let service = Service::plain();
    service.store_token(Duration::ZERO);
    let more = "CustomHeaders='X-Key: canary-header';CustomUrlParams='key=canary-param'";
    let session = service.try_connect(more, None).unwrap();
    get(&session, "matters?fields=id&query=canary-query");
    let log = service.log.lock().unwrap().join("\n");
    let token = session.current_token().unwrap();
    for secret in [token.access_token.as_ref(), token.refresh_token.as_ref()] {
        use secrecy::ExposeSecret;
        assert!(!log.contains(secret.unwrap().expose_secret()), "{log}");
    }
    for secret in ["canary", "sandbox-secret"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("GET /api/v4/matters.json: 200 OK"), "{log}");
}

#[test]
fn waiting_for_the_rate_limit_can_be_cancelled() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.fault(Fault {
        status: Some(429),
        retry_after: Some("60".into()),
        ..Fault::new("/api/v4/matters*", FaultKind::Status)
    });
    let cancel = never();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let request = Request::get("matters");
            session.execute(&request, RequestBody::Empty, &cancel, &mut Vec::new())
        });
        let is_waiting = |line: &String| line.contains("waiting");
        while !service.log.lock().unwrap().iter().any(is_waiting) {
            std::thread::yield_now();
        }
        cancel.cancel();
        let error = waiting.join().unwrap().err().unwrap();
        assert_eq!(error.sqlstate, SqlState::CANCELLED);
    });
}

/// Nothing is left open by a call that was cancelled, or by a body that was not read.
#[cfg(target_os = "linux")]
#[test]
fn cancelled_calls_and_dropped_bodies_leave_no_connection() {
    let service = Service::plain();
    let session = service.connect("");
    let open_to_service = || {
        let port = service.sandbox.base_url().rsplit(':').next().unwrap();
        super::connections_to(port.parse().unwrap())
    };
    let wait_until_closed = |kept: usize| {
        let begun = Instant::now();
        while open_to_service() > kept {
            assert!(begun.elapsed() < Duration::from_secs(5), "left open");
            std::thread::yield_now();
        }
    };
    for kind in [FaultKind::Stall, FaultKind::Drip] {
        service.sandbox.fault(Fault {
            times: 0,
            milliseconds: Some(1000),
            ..Fault::new("/api/v4/users*", kind)
        });
        let cancel = never();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| {
                let request = Request::get("users/who_am_i");
                session.execute(&request, RequestBody::Empty, &cancel, &mut Vec::new())
            });
            while open_to_service() == 0 {
                std::thread::yield_now();
            }
            cancel.cancel();
            assert!(call.join().unwrap().is_err());
        });
        wait_until_closed(0);
        service.sandbox.clear_faults();
    }
    service.sandbox.fault(Fault {
        bytes: Some(1 << 30),
        ..Fault::new("/api/v4/matters*", FaultKind::Huge)
    });
    let mut reply = send(&session, &Request::get("matters")).0.unwrap();
    assert_eq!(reply.read(&mut [0; 100], &never()).unwrap(), 100);
    assert_eq!(open_to_service(), 1);
    drop(reply);
    wait_until_closed(0);
    get(&session, "users/who_am_i");
    assert_eq!(open_to_service(), 1);
    drop(session);
    wait_until_closed(0);
}

#[test]
fn a_connection_is_kept_open_between_calls() {
    let service = Service::plain();
    let session = service.connect("");
    for _ in 0..5 {
        get(&session, "users/who_am_i");
    }
    assert_eq!(service.sandbox.counters().connections, 1);
}

/// The scans send one request after another, more than the service takes.
#[test]
fn long_scans_do_not_keep_a_lookup_waiting() {
    let options = Options {
        rate_limit: 2,
        rate_window: Duration::from_secs(1),
        ..Options::default()
    };
    let service = Service::start(options);
    let session = service.connect("");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    get(&session, "matters?fields=id&limit=1");
                }
            });
        }
        std::thread::sleep(Duration::from_millis(1500));
        let scanned = || {
            let counters = service.sandbox.counters();
            counters.requests("GET /api/v4/matters.json")
        };
        let before = scanned();
        let (lookup, _) = send(&session, &Request::get("users/who_am_i"));
        let meanwhile = scanned() - before;
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(lookup.unwrap().waited() > Duration::ZERO);
        // Each scan had at most one request ahead of it, and the last window may take one more.
        assert!(meanwhile <= 4, "{meanwhile} went first");
    });
}
