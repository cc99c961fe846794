//! What arrives at the loopback listener, and what a person copies: nothing panics, a request that
//! arrives in pieces is read as it is in one piece, and a code comes out as it was put in.

#![no_main]

use apilink_core::oauth::callback::{Answer, Head, Redirect, read_head};
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;
use url::form_urlencoded;

fuzz_target!(|bytes: &[u8]| {
    check_head(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_redirect(Redirect::from_query(text));
        check_redirect(Redirect::from_copied_text(text).ok());
        check_code(text);
    }
});

fn check_head(bytes: &[u8]) {
    let whole = read_head(bytes);
    if let Head::Get { path, query } = &whole {
        assert!(path.starts_with('/') && !path.contains('?'));
        check_redirect(Redirect::from_query(query));
        for end in [bytes.len() / 2, bytes.len() - 1] {
            let part = read_head(&bytes[..end]);
            assert!(part == Head::Incomplete || part == whole, "{part:?}");
        }
    }
}

fn check_redirect(redirect: Option<Redirect>) {
    let Some(redirect) = redirect else { return };
    let state = redirect.state.clone().unwrap_or_default();
    if redirect.state.is_some() {
        let foreign = redirect
            .clone()
            .into_code(Some(&format!("{state}-of-another-login")));
        assert!(foreign.is_err());
    }
    let is_code = matches!(redirect.answer, Answer::Code(_));
    match redirect.into_code(Some(&state)) {
        Ok(_) => assert!(is_code),
        Err(problem) => {
            assert!(!is_code);
            assert!(!problem.message.contains(char::is_control), "{problem:?}");
        }
    }
}

fn check_code(code: &str) {
    if code.is_empty() {
        return;
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("state", "s")
        .append_pair("code", code)
        .finish();
    let request = format!("GET /callback?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let Head::Get { path, query } = read_head(request.as_bytes()) else {
        panic!("a good request is not read: {request:?}");
    };
    assert_eq!(path, "/callback");
    let redirect = Redirect::from_query(&query).expect("there is a code in it");
    let read = redirect
        .into_code(Some("s"))
        .expect("the state is the right one");
    assert_eq!(read.expose_secret(), code);
}
