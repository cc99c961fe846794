//! Keeping a token fresh: one refresh under way at a time, however many threads and processes ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use secrecy::SecretString;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use super::store::{StoreLock, TokenStore};
use super::{Seed, TokenSet, digest};
use crate::cancel::CancellationToken;
use crate::error::{Diagnostic, Result, SqlState, native};
use crate::io;
use crate::log::{Journal as _, Line, Lines, Log};
use crate::oauth::refresh::Refresh;
use crate::process::PerProcess;
use crate::settings::Settings;

/// How long another process may hold the token store when `Timeout` sets no bound.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How long a refresh ahead of time is not tried again after one has failed.
const REST: Duration = Duration::from_secs(10);

static KEEPERS: PerProcess<Mutex<HashMap<Key, Weak<Keeper>>>> =
    PerProcess::new(|| Mutex::new(HashMap::new()));

/// Which tokens: those in a store, or those in it that descend from a credential of the string;
/// and which client refreshes them.
type Key = (String, Option<String>, String);

/// The keeper of the tokens in one store, shared by all connections of the process that use it as
/// the same client.
pub(crate) struct Keeper {
    store: Arc<TokenStore>,
    seed: Option<Seed>,
    state: Mutex<State>,
    /// Held during an interactive login, so that a second connection waits for the first one's.
    login: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    current: Option<Arc<TokenSet>>,
    /// The current tokens could not be stored, so the store holds their predecessors.
    is_unsaved: bool,
    flight: Option<Flight>,
    /// When the last refresh failed, if it did.
    failed: Option<Instant>,
    /// A refresh token that the service has refused for good, and how.
    dead: Option<(Seed, Refusal)>,
}

impl State {
    /// How long before its end a token is refreshed: not ahead of time while the token endpoint has
    /// just shown that it cannot.
    fn margin(&self, settings: &Settings) -> Duration {
        match self.failed {
            Some(failed) if failed.elapsed() < REST => Duration::ZERO,
            _ => margin(settings),
        }
    }

    /// Why it is no use to ask for a new token with this refresh token.
    fn known_refusal(&self, refresh_token: &SecretString) -> Option<Refusal> {
        let (dead, refusal) = self.dead.as_ref()?;
        (*dead == Seed::of(refresh_token)).then(|| refusal.clone())
    }

    /// Of the tokens at hand and those in the store, the later ones. What is in the store was put
    /// there later, by whatever clock, unless ours could not be stored.
    fn latest(&self, stored: Option<TokenSet>) -> Option<Arc<TokenSet>> {
        match (&self.current, stored) {
            (Some(ours), Some(stored)) if self.is_unsaved && ours.issued_at > stored.issued_at => {
                Some(Arc::clone(ours))
            }
            (_, Some(stored)) => Some(Arc::new(stored)),
            (ours, None) => ours.clone(),
        }
    }
}

/// A refresh under way.
struct Flight {
    landed: watch::Receiver<Option<Flown>>,
    /// Held by every call that waits for it: without them it does not begin what it has not begun.
    wanted: Weak<DropGuard>,
}

/// A place on a flight.
struct Ticket {
    landed: watch::Receiver<Option<Flown>>,
    wanted: Option<Arc<DropGuard>>,
    /// Somebody else has begun it.
    is_joined: bool,
}

/// How a refresh ended.
type Landing = std::result::Result<Renewed, Refusal>;

/// A refresh that has ended, and what the log shall know of it. Those who wait for it write that,
/// each to the log of its own connection.
#[derive(Clone)]
struct Flown {
    landing: Landing,
    lines: Vec<Line>,
}

/// A fresh token.
#[derive(Clone)]
pub(crate) struct Renewed {
    pub(crate) token: Arc<TokenSet>,
    /// The token could not be stored.
    pub(crate) warning: Option<Diagnostic>,
    /// It came from the service just now.
    is_new: bool,
}

