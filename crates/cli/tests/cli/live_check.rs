//! `live-check` against the local Clio.

use serde_json::Value;

use super::*;

fn findings(world: &World, arguments: &[&str]) -> Vec<Value> {
    let string = world.with_token();
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
    ] {
        for finding in about(check) {
            assert_eq!(finding["verdict"], verdict, "{finding}");
        }
    }
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
