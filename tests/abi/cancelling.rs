//! Cancelling, freeing and overlapping calls.

use std::ptr::null_mut;
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use apilink::constants::*;
use apilink::exports::*;
use apilink::handles::{apilink_connection, apilink_request, apilink_response};
use clio_sandbox::{Fault, FaultKind};

use crate::world::{
    Shared, World, connect, execute, first_state, new_connection, new_request, prepare, records,
};

/// What a call on another thread came to, and when.
struct Ended {
    code: i32,
    at: Instant,
}

fn on_a_thread<H: 'static>(
    handle: *mut H,
    call: impl FnOnce(*mut H) -> i32 + Send + 'static,
) -> JoinHandle<Ended> {
    let handle = Shared(handle);
    spawn(move || {
        let code = call(handle.get());
        Ended {
            code,
            at: Instant::now(),
        }
    })
}

/// Sends a request that gets no reply, on another thread; returns when it has arrived.
fn stalled(world: &World, request: *mut apilink_request) -> JoinHandle<Ended> {
    world
        .sandbox
        .fault(Fault::new("/api/v4/matters*", FaultKind::Stall));
    let before = stalls(world);
    let call = on_a_thread(request, |request| {
        let mut response = null_mut();
        let code = unsafe { apilink_request_execute(request, &raw mut response) };
        assert!(response.is_null());
        code
    });
    wait_until(|| stalls(world) > before);
    call
}

fn stalls(world: &World) -> u64 {
    world.sandbox.counters().faults.values().sum()
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it never came to that"
        );
        std::thread::yield_now();
    }
}

/// Runs `end` several times and checks how long the call that it ends takes to return. The
/// promise is 100 ms; a loaded machine may be late now and then, but not always.
fn returns_within_100_ms(mut once: impl FnMut() -> Duration) {
    let mut times: Vec<Duration> = (0..5).map(|_| once()).collect();
    times.sort();
    assert!(times[0] < Duration::from_millis(100), "{times:?}");
    assert!(times[4] < Duration::from_secs(5), "{times:?}");
}

/// What a call came to; a call that hangs fails the test.
fn join(call: JoinHandle<Ended>) -> Ended {
    wait_until(|| call.is_finished());
    call.join().unwrap()
}

fn ended(call: JoinHandle<Ended>, since: Instant) -> Duration {
    let ended = join(call);
    assert_eq!(ended.code, APILINK_ERROR);
    ended.at.saturating_duration_since(since)
}

#[test]
fn a_request_is_cancelled_and_stays_usable() {
    let world = World::start();
    returns_within_100_ms(|| {
        let call = stalled(&world, world.request);
        let since = Instant::now();
        assert_eq!(apilink_request_cancel(world.request), APILINK_SUCCESS);
        let time = ended(call, since);
        assert_eq!(first_state(world.request), "HY008");
        time
    });
    apilink_response_free(execute(world.request));
    // With nothing to cancel, nothing happens, and later calls are not affected.
    assert_eq!(apilink_request_cancel(world.request), APILINK_SUCCESS);
    apilink_response_free(execute(world.request));
}

#[test]
fn cancelling_a_connection_cancels_all_of_its_requests_and_no_other() {
    let world = World::start();
    let other = world.connected();
    let of_other = new_request(other);
    prepare(of_other, "GET", "matters?limit=1");
    let requests: Vec<_> = (0..4).map(|_| world.prepared("matters?limit=1")).collect();
    let untouched = stalled(&world, of_other);
    let calls: Vec<_> = requests
        .iter()
        .map(|request| stalled(&world, *request))
        .collect();
    assert_eq!(apilink_connection_cancel(world.connection), APILINK_SUCCESS);
    for call in calls {
        assert_eq!(join(call).code, APILINK_ERROR);
    }
    for request in requests {
        assert_eq!(first_state(request), "HY008");
        apilink_response_free(execute(request));
        apilink_request_free(request);
    }
    assert!(!untouched.is_finished());
    assert_eq!(apilink_request_cancel(of_other), APILINK_SUCCESS);
    join(untouched);
    apilink_request_free(of_other);
    apilink_connection_free(other);
}

