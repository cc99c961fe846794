//! TLS, proxies and firewalls.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, Target};
use apilink_core::session::Session;
use clio_sandbox::Options;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Service, get, in_a_child, send};

/// An authority, and what it has signed, as PEM files in a folder.
pub struct Certificates {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let certificates = Self {
            folder: tempfile::tempdir().unwrap(),
            authority,
        };
        certificates.write("authority.pem", &certificates.authority.pem());
        certificates.issue("localhost");
        certificates
    }

    /// Writes NAME.pem (a certificate and its key), NAME.crt and NAME.key.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap().pem();
        let key = key.serialize_pem();
        self.write(&format!("{name}.pem"), &format!("{certificate}{key}"));
        self.write(&format!("{name}.crt"), &certificate);
        self.write(&format!("{name}.key"), &key);
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A sandbox behind TLS, and a profile in which it is a region.
pub fn behind_tls(certificates: &Certificates) -> (Service, String) {
    let service = Service::start(Options {
        tls_cert: Some(certificates.path("localhost.crt")),
        tls_key: Some(certificates.path("localhost.key")),
        ..Options::default()
    });
    let port = service
        .sandbox
        .base_url()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let more = profile_with_region(certificates, &port);
    (service, more)
}

fn profile_with_region(certificates: &Certificates, port: &str) -> String {
    let profile = include_str!("../../../../profiles/clio/profile.json")
        .replace("app.clio.com\" }", &format!("localhost:{port}\" }}"))
        .replacen(&format!("ca.localhost:{port}"), "ca.app.clio.com", 1)
        .replacen(&format!("eu.localhost:{port}"), "eu.app.clio.com", 1)
        .replacen(&format!("au.localhost:{port}"), "au.app.clio.com", 1);
    certificates.write("Local.apip", &profile);
    format!(
        "Profile={};ProfileSettings='Region=US'",
        certificates.path("Local.apip").display()
    )
}

#[test]
fn a_certificate_is_trusted_as_an_authority_as_itself_or_not_at_all() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    for trusted in ["authority.pem", "localhost.crt"] {
        let trusted = certificates.path(trusted);
        let session = service.connect(&format!("{more};SSLServerCert={}", trusted.display()));
        get(&session, "users/who_am_i");
    }
    certificates.issue("another.example");
    let other = certificates.path("another.example.crt");
    for more in [
        more.clone(),
        format!("{more};SSLServerCert={}", other.display()),
    ] {
        let session = service.connect(&more);
        let error = send(&session, &Request::get("users/who_am_i"))
            .0
            .err()
            .unwrap();
        assert_eq!(error.sqlstate, SqlState::CANNOT_CONNECT);
        assert!(error.message.contains("certificate"), "{error}");
    }
}

#[test]
fn any_certificate_is_accepted_where_the_string_says_so() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    // Even that of another host.
    let more = more.replace("Local.apip", "Other.apip");
    let profile = std::fs::read_to_string(certificates.path("Local.apip")).unwrap();
    certificates.write(
        "Other.apip",
        &profile.replace("\"localhost:", "\"127.0.0.1:"),
    );
    let refused = send(&service.connect(&more), &Request::get("users/who_am_i")).0;
    assert_eq!(refused.err().unwrap().sqlstate, SqlState::CANNOT_CONNECT);
    let session = service.connect(&format!("{more};SSLServerCert=*"));
    get(&session, "users/who_am_i");
}

/// A corporate authority is put into the system's store, here one that the environment names.
#[cfg(target_os = "linux")]
#[test]
fn an_authority_of_the_systems_store_is_trusted() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    service.store_token(std::time::Duration::from_secs(3600));
    let authority = certificates.path("authority.pem");
    let variables = [
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
        ("APILINK_TEST_STRING", &service.string(&more)),
    ];
    in_a_child(
        "transport::an_authority_of_the_systems_store_is_trusted",
        &variables,
        || {
            let settings = super::settings(&std::env::var("APILINK_TEST_STRING").unwrap());
            let (cancel, mut records) = (CancellationToken::new(), Vec::new());
            let options = apilink_core::session::ConnectOptions::default();
            let session = Session::connect(settings, options, &cancel, &mut records).unwrap();
            get(&session, "users/who_am_i");
        },
        || {},
    );
}

