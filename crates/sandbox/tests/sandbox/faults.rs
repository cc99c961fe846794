//! Faults on demand.

use std::time::{Duration, Instant};

use clio_sandbox::{Fault, FaultKind, Shape};
use serde_json::json;

use crate::client::{Client, control, sandbox, send};

const PATH: &str = "matters.json?limit=20&fields=id,description";

#[test]
fn a_burst_of_errors_ends() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let fault =
        r#"{"path":"/api/v4/matters*","times":2,"kind":"status","status":503,"retry_after":"1"}"#;
    assert_eq!(control(&sandbox, "POST", "faults", fault).status, 204);
    assert_eq!(client.get("contacts.json?limit=1").status, 200);
    let first = client.get(PATH);
    assert_eq!(
        (first.status, first.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(client.get(PATH).status, 503);
    assert_eq!(client.get(PATH).status, 200);
    assert_eq!(sandbox.counters().faults["status"], 2);
    assert_eq!(control(&sandbox, "POST", "faults", "{}").status, 400);
}

#[test]
fn a_dropped_body_is_cut_and_a_dropped_request_was_carried_out() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let cut = Fault {
        bytes: Some(100),
        ..Fault::new("/api/v4/matters.json", FaultKind::Drop)
    };
    sandbox.fault(cut);
    let reply = client.get(PATH);
    assert!(reply.cut);
    assert!(reply.body.len() <= 100, "{}", reply.body.len());
    sandbox.fault(Fault::new("/api/v4/contacts.json", FaultKind::Drop));
    let count = || {
        client
            .get("contacts.json?limit=1")
            .at("/meta/records")
            .as_u64()
            .unwrap()
    };
    let body = json!({"data": {"name": "A", "type": "Company"}});
    assert!(
        client
            .try_call("POST", "contacts.json", &[], Some(&body))
            .is_none()
    );
    let before = count();
    client.post("contacts.json", &body);
    assert_eq!(count(), before + 1);
}

#[test]
fn replies_can_be_garbage_late_slow_or_huge() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let whole = client.get(PATH);
    sandbox.fault(Fault::new("*", FaultKind::Garbage));
    let garbage = client.get(PATH);
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&garbage.body).is_err());

    let late = Fault {
        milliseconds: Some(120),
        ..Fault::new("*", FaultKind::Latency)
    };
    sandbox.fault(late);
    let start = Instant::now();
    assert_eq!(client.get(PATH).body, whole.body);
    assert!(start.elapsed() >= Duration::from_millis(120));

    let drip = Fault {
        milliseconds: Some(20),
        bytes: Some(whole.body.len() as u64 / 5),
        ..Fault::new("*", FaultKind::Drip)
    };
    sandbox.fault(drip);
    let start = Instant::now();
    assert_eq!(client.get(PATH).body, whole.body);
    assert!(start.elapsed() >= Duration::from_millis(100));

    sandbox.fault(Fault {
        bytes: Some(2_000_000),
        ..Fault::new("*", FaultKind::Huge)
    });
    let huge = client.get(PATH);
    assert_eq!(huge.body.len(), 2_000_000);
    assert!(huge.json()["data"].is_string());
    assert_eq!(client.get(PATH).body, whole.body);
}

#[test]
fn a_stalled_request_never_answers() {
    use std::io::{Read as _, Write as _};
    let sandbox = sandbox();
    sandbox.fault(Fault::new("/api/v4/matters.json", FaultKind::Stall));
    let host = sandbox.base_url().strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let request = format!("GET /api/v4/matters.json HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let error = stream.read(&mut [0; 10]).unwrap_err();
    assert!(matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    ));
}

#[test]
fn a_401_of_either_shape_can_be_forced() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let forced = Fault {
        shape: Some(Shape::Object),
        ..Fault::new("/api/v4/*", FaultKind::Unauthorized)
    };
    sandbox.fault(forced);
    sandbox.fault(Fault::new("/api/v4/*", FaultKind::Unauthorized));
    assert_eq!(client.get(PATH).at("/error/type"), "UnauthorizedError");
    assert_eq!(client.get(PATH).at("/error"), "invalid_token");
    assert_eq!(client.get(PATH).status, 200);
}

#[test]
fn token_replies_can_be_varied() {
    let sandbox = sandbox();
    let user = sandbox.people()[0].id;
    let refresh_token = sandbox
        .issue_token(user, Duration::from_secs(60))
        .refresh_token;
    let refresh = || {
        let url = format!("{}/oauth/token", sandbox.base_url());
        let body = format!(
            "client_id=sandbox-client&client_secret=sandbox-secret&grant_type=refresh_token\
             &refresh_token={refresh_token}"
        );
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        send("POST", &url, &[kind], body.as_bytes()).unwrap()
    };
    let vary = |fault: &str| {
        assert_eq!(control(&sandbox, "POST", "faults", fault).status, 204);
        refresh()
    };
    let reply = vary(
        r#"{"path":"/oauth/token","kind":"token","members":{"expires_in":null,"token_type":"BEARER"}}"#,
    );
    assert!(reply.json().get("expires_in").is_none());
    assert_eq!(reply.at("/token_type"), "BEARER");
    let reply = vary(r#"{"path":"/oauth/token","kind":"token","members":{"expires_in":"3600"}}"#);
    assert_eq!(reply.at("/expires_in"), "3600");
    let reply = vary(r#"{"path":"/oauth/token","kind":"token","status":502,"body":"oops"}"#);
    assert_eq!((reply.status, reply.text()), (502, "oops".to_owned()));
    assert!(refresh().at("/expires_in").is_i64());
}

#[test]
fn faults_reach_the_storage_host() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = sandbox.add_document(500_000);
    sandbox.fault(Fault {
        bytes: Some(70_000),
        ..Fault::new("/storage/*", FaultKind::Drop)
    });
    let location = client.get(&format!("documents/{id}/download.json"));
    let location = location.header("location").unwrap();
    let cut = send("GET", location, &[], b"").unwrap();
    assert!(cut.cut && cut.body.len() <= 70_000);
    assert!(!send("GET", location, &[], b"").unwrap().cut);
}

#[test]
fn control_endpoints_answer() {
    let sandbox = sandbox();
    let info = control(&sandbox, "GET", "info", "");
    assert_eq!(info.at("/base_url"), sandbox.base_url());
    assert_eq!(info.at("/records/matters"), 30);
    let tokens = control(&sandbox, "POST", "tokens", r#"{"life": 60.5}"#);
    let mut client = Client::new(&sandbox);
    client.token = tokens.at("/access_token").as_str().unwrap().to_owned();
    assert_eq!(client.get("users/who_am_i").status, 200);
    assert_eq!(control(&sandbox, "POST", "tokens/expire", "").status, 204);
    assert_eq!(client.get("users/who_am_i").status, 401);
    assert_eq!(
        control(&sandbox, "GET", "blob?bytes=200001", "").body.len(),
        200_001
    );
    assert_eq!(control(&sandbox, "GET", "nonsense", "").status, 404);
    sandbox.fault(Fault::new("*", FaultKind::Stall));
    assert_eq!(
        control(&sandbox, "GET", "faults", "").at("/0/kind"),
        "stall"
    );
    assert_eq!(control(&sandbox, "DELETE", "faults", "").status, 204);
    assert_eq!(
        control(&sandbox, "GET", "counters", "").at("/statuses/401"),
        1
    );
}
