//! Where tokens are kept between connections and between processes: in a settings file, or in
//! memory.
//!
//! Reading takes no lock, because a settings file is only ever replaced as a whole. Whoever wants
//! to change the tokens takes the [`StoreLock`] first, reads again (another process may have been
//! faster), and saves before giving the lock back.

mod target;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use self::target::{LockedFile, Target, parent};
use super::TokenSet;
use crate::error::{Diagnostic, Result, SqlState};
use crate::platform;
use crate::process::PerProcess;
use crate::settings::TokenLocation;

/// How often the lock is asked for.
const POLL: Duration = Duration::from_millis(5);

static STORES: PerProcess<Mutex<HashMap<Place, Weak<TokenStore>>>> =
    PerProcess::new(Mutex::default);

static MEMORY: PerProcess<Mutex<HashMap<String, TokenSet>>> = PerProcess::new(Mutex::default);

/// The stores in memory that are locked.
static LOCKED: PerProcess<Mutex<HashSet<String>>> = PerProcess::new(Mutex::default);

/// What the name of the default settings file is made of.
#[derive(Clone, Copy, Debug)]
pub struct DefaultName<'a> {
    /// Name of the profile, for example `Clio`. Case does not matter.
    pub profile: &'a str,
    /// Host (and port) of the region, for example `app.clio.com`. Case does not matter.
    pub region: &'a str,
    /// `OAuthClientId`.
    pub client_id: &'a str,
}

/// One place where one authorization is kept. There is one object for each place and process.
#[derive(Debug)]
pub struct TokenStore {
    place: Place,
    /// Whether the directory of the file is ours to create.
    creates_directory: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    File(PathBuf),
    Memory(String),
}

/// The right to change a [`TokenStore`]; given back when dropped.
#[derive(Debug)]
#[must_use]
pub struct StoreLock {
    place: Place,
    /// `None` for a store in memory.
    file: Option<LockedFile>,
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Place::Memory(id) = &self.place {
            lock(&LOCKED.get()).remove(id);
        }
    }
}

impl TokenStore {
    /// The store at `location`: the same object for the same place, as long as somebody holds it.
    /// Nothing is read or created, and the file need not exist.
    ///
    /// # Errors
    /// HY000 if the default location is asked for and the user has no home directory; HY024 if the
    /// path is empty.
    pub fn open(location: &TokenLocation, default_name: &DefaultName<'_>) -> Result<Arc<Self>> {
        let store = match location {
            TokenLocation::Memory(id) => Self {
                place: Place::Memory(id.clone()),
                creates_directory: false,
            },
            TokenLocation::File(path) => Self::in_file(path)?,
            TokenLocation::Default => {
                Self::in_file(&default_directory()?.join(default_name.file_name()))?
            }
        };
        Ok(store.shared())
    }

    /// The tokens as they are now. `None` if there are none: the file is absent, empty, or holds
    /// neither an access token nor a refresh token.
    ///
    /// # Errors
    /// HY000 if the file cannot be read, is damaged, or (unless it is the default one) its
    /// directory does not exist; HYC00 if it is encrypted; HY024 if the location cannot be a file.
    /// The message names the file.
    pub fn load(&self) -> Result<Option<TokenSet>> {
        match &self.place {
            Place::Memory(id) => Ok(lock(&MEMORY.get()).get(id).cloned()),
            Place::File(path) if self.creates_directory && !parent(path).exists() => Ok(None),
            Place::File(path) => Target::of(path)?.load(),
        }
    }

    /// Proves that [`TokenStore::save`] would succeed now: to be asked before a token is, because
    /// a token that cannot be kept may be lost. Leaves nothing behind but the default directory.
    ///
    /// # Errors
    /// As [`TokenStore::load`]; and HY000 if the file or its directory cannot be written, the disk
    /// is full, the file belongs to somebody else, or is mounted by itself.
    pub fn check_writable(&self) -> Result<()> {
        match &self.place {
            Place::Memory(_) => Ok(()),
            Place::File(path) => self.target_to_change(path)?.check_writable(),
        }
    }

    /// The right to change the store, held by one thread of one process at a time. Waits for it
    /// until `deadline`, but asks at least once.
    ///
    /// # Errors
    /// HYT00 when the time is up; otherwise as [`TokenStore::try_lock`].
    pub fn lock(&self, deadline: Instant) -> Result<StoreLock> {
        self.lock_with(deadline, |pause| {
            std::thread::sleep(pause);
            Ok(())
        })
    }