#[test]
fn disconnecting_and_freeing_end_what_runs() {
    let world = World::start();
    let ways: [fn(*mut apilink_connection, *mut apilink_request) -> i32; 3] = [
        |connection, _| apilink_connection_disconnect(connection),
        |connection, _| apilink_connection_free(connection),
        |_, request| apilink_request_free(request),
    ];
    for way in ways {
        let connection = world.connected();
        let request = new_request(connection);
        prepare(request, "GET", "matters?limit=1");
        let call = stalled(&world, request);
        let since = Instant::now();
        assert_eq!(way(connection, request), APILINK_SUCCESS);
        assert!(ended(call, since) < Duration::from_secs(5));
        apilink_request_free(request);
        apilink_connection_free(connection);
    }
}

/// A response whose body does not come to its end.
fn endless(world: &World, request: *mut apilink_request) -> *mut apilink_response {
    world.sandbox.fault(Fault {
        bytes: Some(1 << 40),
        ..Fault::new("/api/v4/users/who_am_i*", FaultKind::Huge)
    });
    prepare(request, "GET", "users/who_am_i");
    execute(request)
}

#[test]
fn reading_a_response_is_cancelled_by_its_request_its_connection_and_its_end() {
    let world = World::start();
    let ways: [fn(&World, *mut apilink_request, *mut apilink_response) -> i32; 3] = [
        |_, request, _| apilink_request_cancel(request),
        |world, _, _| apilink_connection_cancel(world.connection),
        |_, _, response| apilink_response_free(response),
    ];
    for way in ways {
        let request = new_request(world.connection);
        let response = endless(&world, request);
        let path = world.directory.path().join("endless");
        let text = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let directory = world.directory.path().to_owned();
        let call = on_a_thread(response, move |response| unsafe {
            apilink_response_save(response, text.as_ptr(), -1, null_mut())
        });
        let is_part = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.unwrap();
            entry.file_name().to_string_lossy().ends_with(".part")
                && entry.metadata().is_ok_and(|data| data.len() > 0)
        };
        wait_until(|| std::fs::read_dir(&directory).unwrap().any(is_part));
        // Another call on the same response while that one runs.
        assert_eq!(
            unsafe { apilink_response_status(response, &mut 0) },
            APILINK_ERROR
        );
        assert_eq!(first_state(response), "HY010");
        assert_eq!(way(&world, request, response), APILINK_SUCCESS);
        assert_eq!(join(call).code, APILINK_ERROR);
        let left: Vec<_> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(
            !path.exists() && left.iter().all(|path| !path.ends_with(".part")),
            "{left:?}"
        );
        apilink_response_free(response);
        apilink_request_free(request);
    }
}

/// The wire always has more to give than the program takes, so nothing is ever waited for.
#[cfg(target_os = "linux")]
#[test]
fn saving_to_a_slow_disk_is_cancelled() {
    use crate::slow_disk;
    let world = World::start();
    returns_within_100_ms(|| {
        let request = new_request(world.connection);
        let response = endless(&world, request);
        let path = world.directory.path().join("slow");
        let text = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
        let begun = slow_disk::writes();
        let call = on_a_thread(response, move |response| {
            slow_disk::slow_down_this_thread(Duration::from_millis(20));
            unsafe { apilink_response_save(response, text.as_ptr(), -1, null_mut()) }
        });
        wait_until(|| slow_disk::writes() > begun + 5);
        let since = Instant::now();
        assert_eq!(apilink_request_cancel(request), APILINK_SUCCESS);
        let time = ended(call, since);
        apilink_response_free(response);
        apilink_request_free(request);
        time
    });
}

#[test]
fn a_second_call_on_a_request_is_refused_at_once_and_the_first_keeps_its_records() {
    let world = World::start();
    let call = stalled(&world, world.request);
    let mut response = null_mut();
    let codes = [
        unsafe { apilink_request_execute(world.request, &raw mut response) },
        unsafe { apilink_request_next_page(world.request, world.response, &raw mut response) },
        apilink_request_set_timeout(world.request, 5),
    ];
    assert_eq!(codes, [APILINK_ERROR; 3]);
    assert_eq!(first_state(world.request), "HY010");
    assert!(response.is_null());
    assert!(!call.is_finished());
    apilink_request_cancel(world.request);
    join(call);
    assert_eq!(first_state(world.request), "HY008");
}

