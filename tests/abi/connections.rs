//! Connections through the C interface: states, tokens, logins, the log.

use std::io::Read as _;
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use apilink::constants::*;
use apilink::exports::*;
use libc::{c_char, c_void};

use crate::world::{
    World, connect, execute, fail, first_state, new_connection, new_request, prepare, records,
    size, text_of,
};

fn is_connected(connection: *mut apilink::handles::apilink_connection) -> bool {
    let mut connected = -1;
    let code = unsafe { apilink_connection_is_connected(connection, &raw mut connected) };
    assert_eq!(code, APILINK_SUCCESS);
    connected == 1
}

#[test]
fn a_connection_goes_through_its_states() {
    let world = World::start();
    let connection = new_connection();
    let request = new_request(connection);
    prepare(request, "GET", "users/who_am_i");
    assert!(!is_connected(connection));
    assert_eq!(fail(request), "08003");
    assert_eq!(apilink_connection_disconnect(connection), APILINK_ERROR);
    assert_eq!(first_state(connection), "08003");
    assert_eq!(
        unsafe { apilink_token_text(connection, null_mut(), 0, null_mut()) },
        APILINK_ERROR
    );
    assert_eq!(first_state(connection), "08003");

    assert_eq!(
        connect(connection, "Profile=Clio;NoSuchProperty=1"),
        APILINK_ERROR
    );
    assert_eq!(first_state(connection), "HY024");
    assert!(!is_connected(connection));

    assert_eq!(connect(connection, &world.simple_string()), APILINK_SUCCESS);
    assert!(is_connected(connection) && records(connection).is_empty());
    assert_eq!(connect(connection, &world.simple_string()), APILINK_ERROR);
    assert_eq!(first_state(connection), "08002");
    for code in [
        apilink_connection_set_timeout(connection, 5),
        apilink_connection_set_login_timeout(connection, 5),
        apilink_connection_set_log_callback(connection, 1, None, null_mut()),
        apilink_connection_set_authorize_callback(connection, None, null_mut()),
    ] {
        assert_eq!(code, APILINK_ERROR);
        assert_eq!(first_state(connection), "HY010");
    }
    apilink_response_free(execute(request));

    assert_eq!(apilink_connection_disconnect(connection), APILINK_SUCCESS);
    assert!(!is_connected(connection));
    assert_eq!(fail(request), "08003");
    assert_eq!(connect(connection, &world.simple_string()), APILINK_SUCCESS);
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
}

#[test]
fn time_limits_and_levels_have_bounds() {
    let connection = new_connection();
    for seconds in [-1, i64::MIN, i64::MAX, 1 << 31] {
        assert_eq!(
            apilink_connection_set_timeout(connection, seconds),
            APILINK_ERROR
        );
        assert_eq!(first_state(connection), "HY024", "{seconds}");
        assert_eq!(
            apilink_connection_set_login_timeout(connection, seconds),
            APILINK_ERROR
        );
        assert_eq!(first_state(connection), "HY024", "{seconds}");
    }
    assert_eq!(
        apilink_connection_set_login_timeout(connection, 0),
        APILINK_ERROR
    );
    for seconds in [0, 1, i64::from(i32::MAX)] {
        assert_eq!(
            apilink_connection_set_timeout(connection, seconds),
            APILINK_SUCCESS
        );
    }
    for level in [0, 6, -1, i32::MAX, 257] {
        let code = apilink_connection_set_log_callback(connection, level, None, null_mut());
        assert_eq!(
            (code, first_state(connection).as_str()),
            (APILINK_ERROR, "HY024"),
            "{level}"
        );
    }
    apilink_connection_free(connection);
}

#[test]
fn warnings_of_the_string_are_records_of_a_success() {
    let world = World::start();
    let connection = new_connection();
    let string = format!("{}Profile=Other;", world.simple_string());
    assert_eq!(connect(connection, &string), APILINK_SUCCESS_WITH_INFO);
    let warnings = records(connection);
    assert!(
        warnings
            .iter()
            .all(|record| record.sqlstate.starts_with("01")),
        "{warnings:?}"
    );
    assert!(warnings[0].message.contains("Profile"), "{warnings:?}");
    apilink_connection_free(connection);
}

