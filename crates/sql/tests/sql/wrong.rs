//! Statements that are wrong, on the whole way: what is said, where, and that it costs no request.

use clio_sandbox::Options;

use super::world::World;

/// A statement and what its message begins with.
const CASES: &[(&str, &str)] = &[
    (
        "SELECT id FROM matter",
        "Line 1, column 16: There is no table matter. Did you mean matters",
    ),
    (
        "SELECT id,\n  LEFT(nosuch, 1) FROM users",
        "Line 2, column 8: There is no column nosuch in users.",
    ),
    (
        "SELECT client.name FROM matters",
        "Line 1, column 8: FROM has no table client, which client.name asks for. Did you mean \
         client_name?",
    ),
    (
        "SELECT id FROM matters WHERE COUNT(*) > 1",
        "Line 1, column 30: The aggregate COUNT() cannot stand here",
    ),
    (
        "SELECT ROUND(1, 2, 3)",
        "Line 1, column 8: ROUND() has too many arguments, or too few.",
    ),
    (
        "SELECT id FROM matters LIMIT",
        "Line 1, column 29: The statement ends where a number is expected.",
    ),
    (
        "SELECT * FROM documents_versions",
        "Line 1, column 15: The service gives the rows of documents_versions for one document_id \
         at a time: compare document_id with = or IN, or join it with documents.",
    ),
    (
        "SELECT v.id FROM Clio.documents_versions v WHERE document_id > 5",
        "Line 1, column 23: The service gives the rows of documents_versions",
    ),
    (
        "SELECT id FROM conversation_messages",
        "Line 1, column 16: The service gives the rows of conversation_messages for one \
         conversation_id at a time",
    ),
    (
        "SELECT id FROM activities a WHERE a.status = 'xyz'",
        "Line 1, column 37: status of activities cannot be 'xyz'. The service knows: billed, draft, \
         unbilled, non_billable, billable, written_off.",
    ),
    (
        "SELECT id FROM activities WHERE status IN ('billed', 'draft')",
        "Line 1, column 33: status of activities is in no record: it passes a value to the service. \
         Compare it with = and one value, without IN and OR; the service knows: billed, draft,",
    ),
    (
        "SELECT id FROM activities WHERE LENGTH(note) > 5 OR status = 'billed'",
        "Line 1, column 53: status of activities is in no record",
    ),
    (
        "SELECT COUNT(*) FROM contacts WHERE query > 'a'",
        "Line 1, column 37: query of contacts is in no record: it passes a value to the service. \
         Compare it with = and one value, without IN and OR.",
    ),
    (
        "EXPLAIN SELECT status FROM activities",
        "Line 1, column 16: status of activities is in no record",
    ),
];

#[test]
fn the_message_names_the_place_and_no_request_is_made() {
    let world = World::start(Options {
        matters: 5,
        ..Options::default()
    });
    // So that the fields that the account has added are known.
    world.ask("SELECT * FROM matters LIMIT 1", &[]).unwrap();
    world.sandbox.reset();
    for (sql, expected) in CASES {
        let problem = world.ask(sql, &[]).unwrap_err();
        assert!(problem.message.starts_with(expected), "{sql}: {problem}");
    }
    assert_eq!(world.request_count(), 0, "{:?}", world.requests());
}