#[test]
fn one_connection_serves_many_calls_over_http_2() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    let more = format!(
        "{more};SSLServerCert={}",
        certificates.path("authority.pem").display()
    );
    let session = service.connect(&more);
    get(&session, "users/who_am_i");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| get(&session, "matters?fields=id"));
        }
    });
    assert_eq!(service.sandbox.counters().connections, 1);
}

#[test]
fn a_client_certificate_is_shown() {
    let certificates = Certificates::new();
    certificates.issue("client.example");
    let read = |name: &str| CertificateDer::from_pem_file(certificates.path(name)).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(read("authority.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    )
    .build()
    .unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.path("localhost.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![read("localhost.crt")], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let mut shown = Vec::new();
        for _ in 0..2 {
            let (client, _) = listener.accept().unwrap();
            let tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(tls, client);
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            shown.push(stream.conn.peer_certificates().is_some());
            answer_with_a_record(&mut stream);
        }
        shown
    });
    let service = Service::plain();
    let more = format!(
        "{};SSLServerCert={};",
        profile_with_region(&certificates, &port),
        certificates.path("authority.pem").display()
    );
    let with = format!(
        "{more}SSLClientCert={}",
        certificates.path("client.example.pem").display()
    );
    get(&service.connect(&with), "users/who_am_i");
    let retries_end_at_once = Request::new("POST", Target::Api("contacts".into()));
    assert!(
        send(&service.connect(&more), &retries_end_at_once.unwrap())
            .0
            .is_err()
    );
    assert_eq!(server.join().unwrap(), [true, false]);
}

/// A proxy that speaks HTTP (plain and CONNECT) and SOCKS5, and notes what it was asked.
pub struct Proxy {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let notes = Arc::clone(&notes);
                std::thread::spawn(move || serve(client.unwrap(), &notes));
            }
        });
        Self { port, seen }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, notes: &Mutex<Vec<String>>) {
    let mut first = [0];
    client.peek(&mut first).unwrap();
    if first[0] == 5 {
        return serve_socks(client, notes);
    }
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let authorized = lines.iter().any(|line| {
        // user:pass:word
        line.eq_ignore_ascii_case("proxy-authorization: basic dXNlcjpwYXNzOndvcmQ=")
    });
    notes
        .lock()
        .unwrap()
        .push(format!("{} {authorized}", lines[0].to_ascii_lowercase()));
    let target = lines[0].split(' ').nth(1).unwrap();
    if lines[0].starts_with("CONNECT") {
        let Ok(server) = TcpStream::connect(target) else {
            let _ = client.write_all(b"HTTP/1.1 502 No such host\r\n\r\n");
            return;
        };
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        return splice(client, server);
    }
    let url = url::Url::parse(target).unwrap();
    let mut server = TcpStream::connect((
        url.host_str().unwrap(),
        url.port_or_known_default().unwrap(),
    ))
    .unwrap();
    let path = &target[url.origin().ascii_serialization().len()..];
    let kept = lines[1..]
        .iter()
        .filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
    let method = lines[0].split(' ').next().unwrap();
    let head: Vec<String> = [format!("{method} {path} HTTP/1.1")]
        .into_iter()
        .chain(kept.cloned())
        .collect();
    write!(server, "{}\r\n\r\n", head.join("\r\n")).unwrap();
    server.write_all(reader.buffer()).unwrap();
    splice(client, server);
}

/// SOCKS5 with user and password (RFC 1928, RFC 1929), for names.
fn serve_socks(mut client: TcpStream, notes: &Mutex<Vec<String>>) {
    let [_, methods] = read_bytes(&mut client);
    let mut offered = vec![0; methods.into()];
    client.read_exact(&mut offered).unwrap();
    assert!(offered.contains(&2));
    client.write_all(&[5, 2]).unwrap();
    let [_version] = read_bytes(&mut client);
    let (user, password) = (read_text(&mut client), read_text(&mut client));
    client.write_all(&[1, 0]).unwrap();
    let [_version, _command, _reserved, kind] = read_bytes(&mut client);
    let host = match kind {
        3 => read_text(&mut client),
        1 => std::net::Ipv4Addr::from(read_bytes::<4>(&mut client)).to_string(),
        other => panic!("address type {other}"),
    };
    let port = u16::from_be_bytes(read_bytes(&mut client));
    notes
        .lock()
        .unwrap()
        .push(format!("socks {host} {user} {password}"));
    let server = TcpStream::connect((host.as_str(), port)).unwrap();
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    splice(client, server);
}

