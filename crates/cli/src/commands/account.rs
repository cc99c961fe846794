//! `login`, `token` and `logout`.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody};
use apilink_core::oauth::authorization_request;
use apilink_core::profile::Profile;
use apilink_core::session::{ConnectOptions, Session, exchange_code};
use apilink_core::settings::{AuthScheme, InitiateOAuth, Settings, TokenLocation};
use apilink_core::token::TokenSet;
use apilink_core::{Diagnostic, SqlState};
use secrecy::ExposeSecret as _;

use crate::args::{ConnectionArgs, LoginArgs, OnlyConnection, TokenArgs};
use crate::connection::{ConnectionSource, connect, never_asking};
use crate::failure::{Failure, Outcome, warn};
use crate::interrupt;
use crate::terminal::{self, on_one_line, tell};

/// `login`.
pub fn login(connection: &ConnectionArgs, args: &LoginArgs) -> Outcome {
    let source = ConnectionSource::find(connection, args.target.as_deref())?;
    let mut settings = source.settings()?;
    // The command asks for a login, whatever the string allows programs to do.
    settings.initiate_oauth = InitiateOAuth::GetAndRefresh;
    if settings.auth_scheme == AuthScheme::None {
        return Err(Failure::Usage(
            "The connection string has AuthScheme=None: there is nothing to log in to.".to_owned(),
        ));
    }
    if matches!(settings.token_location, TokenLocation::Memory(_)) {
        return Err(Failure::Usage(
            "OAuthSettingsLocation=memory:// ends with this command, and the token with it. Name \
             a file, or leave the property out."
                .to_owned(),
        ));
    }
    let settings = source.with_secret(settings)?;
    let cancel = interrupt::begin();
    let session = if args.no_browser {
        log_in_elsewhere(settings, &source, &cancel)?
    } else {
        connect(settings, &cancel).map_err(|failure| {
            with_advice(
                failure,
                "apilink login --no-browser logs in with a browser of another machine.",
            )
        })?
    };
    tell_who(&session, &cancel)
}

/// Shows the URL to open on another machine, and takes what comes back from there.
fn log_in_elsewhere(
    settings: Settings,
    source: &ConnectionSource,
    cancel: &CancellationToken,
) -> Outcome<Arc<Session>> {
    if source.took_stdin() {
        return Err(Failure::Usage(
            "Standard input cannot hold both the connection string and the code.".to_owned(),
        ));
    }
    settings.check_for_token_request()?;
    let request = authorization_request(&settings, None)?;
    tell!("Open this URL in a browser on any machine, and log in:\n");
    let mut out = std::io::stdout();
    writeln!(out, "{}", request.url)?;
    out.flush()?;
    tell!(
        "\nThen copy the address that the browser is sent to (it may well show an error there), or \
         the code that the page shows, and enter it here:"
    );
    let code = read_line(cancel)?;
    exchange_code(
        settings.clone(),
        Some(&request),
        &code,
        ConnectOptions::default(),
        cancel,
    )?;
    connect(never_asking(settings), cancel)
}

/// A line of standard input, waited for on a thread of its own so that Ctrl-C is heeded.
fn read_line(cancel: &CancellationToken) -> Outcome<String> {
    let (sender, line) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        // Nobody waits any more after Ctrl-C.
        let _ = sender.send(read.map(|_| line));
    });
    loop {
        match line.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(line)) if !line.trim().is_empty() => return Ok(line.trim().to_owned()),
            Ok(Ok(_)) => {
                return Err(Failure::Usage(
                    "No code was entered, so there is no login.".to_owned(),
                ));
            }
            Ok(Err(error)) => {
                return Err(Failure::Local(format!(
                    "Standard input cannot be read: {error}."
                )));
            }
            Err(_) if cancel.is_cancelled() => return Err(Diagnostic::cancelled().into()),
            Err(_) => {}
        }
    }
}

/// Tells who is logged in and until when.
fn tell_who(session: &Session, cancel: &CancellationToken) -> Outcome {
    let settings = session.settings();
    let who = match who(session, &settings.profile, cancel) {
        Ok(Some(who)) => format!(" as {who}"),
        Ok(None) => String::new(),
        // The login itself is done.
        Err(problem) => {
            warn(&[problem]);
            String::new()
        }
    };
    let until = session
        .current_token()
        .as_deref()
        .map_or(String::new(), |token| format!(" {}", expiry(token)));
    let mut out = std::io::stdout();
    writeln!(
        out,
        "Logged in to {} ({}){who}.{until}",
        settings.profile.name, settings.region.name
    )?;
    Ok(())
}

