//! Statements that are wrong, on the whole way: what is said, where, and that it costs no request.

use apilink_core::SqlState;
use apilink_sql::Value;
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
         at a time: say for which by = or IN, as in WHERE document_id = 12345, or by JOIN documents \
         ON documents.id = documents_versions.document_id.",
    ),
    (
        "SELECT v.id FROM Clio.documents_versions v WHERE document_id > 5",
        "Line 1, column 23: The service gives the rows of documents_versions",
    ),
    (
        "SELECT id FROM conversation_messages",
        "Line 1, column 16: The service gives the rows of conversation_messages for one \
         conversation_id at a time: say for which by = or IN, as in WHERE conversation_id = 12345",
    ),
    (
        "SELECT * FROM lauk_expense_categories",
        "Line 1, column 15: The service gives the rows of lauk_expense_categories for one region at a \
         time: say for which by = or IN, as in WHERE region = '…'.",
    ),
    (
        "SELECT v.id FROM documents_versions v, matters_contacts c WHERE v.document_id = 5",
        "Line 1, column 40: The service gives the rows of matters_contacts for one matter_id",
    ),
    (
        "SELECT id FROM matters UNION\nSELECT id, status FROM matters",
        "Line 2, column 1: The arms of UNION do not have the same number of columns: 1 and 2.",
    ),
    (
        "SELECT id FROM matters HAVING id > 1",
        "Line 1, column 24: HAVING needs GROUP BY",
    ),
    (
        "SELECT m.id FROM matters m JOIN contacts c ON LENGTH(c.name, 2) = m.client_id",
        "Line 1, column 47: LENGTH() has too many arguments, or too few. It is written LENGTH(text).",
    ),
    (
        "SELECT (SELECT id, status FROM matters) FROM users",
        "Line 1, column 8: A subquery in place of a single value has one column, and this one has 2.",
    ),
    (
        "SELECT id FROM matters WHERE id IN (SELECT id, status FROM matters)",
        "Line 1, column 37: IN compares one value with a subquery of 2 columns.",
    ),
    (
        "SELECT SUM(SUM(total)) FROM bills",
        "Line 1, column 12: The aggregate SUM() cannot stand here",
    ),
    (
        "SELECT SUM(total) OVER w FROM bills",
        "Line 1, column 19: There is no window w.",
    ),
    (
        "SELECT client_id FROM matters GROUP BY client_id HAVING COUNTT(*) > 1",
        "Line 1, column 57: There is no function COUNTT. Did you mean count",
    ),
    ("SELECT *", "Line 1, column 1: SELECT * needs a FROM."),
    (
        "SELECT id FROM matters LIMIT 'x'",
        "Line 1, column 24: LIMIT and OFFSET take a whole number, which 'x' is not.",
    ),
    (
        "SELECT id FROM matters WHERE status LIKE 'a' {escape 'ab'}",
        "Line 1, column 46: ESCAPE takes one character, such as '!', and 'ab' is not one.",
    ),
    (
        "SELECT id FROM matters WHERE ISNULL(status)",
        "Line 1, column 30: ISNULL is written ISNULL(value, otherwise). Whether a value is NULL is \
         asked by: value IS NULL.",
    ),
    (
        "SELECT DATEADD(day, 1) FROM matters",
        "Line 1, column 8: DATEADD is written DATEADD(interval, count, moment).",
    ),
    (
        "SELECT id FROM matters m JOIN bills m ON 1 = 1",
        "Line 1, column 8: The column id is ambiguous: FROM has several tables of the name m.",
    ),
    (
        "SELECT m.id FROM matters m WHERE matters.id = 1",
        "Line 1, column 34: FROM has no table matters, which matters.id asks for. Did you mean m.id?",
    ),
    (
        "SELECT id, display_number status created_at FROM matters",
        "Line 1, column 34: 'created_at' cannot stand here. Is a comma or an operator missing",
    ),
    (
        "SELECT id FROM matters LIMIT 5 WHERE id = 1",
        "Line 1, column 32: 'WHERE' cannot stand here. The clauses follow each other as",
    ),
    (
        "SELECT id FROM matters WHERE id = 'abc'",
        "Line 1, column 35: The column id is BIGINT, and 'abc' is no number.",
    ),
    (
        "SELECT id FROM bills WHERE total BETWEEN '1' AND 'lots'",
        "Line 1, column 50: The column total is DECIMAL, and 'lots' is no number.",
    ),
    (
        "SELECT id FROM matters WHERE billable = 'maybe'",
        "Line 1, column 41: The column billable is BOOLEAN, and 'maybe' is neither 'true' nor \
         'false'.",
    ),
    (
        "SELECT SUM(DISTINCT status) FROM matters",
        "Line 1, column 8: SUM needs numbers, and status is text.",
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

/// A literal or a value that is a number as text is compared as the number; one that is none is an
/// error, as a parameter, too.
#[test]
fn numbers_may_be_written_as_texts() {
    let world = World::start(Options {
        matters: 5,
        ..Options::default()
    });
    let rows = |sql: &str, values: &[Value]| world.ask(sql, values).unwrap().rows;
    let first = rows("SELECT id FROM matters ORDER BY id LIMIT 1", &[]);
    let Some([Value::Integer(number)]) = first.first().map(Vec::as_slice) else {
        panic!("{first:?}");
    };
    let as_text = format!("SELECT id FROM matters WHERE id = ' {number} '");
    assert_eq!(rows(&as_text, &[]), first);
    let with_value = "SELECT id FROM matters WHERE id = ?";
    let text = |text: &str| [Value::Text(text.to_owned())];
    assert_eq!(rows(with_value, &text(&number.to_string())), first);
    let refused = world.ask(with_value, &text("abc")).unwrap_err();
    assert_eq!(refused.sqlstate, SqlState::INVALID_CAST);
    assert_eq!(
        refused.message,
        "The column id is BIGINT, and 'abc' is no number."
    );
}