fn read_bytes<const COUNT: usize>(client: &mut TcpStream) -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// Text behind its length.
fn read_text(client: &mut TcpStream) -> String {
    let [count] = read_bytes(client);
    let mut bytes = vec![0; count.into()];
    client.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn splice(client: TcpStream, server: TcpStream) {
    let (mut up_from, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let up = std::thread::spawn(move || {
        let _ = std::io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Write);
    });
    let (mut down_from, mut down_to) = (server, client);
    let _ = std::io::copy(&mut down_from, &mut down_to);
    let _ = down_to.shutdown(Shutdown::Write);
    let _ = up.join();
}

fn through(service: &Service, more: &str) -> Session {
    let session = service.connect(more);
    get(&session, "users/who_am_i");
    session
}

#[test]
fn an_http_proxy_is_used_with_its_password() {
    let service = Service::plain();
    let proxy = Proxy::start();
    let more = format!(
        "ProxyServer=127.0.0.1;ProxyPort={};ProxyUser=user;ProxyPassword=pass:word",
        proxy.port
    );
    through(&service, &more);
    let seen = proxy.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        seen[0].starts_with("get http://127.0.0.1:") && seen[0].ends_with("true"),
        "{seen:?}"
    );
}

#[test]
fn a_proxy_is_spoken_to_by_tls_where_that_is_asked_for() {
    let certificates = Certificates::new();
    let read = |name: &str| CertificateDer::from_pem_file(certificates.path(name)).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.path("localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![read("localhost.crt")], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(tls, client);
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line).unwrap();
        answer_with_a_record(&mut stream);
        line
    });
    let service = Service::plain();
    let more = format!(
        "ProxyServer=localhost;ProxyPort={port};ProxySSLType=ALWAYS;SSLServerCert={}",
        certificates.path("authority.pem").display()
    );
    get(&service.connect(&more), "users/who_am_i");
    let asked = format!("GET {}/api/v4/", service.sandbox.base_url());
    let line = proxy.join().unwrap();
    assert!(line.starts_with(&asked), "{line}");
}

#[test]
fn the_token_endpoint_is_reached_through_the_proxy_too() {
    let service = Service::plain();
    service.store_token(std::time::Duration::ZERO);
    let proxy = Proxy::start();
    let more = format!("ProxyServer=127.0.0.1;ProxyPort={}", proxy.port);
    through(&service, &more);
    let seen = proxy.seen();
    assert!(
        seen.iter().any(|line| line.contains("/oauth/token")),
        "{seen:?}"
    );
}

/// The system's proxy is for other machines: secrets of a local server are not sent there.
#[test]
fn this_machine_is_reached_without_the_systems_proxy() {
    let proxy = Proxy::start();
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let variables = [("http_proxy", &*url), ("https_proxy", &*url)];
    in_a_child(
        "transport::this_machine_is_reached_without_the_systems_proxy",
        &variables,
        || {
            let service = Service::plain();
            service.store_token(std::time::Duration::ZERO);
            let session = through(&service, "");
            session
                .revoke(&CancellationToken::new(), &mut Vec::new())
                .unwrap();
            // Others are reached through it.
            let certificates = Certificates::new();
            let more = profile_with_region(&certificates, "443");
            let path = certificates.path("Local.apip");
            let profile = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, profile.replace("localhost:443", "clio.invalid")).unwrap();
            service.store_token(std::time::Duration::from_secs(3600));
            let session = service.connect(&more);
            assert!(send(&session, &Request::get("matters")).0.is_err());
        },
        || {
            let seen = proxy.seen();
            assert!(!seen.is_empty());
            for line in seen {
                assert_eq!(line, "connect clio.invalid:443 http/1.1 false");
            }
        },
    );
}

#[test]
fn exceptions_are_reached_directly() {
    let service = Service::plain();
    let proxy = Proxy::start();
    let more = format!(
        "ProxyServer=127.0.0.1;ProxyPort={};ProxyExceptions='example.com;127.0.0.1'",
        proxy.port
    );
    through(&service, &more);
    assert_eq!(proxy.seen(), [] as [String; 0]);
}

#[test]
fn a_tunnel_is_used_for_tls() {
    let certificates = Certificates::new();
    let (service, more) = behind_tls(&certificates);
    let proxy = Proxy::start();
    let more = format!(
        "{more};SSLServerCert={};FirewallType=TUNNEL;FirewallServer=127.0.0.1;FirewallPort={};\
         FirewallUser=user;FirewallPassword=pass:word",
        certificates.path("authority.pem").display(),
        proxy.port
    );
    through(&service, &more);
    let seen = proxy.seen();
    assert!(
        seen[0].starts_with("connect localhost:") && seen[0].ends_with("true"),
        "{seen:?}"
    );
}