#[test]
fn the_token_comes_out_with_its_properties() {
    let world = World::start();
    let mut token = [0; 256];
    let mut expiry = 0;
    let code = unsafe { apilink_token_text(world.connection, token.as_mut_ptr(), 256, null_mut()) };
    assert_eq!(code, APILINK_SUCCESS);
    assert!(text_of(&token).len() > 8);
    let code = unsafe { apilink_token_expiry(world.connection, &raw mut expiry) };
    assert_eq!(code, APILINK_SUCCESS);
    assert!(expiry > 1_700_000_000);
    let mut renewed = [0; 256];
    assert_eq!(apilink_token_refresh(world.connection), APILINK_SUCCESS);
    unsafe { apilink_token_text(world.connection, renewed.as_mut_ptr(), 256, null_mut()) };
    assert_ne!(text_of(&token), text_of(&renewed));

    assert_eq!(apilink_token_revoke(world.connection), APILINK_SUCCESS);
    assert!(!is_connected(world.connection));
    assert_eq!(fail(world.request), "08003");
}

#[test]
fn a_connection_without_authorization_has_no_token() {
    let world = World::start();
    let connection = new_connection();
    let string = format!(
        "Profile=Clio;AuthScheme=None;ProfileSettings='Region={}'",
        world.sandbox.base_url()
    );
    assert_eq!(
        connect(connection, &string),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    let mut length = -7;
    unsafe {
        for call in [apilink_token_text, apilink_token_type, apilink_token_scope] {
            assert_eq!(
                call(connection, null_mut(), 0, &raw mut length),
                APILINK_NO_DATA
            );
        }
        assert_eq!(
            apilink_token_expiry(connection, &raw mut length),
            APILINK_NO_DATA
        );
    }
    assert_eq!(length, -7);
    apilink_connection_free(connection);
}

unsafe extern "C" fn keep_line(data: *mut c_void, level: i32, line: *const c_char, length: i64) {
    let line = unsafe { std::ffi::CStr::from_ptr(line) }
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(size(&line), length);
    assert!(!line.contains('\n'));
    let lines = unsafe { &*data.cast::<Mutex<Vec<(i32, String)>>>() };
    lines.lock().unwrap().push((level, line));
}

#[test]
fn the_log_comes_to_the_program_without_secrets() {
    let world = World::start();
    let lines: Mutex<Vec<(i32, String)>> = Mutex::default();
    let connection = new_connection();
    let user_data = (&raw const lines).cast_mut().cast();
    let code = apilink_connection_set_log_callback(connection, 3, Some(keep_line), user_data);
    assert_eq!(code, APILINK_SUCCESS);
    let string = world.simple_string();
    assert_eq!(connect(connection, &string), APILINK_SUCCESS);
    let request = new_request(connection);
    prepare(request, "GET", "users/who_am_i");
    apilink_response_free(execute(request));
    apilink_request_free(request);
    apilink_connection_free(connection);
    let lines = lines.into_inner().unwrap();
    let token = string
        .split("OAuthAccessToken=")
        .nth(1)
        .unwrap()
        .trim_end_matches(';');
    assert!(
        lines.iter().any(|(_, line)| line.contains("who_am_i")),
        "{lines:?}"
    );
    assert!(lines.iter().all(|(level, _)| (1..=3).contains(level)));
    assert!(
        lines.iter().all(|(_, line)| !line.contains(token)),
        "{lines:?}"
    );
}

/// The URL that a callback was given, and its answer.
struct Shown {
    url: String,
    answer: i32,
    thread: std::thread::ThreadId,
}

unsafe extern "C" fn show(user_data: *mut c_void, url: *const c_char, length: i64) -> i32 {
    let shown = unsafe { &mut *user_data.cast::<Shown>() };
    shown.url = unsafe { std::ffi::CStr::from_ptr(url) }
        .to_str()
        .unwrap()
        .into();
    assert_eq!(size(&shown.url), length);
    assert_eq!(shown.thread, std::thread::current().id());
    shown.answer
}

#[test]
fn a_login_can_be_given_up_where_it_is_shown() {
    let world = World::start();
    let connection = new_connection();
    let mut shown = Shown {
        url: String::new(),
        answer: 1,
        thread: std::thread::current().id(),
    };
    let user_data = (&raw mut shown).cast();
    let code = apilink_connection_set_authorize_callback(connection, Some(show), user_data);
    assert_eq!(code, APILINK_SUCCESS);
    let port = crate::world::free_port();
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';InitiateOAuth=GETANDREFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=canary;\
         CallbackUrl=http://127.0.0.1:{port};OAuthSettingsLocation=memory://shown-{port};",
        world.sandbox.base_url()
    );
    assert_eq!(connect(connection, &string), APILINK_ERROR);
    assert_eq!(
        first_state(connection),
        "HY008",
        "{:?}",
        records(connection)
    );
    assert!(
        shown
            .url
            .starts_with(&format!("{}/oauth/authorize?", world.sandbox.base_url()))
    );
    assert!(!shown.url.contains("canary"));
    apilink_connection_free(connection);
}

