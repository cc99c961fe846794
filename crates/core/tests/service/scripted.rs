//! Services that behave as no sandbox does: each reply is written out here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Target};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, SqlState};

use super::{Service, send, write_tokens};

/// A server that answers one request on each connection, with the next of its replies (the last one
/// again and again), and keeps what it was sent.
struct Scripted {
    port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    fn start(replies: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut replies = replies.into_iter();
            let mut reply = String::new();
            for client in listener.incoming() {
                reply = replies.next().unwrap_or(reply);
                let (reply, notes) = (reply.clone(), Arc::clone(&notes));
                std::thread::spawn(move || answer(client.unwrap(), &reply, &notes));
            }
        });
        Self { port, seen }
    }

    /// A connection to it with a token at hand, which it does not ask about.
    fn connect(&self, service: &Service, more: &str) -> Session {
        service.connect(&self.string(more))
    }

    fn string(&self, more: &str) -> String {
        format!(
            "{more};ProfileSettings='Region=http://127.0.0.1:{}'",
            self.port
        )
    }

    /// The first line of each request.
    fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let first = |text: &String| text.lines().next().unwrap_or_default().to_owned();
        seen.iter().map(first).collect()
    }
}

/// Reads a request with a declared or chunked body, and answers it. A reply that is shorter than it
/// declares is followed by silence.
fn answer(mut client: TcpStream, reply: &str, notes: &Mutex<Vec<String>>) {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let count = client.read(&mut bytes).unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if count == 0 || is_complete(&text) {
            break;
        }
    }
    notes.lock().unwrap().push(text);
    let _ = client.write_all(reply.as_bytes());
    if reply.contains("Connection: close") {
        return;
    }
    let _ = client.read(&mut bytes);
}

fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse().unwrap(),
        None if head.contains("transfer-encoding: chunked") => body.ends_with("0\r\n\r\n"),
        None => true,
    }
}

