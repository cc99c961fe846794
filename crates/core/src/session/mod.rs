//! A connection to a service: settings, tokens and transport, and the calls made with them.

mod call;
mod problem;
mod target;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use problem::advice;
use secrecy::SecretString;
use serde_json::Value;

use crate::VERSION;
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState};
use crate::http::rate_limit::{self, Budget};
use crate::http::transport::Transport;
use crate::http::wire;
use crate::http::{Request, RequestBody, Response};
use crate::log::{Log, LogSink};
use crate::oauth::callback::{Redirect, another_login, must_hold_state};
use crate::oauth::{self, AuthorizationRequest, endpoint, login};
use crate::profile::IdentityProfile;
use crate::region::{self, Region};
use crate::secret::MASK;
use crate::settings::{AuthScheme, InitiateOAuth, Settings};
use crate::token::keeper::{Demand, Keeper, Refusal};
use crate::token::store::{DefaultName, TokenStore};
use crate::token::{Lineage, Seed, TokenSet, digest};

/// Is told what a login waits for; see [`ConnectOptions::watch_login`].
pub type WatchLogin<'a> = &'a mut dyn FnMut(Option<&AuthorizationRequest>);

/// What the program says in place of the connection string.
#[derive(Default)]
pub struct ConnectOptions<'a> {
    /// In place of `Timeout`; `None` inside: no bound.
    pub timeout: Option<Option<Duration>>,
    /// In place of `LoginTimeout`.
    pub login_timeout: Option<Duration>,
    /// Receives log lines up to a level, beside the log file.
    pub log: Option<(u8, LogSink)>,
    /// Shows the authorization URL in place of the system's browser; `false` gives the login up.
    pub show_url: Option<&'a mut dyn FnMut(&str) -> bool>,
    /// Is told of the authorization request that a login is about to wait for, before a person
    /// sees it; and of none when that wait is over.
    pub watch_login: Option<WatchLogin<'a>>,
}

/// How a person is asked to log in.
struct Asking<'a> {
    show_url: Option<login::ShowUrl<'a>>,
    watch_login: Option<WatchLogin<'a>>,
}

impl Asking<'_> {
    fn waits_for(&mut self, request: Option<&AuthorizationRequest>) {
        if let Some(watch) = &mut self.watch_login {
            watch(request);
        }
    }

    fn show_url(&mut self) -> Option<login::ShowUrl<'_>> {
        match &mut self.show_url {
            Some(show_url) => Some(&mut **show_url),
            None => None,
        }
    }

    fn describe(&self) -> &'static str {
        match self.show_url {
            Some(_) => "A login is needed. Its URL is shown by the program.",
            None => "A login is needed. Its URL is shown by the system's browser.",
        }
    }
}

/// An open connection. Calls run side by side.
pub struct Session {
    settings: Arc<Settings>,
    transport: Transport,
    log: Arc<Log>,
    tokens: Tokens,
    budget: Mutex<Option<TokenBudget>>,
}

/// The rate budget of the token that was used last, so that it is looked up once for each token.
struct TokenBudget {
    token: Option<Arc<TokenSet>>,
    budget: Arc<Budget>,
}

/// Where the tokens of a connection come from.
enum Tokens {
    /// `AuthScheme=None`.
    None,
    /// `InitiateOAuth=OFF`: the given one, as it is.
    Fixed(Arc<TokenSet>),
    /// From a store, kept fresh.
    Kept {
        keeper: Arc<Keeper>,
        /// An access token of the string without a refresh token: good until it ends.
        given: Mutex<Option<Arc<TokenSet>>>,
    },
}