impl Renewed {
    /// A token that was there already.
    fn found(token: Arc<TokenSet>) -> Self {
        Self {
            token,
            warning: None,
            is_new: false,
        }
    }
}

/// Why there is no fresh token.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) diagnostic: Diagnostic,
    /// Only a person can help.
    pub(crate) needs_login: bool,
}

impl Refusal {
    fn is_cancelled(&self) -> bool {
        self.diagnostic.sqlstate == SqlState::CANCELLED
    }
}

impl From<Diagnostic> for Refusal {
    fn from(diagnostic: Diagnostic) -> Self {
        let needs_login = diagnostic.native == native::OAUTH_INVALID_GRANT;
        Self {
            diagnostic,
            needs_login,
        }
    }
}

/// What makes a token that is at hand not good enough.
#[derive(Clone)]
pub(crate) enum Demand {
    /// Nothing but its age.
    Usable,
    /// The service refused this access token.
    OtherThan(SecretString),
    /// The program asks for a new one.
    New,
}

impl Demand {
    fn accepts(&self, token: &TokenSet, margin: Duration) -> bool {
        match self {
            Self::Usable => token.is_usable(SystemTime::now(), margin),
            Self::OtherThan(refused) => {
                token.is_usable(SystemTime::now(), margin) && !token.is_access_token(refused)
            }
            Self::New => false,
        }
    }

    /// Whether a refresh that somebody else began has not brought what is asked for.
    fn refuses(&self, renewed: &Renewed) -> bool {
        match self {
            Self::Usable => false,
            Self::OtherThan(refused) => renewed.token.is_access_token(refused),
            Self::New => !renewed.is_new,
        }
    }
}

impl Keeper {
    /// The keeper for a store. `seed` names the credential of the connection string that the
    /// tokens must descend from, if it has one.
    pub(crate) fn of(
        store: &Arc<TokenStore>,
        seed: Option<Seed>,
        settings: &Settings,
    ) -> Arc<Self> {
        let keepers = KEEPERS.get();
        let mut keepers = keepers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (
            store.describe(),
            seed.as_ref().map(|seed| seed.0.clone()),
            client(settings),
        );
        if let Some(keeper) = keepers.get(&key).and_then(Weak::upgrade) {
            return keeper;
        }
        keepers.retain(|_, keeper| keeper.strong_count() > 0);
        let keeper = Arc::new(Self {
            store: Arc::clone(store),
            seed,
            state: Mutex::default(),
            login: tokio::sync::Mutex::new(()),
        });
        keepers.insert(key, Arc::downgrade(&keeper));
        keeper
    }

    /// The store, in words.
    pub(crate) fn describe(&self) -> String {
        self.store.describe()
    }

    /// Reads the store, and starts with `given` where it holds nothing that descends from it.
    pub(crate) fn load(&self, given: Option<TokenSet>) -> Result<()> {
        // Read under the lock, so that what a refresh brings meanwhile is not lost.
        let mut state = self.state();
        let stored = self.of_lineage(self.store.load()?);
        state.current = state.latest(stored).or_else(|| {
            given.map(|given| {
                Arc::new(TokenSet {
                    lineage: self.seed.clone().into(),
                    ..given
                })
            })
        });
        Ok(())
    }

    /// The token that is at hand, whatever its age.
    pub(crate) fn current(&self) -> Option<Arc<TokenSet>> {
        self.state().current.clone()
    }

