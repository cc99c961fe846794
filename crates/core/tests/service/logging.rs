//! What the log tells.

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, Target};
use clio_sandbox::{Fault, FaultKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use sha2::Digest as _;

use super::transport::{Certificates, Proxy, behind_tls};
use super::{Service, get, send};

/// The lines of one level in the log, without their time.
fn logged(service: &Service, level: u8) -> Vec<String> {
    let log = service.log.lock().unwrap();
    let text = |line: &String| {
        line.split_once(&format!("\t{level}\t"))
            .map(|(_, text)| text.to_owned())
    };
    log.iter().filter_map(text).collect()
}

#[test]
fn the_log_tells_how_a_request_went_out() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    let proxy = Proxy::start();
    let authority = certificates.path("authority.pem");
    let trust = format!("{more};SSLServerCert={}", authority.display());
    get(&service.connect(&trust), "users/who_am_i");
    let through = format!(
        "{trust};FirewallType=TUNNEL;FirewallServer=127.0.0.1;FirewallPort={};FirewallUser=canary;\
         FirewallPassword=canary",
        proxy.port
    );
    get(&service.connect(&through), "users/who_am_i");

    let shown = CertificateDer::from_pem_file(certificates.path("localhost.crt")).unwrap();
    let digest = format!("{:x}", sha2::Sha256::digest(&shown));
    let (_, port) = service.sandbox.base_url().rsplit_once(':').unwrap();
    let sent = "[NET]\tGET /api/v4/users/who_am_i.json: HTTP/2.0 over 127.0.0.1";
    let set_up = |proxy: &str| {
        format!(
            "[NET]\tTimeout 60 seconds; {proxy}; certificates of SSLServerCert are trusted; no client \
             certificate"
        )
    };
    let variables = logged(&service, 4).remove(0);
    assert!(variables.contains("the system's proxy"), "{variables}");
    assert_eq!(
        logged(&service, 4)[1..],
        [
            format!("{sent}:{port}, certificate SHA-256 {digest}"),
            set_up(&format!("proxy http://127.0.0.1:{}/", proxy.port)),
            // What is seen through a tunnel is not known.
            format!("{sent}:{}", proxy.port),
        ]
    );
}

#[test]
fn the_log_tells_what_the_program_calls() {
    let service = Service::plain();
    let session = service.connect("Readonly=true");
    let (cancel, mut records) = (CancellationToken::new(), Vec::new());
    let mut page = send(
        &session,
        &Request::get("matters?limit=20&fields=id&canary=1"),
    )
    .0
    .unwrap();
    let delete = Request::new("DELETE", Target::Api("contacts/1?canary".into())).unwrap();
    assert!(send(&session, &delete).0.is_err());
    session
        .next_page(&mut page, None, &cancel, &mut records)
        .unwrap();
    session.token(&cancel, &mut records).unwrap();
    session.refresh(&cancel, &mut records).unwrap();
    session.revoke(&cancel, &mut records).unwrap();
    let calls = logged(&service, 5);
    for (call, end) in [
        ("execute GET", "done"),
        ("execute DELETE", "25006"),
        ("next page", "done"),
        ("token", "done"),
        ("refresh", "done"),
        ("revoke", "done"),
    ] {
        let begins = calls
            .iter()
            .position(|line| *line == format!("[CALL]\t{call}"));
        let ended = &calls[begins.unwrap() + 1];
        assert!(
            ended.starts_with(&format!("[CALL]\t{call}: ")) && ended.contains(end),
            "{calls:?}"
        );
    }
    assert_eq!(calls.len(), 12);
    assert!(!service.log.lock().unwrap().join("").contains("canary"));
}

/// The lines of one level that begin with this text, without it.
fn logged_of(service: &Service, level: u8, begin: &str) -> Vec<String> {
    let text = |line: &String| line.strip_prefix(begin).map(str::to_owned);
    logged(service, level).iter().filter_map(text).collect()
}

#[test]
fn the_log_tells_of_requests_to_the_token_endpoint_too() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    let trust = certificates.path("authority.pem");
    let session = service.connect(&format!("{more};SSLServerCert={}", trust.display()));
    let (cancel, mut records) = (CancellationToken::new(), Vec::new());
    service.sandbox.fault(Fault {
        status: Some(503),
        ..Fault::new("/oauth/token", FaultKind::Status)
    });
    session.refresh(&cancel, &mut records).unwrap();
    let token = session.token(&cancel, &mut records).unwrap().unwrap();
    session.revoke(&cancel, &mut records).unwrap();

    let lines = logged_of(&service, 2, "[HTTP]\tPOST /oauth/token: ");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("503 Service Unavailable in "),
        "{lines:?}"
    );
    assert!(lines[1].contains("too much to do; waiting "), "{lines:?}");
    assert!(lines[2].starts_with("200 OK in "), "{lines:?}");
    let sent = logged_of(&service, 3, "[HTTP]\tPOST /oauth/token headers: ");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(
        sent[0].contains("content-type: application/x-www-form-urlencoded"),
        "{sent:?}"
    );
    let replies = logged_of(&service, 3, "[HTTP]\tPOST /oauth/token reply headers: ");
    assert!(
        replies[1].contains("content-type: application/json"),
        "{replies:?}"
    );
    let shown = CertificateDer::from_pem_file(certificates.path("localhost.crt")).unwrap();
    let shown = format!("certificate SHA-256 {:x}", sha2::Sha256::digest(&shown));
    for line in logged_of(&service, 4, "[NET]\tPOST /oauth/token: ") {
        assert!(
            line.starts_with("HTTP/2.0 over ") && line.ends_with(&shown),
            "{line}"
        );
    }

    let revoked = logged_of(&service, 3, "[HTTP]\tPOST /oauth/deauthorize headers: ");
    assert!(revoked[0].contains("authorization: *****"), "{revoked:?}");
    let ended = logged_of(&service, 2, "[HTTP]\tPOST /oauth/deauthorize: ");
    assert_eq!(ended.len(), 1);

    let log = service.log.lock().unwrap().join("\n");
    let secrets = [&token.access_token, &token.refresh_token];
    for secret in secrets.into_iter().flatten() {
        assert!(!log.contains(secret.expose_secret()), "{log}");
    }
    assert!(!log.contains("sandbox-secret"), "{log}");
}

#[test]
fn the_log_tells_why_the_token_endpoint_was_not_reached() {
    let service = Service::plain();
    let port = super::free_port();
    let more = format!("OAuthRefreshTokenURL=http://127.0.0.1:{port}/oauth/renew?key=canary");
    let session = service.connect(&more);
    let cancel = CancellationToken::new();
    session.refresh(&cancel, &mut Vec::new()).unwrap_err();
    let lines = logged_of(&service, 1, "[HTTP]\tPOST /oauth/renew: [08001] ");
    let attempts = session.settings().profile.retry.attempts as usize;
    assert_eq!(lines.len(), attempts, "{lines:?}");
    let waits = logged_of(
        &service,
        2,
        "[HTTP]\tPOST /oauth/renew: the connection failed; waiting ",
    );
    assert_eq!(waits.len(), attempts - 1, "{waits:?}");
    // The query is in the line with the properties only.
    let log = service.log.lock().unwrap().join("\n");
    assert_eq!(log.matches("canary").count(), 1, "{log}");
}