    /// The same for callers that wait in their own way: `sleep` waits a little, or gives up.
    ///
    /// # Errors
    /// As [`TokenStore::lock`], and those of `sleep`.
    pub fn lock_with(
        &self,
        deadline: Instant,
        sleep: impl Fn(Duration) -> Result<()>,
    ) -> Result<StoreLock> {
        loop {
            if let Some(lock) = self.try_lock()? {
                return Ok(lock);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.lock_timeout());
            }
            sleep(left.min(POLL))?;
        }
    }

    /// The lock, or `None` if somebody else has it.
    ///
    /// # Errors
    /// HY000 if the lock file beside the settings file cannot be made or locked.
    pub fn try_lock(&self) -> Result<Option<StoreLock>> {
        let file = match &self.place {
            Place::Memory(id) if lock(&LOCKED.get()).insert(id.clone()) => None,
            Place::Memory(_) => return Ok(None),
            Place::File(path) => match self.target_to_change(path)?.try_lock()? {
                Some(file) => Some(file),
                None => return Ok(None),
            },
        };
        Ok(Some(StoreLock {
            place: self.place.clone(),
            file,
        }))
    }

    /// Keeps `tokens` in place of those kept so far. What else is in the file stays. When this
    /// returns, the tokens are on the disk; whatever happens before, the file is the old or the
    /// new one.
    ///
    /// # Errors
    /// HY000 if the file could not be replaced, which is then as it was; HY010 if `lock` is the
    /// lock of another store.
    pub fn save(&self, lock: &StoreLock, tokens: &TokenSet) -> Result<()> {
        self.change(lock, Some(tokens))
    }

    /// Forgets the tokens. What else is in the file stays, and an absent file stays absent.
    ///
    /// # Errors
    /// As [`TokenStore::save`].
    pub fn clear(&self, lock: &StoreLock) -> Result<()> {
        self.change(lock, None)
    }

    /// The place for messages: a path, or `memory://ID`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Memory(id) => format!("memory://{id}"),
        }
    }

    fn in_file(path: &Path) -> Result<Self> {
        let path = std::path::absolute(path).map_err(|error| {
            let message = format!("OAuthSettingsLocation is not a path: {error}. Name a file.");
            Diagnostic::invalid_value(message)
        })?;
        let creates_directory = default_directory().is_ok_and(|ours| parent(&path) == ours);
        Ok(Self {
            place: Place::File(target::one_name(&path)),
            creates_directory,
        })
    }

    fn shared(self) -> Arc<Self> {
        let stores = STORES.get();
        let mut stores = lock(&stores);
        if let Some(store) = stores.get(&self.place).and_then(Weak::upgrade) {
            return store;
        }
        stores.retain(|_, store| store.strong_count() > 0);
        let store = Arc::new(self);
        stores.insert(store.place.clone(), Arc::downgrade(&store));
        store
    }

    fn target_to_change(&self, path: &Path) -> Result<Target> {
        if self.creates_directory {
            let directory = parent(path);
            platform::create_private_directory(directory)
                .map_err(|error| target::cannot("directory", directory, "created", &error))?;
        }
        Target::of(path)
    }

    fn change(&self, held: &StoreLock, tokens: Option<&TokenSet>) -> Result<()> {
        if held.place != self.place {
            let message = format!(
                "The lock is not the one of {}: lock it first.",
                self.describe()
            );
            return Err(Diagnostic::new(SqlState::SEQUENCE, message));
        }
        match (&held.file, &self.place) {
            (Some(file), _) => file.change(tokens)?,
            (None, Place::Memory(id)) => keep_in_memory(id, tokens),
            (None, Place::File(_)) => {}
        }
        Ok(())
    }

    fn lock_timeout(&self) -> Diagnostic {
        let message = format!(
            "The token in {} is being renewed by another program or connection, which has not \
             finished in time. Try again; if that does not help, end the program that holds the \
             lock on the .lock file beside it.",
            self.describe()
        );
        Diagnostic::new(SqlState::TIMEOUT, message)
    }
}

impl DefaultName<'_> {
    /// A readable part, and a hash that tells apart what the readable part does not.
    fn file_name(&self) -> String {
        let profile = self.profile.to_lowercase();
        let region = self.region.to_lowercase();
        let hash = Sha256::digest([&profile, &region, self.client_id].join("\0"));
        let mut name = format!("{}-{}-", readable(&profile), readable(&region));
        name.extend(hash.iter().take(8).map(|byte| format!("{byte:02x}")));
        name + ".txt"
    }
}

/// The first characters of `text`, as far as a file name can hold them everywhere.
fn readable(text: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '_'
        }
    };
    text.chars().take(40).map(keep).collect()
}

fn default_directory() -> Result<PathBuf> {
    Ok(platform::config_directory()?.join("apilink"))
}

fn keep_in_memory(id: &str, tokens: Option<&TokenSet>) {
    let memory = MEMORY.get();
    let mut memory = lock(&memory);
    match tokens {
        Some(tokens) => memory.insert(id.to_owned(), tokens.clone()),
        None => memory.remove(id),
    };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
