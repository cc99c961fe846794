//! Connections: telling them things, connecting, and their token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use apilink_abi::cancel::CancelScope;
use apilink_abi::code::Outcome;
use apilink_abi::diagnostics::Records;
use apilink_abi::output::{TextOut, ValueOut};
use apilink_core::cancel::CancellationToken;
use apilink_core::log::LogSink;
use apilink_core::oauth::{AuthorizationRequest, authorization_request};
use apilink_core::session::{ConnectOptions, Session, exchange_code};
use apilink_core::settings::Settings;
use apilink_core::token::TokenSet;
use apilink_core::{Diagnostic, Result, SqlState};
use libc::c_void;

use crate::callbacks::{Authorize, apilink_authorize_callback, apilink_log_callback, log_sink};
use crate::entry::{Kind, issue};
use crate::handles::apilink_request;
use crate::request::Request;

/// A connection.
pub(crate) struct Connection {
    /// Never locked while a call into the core or into the program runs.
    state: Mutex<State>,
    scope: Arc<CancelScope>,
    records: Records,
}

#[derive(Default)]
struct State {
    phase: Phase,
    options: Options,
    /// The last authorization request that was made for the program.
    pending: Option<AuthorizationRequest>,
    /// The one that a login waits for.
    waited_for: Option<AuthorizationRequest>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    Connecting,
    Connected(Arc<Session>),
    Freed,
}

/// What the program told the connection before connecting.
#[derive(Clone, Default)]
struct Options {
    #[allow(clippy::option_option, reason = "not said, or no limit, or a limit")]
    timeout: Option<Option<Duration>>,
    login_timeout: Option<Duration>,
    log: Option<(u8, LogSink)>,
    authorize: Option<Authorize>,
}

impl Options {
    /// Runs a call of the core with them; `watch_login` is told what its login waits for.
    fn with<R>(
        &self,
        mut watch_login: impl FnMut(Option<&AuthorizationRequest>),
        call: impl FnOnce(ConnectOptions<'_>) -> R,
    ) -> R {
        let mut show_url = self
            .authorize
            .map(|authorize| move |url: &str| authorize.show(url));
        call(ConnectOptions {
            timeout: self.timeout,
            login_timeout: self.login_timeout,
            log: self.log.clone(),
            show_url: show_url
                .as_mut()
                .map(|show| show as &mut dyn FnMut(&str) -> bool),
            watch_login: Some(&mut watch_login),
        })
    }
}

impl Kind for Connection {
    fn records(&self) -> &Records {
        &self.records
    }

    fn scope(&self) -> &CancelScope {
        &self.scope
    }

