#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::token::Lineage;

const NAME: DefaultName<'static> = DefaultName {
    profile: "Clio",
    region: "app.clio.com",
    client_id: "client",
};

fn open(path: &Path) -> Arc<TokenStore> {
    TokenStore::open(&TokenLocation::File(path.to_owned()), &NAME).unwrap()
}

fn memory(id: &str) -> Arc<TokenStore> {
    TokenStore::open(&TokenLocation::Memory(id.to_owned()), &NAME).unwrap()
}

fn tokens(access_token: &str) -> TokenSet {
    TokenSet {
        access_token: Some(access_token.into()),
        token_type: "Bearer".into(),
        refresh_token: Some(format!("refresh-{access_token}").into()),
        scope: None,
        issued_at: Some(SystemTime::now()),
        expires_in: Some(Duration::from_mins(1)),
        lineage: Lineage::default(),
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(2)
}

fn save(store: &TokenStore, access_token: &str) {
    store
        .save(&store.lock(soon()).unwrap(), &tokens(access_token))
        .unwrap();
}

fn loaded(store: &TokenStore) -> Option<String> {
    let tokens = store.load().unwrap()?;
    Some(tokens.access_token?.expose_secret().to_owned())
}

/// The message of an error, which must name `path`.
fn message<T>(result: Result<T>, path: &Path) -> String {
    let Err(error) = result else {
        panic!("no error for {}", path.display())
    };
    assert!(error.message.contains(path.to_str().unwrap()), "{error}");
    error.message
}

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(directory.path()).unwrap();
    (directory, path)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// This test program again, to play a role in a process of its own.
fn child(executable: &Path, role: &str, directory: &Path) -> Command {
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut command = Command::new(executable);
    command
        .args([
            "--exact",
            &format!("{module}::child_process"),
            "--ignored",
            "--nocapture",
        ])
        .env("TOKEN_STORE_TEST_ROLE", role)
        .env("TOKEN_STORE_TEST_DIRECTORY", directory);
    command
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Waits for a child, and fails as it failed.
fn succeeds(child: Child) {
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "{}\n{text}", output.status);
    assert!(text.contains("1 passed"), "{text}");
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "played by a child process of other tests"]
fn child_process() {
    let Ok(role) = std::env::var("TOKEN_STORE_TEST_ROLE") else {
        return;
    };
    let directory = PathBuf::from(std::env::var_os("TOKEN_STORE_TEST_DIRECTORY").unwrap());
    match role.as_str() {
        "save without end" => save_without_end(&directory.join("settings.txt")),
        "count" => count_in_threads(&directory.join("settings.txt")),
        #[cfg(unix)]
        "default location" => default_location(&directory),
        #[cfg(unix)]
        "no home" => no_home(),
        #[cfg(unix)]
        "ordinary user" => unix::ordinary_user(&directory),
        other => panic!("no role {other:?}"),
    }
}

#[test]
fn saved_tokens_are_loaded_and_cleared() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    let store = open(&path);
    assert!(store.load().unwrap().is_none());
    store.clear(&store.lock(soon()).unwrap()).unwrap();
    assert!(!path.exists());
    fs::write(&path, "# mine\n").unwrap();
    save(&store, "first");
    save(&store, "second");
    assert_eq!(loaded(&store).as_deref(), Some("second"));
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .starts_with("# mine\noauthaccesstoken=second\n")
    );
    store.clear(&store.lock(soon()).unwrap()).unwrap();
    assert!(store.load().unwrap().is_none());
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    assert_eq!(names(&directory), ["settings.txt", "settings.txt.lock"]);
}

#[test]
fn an_empty_file_is_a_cold_start() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    fs::write(&path, "").unwrap();
    assert!(open(&path).load().unwrap().is_none());
    save(&open(&path), "token");
    assert_eq!(loaded(&open(&path)).as_deref(), Some("token"));
}

#[test]
fn one_place_is_one_object_however_it_is_written() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    let store = open(&path);
    assert!(Arc::ptr_eq(
        &store,
        &open(&directory.join(".").join("settings.txt"))
    ));
    fs::create_dir(directory.join("sub")).unwrap();
    assert!(Arc::ptr_eq(
        &store,
        &open(&directory.join("sub/../settings.txt"))
    ));
    assert!(!Arc::ptr_eq(&store, &open(&directory.join("other.txt"))));
    let one = memory("one");
    assert!(Arc::ptr_eq(&one, &memory("one")));
    assert!(!Arc::ptr_eq(&one, &memory("ONE")));
}

