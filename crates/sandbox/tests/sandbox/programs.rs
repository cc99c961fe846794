//! The two programs, as a shell or a test harness runs them; https.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use crate::client::{Client, exchange, sandbox, send, start};
use clio_sandbox::Sandbox;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clio-sandbox");
const BROWSER: &str = env!("CARGO_BIN_EXE_clio-sandbox-browser");

fn spawn(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(PROGRAM)
        .args(["--matters", "5"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line
        .trim()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned();
    (child, url)
}

#[test]
fn the_program_ends_with_its_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready");
    let (mut child, url) = spawn(&[
        "--until-stdin-closes",
        "--ready-file",
        ready.to_str().unwrap(),
    ]);
    let page = send("GET", &format!("{url}/"), &[], b"").unwrap();
    assert_eq!(page.status, 200);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    // Written before the program can have ended.
    assert_eq!(std::fs::read_to_string(ready).unwrap().trim(), url);
}

#[cfg(unix)]
#[test]
fn the_program_ends_on_a_signal() {
    let (mut child, _) = spawn(&[]);
    let status = Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(status.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn wrong_flags_are_explained() {
    let run = |arguments: &[&str]| Command::new(PROGRAM).args(arguments).output().unwrap();
    let output = run(&["--today", "soon"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a date"));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--matters", "1", "--listen", &address]);
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}

/// Runs the browser against a program that waits for its redirect; the redirect's first line,
/// if one came.
fn browse(sandbox: &Sandbox, answer: &str, more: &str) -> (bool, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let back = format!("http://{}/back", listener.local_addr().unwrap());
    let url = format!(
        "{}/oauth/authorize?response_type=code&client_id=sandbox-client&state=a%26b\
         &redirect_uri={back}{more}",
        sandbox.base_url()
    );
    let mut child = Command::new(BROWSER)
        .arg(&url)
        .env("CLIO_SANDBOX_ANSWER", answer)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    listener.set_nonblocking(true).unwrap();
    // Until the browser has either come or gone.
    loop {
        if let Ok((mut stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            let mut line = String::new();
            BufReader::new(&mut stream).read_line(&mut line).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .unwrap();
            drop(stream);
            return (child.wait().unwrap().success(), Some(line));
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status.success(), None);
        }
        std::thread::yield_now();
    }
}

#[test]
fn the_browser_answers_for_a_person() {
    let sandbox = sandbox();
    let (good, line) = browse(&sandbox, "approve", "");
    let line = line.unwrap();
    assert!(
        good && line.starts_with("GET /back?code=") && line.contains("state=a%26b"),
        "{line}"
    );
    let (good, line) = browse(&sandbox, "decline", "&redirect_on_decline=true");
    assert!(good && line.unwrap().contains("error=access_denied"));
    assert_eq!(browse(&sandbox, "decline", ""), (true, None));
    assert_eq!(browse(&sandbox, "ignore", ""), (true, None));
    assert_eq!(browse(&sandbox, "dance", ""), (false, None));
    assert!(
        browse(&sandbox, "approve", "&response_type=x&response_type=y")
            .1
            .is_some()
    );
    let counters = sandbox.counters().consent;
    assert_eq!((counters.approved, counters.declined), (2, 2));
}

#[test]
fn https_is_served_with_a_certificate() {
    use rustls::pki_types::pem::PemObject as _;
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (cert, key) = (
        directory.path().join("cert.pem"),
        directory.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let sandbox = start(|options| {
        options.tls_cert = Some(cert.clone());
        options.tls_key = Some(key);
    });
    let host = sandbox.base_url().strip_prefix("https://").unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_file(cert).unwrap())
        .unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let stream = rustls::StreamOwned::new(connection, TcpStream::connect(host).unwrap());
    let client = Client::new(&sandbox);
    let token = format!("Bearer {}", client.token);
    let headers = [
        ("Authorization", token.as_str()),
        ("User-Agent", "test/1.0"),
    ];
    let reply = exchange(
        stream,
        "GET",
        host,
        "/api/v4/matters.json?limit=1",
        &headers,
        b"",
    )
    .unwrap();
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .at("/meta/paging/next")
            .as_str()
            .unwrap()
            .starts_with("https://")
    );
}

#[test]
fn a_sandbox_can_be_started_and_dropped_anywhere() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let people = runtime.block_on(async { sandbox().people().len() });
    assert!(people > 0);
}