    /// A token that meets `demand`: the one at hand, one that another process has stored, or a new
    /// one.
    pub(crate) fn token(
        self: &Arc<Self>,
        settings: &Arc<Settings>,
        demand: &Demand,
        log: &Log,
        cancel: &CancellationToken,
    ) -> Landing {
        loop {
            let Ticket {
                mut landed,
                wanted,
                is_joined,
            } = {
                let mut state = self.state();
                if let Some(token) = &state.current
                    && demand.accepts(token, state.margin(settings))
                {
                    return Ok(Renewed::found(Arc::clone(token)));
                }
                self.join_or_start(&mut state, settings, demand, log)?
            };
            let flown = io::wait_for(cancel, async move {
                let flown = landed
                    .wait_for(Option::is_some)
                    .await
                    .map_err(|_| broken_flight())?;
                flown.clone().ok_or_else(broken_flight)
            })?;
            drop(wanted);
            write_lines(log, flown.lines);
            match flown.landing {
                // Those who had begun it have given it up.
                Err(refusal) if is_joined && refusal.is_cancelled() => {}
                // Begun by somebody who did not know yet that this token is not good enough.
                Ok(renewed) if is_joined && demand.refuses(&renewed) => {}
                Ok(renewed) => return Ok(renewed),
                Err(refusal) => return self.make_do(demand, refusal, log),
            }
        }
    }

    /// A refresh ahead of time that failed is no reason to fail: the token has not ended yet.
    fn make_do(&self, demand: &Demand, refusal: Refusal, log: &Log) -> Landing {
        match self.current() {
            Some(token) if demand.accepts(&token, Duration::ZERO) => {
                log.write(1, "OAUTH", || {
                    format!("Going on with the present token: {}", refusal.diagnostic)
                });
                Ok(Renewed::found(token))
            }
            _ => Err(refusal),
        }
    }

    fn join_or_start(
        self: &Arc<Self>,
        state: &mut State,
        settings: &Arc<Settings>,
        demand: &Demand,
        log: &Log,
    ) -> Result<Ticket> {
        // A flight whose sender is gone has broken off.
        if let Some(flight) = &state.flight
            && flight.landed.has_changed().is_ok()
        {
            return Ok(Ticket {
                landed: flight.landed.clone(),
                wanted: flight.wanted.upgrade(),
                is_joined: true,
            });
        }
        let (sender, landed) = watch::channel(None);
        let given_up = CancellationToken::new();
        let wanted = Arc::new(given_up.clone().drop_guard());
        let keeper = Arc::clone(self);
        let (settings, demand) = (Arc::clone(settings), demand.clone());
        // Cancelled calls leave the thread to itself once the service has been asked.
        let log = log.without_callback();
        std::thread::Builder::new()
            .name("apilink-token".into())
            .spawn(move || {
                let lines = Lines::default();
                let refresh = Refresh::new(given_up);
                let landing = keeper.renew(&settings, &demand, &refresh, &lines);
                let lines = lines.into_inner();
                keeper.land(Flown { landing, lines }, &sender, &log);
                // Nobody waits for what it may have to wait for.
                drop(refresh);
            })
            .map_err(|error| {
                Diagnostic::new(
                    SqlState::GENERAL_ERROR,
                    format!("The thread that refreshes the token cannot be started: {error}."),
                )
            })?;
        state.flight = Some(Flight {
            landed: landed.clone(),
            wanted: Arc::downgrade(&wanted),
        });
        Ok(Ticket {
            landed,
            wanted: Some(wanted),
            is_joined: false,
        })
    }

    fn land(&self, flown: Flown, sender: &watch::Sender<Option<Flown>>, log: &Log) {
        let mut state = self.state();
        state.flight = None;
        state.failed = match &flown.landing {
            Ok(_) => None,
            Err(refusal) if refusal.is_cancelled() => state.failed,
            Err(_) => Some(Instant::now()),
        };
        let unheard = sender.send(Some(flown));
        drop(state);
        // Nobody waits any more: all of the calls were cancelled.
        if let Err(watch::error::SendError(Some(flown))) = unheard {
            write_lines(log, flown.lines);
        }
    }