#[test]
fn memory_lives_as_long_as_the_process() {
    save(&memory("kept"), "token");
    assert_eq!(loaded(&memory("kept")).as_deref(), Some("token"));
    assert!(memory("KEPT").load().unwrap().is_none());
    let store = memory("kept");
    store.check_writable().unwrap();
    assert_eq!(store.describe(), "memory://kept");
    store.clear(&store.lock(soon()).unwrap()).unwrap();
    assert!(store.load().unwrap().is_none());
}

#[test]
fn damaged_files_are_refused_and_left_alone() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    let store = open(&path);
    for (content, state, expected) in [
        (&b"oauthacc"[..], "HY000", "key=value"),
        (b"oauthaccesstoken=\xff\xfe", "HY000", "UTF-8"),
        (b"oauthaccesstoken=a\0", "HY000", "NUL"),
        (b"encrypted:abc", "HYC00", "encrypted"),
        (&vec![b'a'; 1024 * 1024 + 1], "HY000", "larger"),
    ] {
        fs::write(&path, content).unwrap();
        assert_eq!(store.load().unwrap_err().sqlstate.as_str(), state);
        assert!(message(store.load(), &path).contains(expected));
        assert!(message(store.check_writable(), &path).contains(expected));
        let lock = store.lock(soon()).unwrap();
        assert!(message(store.save(&lock, &tokens("new")), &path).contains(expected));
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::write(
        &path,
        "oauthaccesstoken=CANARY\n_persist_oauthexpiresin=CANARY",
    )
    .unwrap();
    let text = message(store.load(), &path);
    assert!(
        text.contains("line 2") && !text.contains("CANARY"),
        "{text}"
    );
}

#[test]
fn what_is_no_file_is_refused() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    fs::create_dir(&path).unwrap();
    assert!(message(open(&path).load(), &path).contains("is a directory"));
    assert!(message(open(&path).check_writable(), &path).contains("is a directory"));
    let root = open(Path::new("/")).load().unwrap_err();
    assert_eq!(root.sqlstate, SqlState::INVALID_VALUE);
    let empty = TokenStore::open(&TokenLocation::File(PathBuf::new()), &NAME).unwrap_err();
    assert_eq!(empty.sqlstate, SqlState::INVALID_VALUE);
}

#[test]
fn a_missing_directory_is_named() {
    let (_guard, directory) = directory();
    fs::write(directory.join("file"), "").unwrap();
    for missing in ["missing", "file", "missing/deeper"] {
        let path = directory.join(missing).join("settings.txt");
        let store = open(&path);
        for text in [
            message(store.load(), &path),
            message(store.check_writable(), &path),
            message(store.lock(soon()), &path),
        ] {
            assert!(text.contains("not an existing directory"), "{text}");
        }
    }
    assert_eq!(names(&directory), ["file"]);
}

#[test]
fn a_directory_that_appears_later_is_used() {
    let (_guard, directory) = directory();
    let store = open(&directory.join("later/settings.txt"));
    store.load().unwrap_err();
    fs::create_dir(directory.join("later")).unwrap();
    save(&store, "token");
    assert!(Arc::ptr_eq(
        &store,
        &open(&directory.join("later/settings.txt"))
    ));
}

#[test]
fn a_check_leaves_nothing_behind() {
    let (_guard, directory) = directory();
    let store = open(&directory.join("settings.txt"));
    store.check_writable().unwrap();
    assert!(names(&directory).is_empty());
}

#[test]
fn the_lock_of_a_store_in_memory_excludes_too() {
    let (one, other) = (memory("locked"), memory("not locked"));
    let held = one.try_lock().unwrap().unwrap();
    assert!(one.try_lock().unwrap().is_none());
    assert!(other.try_lock().unwrap().is_some());
    drop(held);
    assert!(one.try_lock().unwrap().is_some());
}

#[test]
fn the_lock_excludes_and_times_out() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    let store = open(&path);
    let lock = store.try_lock().unwrap().unwrap();
    assert!(store.try_lock().unwrap().is_none());
    let refused = store
        .lock(Instant::now() + Duration::from_millis(20))
        .unwrap_err();
    assert_eq!(refused.sqlstate, SqlState::TIMEOUT);
    assert!(
        refused.message.contains(path.to_str().unwrap()),
        "{refused}"
    );
    drop(lock);
    let again = store.lock(Instant::now()).unwrap();
    let other = open(&directory.join("other.txt"));
    let sequence = other.save(&again, &tokens("x")).unwrap_err();
    assert_eq!(sequence.sqlstate, SqlState::SEQUENCE);
}

