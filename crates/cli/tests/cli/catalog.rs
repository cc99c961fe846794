//! `tables` and `describe`.

use super::*;

/// The arguments, with a profile of few tables.
fn run(world: &World, arguments: &[&str]) -> Run {
    let set = format!("Profile={}", world.profile());
    let mut all = vec!["--set", set.as_str()];
    all.extend_from_slice(arguments);
    world.run(&all)
}

#[test]
fn tables_are_listed_without_a_token_or_a_request() {
    let world = World::new();
    let out = run(&world, &["tables", "*matters*", "--output", "csv"]).good();
    assert!(
        out.starts_with("table,description\r\nmatters,Cases\r\n"),
        "{out}"
    );
    let string = format!("Region={}", world.sandbox.base_url());
    let all = run(&world, &["tables", &string, "-o", "jsonl"]).good();
    assert!(
        all.contains(r#"{"table":"contacts","description":"People and companies"}"#),
        "{all}"
    );
    let some = run(&world, &["tables", &string, "CALENDAR", "-o", "jsonl"]).good();
    assert!(
        some.contains("calendar_entries") && !some.contains("contacts"),
        "{some}"
    );
    assert_eq!(world.sandbox.counters().connections, 0);
}

#[test]
fn a_table_is_described_by_its_columns() {
    let world = World::new();
    let out = run(&world, &["describe", "Matters", "--output", "csv"]).good();
    for line in [
        "column,type,key,references,service filters by,unit,description",
        "id,BIGINT,key,,IN,,",
        "status,VARCHAR,,,\"=: open, closed, pending\",,",
        "open_date,DATE,,,\"<, >=\",,",
        "client_id,BIGINT,,contacts,,,",
    ] {
        assert!(
            out.lines().any(|found| found == line),
            "{line} is not in {out}"
        );
    }
    let out = run(&world, &["describe", "activities", "--output", "table"]).good();
    assert!(out.contains("DECIMAL(19,4)"), "{out}");
    assert!(
        out.contains("hours") && out.contains("Time worked"),
        "{out}"
    );
    assert_eq!(world.sandbox.counters().connections, 0);
}

#[test]
fn what_is_left_out_is_said_to_people() {
    let world = World::new();
    let described = world.run(&["describe", "matters", "-o", "table"]);
    assert!(
        described.err.contains("--custom-fields"),
        "{}",
        described.err
    );
    world.run(&["describe", "matters", "-o", "csv"]).good();
    world.run(&["describe", "users", "-o", "table"]).good();
    assert_eq!(world.sandbox.counters().connections, 0);
}

#[test]
fn an_unknown_table_has_neighbours() {
    let world = World::new();
    let message = run(&world, &["describe", "maters"]).failed(1);
    assert!(message.contains("Did you mean matters"), "{message}");
    let message = run(&world, &["describe", "xyz"]).failed(1);
    assert!(!message.contains("Did you mean"), "{message}");
}

#[test]
fn values_that_a_filter_takes_are_listed() {
    let world = World::new();
    let out = world.run(&["describe", "activities", "-o", "csv"]).good();
    assert!(
        out.contains(
            "\nstatus,VARCHAR,,,\"=: billed, draft, unbilled, non_billable, billable, written_off\","
        ),
        "{out}"
    );
    let out = world.run(&["describe", "tasks", "-o", "csv"]).good();
    assert!(
        out.contains("\nstatus,VARCHAR,,,\"=, IN: pending, complete\","),
        "{out}"
    );
}

#[test]
fn a_pattern_that_fits_nothing_is_said() {
    let world = World::new();
    let message = world.run(&["tables", "zzz"]).failed(1);
    assert!(message.contains("No table fits zzz"), "{message}");
    let run = finish(
        world.command(&["shell", "Region=US;OAuthAccessToken=x"]),
        ".tables zzz\n",
    );
    assert!(run.err.contains("No table fits zzz"), "{}", run.err);
}