    /// Picks up what another process has stored, or refreshes. Runs on a thread of its own.
    fn renew(
        &self,
        settings: &Settings,
        demand: &Demand,
        refresh: &Refresh,
        lines: &Lines,
    ) -> Landing {
        let lock = self.lock(settings, refresh.given_up())?;
        let landing = self.renew_locked(&lock, settings, demand, refresh, lines);
        if let Ok(renewed) = &landing {
            // Under the lock, so that a login or a revocation that follows is not undone.
            self.state().current = Some(Arc::clone(&renewed.token));
        }
        landing
    }

    fn renew_locked(
        &self,
        lock: &StoreLock,
        settings: &Settings,
        demand: &Demand,
        refresh: &Refresh,
        lines: &Lines,
    ) -> Landing {
        let stored = self.of_lineage(self.store.load()?);
        let Some(known) = self.state().latest(stored) else {
            return Err(self.nothing_stored());
        };
        if demand.accepts(&known, margin(settings)) {
            return Ok(Renewed::found(known));
        }
        let Some(refresh_token) = &known.refresh_token else {
            self.give_up(lock, &known, demand, lines);
            return Err(self.no_refresh_token());
        };
        if let Some(refusal) = self.state().known_refusal(refresh_token) {
            return Err(refusal);
        }
        settings.check_for_token_request()?;
        self.store.check_writable()?;
        match refresh.run(settings, refresh_token, lines) {
            Ok(fresh) => {
                lines.write(1, "OAUTH", || "The access token was refreshed.".into());
                Ok(self.keep(lock, self.inherit(fresh, &known), lines))
            }
            Err(problem) => {
                lines.write(1, "OAUTH", || format!("The refresh failed: {problem}"));
                self.stored_meanwhile(&known, demand, settings)
                    .ok_or_else(|| {
                        let refusal = Refusal::from(problem);
                        if refusal.needs_login {
                            self.state().dead = Some((Seed::of(refresh_token), refusal.clone()));
                            self.give_up(lock, &known, demand, lines);
                        }
                        refusal
                    })
            }
        }
    }

    /// Marks an access token as ended that the service has refused and that cannot be replaced. By
    /// its age alone the next connection would take it for a good one, and never ask for a login.
    fn give_up(&self, lock: &StoreLock, known: &TokenSet, demand: &Demand, lines: &Lines) {
        if !matches!(demand, Demand::OtherThan(refused) if known.is_access_token(refused)) {
            return;
        }
        let ended = TokenSet {
            expires_in: Some(Duration::ZERO),
            ..known.clone()
        };
        if let Err(problem) = self.store.save(lock, &ended) {
            lines.write(1, "OAUTH", || {
                format!("The token's end could not be stored: {}", problem.message)
            });
        }
        self.state().current = Some(Arc::new(ended));
    }

    /// A program that does not lock the store may have used up the refresh token and stored its
    /// successor.
    fn stored_meanwhile(
        &self,
        known: &TokenSet,
        demand: &Demand,
        settings: &Settings,
    ) -> Option<Renewed> {
        let stored = self.of_lineage(self.store.load().ok()?)?;
        let is_other = known
            .access_token
            .as_ref()
            .is_none_or(|token| !stored.is_access_token(token));
        (is_other && demand.accepts(&stored, margin(settings)))
            .then(|| Renewed::found(Arc::new(stored)))
    }

    /// What a refresh reply leaves unsaid stays as it was.
    fn inherit(&self, fresh: TokenSet, known: &TokenSet) -> TokenSet {
        let mut lineage = known.lineage.clone();
        let replaced = known.refresh_token.as_ref().map(Seed::of);
        for seed in replaced.into_iter().chain(self.seed.clone()) {
            lineage.add(seed);
        }
        TokenSet {
            refresh_token: fresh.refresh_token.or_else(|| known.refresh_token.clone()),
            scope: fresh.scope.or_else(|| known.scope.clone()),
            lineage,
            ..fresh
        }
    }