#[test]
fn default_names_differ_where_the_authorization_does() {
    let name = NAME.file_name();
    assert!(
        name.starts_with("clio-app.clio.com-") && name.contains(".txt"),
        "{name}"
    );
    assert_eq!(
        DefaultName {
            profile: "CLIO",
            ..NAME
        }
        .file_name(),
        name
    );
    for other in [
        DefaultName {
            profile: "Clio2",
            ..NAME
        },
        DefaultName {
            region: "eu.app.clio.com",
            ..NAME
        },
        DefaultName {
            client_id: "Client",
            ..NAME
        },
        DefaultName {
            profile: "../../etc",
            region: "http://[::1]:80/",
            client_id: "/",
        },
    ] {
        let other = other.file_name();
        assert_ne!(other, name);
        assert!(!other.contains(['/', '\\', ':']), "{other}");
    }
}

#[cfg(unix)] // On Windows the system names the directory, not the environment.
#[test]
fn the_default_location_is_made_when_it_is_needed() {
    let (_guard, directory) = directory();
    let mut command = child(&this_program(), "default location", &directory);
    command.env("XDG_CONFIG_HOME", directory.join("config"));
    succeeds(spawn(&mut command));
}

#[cfg(unix)]
fn default_location(directory: &Path) {
    let store = TokenStore::open(&TokenLocation::Default, &NAME).unwrap();
    assert!(store.load().unwrap().is_none());
    assert!(names(directory).is_empty());
    store.check_writable().unwrap();
    let own = directory.join("config/apilink");
    assert!(names(&own).is_empty());
    save(&store, "token");
    let path = own.join(NAME.file_name());
    assert_eq!(store.describe(), path.to_str().unwrap());
    assert!(path.is_file());
    assert!(Arc::ptr_eq(&store, &open(&path)));
    let again = TokenStore::open(&TokenLocation::Default, &NAME).unwrap();
    assert!(Arc::ptr_eq(&store, &again));
    assert_eq!((unix::mode(&own), unix::mode(&path)), (0o700, 0o600));
}

#[cfg(unix)]
#[test]
fn without_a_home_the_message_says_what_to_set() {
    let (_guard, directory) = directory();
    let mut command = child(&this_program(), "no home", &directory);
    // A user of the password file has a home even without the variable; this one is of no use.
    command
        .env("HOME", "relative")
        .env_remove("XDG_CONFIG_HOME");
    succeeds(spawn(&mut command));
}

#[cfg(unix)]
fn no_home() {
    let error = TokenStore::open(&TokenLocation::Default, &NAME).unwrap_err();
    assert!(error.message.contains("OAuthSettingsLocation"), "{error}");
    memory("works").check_writable().unwrap();
}

const SHORT: usize = 10;
const LONG: usize = 100_000;
const ROUNDS: u32 = 50;

fn save_without_end(path: &Path) {
    let store = open(path);
    loop {
        save(&store, &"s".repeat(SHORT));
        save(&store, &"l".repeat(LONG));
    }
}

#[test]
fn a_killed_process_leaves_the_old_file_or_the_new_one() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    fs::write(&path, "# mine\n").unwrap();
    let store = open(&path);
    save(&store, &"s".repeat(SHORT));
    let both = time_of_both_saves(&open(&directory.join("other.txt")));
    let mut seen = std::collections::BTreeSet::new();
    let mut rounds = 0..;
    let mut next_round = |seen: usize| rounds.next().filter(|round| *round < ROUNDS || seen < 2);
    while let Some(round) = next_round(seen.len()) {
        let mut process = spawn(&mut child(&this_program(), "save without end", &directory));
        wait_for_a_change(&path);
        // Another moment in each round, from the first save of the child to the third.
        std::thread::sleep(both * (round % ROUNDS) / ROUNDS);
        process.kill().unwrap();
        process.wait().unwrap();
        let token = loaded(&store).unwrap();
        assert!(
            token == "s".repeat(SHORT) || token == "l".repeat(LONG),
            "torn after {} bytes",
            token.len()
        );
        let refresh = store.load().unwrap().unwrap().refresh_token.unwrap();
        assert_eq!(refresh.expose_secret(), format!("refresh-{token}"));
        assert!(fs::read_to_string(&path).unwrap().starts_with("# mine\n"));
        seen.insert(token.len());
    }
    save(&store, "after");
    assert_eq!(loaded(&store).as_deref(), Some("after"));
    assert!(!names(&directory).iter().any(|name| name.ends_with("-new")));
}