/// Where the URL that a login waits for goes to; the login waits until it is dropped.
unsafe extern "C" fn pass_on(user_data: *mut c_void, url: *const c_char, _: i64) -> i32 {
    let shown = unsafe { &*user_data.cast::<std::sync::mpsc::Sender<String>>() };
    let url = unsafe { std::ffi::CStr::from_ptr(url) };
    shown.send(url.to_str().unwrap().into()).unwrap();
    0
}

#[test]
fn the_url_that_a_login_waits_for_can_be_had_on_another_thread() {
    let world = World::start();
    let connection = new_connection();
    let (sender, shown) = std::sync::mpsc::channel::<String>();
    let user_data = (&raw const sender).cast_mut().cast();
    let code = apilink_connection_set_authorize_callback(connection, Some(pass_on), user_data);
    assert_eq!(code, APILINK_SUCCESS);
    let port = crate::world::free_port();
    let string = format!(
        "Profile={};ProfileSettings='Region={}';InitiateOAuth=GETANDREFRESH;\
         OAuthClientId=sandbox-client;OAuthClientSecret=sandbox-secret;\
         CallbackUrl=http://127.0.0.1:{port}/;OAuthSettingsLocation=memory://waiting-{port};",
        world.directory.path().join("Firm.apip").display(),
        world.sandbox.base_url()
    );
    let ask = |state: Option<&str>| {
        let mut url = [0; 2048];
        let code = unsafe {
            let (text, length) = (string.as_ptr().cast(), size(&string));
            let (state, state_length) = state.map_or((null(), 0), |s| (s.as_ptr().cast(), size(s)));
            let url = url.as_mut_ptr();
            apilink_authorization_url(
                connection,
                text,
                length,
                state,
                state_length,
                url,
                2048,
                null_mut(),
            )
        };
        assert_eq!(code, APILINK_SUCCESS, "{:?}", records(connection));
        text_of(&url)
    };
    let before = ask(None);
    let waiting = crate::world::Shared(connection);
    let copy = string.clone();
    let login = std::thread::spawn(move || connect(waiting.get(), &copy));
    let url = shown
        .recv_timeout(std::time::Duration::from_secs(60))
        .unwrap();
    assert_ne!(url, before);
    // The program's own state is for a login of its own.
    assert_ne!(ask(Some("mine")), url);
    assert_eq!(ask(None), url);
    let mut state = [0; 256];
    unsafe { apilink_authorization_state(connection, state.as_mut_ptr(), 256, null_mut()) };
    assert!(url.contains(&format!("state={}", text_of(&state))));

    let redirect = approve(&url);
    assert!(http("GET", &redirect, "").contains("return to the program"));
    assert_eq!(login.join().unwrap(), APILINK_SUCCESS);
    // Nobody waits for it any more.
    assert_ne!(ask(None), url);
    apilink_connection_free(connection);
}

