//! The core against a local Clio: logins, refreshing, and calls on good and bad days.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(missing_docs)]

mod bodies;
mod calls;
#[cfg(target_os = "linux")]
mod giving_up;
mod logging;
mod login;
mod paging;
mod refresh;
mod revoke;
mod scripted;
mod transport;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody, Response};
use apilink_core::log::LogSink;
use apilink_core::session::{ConnectOptions, Session};
use apilink_core::settings::Settings;
use apilink_core::{Diagnostic, Result};
use clio_sandbox::{Options, Sandbox};

/// A local Clio, and a folder for token files.
struct Service {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    log: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start(options: Options) -> Self {
        let options = Options {
            matters: 30,
            ..options
        };
        Self {
            sandbox: Sandbox::start(options).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            log: Arc::default(),
        }
    }

    fn plain() -> Self {
        Self::start(Options::default())
    }

    /// One in which a refresh token is good for one refresh.
    fn rotating() -> Self {
        Self::start(Options {
            rotate_refresh_tokens: true,
            ..Options::default()
        })
    }

    /// Tokens of a login of the first person.
    fn grant(&self, life: Duration) -> clio_sandbox::Grant {
        let user = self.sandbox.people()[0].id;
        self.sandbox.issue_token(user, life)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("tokens.txt")
    }

    /// The mission's string, with a token file of this test's own and more properties.
    fn string(&self, more: &str) -> String {
        format!(
            "{more};Profile=C:\\profiles\\Clio.apip;ProfileSettings='Region={}';Authscheme=OAuth;\
             InitiateOAuth=GETANDREFRESH;OAuthClientId=sandbox-client;\
             OAuthClientSecret=sandbox-secret;CallbackUrl=http://localhost:{};\
             OAuthSettingsLocation={}",
            self.sandbox.base_url(),
            free_port(),
            self.file().display(),
        )
    }

    fn settings(&self, more: &str) -> Settings {
        settings(&self.string(more))
    }

    /// Connects with a token file that holds a token of this life already.
    fn connect(&self, more: &str) -> Session {
        if !self.file().exists() {
            self.store_token(Duration::from_secs(3600));
        }
        self.try_connect(more, None).unwrap()
    }

    fn try_connect(
        &self,
        more: &str,
        show_url: Option<&mut dyn FnMut(&str) -> bool>,
    ) -> Result<Session> {
        let log = Arc::clone(&self.log);
        let sink: LogSink = Arc::new(move |_, line: &str| log.lock().unwrap().push(line.into()));
        let options = ConnectOptions {
            show_url,
            log: Some((5, sink)),
            ..ConnectOptions::default()
        };
        let mut records = Vec::new();
        let cancel = CancellationToken::new();
        let session = Session::connect(self.settings(more), options, &cancel, &mut records)?;
        assert_eq!(records, []);
        Ok(session)
    }

    /// Puts a token into the file, as another run would have.
    fn store_token(&self, life: Duration) {
        let grant = self.grant(life);
        write_tokens(
            &self.file(),
            &grant.access_token,
            &grant.refresh_token,
            life,
            0,
        );
    }

    fn stored(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }
}

fn write_tokens(file: &Path, access: &str, refresh: &str, life: Duration, age_ms: u128) {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let text = format!(
        "oauthaccesstoken={access}\n_persist_oauthaccesstoken={access}\n\
         _persist_oauthrefreshtoken={refresh}\n_persist_oauthexpiresin={}\n\
         _persist_oauthtokentimestamp={}\n",
        life.as_secs(),
        now - age_ms
    );
    std::fs::write(file, text).unwrap();
}

fn settings(string: &str) -> Settings {
    let (settings, warnings) = Settings::parse(string).unwrap();
    // The repeated keys of `string` are meant: the first one wins.
    assert!(
        warnings.iter().all(|warning| warning.sqlstate.is_warning()),
        "{warnings:?}"
    );
    settings
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// How many connections to this port on this machine are open or being opened. Only the client's end
/// of one has the port as its remote one.
#[cfg(target_os = "linux")]
fn connections_to(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let port = format!(":{port:04X}");
    let is_one = |line: &&str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        // 01: established, 02: asked for (proc(5)).
        columns.len() > 3 && columns[2].ends_with(&port) && ["01", "02"].contains(&columns[3])
    };
    table.lines().filter(is_one).count()
}

/// Runs a test in a process of its own with these variables in its environment: `body` runs there
/// only, and `after` here. `name` is the test's, with its module.
fn in_a_child(name: &str, variables: &[(&str, &str)], body: impl FnOnce(), after: impl FnOnce()) {
    const MARK: &str = "APILINK_TEST_CHILD";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .envs(variables.iter().copied())
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    after();
}

/// A client for plain HTTP on loopback; TLS has to be configured all the same.
fn plain_client() -> reqwest::blocking::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::blocking::Client::builder().tls_backend_preconfigured(tls);
    builder.no_proxy().build().unwrap()
}

/// What a person with a browser does: opens the page, answers it, and follows the redirects.
fn browse(url: &str, decision: &str) {
    let client = plain_client();
    let page = client.get(url).send().unwrap().text().unwrap();
    let mut fields = vec![("decision".to_owned(), decision.to_owned())];
    for input in page
        .split("<input")
        .skip(1)
        .filter(|input| input.contains("hidden"))
    {
        let value = |name: &str| {
            let rest = input.split(&format!("{name}=\"")).nth(1)?;
            Some(rest.split('"').next()?.replace("&amp;", "&"))
        };
        fields.push((value("name").unwrap(), value("value").unwrap_or_default()));
    }
    let action = page
        .split("action=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let action = url::Url::parse(url).unwrap().join(action).unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let reply = client
        .post(action)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .unwrap();
    assert!(
        reply.status().is_success() || decision == "decline",
        "{}",
        reply.status()
    );
}

/// Sends a request without a body.
fn send(session: &Session, request: &Request) -> (Result<Response>, Vec<Diagnostic>) {
    let mut records = Vec::new();
    let cancel = CancellationToken::new();
    let reply = session.execute(request, RequestBody::Empty, &cancel, &mut records);
    (reply, records)
}

/// Sends a GET that is to succeed, and returns its JSON.
fn get(session: &Session, url: &str) -> serde_json::Value {
    let (reply, records) = send(session, &Request::get(url));
    assert_eq!(records, []);
    let mut reply = reply.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    reply.json(&CancellationToken::new()).unwrap().clone()
}