    fn close(&self) {
        self.leave(Phase::Freed);
    }
}

impl Connection {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            scope: CancelScope::new(),
            records: Records::default(),
        })
    }

    /// For the scopes of its requests, which end with its own.
    pub(crate) fn cancel_scope(&self) -> &Arc<CancelScope> {
        &self.scope
    }

    pub(crate) fn new_request(
        self: &Arc<Self>,
        request: ValueOut<*mut apilink_request>,
    ) -> Result<Outcome> {
        request.write(issue(Request::new(self))?);
        Ok(Outcome::Done)
    }

    // ---- before connecting ---------------------------------------------------------------------

    pub(crate) fn set_timeout(&self, seconds: i64) -> Result<Outcome> {
        let timeout = time_limit(seconds)?;
        self.set(|options| options.timeout = Some(timeout))
    }

    pub(crate) fn set_login_timeout(&self, seconds: i64) -> Result<Outcome> {
        let timeout = time_limit(seconds)?.ok_or_else(|| {
            Diagnostic::invalid_value("A login cannot take 0 seconds. Give 1 or more.")
        })?;
        self.set(|options| options.login_timeout = Some(timeout))
    }

    pub(crate) fn set_log_callback(
        &self,
        level: i32,
        callback: apilink_log_callback,
        user_data: *mut c_void,
    ) -> Result<Outcome> {
        let level = u8::try_from(level)
            .ok()
            .filter(|level| (1..=5).contains(level))
            .ok_or_else(|| {
                Diagnostic::invalid_value(format!("The level of a log is 1 to 5, not {level}."))
            })?;
        let log = log_sink(callback, user_data).map(|sink| (level, sink));
        self.set(|options| options.log = log)
    }

    pub(crate) fn set_authorize_callback(
        &self,
        callback: apilink_authorize_callback,
        user_data: *mut c_void,
    ) -> Result<Outcome> {
        let authorize = Authorize::new(callback, user_data);
        self.set(|options| options.authorize = authorize)
    }

    fn set(&self, change: impl FnOnce(&mut Options)) -> Result<Outcome> {
        let mut state = self.lock();
        match state.phase {
            Phase::Idle => {
                change(&mut state.options);
                Ok(Outcome::Done)
            }
            Phase::Connecting => Err(is_connecting()),
            Phase::Connected(_) => Err(Diagnostic::new(
                SqlState::SEQUENCE,
                "This must be set before connecting. Disconnect first, or use another connection.",
            )),
            Phase::Freed => Err(was_freed()),
        }
    }

    // ---- connecting ----------------------------------------------------------------------------

    pub(crate) fn connect(
        &self,
        connection_string: &str,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let attempt = self.begin()?;
        let settings = parse(connection_string, records)?;
        let session = attempt.options.with(
            |request| self.lock().waited_for = request.cloned(),
            |options| Session::connect(settings, options, &attempt.cancel, records),
        )?;
        attempt.finish(session)
    }

    /// Sees to it that one thread connects at a time.
    fn begin(&self) -> Result<Attempt<'_>> {
        let mut state = self.lock();
        match state.phase {
            Phase::Idle => {
                state.phase = Phase::Connecting;
                let options = state.options.clone();
                Ok(Attempt {
                    connection: self,
                    options,
                    cancel: self.scope.token(),
                })
            }
            Phase::Connecting => Err(is_connecting()),
            Phase::Connected(_) => Err(Diagnostic::new(
                SqlState::ALREADY_CONNECTED,
                "The connection is connected already. Disconnect first, or use another connection.",
            )),
            Phase::Freed => Err(was_freed()),
        }
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "the calls of exports.rs have one form"
    )]
    pub(crate) fn is_connected(&self, connected: ValueOut<i32>) -> Result<Outcome> {
        connected.write(i32::from(matches!(self.lock().phase, Phase::Connected(_))));
        Ok(Outcome::Done)
    }

    pub(crate) fn disconnect(&self) -> Result<Outcome> {
        if matches!(self.lock().phase, Phase::Connecting) {
            return Err(is_connecting());
        }
        // Fails unless it is connected.
        let _ = self.session(&self.scope)?;
        self.leave(Phase::Idle);
        Ok(Outcome::Done)
    }

    /// Ends the session and what runs on it.
    fn leave(&self, next: Phase) {
        let before = std::mem::replace(&mut self.lock().phase, next);
        self.scope.cancel();
        drop(before);
    }

    /// The session, for a call that begins now in `scope`.
    pub(crate) fn session(&self, scope: &CancelScope) -> Result<(Arc<Session>, CancellationToken)> {
        let state = self.lock();
        match &state.phase {
            // The token is taken under the lock, so that leaving the session cancels the call.
            Phase::Connected(session) => Ok((Arc::clone(session), scope.token())),
            Phase::Idle | Phase::Connecting => Err(Diagnostic::new(
                SqlState::NOT_CONNECTED,
                "The connection is not connected. Connect it first.",
            )),
            Phase::Freed => Err(was_freed()),
        }
    }

    // ---- the token -----------------------------------------------------------------------------

    pub(crate) fn token_text(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let (session, cancel) = self.session(&self.scope)?;
        let token = session.token(&cancel, records)?;
        match token.as_ref().and_then(|token| token.access_token.as_ref()) {
            Some(secret) => {
                text.put_secret(secret, records);
                Ok(Outcome::Done)
            }
            None => Ok(Outcome::NoData),
        }
    }

    pub(crate) fn token_type(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let token = self.current_token()?;
        Ok(put_some(
            token.as_ref().map(|token| token.token_type.as_str()),
            text,
            records,
        ))
    }

    pub(crate) fn token_scope(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let token = self.current_token()?;
        Ok(put_some(
            token.as_ref().and_then(|token| token.scope.as_deref()),
            text,
            records,
        ))
    }

    pub(crate) fn token_expiry(&self, unix_seconds: ValueOut<i64>) -> Result<Outcome> {
        match self.current_token()?.as_deref().and_then(expiry) {
            Some(seconds) => {
                unix_seconds.write(seconds);
                Ok(Outcome::Done)
            }
            None => Ok(Outcome::NoData),
        }
    }

    fn current_token(&self) -> Result<Option<Arc<TokenSet>>> {
        let (session, _) = self.session(&self.scope)?;
        Ok(session
            .current_token()
            .filter(|token| token.access_token.is_some()))
    }

    pub(crate) fn token_refresh(&self, records: &mut Vec<Diagnostic>) -> Result<Outcome> {
        let (session, cancel) = self.session(&self.scope)?;
        session.refresh(&cancel, records)?;
        Ok(Outcome::Done)
    }

    pub(crate) fn token_revoke(&self, records: &mut Vec<Diagnostic>) -> Result<Outcome> {
        let (session, cancel) = self.session(&self.scope)?;
        session.revoke(&cancel, records)?;
        if self.is_still(&session) {
            self.leave(Phase::Idle);
        }
        Ok(Outcome::Done)
    }

    /// Whether nobody has disconnected in the meantime.
    fn is_still(&self, session: &Arc<Session>) -> bool {
        matches!(&self.lock().phase, Phase::Connected(current) if Arc::ptr_eq(current, session))
    }

    // ---- logins on another machine -------------------------------------------------------------

    pub(crate) fn authorization_url(
        &self,
        connection_string: &str,
        state: Option<&str>,
        url: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let settings = parse(connection_string, records)?;
        // A state of the program's own is for another login than the one that waits.
        let waited_for = self.lock().waited_for.clone().filter(|_| state.is_none());
        let request = match waited_for {
            Some(request) => request,
            None => authorization_request(&settings, state)?,
        };
        url.put(request.url.as_str(), records);
        let before = self.lock().pending.replace(request);
        drop(before);
        Ok(Outcome::Done)
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "the calls of exports.rs have one form"
    )]
    pub(crate) fn authorization_state(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let pending = self.lock().pending.clone();
        Ok(put_some(
            pending.as_ref().map(|pending| pending.state.as_str()),
            text,
            records,
        ))
    }

    #[allow(
        clippy::unnecessary_wraps,
        reason = "the calls of exports.rs have one form"
    )]
    pub(crate) fn authorization_pkce_verifier(
        &self,
        text: TextOut,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        match self
            .lock()
            .pending
            .clone()
            .and_then(|pending| pending.pkce_verifier)
        {
            Some(verifier) => {
                text.put_secret(&verifier, records);
                Ok(Outcome::Done)
            }
            None => Ok(Outcome::NoData),
        }
    }

    pub(crate) fn authorization_exchange(
        &self,
        connection_string: &str,
        code: &str,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Outcome> {
        let cancel = self.scope.token();
        let (options, pending) = {
            let state = self.lock();
            (state.options.clone(), state.pending.clone())
        };
        let settings = parse(connection_string, records)?;
        options.with(
            |_| {},
            |options| exchange_code(settings, pending.as_ref(), code, options, &cancel),
        )?;
        Ok(Outcome::Done)
    }

    /// Every change is one assignment, so a panic cannot have left the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one attempt to connect that runs. Dropped unfinished, it leaves the connection idle.
struct Attempt<'a> {
    connection: &'a Connection,
    options: Options,
    cancel: CancellationToken,
}