impl Session {
    /// Connects: finds or obtains a token, and proves it with one call if `ConnectOnOpen` says so.
    /// Warnings are added to `records`.
    ///
    /// # Errors
    /// HY024 a property; 28000 authorization refused, or a login needed; 08001 the service cannot
    /// be reached; 08S01, HYT00, HY008; HY000 the token store or the log file.
    pub fn connect(
        settings: Settings,
        options: ConnectOptions<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Self> {
        settings.check_for_connect()?;
        let ConnectOptions {
            timeout,
            login_timeout,
            log,
            show_url,
            watch_login,
        } = options;
        let settings = Arc::new(with_overrides(settings, timeout, login_timeout));
        let log = Arc::new(Log::open(&settings.log, log)?);
        log_settings(&log, &settings);
        let session = Self {
            transport: Transport::new(settings.transport.clone(), &log),
            tokens: Tokens::of(&settings)?,
            budget: Mutex::new(None),
            settings,
            log,
        };
        let asking = Asking {
            show_url,
            watch_login,
        };
        let connected = session.open(asking, cancel, records);
        session.log.write(1, "INFO", || match &connected {
            Ok(()) => "Connected.".into(),
            Err(problem) => format!("Not connected: {}", without_state(&problem.to_string())),
        });
        connected.map(|()| session)
    }

    fn open(
        &self,
        mut asking: Asking<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<()> {
        let has_logged_in = self.have_token(&mut asking, cancel, records)?;
        if !self.settings.connect_on_open {
            return Ok(());
        }
        match self.prove(cancel, records) {
            // The token at hand may have been refused for good, which calls for a login.
            Err(problem) if problem.sqlstate == SqlState::AUTHORIZATION && !has_logged_in => {
                if self.have_token(&mut asking, cancel, records)? {
                    return self.prove(cancel, records);
                }
                Err(problem)
            }
            proven => proven,
        }
    }

    /// Sees to it that there is a token. Whether that took a login.
    fn have_token(
        &self,
        asking: &mut Asking<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<bool> {
        let Tokens::Kept { keeper, .. } = &self.tokens else {
            return Ok(false);
        };
        match self.fresh(&Demand::Usable, cancel, records) {
            Ok(_) => Ok(false),
            Err(refusal) if refusal.needs_login => {
                self.log_in(keeper, refusal, asking, cancel, records)?;
                Ok(true)
            }
            Err(refusal) => Err(refusal.diagnostic),
        }
    }

    /// Gets a first token: by the code of the string, or from a person.
    fn log_in(
        &self,
        keeper: &Arc<Keeper>,
        refusal: Refusal,
        asking: &mut Asking<'_>,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<()> {
        let verifier = self.settings.verifier.as_ref();
        if verifier.is_none() && self.settings.initiate_oauth != InitiateOAuth::GetAndRefresh {
            return Err(refusal.diagnostic);
        }
        let _turn = keeper.login_turn(cancel)?;
        // Another connection may have logged in while this one waited for its turn.
        keeper.load(None)?;
        match self.fresh(&Demand::Usable, cancel, records) {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.needs_login => {}
            Err(refusal) => return Err(refusal.diagnostic),
        }
        if let Some(verifier) = verifier {
            return self.exchange(keeper, verifier, None, cancel);
        }
        keeper.check_writable()?;
        let request = oauth::authorization_request(&self.settings, None)?;
        self.log.write(1, "OAUTH", || asking.describe().to_owned());
        asking.waits_for(Some(&request));
        let code = login::login(
            &request,
            &self.settings.callback_url,
            asking.show_url(),
            self.settings.login_timeout,
            cancel,
        );
        asking.waits_for(None);
        let token =
            endpoint::exchange_code(self.means(), &code?, request.pkce_verifier.as_ref(), cancel)?;
        self.log.write(1, "OAUTH", || {
            format!("Logged in; tokens are kept in {}.", keeper.describe())
        });
        keeper.adopt(token, &self.settings, cancel)
    }

    fn means(&self) -> endpoint::Means<'_> {
        endpoint::Means {
            settings: &self.settings,
            transport: &self.transport,
            log: &self.log,
        }
    }

    /// Exchanges a code that a person has obtained elsewhere, and keeps the tokens.
    fn exchange(
        &self,
        keeper: &Keeper,
        copied: &SecretString,
        pending: Option<&AuthorizationRequest>,
        cancel: &CancellationToken,
    ) -> Result<()> {
        use secrecy::ExposeSecret;
        keeper.check_writable()?;
        let expected = pending
            .map(|pending| pending.state.as_str())
            .or(self.settings.state.as_deref());
        let redirect = Redirect::from_copied_text(copied.expose_secret())?;
        let out_of_band = self.settings.profile.oauth.out_of_band_path.as_deref();
        if expected.is_some()
            && redirect.state.is_none()
            && must_hold_state(copied.expose_secret(), out_of_band)
        {
            return Err(another_login());
        }
        let code = redirect.into_code(expected)?;
        let pkce_verifier = pending
            .and_then(|pending| pending.pkce_verifier.as_ref())
            .or(self.settings.pkce_verifier.as_ref());
        let token = endpoint::exchange_code(self.means(), &code, pkce_verifier, cancel)?;
        self.log.write(1, "OAUTH", || {
            format!(
                "The code was exchanged; tokens are kept in {}.",
                keeper.describe()
            )
        });
        keeper.adopt(token, &self.settings, cancel)
    }

    /// Proves the token with the profile's identity request.
    fn prove(&self, cancel: &CancellationToken, records: &mut Vec<Diagnostic>) -> Result<()> {
        let Some(identity) = &self.settings.profile.api.identity else {
            return Ok(());
        };
        let mut request = Request::get(&identity.path);
        request.add_query("fields", &identity.fields);
        let mut problems = Vec::new();
        let mut reply = self.send(&request, RequestBody::Empty, cancel, &mut problems)?;
        if reply.status().is_success() {
            self.check_identity(identity, &mut reply, cancel)?;
            records.append(&mut problems);
            return Ok(());
        }
        let status = i32::from(reply.status().as_u16());
        let text = problems
            .first()
            .map(|problem| problem.message.clone())
            .unwrap_or_default();
        let sqlstate = if matches!(status, 401 | 403) {
            SqlState::AUTHORIZATION
        } else {
            SqlState::CANNOT_CONNECT
        };
        let message = format!("The check of the connection (ConnectOnOpen) failed. {text}");
        Err(Diagnostic::new(sqlstate, message).with_native(status))
    }

    /// Others than the service answer with success, too: the login page of a network, for instance.
    fn check_identity(
        &self,
        identity: &IdentityProfile,
        reply: &mut Response,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let data = &self.settings.profile.paging.data_pointer;
        let is_identity = match reply.json(cancel) {
            Ok(body) => {
                // Not every service wraps it.
                let mut fields = identity.fields.split(',').map(str::trim);
                body.pointer(data).is_some_and(Value::is_object)
                    || fields.any(|field| body.get(field).is_some_and(|value| !value.is_null()))
            }
            Err(problem) if problem.sqlstate == SqlState::INVALID_CAST => false,
            Err(problem) => return Err(problem),
        };
        if is_identity {
            return Ok(());
        }
        let message = format!(
            "The check of the connection (ConnectOnOpen) failed: GET {} was answered with {}, and \
             there is no identity in the reply. Check Region, and whether a proxy or the login page \
             of a network answers in the service's place.",
            reply.url().path(),
            reply.status().as_u16()
        );
        Err(Diagnostic::new(SqlState::CANNOT_CONNECT, message))
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A token that can be used now, refreshed if need be. `None` with `AuthScheme=None`.
    ///
    /// # Errors
    /// 28000 when it cannot be refreshed; 08001, 08S01, HYT00, HY008; HY000 the token store.
    pub fn token(
        &self,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<Option<Arc<TokenSet>>> {
        self.log.call(format_args!("token"), || {
            self.fresh(&Demand::Usable, cancel, records)
                .map_err(|refusal| refusal.diagnostic)
        })
    }

    /// The token that was used last, without any request.
    #[must_use]
    pub fn current_token(&self) -> Option<Arc<TokenSet>> {
        match &self.tokens {
            Tokens::None => None,
            Tokens::Fixed(token) => Some(Arc::clone(token)),
            Tokens::Kept { keeper, given } => lock(given).clone().or_else(|| keeper.current()),
        }
    }

    /// How long calls that wait for the service's rate limit have to wait yet, as far as the service
    /// has said. `None`: no call waits. Calls of all sessions of this process that use the same token
    /// count.
    #[must_use]
    pub fn rate_limit_wait(&self) -> Option<Duration> {
        lock(&self.budget).as_ref()?.budget.pending()
    }

    /// Refreshes the token now, whatever its age.
    ///
    /// # Errors
    /// 28000 when that is not allowed (`InitiateOAuth=OFF`), not possible, or refused; 08001,
    /// 08S01, HYT00, HY008; HY000 the token store.
    pub fn refresh(&self, cancel: &CancellationToken, records: &mut Vec<Diagnostic>) -> Result<()> {
        self.log.call(format_args!("refresh"), || {
            self.refresh_now(cancel, records)
        })
    }

    fn refresh_now(&self, cancel: &CancellationToken, records: &mut Vec<Diagnostic>) -> Result<()> {
        let Tokens::Kept { keeper, given } = &self.tokens else {
            return Err(Diagnostic::new(
                SqlState::AUTHORIZATION,
                "The connection string does not allow refreshing. Set AuthScheme=OAuth and \
                 InitiateOAuth=REFRESH (or GETANDREFRESH).",
            ));
        };
        let renewed = keeper
            .token(&self.settings, &Demand::New, &self.log, cancel)
            .map_err(|refusal| refusal.diagnostic)?;
        *lock(given) = None;
        records.extend(renewed.warning);
        Ok(())
    }

    /// Revokes the token at the service and removes it from its store. Tokens that the service
    /// does not accept any more are removed with a warning in `records`.
    ///
    /// # Errors
    /// 28000 when there is no token, or the service refuses; HYC00 when the profile has no
    /// revocation; 08001, 08S01, HYT00, HY008; HY000 the token store.
    pub fn revoke(&self, cancel: &CancellationToken, records: &mut Vec<Diagnostic>) -> Result<()> {
        self.log
            .call(format_args!("revoke"), || self.revoke_now(cancel, records))
    }

    fn revoke_now(&self, cancel: &CancellationToken, records: &mut Vec<Diagnostic>) -> Result<()> {
        let token = match self.fresh(&Demand::Usable, cancel, records) {
            Ok(Some(token)) => token,
            Ok(None) => {
                return Err(Diagnostic::new(
                    SqlState::AUTHORIZATION,
                    "There is no token to revoke: the connection string has AuthScheme=None.",
                ));
            }
            Err(refusal) => return self.forget_dead(refusal, cancel, records),
        };
        endpoint::revoke(self.means(), &token, cancel)?;
        self.log
            .write(1, "OAUTH", || "The token was revoked.".into());
        match &self.tokens {
            // The one of the string, which is not in the store.
            Tokens::Kept { given, .. } if lock(given).take().is_some() => Ok(()),
            Tokens::Kept { keeper, .. } => keeper.forget(&self.settings, cancel),
            Tokens::None | Tokens::Fixed(_) => Ok(()),
        }
    }

    /// Removes tokens from the store that only a login could replace, if it has any.
    fn forget_dead(
        &self,
        refusal: Refusal,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> Result<()> {
        match &self.tokens {
            Tokens::Kept { keeper, .. } if refusal.needs_login && keeper.current().is_some() => {
                keeper.forget(&self.settings, cancel)?;
                let message = "The service does not accept the stored tokens any more, so there \
                               was nothing to revoke. They were removed from their store.";
                self.log.write(1, "OAUTH", || message.into());
                records.push(Diagnostic::new(SqlState::GENERAL_WARNING, message));
                Ok(())
            }
            _ => Err(refusal.diagnostic),
        }
    }

    fn fresh(
        &self,
        demand: &Demand,
        cancel: &CancellationToken,
        records: &mut Vec<Diagnostic>,
    ) -> std::result::Result<Option<Arc<TokenSet>>, Refusal> {
        let (keeper, given) = match &self.tokens {
            Tokens::None => return Ok(None),
            Tokens::Fixed(token) => return Ok(Some(Arc::clone(token))),
            Tokens::Kept { keeper, given } => (keeper, given),
        };
        if let Some(token) = self.given_if_good(given, demand) {
            return Ok(Some(token));
        }
        let renewed = keeper.token(&self.settings, demand, &self.log, cancel)?;
        records.extend(renewed.warning);
        Ok(Some(renewed.token))
    }

    /// The access token of the string, unless it has ended or was refused.
    fn given_if_good(
        &self,
        given: &Mutex<Option<Arc<TokenSet>>>,
        demand: &Demand,
    ) -> Option<Arc<TokenSet>> {
        let mut given = lock(given);
        let margin = Duration::from_secs(self.settings.profile.oauth.refresh_margin_seconds);
        let is_good = given.as_ref().is_some_and(|token| match demand {
            Demand::OtherThan(refused) => !token.is_access_token(refused),
            Demand::Usable | Demand::New => token.is_usable(SystemTime::now(), margin),
        });
        if !is_good {
            *given = None;
        }
        given.clone()
    }

    /// The rate budget of a token.
    fn budget(&self, token: Option<&Arc<TokenSet>>) -> Arc<Budget> {
        let mut cached = lock(&self.budget);
        if let Some(known) = &*cached
            && known.token.as_ref().map(Arc::as_ptr) == token.map(Arc::as_ptr)
        {
            return Arc::clone(&known.budget);
        }
        let secret = token.and_then(|token| token.access_token.as_ref());
        let budget = rate_limit::budget(&format!(
            "{} {}",
            self.settings.region.origin,
            secret.map(digest).unwrap_or_default()
        ));
        *cached = Some(TokenBudget {
            token: token.cloned(),
            budget: Arc::clone(&budget),
        });
        budget
    }
}

impl Tokens {
    fn of(settings: &Settings) -> Result<Self> {
        if settings.auth_scheme == AuthScheme::None {
            return Ok(Self::None);
        }
        let given = given_token(settings);
        if settings.initiate_oauth == InitiateOAuth::Off {
            return Ok(Self::Fixed(Arc::new(given)));
        }
        let keeper = keeper(settings)?;
        let (with_refresh_token, alone) = if given.refresh_token.is_some() {
            (Some(given), None)
        } else {
            (None, given.access_token.is_some().then(|| Arc::new(given)))
        };
        keeper.load(with_refresh_token)?;
        Ok(Self::Kept {
            keeper,
            given: Mutex::new(alone),
        })
    }
}

fn keeper(settings: &Settings) -> Result<Arc<Keeper>> {
    let name = DefaultName {
        profile: &settings.profile.name,
        region: &store_name(&settings.region),
        client_id: &settings.client_id,
    };
    Ok(Keeper::of(
        &TokenStore::open(&settings.token_location, &name)?,
        seed(settings),
        settings,
    ))
}

/// The credential of the string that stored tokens must descend from.
fn seed(settings: &Settings) -> Option<Seed> {
    settings
        .given
        .refresh_token
        .as_ref()
        .or(settings.verifier.as_ref())
        .map(Seed::of)
}

/// A region's part in the name of a token file. Local servers differ by their port.
fn store_name(region: &Region) -> String {
    if region.name == region::LOCAL {
        format!("{}-{}", region.name, region.origin.port())
    } else {
        region.name.clone()
    }
}

fn given_token(settings: &Settings) -> TokenSet {
    let given = &settings.given;
    TokenSet {
        access_token: given.access_token.clone(),
        token_type: "Bearer".into(),
        refresh_token: given.refresh_token.clone(),
        scope: None,
        // A life without a beginning is counted from now.
        issued_at: given
            .issued_at
            .or_else(|| given.expires_in.map(|_| SystemTime::now())),
        expires_in: given.expires_in,
        lineage: Lineage::default(),
    }
}

/// Exchanges an authorization code for tokens and stores them where `settings` say. `pending` is
/// the authorization request that the code answers, if it was made here.
///
/// # Errors
/// HY024 a property, or no code in the text; 28000 declined, refused, or a foreign state; 08001,
/// 08S01, HYT00, HY008; HY000 the token store.
pub fn exchange_code(
    settings: Settings,
    pending: Option<&AuthorizationRequest>,
    code_or_url: &str,
    options: ConnectOptions<'_>,
    cancel: &CancellationToken,
) -> Result<()> {
    settings.check_for_token_request()?;
    let ConnectOptions {
        timeout,
        login_timeout,
        log,
        ..
    } = options;
    let settings = Arc::new(with_overrides(settings, timeout, login_timeout));
    let keeper = keeper(&settings)?;
    let log = Arc::new(Log::open(&settings.log, log)?);
    let session = Session {
        transport: Transport::new(settings.transport.clone(), &log),
        log,
        tokens: Tokens::None,
        budget: Mutex::new(None),
        settings,
    };
    session.exchange(&keeper, &SecretString::from(code_or_url), pending, cancel)
}

fn with_overrides(
    mut settings: Settings,
    timeout: Option<Option<Duration>>,
    login_timeout: Option<Duration>,
) -> Settings {
    if let Some(timeout) = timeout {
        settings.transport.timeout = timeout;
    }
    if let Some(login_timeout) = login_timeout {
        settings.login_timeout = login_timeout;
    }
    settings
}

fn log_settings(log: &Log, settings: &Settings) {
    log.write(1, "INFO", || {
        let properties: Vec<String> = settings
            .describe()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("apilink {VERSION} connects: {}", properties.join(";"))
    });
    log.write(4, "NET", || wire::describe(&settings.transport));
    if !settings.without_effect.is_empty() {
        log.write(1, "INFO", || {
            format!(
                "Properties without effect here: {}",
                settings.without_effect.join(", ")
            )
        });
    }
}

/// A message for the log. The state in its authorization URL is for the person who logs in.
fn without_state(message: &str) -> String {
    let start = ["?state=", "&state="]
        .into_iter()
        .find_map(|name| Some(message.find(name)? + name.len()));
    let Some(start) = start else {
        return message.to_owned();
    };
    let (before, rest) = message.split_at(start);
    let is_end = |c: char| c == '&' || c.is_whitespace();
    let (_, after) = rest.split_at(rest.find(is_end).unwrap_or(rest.len()));
    format!("{before}{MASK}{after}")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::without_state;

    #[test]
    fn the_state_is_left_out_of_the_log() {
        for (message, expected) in [
            (
                "Open https://x/a?b=c&state=a%26b&d=e now",
                "Open https://x/a?b=c&state=*****&d=e now",
            ),
            (
                "The URL was https://x/a?state=abc",
                "The URL was https://x/a?state=*****",
            ),
            ("https://x/?state= é", "https://x/?state=***** é"),
            ("no URL, though a state=1", "no URL, though a state=1"),
        ] {
            assert_eq!(without_state(message), expected);
        }
    }
}