fn time_of_both_saves(store: &TokenStore) -> Duration {
    let start = Instant::now();
    save(store, &"s".repeat(SHORT));
    save(store, &"l".repeat(LONG));
    start.elapsed()
}

fn wait_for_a_change(path: &Path) {
    let before = fs::metadata(path).unwrap().modified().unwrap();
    let deadline = soon();
    while fs::metadata(path).unwrap().modified().unwrap() == before {
        assert!(Instant::now() < deadline, "the child saves nothing");
        std::thread::yield_now();
    }
}

const PROCESSES: usize = 2;
const THREADS: usize = 4;
const COUNTS: usize = 20;

fn count_in_threads(path: &Path) {
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..COUNTS {
                    count(&open(path));
                }
            });
        }
    });
}

fn count(store: &TokenStore) {
    let lock = store.lock(soon()).unwrap();
    let so_far: usize = loaded(store).map_or(0, |count| count.parse().unwrap());
    store
        .save(&lock, &tokens(&(so_far + 1).to_string()))
        .unwrap();
}

#[test]
fn no_change_is_lost_between_threads_and_processes() {
    let (_guard, directory) = directory();
    let path = directory.join("settings.txt");
    let start = || spawn(&mut child(&this_program(), "count", &directory));
    let children: Vec<_> = std::iter::repeat_with(start).take(PROCESSES).collect();
    children.into_iter().for_each(succeeds);
    let total = PROCESSES * THREADS * COUNTS;
    assert_eq!(loaded(&open(&path)), Some(total.to_string()));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    use std::os::unix::process::CommandExt as _;

    use super::*;

    /// The user and group `nobody`, where the tests are run by the administrator.
    const NOBODY: u32 = 65534;

    pub fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_administrator(directory: &Path) -> bool {
        fs::metadata(directory).unwrap().uid() == 0
    }

    #[test]
    fn a_new_file_and_its_lock_are_private() {
        let (_guard, directory) = directory();
        let path = directory.join("settings.txt");
        save(&open(&path), "token");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&directory.join("settings.txt.lock")), 0o600);
    }

    #[test]
    fn wider_permissions_are_narrowed() {
        let (_guard, directory) = directory();
        let path = directory.join("settings.txt");
        for wide in [0o644, 0o666, 0o660, 0o777, 0o4600] {
            fs::write(&path, "a=b\n").unwrap();
            set_mode(&path, wide);
            open(&path).check_writable().unwrap();
            save(&open(&path), "token");
            assert_eq!(mode(&path), 0o600, "{wide:o}");
        }
    }

    #[test]
    fn a_read_only_file_is_refused_and_narrow_permissions_stay() {
        let (_guard, directory) = directory();
        let path = directory.join("settings.txt");
        let store = open(&path);
        save(&store, "token");
        set_mode(&path, 0o400);
        assert!(message(store.check_writable(), &path).contains("read-only"));
        assert_eq!(loaded(&store).as_deref(), Some("token"));
        save(&store, "forced");
        assert_eq!(
            (mode(&path), loaded(&store).as_deref()),
            (0o400, Some("forced"))
        );
    }

    #[test]
    fn symbolic_links_are_kept_and_their_target_replaced() {
        let (_guard, directory) = directory();
        fs::create_dir(directory.join("real")).unwrap();
        let real = directory.join("real/settings.txt");
        symlink("real/settings.txt", directory.join("second")).unwrap();
        symlink(directory.join("second"), directory.join("first")).unwrap();
        symlink("real", directory.join("other name")).unwrap();
        // The chain dangles as yet.
        let store = open(&directory.join("first"));
        assert!(store.load().unwrap().is_none());
        store.check_writable().unwrap();
        save(&store, "one");
        save(&store, "two");
        assert_eq!(loaded(&open(&real)).as_deref(), Some("two"));
        for link in ["first", "second"] {
            assert!(directory.join(link).is_symlink(), "{link}");
            assert!(Arc::ptr_eq(&store, &open(&directory.join(link))));
        }
        assert!(Arc::ptr_eq(
            &store,
            &open(&directory.join("other name/settings.txt"))
        ));
        assert_eq!(
            names(&directory.join("real")),
            ["settings.txt", "settings.txt.lock"]
        );
        assert_eq!(names(&directory), ["first", "other name", "real", "second"]);
    }

    #[test]
    fn links_without_an_end_are_refused() {
        let (_guard, directory) = directory();
        symlink("there", directory.join("here")).unwrap();
        symlink("here", directory.join("there")).unwrap();
        let error = open(&directory.join("here")).load().unwrap_err();
        assert!(error.message.contains("circle"), "{error}");
        symlink("missing/settings.txt", directory.join("astray")).unwrap();
        let astray = directory.join("missing/settings.txt");
        assert!(message(open(&directory.join("astray")).load(), &astray).contains("directory"));
    }

    #[test]
    fn a_pipe_or_device_is_refused_at_once() {
        let (_guard, directory) = directory();
        let path = directory.join("settings.txt");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(message(open(&path).load(), &path).contains("not a regular file"));
        let null = open(Path::new("/dev/null")).check_writable().unwrap_err();
        assert!(null.message.contains("not a regular file"), "{null}");
    }

    #[test]
    fn the_administrator_takes_no_file_from_its_owner() {
        let (_guard, directory) = directory();
        if !is_administrator(&directory) {
            // What others meet is in `ordinary_user`.
            eprintln!("skipped: only the administrator can give a file away");
            return;
        }
        let path = directory.join("settings.txt");
        fs::write(&path, "a=b\n").unwrap();
        chown(&path, Some(NOBODY), None).unwrap();
        open(&path).check_writable().unwrap();
        save(&open(&path), "token");
        let owner = |name: &str| fs::metadata(directory.join(name)).unwrap().uid();
        assert_eq!(owner("settings.txt"), NOBODY);
        assert_eq!(owner("settings.txt.lock"), NOBODY);
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn permissions_of_ordinary_users_are_explained() {
        let (_guard, directory) = directory();
        let inner = directory.join("inner");
        fs::create_dir(&inner).unwrap();
        let mut command = child(&this_program(), "ordinary user", &inner);
        if is_administrator(&directory) {
            // The administrator may read and write anything, so somebody else plays this one; a
            // copy of the program, because the build directory may be closed to others.
            let program = directory.join("program");
            fs::copy(this_program(), &program).unwrap();
            set_mode(&program, 0o755);
            set_mode(&directory, 0o755);
            for (name, mode) in [("foreign.txt", 0o666), ("closed.txt", 0o600)] {
                fs::write(inner.join(name), "oauthaccesstoken=foreign\n").unwrap();
                set_mode(&inner.join(name), mode);
            }
            chown(&inner, Some(NOBODY), Some(NOBODY)).unwrap();
            command = child(&program, "ordinary user", &inner);
            command.uid(NOBODY).gid(NOBODY).current_dir("/");
        }
        succeeds(spawn(&mut command));
    }

    pub fn ordinary_user(directory: &Path) {
        unreadable_file(&directory.join("unreadable.txt"));
        read_only_directory(&directory.join("read-only"));
        for (name, expected) in [
            ("foreign.txt", "another user"),
            ("closed.txt", "ermission denied"),
        ] {
            let path = directory.join(name);
            if path.exists() {
                let text = message(open(&path).check_writable(), &path);
                assert!(text.contains(expected), "{text}");
                let content = (name == "foreign.txt").then(|| fs::read_to_string(&path).unwrap());
                assert!(content.is_none_or(|content| content == "oauthaccesstoken=foreign\n"));
            }
        }
    }

    fn unreadable_file(path: &Path) {
        save(&open(path), "token");
        set_mode(path, 0o200);
        for text in [
            message(open(path).load(), path),
            message(open(path).check_writable(), path),
        ] {
            assert!(
                text.contains("ermission denied") && text.contains("read and write"),
                "{text}"
            );
        }
    }

    fn read_only_directory(directory: &Path) {
        fs::create_dir(directory).unwrap();
        let path = directory.join("settings.txt");
        let store = open(&path);
        save(&store, "token");
        set_mode(directory, 0o500);
        assert_eq!(loaded(&store).as_deref(), Some("token"));
        assert!(message(store.check_writable(), &path).contains("ermission denied"));
        let lock = store.lock(soon()).unwrap();
        assert!(message(store.save(&lock, &tokens("x")), &path).contains("ermission denied"));
        assert_eq!(loaded(&store).as_deref(), Some("token"));
        let other = directory.join("other.txt");
        assert!(message(open(&other).lock(soon()), &other).contains("ermission denied"));
        set_mode(directory, 0o000);
        assert!(message(open(&path).load(), &path).contains("ermission denied"));
        set_mode(directory, 0o700);
    }
}