    fn keep(&self, lock: &StoreLock, token: TokenSet, lines: &Lines) -> Renewed {
        let warning = self.store.save(lock, &token).err().map(|problem| {
            let message = format!(
                "The access token was renewed, but the new tokens could not be stored: {} This \
                 process goes on with them; a later one may need a new login.",
                problem.message
            );
            lines.write(1, "OAUTH", || message.clone());
            Diagnostic::new(SqlState::GENERAL_WARNING, message)
        });
        self.state().is_unsaved = warning.is_some();
        Renewed {
            token: Arc::new(token),
            warning,
            is_new: true,
        }
    }

    /// Stores the tokens of a login.
    pub(crate) fn adopt(
        &self,
        token: TokenSet,
        settings: &Settings,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let lock = self.lock(settings, cancel)?;
        let token = TokenSet {
            lineage: self.seed.clone().into(),
            ..token
        };
        self.store.save(&lock, &token)?;
        let mut state = self.state();
        state.current = Some(Arc::new(token));
        state.is_unsaved = false;
        Ok(())
    }

    /// Checks that tokens can be stored, before they are asked for.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.store.check_writable()
    }

    /// Forgets the tokens, here and in the store.
    pub(crate) fn forget(&self, settings: &Settings, cancel: &CancellationToken) -> Result<()> {
        let lock = self.lock(settings, cancel)?;
        self.store.clear(&lock)?;
        let mut state = self.state();
        state.current = None;
        state.is_unsaved = false;
        Ok(())
    }

    fn lock(&self, settings: &Settings, cancel: &CancellationToken) -> Result<StoreLock> {
        let deadline = Instant::now() + patience(settings);
        self.store
            .lock_with(deadline, |pause| io::sleep(cancel, pause))
    }

    /// Waits until no other connection of the process logs in.
    pub(crate) fn login_turn(
        &self,
        cancel: &CancellationToken,
    ) -> Result<tokio::sync::MutexGuard<'_, ()>> {
        io::wait_for(cancel, async { Ok(self.login.lock().await) })
    }

    /// The stored tokens, if they descend from the credential of the string, or are its own.
    fn of_lineage(&self, stored: Option<TokenSet>) -> Option<TokenSet> {
        stored.filter(|stored| {
            self.seed.as_ref().is_none_or(|seed| {
                stored.lineage.is_from(seed)
                    || stored.refresh_token.as_ref().map(Seed::of).as_ref() == Some(seed)
            })
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nothing_stored(&self) -> Refusal {
        login_needed(&format!("There is no token in {}", self.store.describe()))
    }

    fn no_refresh_token(&self) -> Refusal {
        login_needed(&format!(
            "The access token has ended, and there is no refresh token in {}",
            self.store.describe()
        ))
    }
}

fn login_needed(what: &str) -> Refusal {
    Refusal {
        diagnostic: Diagnostic::new(
            SqlState::AUTHORIZATION,
            format!(
                "{what}: a login is needed. Connect with InitiateOAuth=GETANDREFRESH on a \
                 machine with a browser, or give OAuthVerifier or OAuthRefreshToken."
            ),
        ),
        needs_login: true,
    }
}

fn write_lines(log: &Log, lines: Vec<Line>) {
    for line in lines {
        line.write_to(log);
    }
}

/// A name for the client that `settings` describe, and for where it refreshes.
fn client(settings: &Settings) -> String {
    let secret = settings.client_secret.as_ref().map(digest);
    format!(
        "{} {} {}",
        settings.endpoints.refresh,
        settings.client_id,
        secret.unwrap_or_default()
    )
}

fn patience(settings: &Settings) -> Duration {
    settings.transport.timeout.unwrap_or(LOCK_PATIENCE)
}

fn margin(settings: &Settings) -> Duration {
    Duration::from_secs(settings.profile.oauth.refresh_margin_seconds)
}

fn broken_flight() -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        "The refresh of the token broke off. This is a bug in apilink; please report it.",
    )
}