/// The person whose token it is, if the profile says how to ask.
fn who(
    session: &Session,
    profile: &Profile,
    cancel: &CancellationToken,
) -> apilink_core::Result<Option<String>> {
    let Some(identity) = &profile.api.identity else {
        return Ok(None);
    };
    let mut request = Request::get(&identity.path);
    request.add_query("fields", &identity.fields);
    let mut records = Vec::new();
    let mut reply = session.execute(&request, RequestBody::Empty, cancel, &mut records)?;
    if !reply.status().is_success() {
        let problem = records
            .into_iter()
            .next()
            .map_or_else(String::new, |record| record.message);
        return Err(Diagnostic::new(
            SqlState::GENERAL_WARNING,
            format!("The login is done, but who it was is not known. {problem}"),
        ));
    }
    let record = reply.json(cancel)?.pointer(&profile.paging.data_pointer);
    let text = |name| {
        record
            .and_then(|record| record.get(name)?.as_str())
            .map(on_one_line)
    };
    Ok(match (text("name"), text("email")) {
        (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
        (name, email) => name.or(email),
    })
}

/// `token`.
pub fn token(connection: &ConnectionArgs, args: &TokenArgs) -> Outcome {
    let source = ConnectionSource::find(connection, args.target.as_deref())?;
    let cancel = interrupt::begin();
    let settings = never_asking(source.settings()?);
    let session = if args.refresh {
        connect(source.with_secret(settings)?, &cancel)
    } else {
        source.connect_with(settings, &cancel)
    };
    let session = session.map_err(|failure| with_advice(failure, "apilink login gets one."))?;
    let mut records = Vec::new();
    if args.refresh {
        session.refresh(&cancel, &mut records)?;
    }
    let token = session.token(&cancel, &mut records);
    warn(&records);
    let token = token?;
    let Some((token, secret)) = token
        .as_deref()
        .and_then(|token| Some((token, token.access_token.as_ref()?)))
    else {
        return Err(no_token());
    };
    let mut out = std::io::stdout();
    if args.show || !terminal::stdout_is_terminal() {
        writeln!(out, "{}", secret.expose_secret())?;
    } else {
        writeln!(out, "{} Show it with --show.", expiry(token))?;
    }
    Ok(())
}

/// `logout`.
pub fn logout(connection: &ConnectionArgs, args: &OnlyConnection) -> Outcome {
    let source = ConnectionSource::find(connection, args.target.as_deref())?;
    let cancel = interrupt::begin();
    let session = connect(never_asking(source.settings()?), &cancel)?;
    let mut records = Vec::new();
    let revoked = session.revoke(&cancel, &mut records);
    warn(&records);
    revoked?;
    writeln!(
        std::io::stdout(),
        "Logged out: the token is revoked at {}, and forgotten here.",
        session.settings().profile.name
    )?;
    Ok(())
}

/// Adds to a refusal what the tool can do about it.
fn with_advice(mut failure: Failure, advice: &str) -> Failure {
    if let Failure::Diagnostic(diagnostic) = &mut failure
        && diagnostic.sqlstate == SqlState::AUTHORIZATION
    {
        let message = &diagnostic.message;
        // A URL at the end of the message has to stay apart.
        let gap = if message.ends_with('.') { " " } else { "\n" };
        diagnostic.message = format!("{message}{gap}{advice}");
    }
    failure
}

fn no_token() -> Failure {
    Diagnostic::new(
        SqlState::AUTHORIZATION,
        "There is no token: the connection string has AuthScheme=None.",
    )
    .into()
}

/// Until when a token is good, as a sentence.
fn expiry(token: &TokenSet) -> String {
    let Some(end) = token.expires_at() else {
        return "When the access token ends is not known.".to_owned();
    };
    let time = humantime::format_rfc3339_seconds(end);
    match end.duration_since(SystemTime::now()) {
        Ok(left) => format!(
            "The access token is good until {time}, another {}.",
            rough(left)
        ),
        Err(_) => format!("The access token ended at {time}."),
    }
}

/// A time in the largest unit that it fills twice.
fn rough(time: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let seconds = time.as_secs();
    UNITS
        .iter()
        .find(|(length, _)| seconds >= 2 * length)
        .map_or_else(
            || format!("{seconds} seconds"),
            |(length, name)| format!("{} {name}", seconds / length),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_roughly() {
        for (seconds, text) in [
            (2_592_000, "30 days"),
            (100_000, "27 hours"),
            (3_600, "60 minutes"),
            (119, "119 seconds"),
        ] {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
    }
}