#[test]
fn an_authorization_url_is_made_and_its_code_exchanged() {
    let world = World::start();
    let connection = new_connection();
    let string = format!(
        "Profile=Clio;ProfileSettings='Region={}';OAuthClientId=sandbox-client;\
         OAuthClientSecret=sandbox-secret;CallbackUrl=http://localhost:33333;\
         OAuthSettingsLocation={};InitiateOAuth=REFRESH",
        world.sandbox.base_url(),
        world.directory.path().join("tokens.txt").display()
    );
    let (mut url, mut state) = ([0; 2048], [0; 256]);
    let code = unsafe { apilink_authorization_state(connection, null_mut(), 0, null_mut()) };
    assert_eq!(code, APILINK_NO_DATA);
    let code = unsafe {
        let (text, length) = (string.as_ptr().cast(), size(&string));
        let url = url.as_mut_ptr();
        apilink_authorization_url(connection, text, length, null(), 0, url, 2048, null_mut())
    };
    assert_eq!(code, APILINK_SUCCESS, "{:?}", records(connection));
    unsafe { apilink_authorization_state(connection, state.as_mut_ptr(), 256, null_mut()) };
    assert!(text_of(&url).contains(&format!("state={}", text_of(&state))));
    assert!(!text_of(&url).contains("sandbox-secret"));
    let code =
        unsafe { apilink_authorization_pkce_verifier(connection, null_mut(), 0, null_mut()) };
    assert_eq!(code, APILINK_NO_DATA, "Clio does not use PKCE");

    let exchange = |code: &str| unsafe {
        let (text, length) = (string.as_ptr().cast(), size(&string));
        apilink_authorization_exchange(connection, text, length, code.as_ptr().cast(), size(code))
    };
    let foreign = "http://localhost:33333/?code=abc&state=foreign";
    assert_eq!(exchange(foreign), APILINK_ERROR);
    assert_eq!(first_state(connection), "28000");
    assert_eq!(exchange("no-such-code"), APILINK_ERROR);
    let record = &records(connection)[0];
    assert_eq!(
        (record.sqlstate.as_str(), record.native),
        ("28000", APILINK_OAUTH_INVALID_GRANT)
    );

    let redirect = approve(&text_of(&url));
    assert_eq!(
        exchange(&redirect),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    assert_eq!(
        connect(connection, &string),
        APILINK_SUCCESS,
        "{:?}",
        records(connection)
    );
    assert!(is_connected(connection));
    apilink_connection_free(connection);
}

/// Approves as a person would, and gives the URL that the browser is redirected to.
fn approve(url: &str) -> String {
    let page = http("GET", url, "");
    let mut fields = Vec::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap();
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        if let (Some(name), Some(value)) = (attribute("name"), attribute("value")) {
            fields.push(format!("{name}={}", encode(&value)));
        }
    }
    // The button and the person, as the page names them.
    let user = page
        .split("name=\"user\"")
        .nth(1)
        .and_then(|rest| rest.split("value=\"").nth(1));
    if let Some(user) = user.and_then(|rest| rest.split('"').next()) {
        fields.push(format!("user={user}"));
    }
    fields.push("decision=approve".into());
    let (origin, _) = url.split_once("/oauth").unwrap();
    let reply = http(
        "POST",
        &format!("{origin}/oauth/authorize"),
        &fields.join("&"),
    );
    let location = reply
        .lines()
        .find_map(|line| {
            line.split_once(": ")
                .filter(|(name, _)| name.eq_ignore_ascii_case("location"))
        })
        .unwrap_or_else(|| panic!("no redirect: {reply}"));
    location.1.trim().to_owned()
}

fn encode(text: &str) -> String {
    text.replace("&amp;", "&")
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// One plain HTTP request; the whole reply as text.
fn http(method: &str, url: &str, form: &str) -> String {
    use std::io::Write as _;
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: test\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}