#[test]
fn a_login_is_cancelled_and_the_connection_stays_usable() {
    let world = World::start();
    let connection = new_connection();
    let port = crate::world::free_port();
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';InitiateOAuth=GETANDREFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;\
         CallbackUrl=http://127.0.0.1:{port};OAuthSettingsLocation=memory://login-{port};",
        world.sandbox.base_url()
    );
    let shown = std::sync::atomic::AtomicBool::new(false);
    let user_data = (&raw const shown).cast_mut().cast();
    apilink_connection_set_authorize_callback(connection, Some(note), user_data);
    returns_within_100_ms(|| {
        shown.store(false, std::sync::atomic::Ordering::SeqCst);
        let text = string.clone();
        let call = on_a_thread(connection, move |connection| connect(connection, &text));
        wait_until(|| shown.load(std::sync::atomic::Ordering::SeqCst));
        // It cannot be used for anything else meanwhile.
        assert_eq!(connect(connection, &string), APILINK_ERROR);
        assert_eq!(first_state(connection), "HY010");
        assert_eq!(apilink_connection_set_timeout(connection, 5), APILINK_ERROR);
        assert_eq!(apilink_connection_disconnect(connection), APILINK_ERROR);
        let since = Instant::now();
        assert_eq!(apilink_connection_cancel(connection), APILINK_SUCCESS);
        let time = ended(call, since);
        assert_eq!(
            first_state(connection),
            "HY008",
            "{:?}",
            records(connection)
        );
        time
    });
    assert_eq!(connect(connection, &world.simple_string()), APILINK_SUCCESS);
    apilink_connection_free(connection);
}

/// The system does not break the lookup off, but nobody waits for it.
#[cfg(target_os = "linux")]
#[test]
fn a_refresh_is_cancelled_while_a_name_is_looked_up() {
    use crate::slow_names;
    let world = World::start();
    let connection = new_connection();
    let store = world.directory.path().join("tokens.txt");
    let grant = world
        .sandbox
        .issue_token(world.sandbox.people()[0].id, Duration::from_secs(3600));
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';AuthScheme=OAuth;InitiateOAuth=REFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;\
         OAuthAccessToken={};OAuthRefreshToken={};OAuthSettingsLocation={};\
         OAuthRefreshTokenURL=https://{}/token;ProxyAutoDetect=false;",
        world.sandbox.base_url(),
        grant.access_token,
        grant.refresh_token,
        store.display(),
        slow_names::NAME,
    );
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    returns_within_100_ms(|| {
        let before = slow_names::lookups();
        let call = on_a_thread(connection, |connection| apilink_token_refresh(connection));
        // Not held up by the one before.
        wait_until(|| slow_names::lookups() > before);
        let since = Instant::now();
        assert_eq!(apilink_connection_cancel(connection), APILINK_SUCCESS);
        let time = ended(call, since);
        assert_eq!(first_state(connection), "HY008");
        time
    });
    // Other programs are not held up either.
    let lock = std::fs::File::open(store.with_extension("txt.lock")).unwrap();
    wait_until(|| lock.try_lock().is_ok());
    slow_names::release();
    wait_until(|| !task_names().iter().any(|name| name == "apilink-token"));
    apilink_connection_free(connection);
}

/// The names of the threads of this process.
#[cfg(target_os = "linux")]
fn task_names() -> Vec<String> {
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        let name = std::fs::read_to_string(task.unwrap().path().join("comm"));
        name.map(|name| name.trim_end().to_owned())
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.flat_map(name).collect()
}

unsafe extern "C" fn note(user_data: *mut libc::c_void, _: *const libc::c_char, _: i64) -> i32 {
    let shown = unsafe { &*user_data.cast::<std::sync::atomic::AtomicBool>() };
    shown.store(true, std::sync::atomic::Ordering::SeqCst);
    0
}

#[test]
fn many_threads_use_one_connection_side_by_side() {
    let world = World::start();
    let connection = Shared(world.connection);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let request = new_request(connection.get());
                prepare(request, "GET", "matters?limit=3&fields=id");
                for _ in 0..10 {
                    let response = execute(request);
                    assert!(crate::world::json_text(response, "/data/2/id").is_some());
                    assert_eq!(apilink_response_free(response), APILINK_SUCCESS);
                }
                assert_eq!(apilink_request_free(request), APILINK_SUCCESS);
            });
        }
    });
}
