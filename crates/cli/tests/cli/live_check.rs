//! `live-check` against the local Clio.

use super::*;

fn findings(world: &World, arguments: &[&str]) -> Vec<Value> {
    let string = format!("{};Profile={}", world.with_token(), world.profile());
    let mut all = vec!["live-check", &string, "--output", "json"];
    all.extend_from_slice(arguments);
    let out = world.run(&all).good();
    serde_json::from_str(&out).unwrap()
}

#[test]
fn every_check_runs_and_none_writes() {
    let world = World::with(Options {
        matters: 300,
        ..Options::default()
    });
    let found = findings(&world, &[]);
    let about = |check: &str| -> Vec<&Value> {
        found
            .iter()
            .filter(|finding| finding["check"] == check)
            .collect()
    };
    let list = world
        .run(&["live-check", "--list", "--output", "jsonl"])
        .good();
    for line in list.lines() {
        let check: Value = serde_json::from_str(line).unwrap();
        let name = check["check"].as_str().unwrap();
        assert!(!about(name).is_empty(), "{name}");
    }
    // What the sandbox is known to do.
    for (check, verdict) in [
        ("braces", "confirmed"),
        ("unknown-parameter", "confirmed"),
        ("unknown-field", "confirmed"),
        ("not-found", "confirmed"),
        ("version", "confirmed"),
        ("offset-end", "confirmed"),
        ("default-page", "confirmed"),
        ("page-token", "confirmed"),
        ("since", "confirmed"),
        ("gzip", "confirmed"),
        ("time-zone", "confirmed"),
        ("redaction", "could not tell"),
        // Each of its bills has one matter.
        ("bill-matters", "could not tell"),
    ] {
        for finding in about(check) {
            assert_eq!(finding["verdict"], verdict, "{finding}");
        }
    }
    let of_list = |check: &str, list: &str, part: &str| -> String {
        let is_it = |finding: &&&Value| {
            finding["table"] == list && finding["claim"].as_str().unwrap().contains(part)
        };
        let all = about(check);
        let one = all.iter().find(is_it).expect(list);
        format!(
            "{}: {}",
            one["verdict"].as_str().unwrap(),
            one["evidence"].as_str().unwrap()
        )
    };
    assert_eq!(
        of_list("defaults", "matters", "fields"),
        "contradicted: it holds display_number, etag, id"
    );
    assert_eq!(
        of_list("defaults", "contacts", "fields"),
        "confirmed: it holds etag, id"
    );
    assert_eq!(
        of_list("defaults", "notes", "meta.records"),
        "confirmed: a number is there"
    );
    assert_eq!(
        of_list("order", "calendar_entries", "order"),
        "confirmed: accepted; the next page has a page token"
    );
    assert!(of_list("page-size", "matters", "page").starts_with("confirmed: limit=200: 200"));
    assert_eq!(
        of_list("counted", "matters", "meta.records"),
        "confirmed: meta.records is 300, and 300 records came"
    );
    assert_eq!(
        of_list("counted", "activities", "meta.records"),
        "could not tell: 3640 records are more than are read for this"
    );
    let counters = world.sandbox.counters();
    let written: Vec<_> = counters
        .endpoints
        .iter()
        .filter(|(name, _)| !name.starts_with("GET "))
        .collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn one_check_can_be_chosen() {
    let world = World::new();
    let found = findings(&world, &["--only", "ids"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["verdict"], "confirmed");
}