fn reply(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

const JSON: &str = "Content-Type: application/json\r\n";
const FINE: &str = r#"{"data":{"id":1}}"#;

fn never() -> CancellationToken {
    CancellationToken::new()
}

fn execute(session: &Session, request: &Request, body: RequestBody<'_>) -> (u16, Vec<Diagnostic>) {
    let mut records = Vec::new();
    let reply = session
        .execute(request, body, &never(), &mut records)
        .unwrap();
    (reply.status().as_u16(), records)
}

#[test]
fn a_change_that_is_redirected_stays_a_change() {
    let service = Service::plain();
    for (status, method, then) in [
        ("302 Found", "PATCH", "PATCH"),
        ("301 Moved Permanently", "DELETE", "DELETE"),
        ("302 Found", "POST", "GET"),
        ("303 See Other", "PATCH", "GET"),
        ("307 Temporary Redirect", "POST", "POST"),
    ] {
        let server = Scripted::start(vec![
            reply(status, "Location: /api/v4/elsewhere\r\n", ""),
            reply("200 OK", JSON, FINE),
        ]);
        let session = server.connect(&service, "");
        let request = Request::new(method, Target::Api("contacts/1".into())).unwrap();
        let body = RequestBody::Bytes("{}".into());
        assert_eq!(execute(&session, &request, body), (200, vec![]));
        assert_eq!(
            server.seen()[1],
            format!("{then} /api/v4/elsewhere HTTP/1.1"),
            "{status} {method}"
        );
    }
}

#[test]
fn redirects_in_a_circle_end_with_a_record() {
    let service = Service::plain();
    let server = Scripted::start(vec![reply("302 Found", "Location: /api/v4/a\r\n", "")]);
    let session = server.connect(&service, "");
    let (status, records) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert_eq!(status, 302);
    assert_eq!(records[0].native, 302);
    assert!(records[0].message.contains("redirect"), "{}", records[0]);
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_redirect_away_from_https_is_not_followed() {
    let service = Service::plain();
    let location = "Location: http://storage.example/k?sig=canary\r\n";
    let server = Scripted::start(vec![reply("303 See Other", location, "")]);
    let session = server.connect(&service, "");
    let error = send(&session, &Request::get("a")).0.err().unwrap();
    assert_eq!(error.sqlstate, SqlState::GENERAL_ERROR);
    assert!(error.message.contains("redirected"), "{error}");
    assert!(!error.message.contains("canary"), "{error}");
}

#[test]
fn times_beyond_all_measure_do_no_harm() {
    let service = Service::plain();
    for headers in [
        "X-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 18446744073709551615\r\n",
        "X-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 9223372036854775807\r\n",
        "Retry-After: 1e19\r\n",
        "Retry-After: 18446744073709549568\r\n",
    ] {
        let server = Scripted::start(vec![
            reply("429 Too Many Requests", &format!("{JSON}{headers}"), "{}"),
            reply("200 OK", JSON, FINE),
        ]);
        let session = server.connect(&service, "");
        let (status, _) = execute(&session, &Request::get("a"), RequestBody::Empty);
        let expected = if headers.contains("Retry") { 429 } else { 200 };
        assert_eq!(status, expected, "{headers}");
        // The next call is not held up for ever.
        let (status, _) = execute(&session, &Request::get("a"), RequestBody::Empty);
        assert_eq!(status, 200, "{headers}");
    }
}

#[test]
fn a_huge_error_body_is_not_waited_for() {
    let service = Service::plain();
    let head = "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nContent-Length: 99999999\r\n\r\n";
    let server = Scripted::start(vec![format!("{head}{}", "x".repeat(5 << 20))]);
    let session = server.connect(&service, "Timeout=20");
    let begun = Instant::now();
    let (status, records) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!((status, records[0].native), (500, 500));
}

#[test]
fn a_firewalls_page_is_told_apart_by_its_status() {
    let service = Service::plain();
    let page = reply(
        "403 Forbidden",
        "Content-Type: text/html\r\n",
        "<h1>No</h1>",
    );
    let server = Scripted::start(vec![page]);
    let session = server.connect(&service, "");
    let (status, records) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert_eq!((status, records[0].native), (403, 403));
    assert!(!records[0].message.contains("<h1>"), "{}", records[0]);
}

/// The body cannot be sent a second time, but the next request shall not fail as well.
#[test]
fn a_401_to_a_body_from_a_reader_renews_the_token_for_the_next_request() {
    let service = Service::plain();
    let session = service.connect("");
    service.sandbox.expire_tokens();
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    let mut reader = &b"{}"[..];
    let body = RequestBody::Reader {
        reader: &mut reader,
        length: Some(2),
    };
    let (status, records) = execute(&session, &request, body);
    assert_eq!((status, records[0].native), (401, 401));
    let advice = records
        .iter()
        .any(|record| record.message.contains("again"));
    assert!(advice, "{records:?}");
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
    super::get(&session, "users/who_am_i");
    assert_eq!(service.sandbox.counters().tokens.refresh_token, 1);
}

#[test]
fn a_429_to_a_body_from_a_reader_holds_up_the_next_request() {
    let service = Service::plain();
    let server = Scripted::start(vec![
        reply("429 Too Many Requests", "Retry-After: 1\r\n", ""),
        reply("200 OK", JSON, FINE),
    ]);
    let session = server.connect(&service, "");
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    let mut reader = &b"{}"[..];
    let body = RequestBody::Reader {
        reader: &mut reader,
        length: None,
    };
    let begun = Instant::now();
    assert_eq!(execute(&session, &request, body).0, 429);
    assert_eq!(
        execute(&session, &Request::get("a"), RequestBody::Empty).0,
        200
    );
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

/// Connects with a token that has to be refreshed at `server`.
fn refresh_at(service: &Service, server: &Scripted, more: &str) -> Diagnostic {
    write_tokens(&service.file(), "old", "refresh", Duration::ZERO, 0);
    let mut show = |_: &str| panic!("a login was asked for");
    service
        .try_connect(&server.string(more), Some(&mut show))
        .err()
        .unwrap()
}

#[test]
fn a_token_endpoint_that_is_down_is_no_refused_authorization() {
    let service = Service::plain();
    for (status, code) in [("500 Oops", 500), ("501 Not Implemented", 501)] {
        let page = reply(status, "Content-Type: text/html\r\n", "<h1>canary</h1>");
        let error = refresh_at(&service, &Scripted::start(vec![page]), "");
        assert_eq!(
            (error.sqlstate, error.native),
            (SqlState::CANNOT_CONNECT, code),
            "{error}"
        );
        assert!(error.message.contains(&code.to_string()), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }
    let page = reply(
        "403 Forbidden",
        "Content-Type: text/html\r\n",
        "<h1>No</h1>",
    );
    let error = refresh_at(&service, &Scripted::start(vec![page]), "");
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION);
    assert!(error.message.contains("403"), "{error}");
}

#[test]
fn a_token_reply_without_end_is_not_read_to_its_end() {
    let service = Service::plain();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Content-Length: 99999999999\r\n\r\n";
    let server = Scripted::start(vec![format!("{head}{}", " ".repeat(8 << 20))]);
    let begun = Instant::now();
    let error = refresh_at(&service, &server, "Timeout=20");
    assert!(begun.elapsed() < Duration::from_secs(15), "{error}");
    assert!(error.message.contains("too large"), "{error}");
}

#[test]
fn a_429_without_a_wait_is_repeated_after_the_reset() {
    let service = Service::plain();
    let reset = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3;
    let headers = format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: {reset}\r\n");
    let server = Scripted::start(vec![
        reply("429 Too Many Requests", &headers, ""),
        reply("200 OK", JSON, FINE),
    ]);
    let session = server.connect(&service, "");
    let begun = Instant::now();
    let (status, _) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert_eq!((status, server.seen().len()), (200, 2));
    assert!(begun.elapsed() > Duration::from_secs(1));
}

#[test]
fn a_next_page_on_another_host_is_not_asked_for() {
    let service = Service::plain();
    for next in [
        "https://evil.example/api/v4/a",
        "http://127.0.0.1:1/a",
        "//evil.example/a",
    ] {
        let page = format!(r#"{{"data":[],"meta":{{"paging":{{"next":"{next}"}}}}}}"#);
        let server = Scripted::start(vec![reply("200 OK", JSON, &page)]);
        let session = server.connect(&service, "");
        let mut page = send(&session, &Request::get("a")).0.unwrap();
        match session.next_page(&mut page, None, &never(), &mut Vec::new()) {
            Err(error) => assert!(error.message.contains("token may go"), "{error}"),
            // Two slashes are a path of this host.
            Ok(_) => assert_eq!(server.seen()[1], "GET //evil.example/a HTTP/1.1"),
        }
    }
}

#[test]
fn nothing_of_the_connection_goes_to_another_host() {
    let service = Service::plain();
    let storage = Scripted::start(vec![reply("200 OK", "", "x")]);
    let location = format!("Location: http://127.0.0.1:{}/k?sig=1\r\n", storage.port);
    let server = Scripted::start(vec![reply("303 See Other", &location, "")]);
    let more = "CustomHeaders='X-Key: canary';CustomUrlParams='a=canary'";
    let session = server.connect(&service, more);
    let mut request = Request::get("a");
    request.add_header("Cookie", "canary").unwrap();
    assert_eq!(execute(&session, &request, RequestBody::Empty).0, 200);
    let first = server.seen.lock().unwrap()[0].clone();
    assert_eq!(first.matches("canary").count(), 3, "{first}");
    let led_to = storage.seen.lock().unwrap()[0].to_ascii_lowercase();
    assert!(led_to.starts_with("get /k?sig=1 "), "{led_to}");
    for foreign in ["canary", "authorization", "x-api-version", "x-key"] {
        assert!(!led_to.contains(foreign), "{led_to}");
    }
}

#[test]
fn a_request_to_the_api_introduces_itself() {
    let service = Service::plain();
    let server = Scripted::start(vec![reply("200 OK", JSON, FINE)]);
    let session = server.connect(&service, "");
    execute(&session, &Request::get("a"), RequestBody::Empty);
    let head = server.seen.lock().unwrap()[0].to_ascii_lowercase();
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!("\r\nuser-agent: apilink/{version}\r\n").as_str(),
        "\r\nx-api-version: 4.0.13\r\n",
        "\r\naccept: application/json\r\n",
        "\r\naccept-encoding: gzip\r\n",
        "\r\nauthorization: bearer ",
    ] {
        assert!(head.contains(line), "{line:?} in {head}");
    }
}

/// The service says that it has not done what was asked, so even a POST is safe to repeat.
#[test]
fn a_write_is_repeated_after_a_429() {
    let service = Service::plain();
    let server = Scripted::start(vec![
        reply("429 Too Many Requests", "Retry-After: 0\r\n", ""),
        reply("201 Created", JSON, FINE),
    ]);
    let session = server.connect(&service, "");
    let request = Request::new("POST", Target::Api("contacts".into())).unwrap();
    let body = RequestBody::Bytes(r#"{"data":{}}"#.into());
    assert_eq!(execute(&session, &request, body), (201, vec![]));
    let seen = server.seen.lock().unwrap();
    assert!(
        seen.iter()
            .all(|request| request.ends_with(r#"{"data":{}}"#))
    );
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_reply_tells_how_long_the_call_waited_for_the_rate_limit_and_what_is_left() {
    let service = Service::plain();
    let left = |left: u32| format!("{JSON}X-RateLimit-Remaining: {left}\r\n");
    let server = Scripted::start(vec![
        reply("200 OK", &left(49), FINE),
        reply(
            "429 Too Many Requests",
            &format!("{}Retry-After: 1\r\n", left(0)),
            "{}",
        ),
        reply("200 OK", &left(7), FINE),
        reply("200 OK", JSON, FINE),
    ]);
    let session = server.connect(&service, "");
    let ask = || send(&session, &Request::get("a")).0.unwrap();
    let first = ask();
    assert_eq!(
        (first.waited(), first.calls_left()),
        (Duration::ZERO, Some(49))
    );
    let second = ask();
    assert!(
        second.waited() >= Duration::from_secs(1),
        "{:?}",
        second.waited()
    );
    assert_eq!(second.calls_left(), Some(7));
    let third = ask();
    assert_eq!((third.waited(), third.calls_left()), (Duration::ZERO, None));
}

/// A download is led to a storage host, which says nothing of the service's rate limit.
#[test]
fn what_is_left_is_told_after_a_redirect_to_another_host_too() {
    let service = Service::plain();
    let storage = Scripted::start(vec![reply(
        "200 OK",
        "X-RateLimit-Remaining: 1000\r\n",
        "x",
    )]);
    let location = format!("Location: http://127.0.0.1:{}/k\r\n", storage.port);
    let headers = format!("{location}X-RateLimit-Remaining: 12\r\n");
    let server = Scripted::start(vec![reply("303 See Other", &headers, "")]);
    let session = server.connect(&service, "");
    let answer = send(&session, &Request::get("a")).0.unwrap();
    assert_eq!(answer.calls_left(), Some(12));
}

/// S3 answers 307 to the host of the region; the signature covers headers.
#[test]
fn the_headers_of_a_signed_request_go_along_to_another_storage_host() {
    let service = Service::plain();
    let regional = Scripted::start(vec![reply("200 OK", "", "")]);
    let location = format!("Location: http://127.0.0.1:{}/k?sig=1\r\n", regional.port);
    let general = Scripted::start(vec![reply("307 Temporary Redirect", &location, "")]);
    let server = Scripted::start(vec![reply("200 OK", JSON, FINE)]);
    let session = server.connect(&service, "CustomHeaders='X-Key: canary'");
    let url = format!("http://127.0.0.1:{}/k?sig=1", general.port);
    let mut request = Request::new("PUT", Target::Signed(url)).unwrap();
    request.add_header("x-amz-meta-a", "b").unwrap();
    request.add_header("Content-MD5", "digest").unwrap();
    let body = RequestBody::Bytes("document".into());
    assert_eq!(execute(&session, &request, body), (200, vec![]));
    let sent = regional.seen.lock().unwrap()[0].clone();
    for header in ["x-amz-meta-a: b\r\n", "content-md5: digest\r\n"] {
        assert!(sent.contains(header), "{sent}");
    }
    assert!(sent.ends_with("document"), "{sent}");
    let sent = sent.to_ascii_lowercase();
    for foreign in ["canary", "authorization", "x-api-version"] {
        assert!(!sent.contains(foreign), "{sent}");
    }
    assert_eq!(server.seen().len(), 0);
}

/// RFC 6749 section 2.3.1: both are form-encoded, and then joined.
#[test]
fn a_profile_can_ask_for_basic_authentication_of_the_client() {
    let service = Service::plain();
    let grant = r#"{"access_token":"new","token_type":"Bearer","expires_in":3600}"#;
    let server = Scripted::start(vec![reply("200 OK", JSON, grant), reply("200 OK", "", "")]);
    let profile = include_str!("../../../../profiles/clio/profile.json");
    let basic = profile.replace(
        r#""client_authentication": "body""#,
        r#""client_authentication": "basic""#,
    );
    assert_ne!(basic, profile);
    let path = service.folder.path().join("Basic.apip");
    std::fs::write(&path, basic).unwrap();
    write_tokens(&service.file(), "old", "refresh", Duration::ZERO, 0);
    let more = format!(
        "Profile={};OAuthClientId=my client;OAuthClientSecret='s:e&c'",
        path.display()
    );
    let session = service.connect(&server.string(&more));
    let (head, form) = {
        let seen = server.seen.lock().unwrap();
        let (head, form) = seen[0].split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), form.to_owned())
    };
    assert!(head.starts_with("post /oauth/token "), "{head}");
    // my+client:s%3Ae%26c
    let expected = "authorization: basic bXkrY2xpZW50OnMlM0FlJTI2Yw==".to_ascii_lowercase();
    assert!(head.contains(&expected), "{head}");
    assert!(form.contains("refresh_token=refresh"), "{form}");
    for absent in ["client_secret", "client_id"] {
        assert!(!form.contains(absent), "{form}");
    }
    assert_eq!(
        execute(&session, &Request::get("a"), RequestBody::Empty).0,
        200
    );
}

#[test]
fn a_token_that_no_request_can_carry_is_not_kept() {
    let service = Service::plain();
    for (grant, word) in [
        (r#"{"access_token":"canary\nb"}"#, "line break"),
        (r#"{"access_token":"canary\u0000"}"#, "control character"),
        (
            r#"{"access_token":"canary","token_type":"mac"}"#,
            "another type than bearer",
        ),
    ] {
        let error = refresh_at(
            &service,
            &Scripted::start(vec![reply("200 OK", JSON, grant)]),
            "",
        );
        assert_eq!(error.sqlstate, SqlState::AUTHORIZATION, "{error}");
        assert!(error.message.contains(word), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
        assert!(!service.stored().contains("canary"), "{grant}");
    }
}

#[test]
fn connect_on_open_wants_an_identity() {
    let service = Service::plain();
    service.store_token(Duration::from_secs(3600));
    for (headers, body) in [
        (
            "Content-Type: text/html\r\n",
            "<h1>Welcome to our network</h1>",
        ),
        (JSON, "{}"),
        (JSON, r#"{"data":null}"#),
        (JSON, r#"{"data":null,"id":null}"#),
        (JSON, r#"{"data":[]}"#),
        ("", ""),
    ] {
        let server = Scripted::start(vec![reply("200 OK", headers, body)]);
        let string = server.string("ConnectOnOpen=true");
        let error = service.try_connect(&string, None).err().unwrap();
        assert_eq!(error.sqlstate, SqlState::CANNOT_CONNECT, "{error}");
        assert!(error.message.contains("ConnectOnOpen"), "{error}");
        assert!(error.message.contains("no identity"), "{error}");
    }
    // Not every service wraps it.
    for body in [FINE, r#"{"id":1}"#] {
        let server = Scripted::start(vec![reply("200 OK", JSON, body)]);
        server.connect(&service, "ConnectOnOpen=true");
    }
}

#[test]
fn a_write_without_a_body_says_so() {
    let service = Service::plain();
    let empty = service.folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let says_so = |method: &str, body: RequestBody<'_>| {
        let server = Scripted::start(vec![reply("200 OK", JSON, FINE)]);
        let session = server.connect(&service, "");
        let request = Request::new(method, Target::Api("a".into())).unwrap();
        assert_eq!(execute(&session, &request, body).0, 200);
        let head = server.seen.lock().unwrap()[0].to_ascii_lowercase();
        assert!(!head.contains("transfer-encoding"), "{head}");
        head.matches("\r\ncontent-length: 0\r\n").count()
    };
    for method in ["POST", "PUT", "PATCH"] {
        assert_eq!(says_so(method, RequestBody::Empty), 1, "{method}");
        let bytes = RequestBody::Bytes("".into());
        assert_eq!(says_so(method, bytes), 1, "{method}");
        assert_eq!(says_so(method, RequestBody::File(&empty)), 1, "{method}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(says_so(method, RequestBody::Empty), 0, "{method}");
    }
}

/// A service that states no wait worth the name is asked less and less often.
#[test]
fn a_wait_that_is_over_is_no_reason_to_hammer() {
    let service = Service::plain();
    let headers = "Retry-After: 0\r\n";
    let server = Scripted::start(vec![reply("429 Too Many Requests", headers, "")]);
    let session = server.connect(&service, "");
    let cancel = never();
    let stop = cancel.clone();
    let timer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(6));
        stop.cancel();
    });
    let mut records = Vec::new();
    let outcome = session.execute(
        &Request::get("a"),
        RequestBody::Empty,
        &cancel,
        &mut records,
    );
    timer.join().unwrap();
    assert_eq!(outcome.err().unwrap().sqlstate, SqlState::CANCELLED);
    // Every 0.2 s it would be 30; waits of up to 0.5, 1, 2 s and so on make it some six.
    let asked = server.seen().len();
    assert!((2..16).contains(&asked), "{asked}");
}

fn fails(session: &Session, method: &str) -> Diagnostic {
    let request = Request::new(method, Target::Api("a".into())).unwrap();
    let mut records = Vec::new();
    session
        .execute(&request, RequestBody::Empty, &never(), &mut records)
        .err()
        .unwrap()
}

/// Asking again brings the same.
#[test]
fn what_is_not_http_is_said_to_be_none_and_asked_for_once() {
    let service = Service::plain();
    let many = "X-A: b\r\n".repeat(200);
    for text in [
        "SSH-2.0-OpenSSH_9.9\r\nConnection: close\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: nine\r\n\r\n".to_owned(),
        reply("200 OK", &many, ""),
        reply("600 Odd", "", ""),
        reply("999 Odd", JSON, FINE),
    ] {
        let server = Scripted::start(vec![text.clone()]);
        let session = server.connect(&service, "");
        let error = fails(&session, "GET");
        assert_eq!(error.sqlstate, SqlState::LINK_FAILURE, "{error}");
        assert!(error.message.contains("not proper HTTP"), "{error}");
        assert_eq!(server.seen().len(), 1, "{text}");
    }
    let server = Scripted::start(vec![reply("599 Odd", "", "")]);
    let session = server.connect(&service, "");
    let (status, _) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert_eq!(status, 599);
}

#[test]
fn a_proxy_is_named_where_it_fails() {
    let service = Service::plain();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = dead.local_addr().unwrap().port();
    drop(dead);
    for firewall in [
        format!("ProxyServer=127.0.0.1;ProxyPort={port};ProxyUser=u;ProxyPassword=canary"),
        format!("FirewallType=SOCKS5;FirewallServer=127.0.0.1;FirewallPort={port}"),
    ] {
        let error = fails(&service.connect(&firewall), "GET");
        assert_eq!(error.sqlstate, SqlState::CANNOT_CONNECT, "{error}");
        let named = format!("through the proxy 127.0.0.1:{port}");
        assert!(error.message.contains(&named), "{error}");
        assert!(!error.message.contains("canary"), "{error}");
    }
    let error = refresh_at(
        &service,
        &Scripted::start(vec![reply("200 OK", JSON, FINE)]),
        &format!("ProxyServer=127.0.0.1;ProxyPort={port}"),
    );
    assert!(
        error.message.contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );

    let text = reply("407 Proxy Authentication Required", "", "");
    let proxy = Scripted::start(vec![text]);
    let _ = std::fs::remove_file(service.file());
    let more = format!("ProxyServer=127.0.0.1;ProxyPort={}", proxy.port);
    let session = service.connect(&more);
    let (status, records) = execute(&session, &Request::get("a"), RequestBody::Empty);
    assert_eq!(status, 407);
    let message = &records[0].message;
    assert!(
        message.contains(&format!("proxy 127.0.0.1:{}", proxy.port)),
        "{message}"
    );
    assert!(message.contains("ProxyUser"), "{message}");
}