#[test]
fn a_socks_firewall_is_used_with_its_password() {
    let service = Service::plain();
    let proxy = Proxy::start();
    let more = format!(
        "FirewallType=SOCKS5;FirewallServer=127.0.0.1;FirewallPort={};FirewallUser=user;\
         FirewallPassword=pass:word",
        proxy.port
    );
    through(&service, &more);
    assert_eq!(proxy.seen(), ["socks 127.0.0.1 user pass:word"]);
}

#[test]
fn a_socks_firewall_takes_user_and_password_of_200_bytes() {
    let service = Service::plain();
    let proxy = Proxy::start();
    let (user, password) = ("u".repeat(120), "p".repeat(80));
    let more = format!(
        "FirewallType=SOCKS5;FirewallServer=127.0.0.1;FirewallPort={};FirewallUser={user};\
         FirewallPassword={password}",
        proxy.port
    );
    through(&service, &more);
    assert_eq!(proxy.seen(), [format!("socks 127.0.0.1 {user} {password}")]);
}

#[test]
fn a_proxy_that_refuses_is_told_apart() {
    let service = Service::plain();
    let more = format!("ProxyServer=127.0.0.1;ProxyPort={}", super::free_port());
    let session = service.connect(&more);
    let error = send(&session, &Request::get("users/who_am_i"))
        .0
        .err()
        .unwrap();
    assert_eq!(error.sqlstate, SqlState::CANNOT_CONNECT);
    assert!(error.message.contains("proxy"), "{error}");
}

#[test]
fn a_handshake_that_never_comes_ends_with_the_time_limit() {
    let certificates = Certificates::new();
    // Accepts connections in the system's queue, and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let service = Service::plain();
    let more = format!("{};Timeout=1", profile_with_region(&certificates, &port));
    let session = service.connect(&more);
    let error = send(&session, &Request::get("users/who_am_i"))
        .0
        .err()
        .unwrap();
    assert_eq!(error.sqlstate, SqlState::TIMEOUT);
}

#[test]
fn compressed_replies_are_unpacked() {
    let service = Service::plain();
    let session = service.connect("");
    let (reply, _) = send(&session, &Request::get("matters?fields=id,description"));
    let reply = reply.unwrap();
    // Gone because the body is not compressed any more; the sandbox sent both.
    assert_eq!(reply.header("content-encoding", 0), None);
    assert_eq!(reply.header("content-length", 0), None);
    let log = service.sandbox.counters().log;
    let asked = log.back().unwrap().headers.iter();
    assert!(asked.clone().any(|(name, value)| {
        name.eq_ignore_ascii_case("accept-encoding") && value.contains("gzip")
    }));
}

#[test]
fn waits_for_the_rate_limit_are_bounded_by_two_windows_in_all() {
    let certificates = Certificates::new();
    let port = super::free_port().to_string();
    profile_with_region(&certificates, &port);
    let path = certificates.path("Local.apip");
    let profile = std::fs::read_to_string(&path).unwrap();
    let quick = profile.replace("\"window_seconds\": 60", "\"window_seconds\": 1");
    assert_ne!(quick, profile);
    std::fs::write(&path, quick).unwrap();
    let service = Service::plain();
    let session = service.connect(&format!("Profile={}", path.display()));
    service.sandbox.fault(clio_sandbox::Fault {
        status: Some(429),
        retry_after: Some("1".into()),
        times: 0,
        ..clio_sandbox::Fault::new("/api/v4/matters*", clio_sandbox::FaultKind::Status)
    });
    let (reply, records) = send(&session, &Request::get("matters"));
    assert_eq!(reply.unwrap().status().as_u16(), 429);
    assert_eq!(records[0].native, 429);
    let asked = service
        .sandbox
        .counters()
        .requests("GET /api/v4/matters.json");
    assert_eq!(asked, 3, "once, and once after each of two waits");
}

/// Answers whatever was asked, and closes.
fn answer_with_a_record(stream: &mut rustls::StreamOwned<rustls::ServerConnection, TcpStream>) {
    let body = r#"{"data":{"id":1}}"#;
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
