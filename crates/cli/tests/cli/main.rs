//! The program itself, run against a local Clio.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

mod account;
mod catalog;
mod get;
mod live_check;
mod query;
mod reports;
mod shell;
mod usage;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use clio_sandbox::{Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

/// A local Clio, and a person's directories.
struct World {
    sandbox: Sandbox,
    home: TempDir,
}

/// What a run of the program came to.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl World {
    fn new() -> Self {
        Self::with(Options {
            matters: 20,
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        Self {
            sandbox: Sandbox::start(options).unwrap(),
            home: TempDir::new().unwrap(),
        }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    /// A connection string with an access token.
    fn with_token(&self) -> String {
        let user = self.sandbox.people()[0].id;
        let grant = self.sandbox.issue_token(user, Duration::from_secs(3600));
        format!(
            "Region={};OAuthAccessToken={}",
            self.sandbox.base_url(),
            grant.access_token
        )
    }

    /// A connection string that keeps tokens, without the secret.
    fn with_client(&self) -> String {
        format!(
            "Region={};InitiateOAuth=GETANDREFRESH;OAuthClientId=sandbox-client;\
             CallbackURL=http://localhost:33333;OAuthSettingsLocation={}",
            self.sandbox.base_url(),
            self.home().join("token.txt").display()
        )
    }

    /// The path of a profile of Clio with a few tables.
    fn profile(&self) -> String {
        let text = include_str!("../../../../profiles/clio/profile.json");
        let mut profile: Value = serde_json::from_str(text).unwrap();
        let tables = serde_json::from_str(include_str!("tables.json")).unwrap();
        profile["tables"] = tables;
        // Their definitions would be one more table.
        profile.as_object_mut().unwrap().remove("custom_fields");
        let path = self.home().join("Clio.apip");
        std::fs::write(&path, profile.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The program with arguments, and an environment without surprises.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apilink"));
        command
            .args(arguments)
            .env("HOME", self.home())
            .env("XDG_STATE_HOME", self.home().join("state"))
            .env("XDG_CONFIG_HOME", self.home().join("config"))
            .env("BROWSER", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for variable in [
            "APILINK_CONNECTION",
            "APILINK_CONNECTION_STRING",
            "APILINK_CLIENT_ID",
            "APILINK_CLIENT_SECRET",
            "APILINK_ACCESS_TOKEN",
            "APILINK_REFRESH_TOKEN",
        ] {
            command.env_remove(variable);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments), "")
    }
}

/// Runs a command with a standard input.
fn finish(mut command: Command, input: &str) -> Run {
    let mut child = command.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    Run::of(child.wait_with_output().unwrap())
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The output of a run that went well and said nothing beside it.
    #[track_caller]
    fn good(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The message of a run that failed, and wrote nothing else.
    #[track_caller]
    fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{} {}", self.out, self.err);
        self.err
    }
}