impl Attempt<'_> {
    fn finish(self, session: Session) -> Result<Outcome> {
        let mut state = self.connection.lock();
        if matches!(state.phase, Phase::Connecting) {
            state.phase = Phase::Connected(Arc::new(session));
            return Ok(Outcome::Done);
        }
        // Freed in the meantime.
        drop(state);
        Err(Diagnostic::cancelled())
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut state = self.connection.lock();
        state.waited_for = None;
        if matches!(state.phase, Phase::Connecting) {
            state.phase = Phase::Idle;
        }
    }
}

fn parse(connection_string: &str, records: &mut Vec<Diagnostic>) -> Result<Settings> {
    let (settings, warnings) = Settings::parse(connection_string)?;
    records.extend(warnings);
    Ok(settings)
}

fn put_some(value: Option<&str>, text: TextOut, records: &mut Vec<Diagnostic>) -> Outcome {
    match value {
        Some(value) => {
            text.put(value, records);
            Outcome::Done
        }
        None => Outcome::NoData,
    }
}

/// When a token expires, in seconds since 1970.
fn expiry(token: &TokenSet) -> Option<i64> {
    let end = token.issued_at?.checked_add(token.expires_in?)?;
    i64::try_from(end.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

/// A time limit in seconds; `None` for 0, no limit.
pub(crate) fn time_limit(seconds: i64) -> Result<Option<Duration>> {
    match u32::try_from(seconds) {
        Ok(0) => Ok(None),
        Ok(seconds) if i32::try_from(seconds).is_ok() => {
            Ok(Some(Duration::from_secs(seconds.into())))
        }
        _ => Err(Diagnostic::invalid_value(format!(
            "A time limit is 0 to {} seconds, not {seconds}.",
            i32::MAX
        ))),
    }
}

fn is_connecting() -> Diagnostic {
    Diagnostic::new(
        SqlState::SEQUENCE,
        "Another thread is connecting this connection. Wait for it, or cancel it with \
         apilink_connection_cancel.",
    )
}

fn was_freed() -> Diagnostic {
    Diagnostic::new(
        SqlState::NOT_CONNECTED,
        "The connection has been freed. Make a new one with apilink_connection_new.",
    )
}
