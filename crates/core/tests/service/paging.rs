//! The pages of a list.

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::http::Request;
use clio_sandbox::{Fault, FaultKind};

use super::{Service, send};

fn never() -> CancellationToken {
    CancellationToken::new()
}

#[test]
fn pages_are_followed_to_the_end() {
    let service = Service::plain();
    let session = service.connect("");
    let mut request = Request::get("matters");
    request.add_query("fields", "id,client{id,name}");
    request.add_query("order", "id(asc)");
    request.add_query("limit", "7");
    request.add_header("X-Trace", "of-this-list").unwrap();
    request.add_header("If-None-Match", "\"other\"").unwrap();
    let (page, _) = send(&session, &request);
    let mut page = page.unwrap();
    let mut ids = Vec::new();
    loop {
        let records = page.json(&never()).unwrap()["data"]
            .as_array()
            .unwrap()
            .clone();
        ids.extend(records.iter().map(|record| record["id"].as_i64().unwrap()));
        match session
            .next_page(&mut page, None, &never(), &mut Vec::new())
            .unwrap()
        {
            Some(next) => page = next,
            None => break,
        }
    }
    assert_eq!(ids.len(), 30);
    assert!(ids.is_sorted());
    let log = service.sandbox.counters().log;
    let with = |wanted: &str| {
        let has = |entry: &&clio_sandbox::Entry| {
            entry
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        log.iter().filter(has).count()
    };
    assert_eq!(
        (log.len(), with("x-trace"), with("if-none-match")),
        (5, 5, 1)
    );
    assert_eq!(
        service.sandbox.counters().unknown_requests,
        [] as [String; 0]
    );
}

#[test]
fn a_next_page_that_is_no_text_is_an_error_and_no_end() {
    let service = Service::plain();
    let session = service.connect("");
    for (next, is_end) in [("5", false), ("{}", false), ("null", true), ("\"\"", true)] {
        service.sandbox.fault(Fault {
            body: Some(format!(
                r#"{{"data":[],"meta":{{"paging":{{"next":{next}}}}}}}"#
            )),
            ..Fault::new("/api/v4/matters*", FaultKind::Garbage)
        });
        let (page, _) = send(&session, &Request::get("matters"));
        let (mut page, cancel) = (page.unwrap(), CancellationToken::new());
        let following = session.next_page(&mut page, None, &cancel, &mut Vec::new());
        match following {
            Ok(following) => assert!(is_end && following.is_none(), "{next}"),
            Err(problem) => {
                assert!(!is_end, "{next}: {problem}");
                assert_eq!(problem.sqlstate, SqlState::INVALID_CAST);
                assert!(problem.message.contains("not complete"), "{problem}");
            }
        }
    }
}

/// The service says that the page after each of `pages` is the one after it, and that the last one
/// leads back to the second; how many pages can be read, and the error that ends them.
fn read_in_circles(pages: &[&str]) -> (usize, apilink_core::Diagnostic) {
    let service = Service::plain();
    let session = service.connect("");
    let url = |page: &str| format!("{}/api/v4/{page}", service.sandbox.base_url());
    for next in pages[1..].iter().chain([&pages[1]]).cycle().take(20) {
        let next = url(next);
        service.sandbox.fault(Fault {
            body: Some(format!(
                r#"{{"data":[],"meta":{{"paging":{{"next":"{next}"}}}}}}"#
            )),
            ..Fault::new("/api/v4/matters*", FaultKind::Garbage)
        });
    }
    let (page, _) = send(&session, &Request::get(pages[0]));
    let mut page = page.unwrap();
    for read in 1.. {
        match session.next_page(&mut page, None, &never(), &mut Vec::new()) {
            Ok(following) => page = following.unwrap(),
            Err(problem) => {
                // What there is of the list can still be looked at.
                assert!(page.json(&never()).unwrap()["data"].is_array());
                return (read, problem);
            }
        }
        assert!(read < 10, "it goes on");
    }
    unreachable!()
}

#[test]
fn a_list_that_leads_in_a_circle_is_an_error() {
    for (pages, expected) in [
        (&["matters.json", "matters.json"][..], 1),
        (&["matters.json", "matters.json?page=2"], 2),
        (
            &["matters.json", "matters.json?page=2", "matters.json?page=3"],
            3,
        ),
    ] {
        let (read, problem) = read_in_circles(pages);
        assert_eq!(read, expected, "{pages:?}");
        assert_eq!(problem.sqlstate, SqlState::GENERAL_ERROR);
        assert!(problem.message.contains("read already"), "{problem}");
    }
}

/// A page can be asked for its next one as often as the program wants.
#[test]
fn the_same_next_page_can_be_fetched_again() {
    let service = Service::plain();
    let session = service.connect("");
    let (first, _) = send(&session, &Request::get("matters?limit=7&order=id(asc)"));
    let mut first = first.unwrap();
    let cancel = never();
    let next = |page: &mut apilink_core::http::Response| {
        let next = session.next_page(page, None, &cancel, &mut Vec::new());
        next.unwrap().unwrap()
    };
    let (mut second, mut again) = (next(&mut first), next(&mut first));
    assert_eq!(second.body(&cancel).unwrap(), again.body(&cancel).unwrap());
    let (mut third, mut after_again) = (next(&mut second), next(&mut again));
    assert_eq!(
        third.body(&cancel).unwrap(),
        after_again.body(&cancel).unwrap()
    );
}
