//! What goes wrong between a query and the service, and what becomes of the query.

use std::time::{Duration, Instant};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::oracle::Oracle;
use crate::world::{self, World};

/// Three pages of matters.
const ALL_MATTERS: &str = "SELECT id, display_number FROM matters";

fn firm(matters: usize) -> Options {
    Options {
        matters,
        ..Options::default()
    }
}

/// The ids in the first column.
fn ids(rows: &[Vec<Value>]) -> Vec<i64> {
    rows.iter()
        .map(|row| match row[0] {
            Value::Integer(id) => id,
            ref other => panic!("not an id: {other:?}"),
        })
        .collect()
}

fn fault(path: &str, kind: FaultKind, skip: u32, times: u32) -> Fault {
    Fault {
        skip,
        times,
        ..Fault::new(path, kind)
    }
}

fn status(path: &str, status: u16, skip: u32, times: u32) -> Fault {
    Fault {
        status: Some(status),
        ..fault(path, FaultKind::Status, skip, times)
    }
}

/// Lets the list of matters answer with these records.
fn matters_become(world: &World, records: &str) {
    let body = format!(r#"{{"data":[{records}],"meta":{{"paging":{{}},"records":1}}}}"#);
    world.sandbox.fault(Fault {
        body: Some(body),
        ..fault("/api/v4/matters.json", FaultKind::Garbage, 0, 1)
    });
}

#[test]
fn a_missing_permission_is_named_and_fails_alone() {
    let world = World::start(Options {
        without_permissions: vec!["bills".into()],
        ..firm(20)
    });
    for sql in ["SELECT COUNT(*) FROM bills", "SELECT number FROM bills"] {
        let error = world.ask(sql, &[]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("bills") && text.contains("permission"),
            "{text}"
        );
        assert_eq!(error.native, 403, "{text}");
    }
    assert_eq!(world.ask(ALL_MATTERS, &[]).unwrap().rows.len(), 20);
}

#[test]
fn a_removed_resource_fails_alone() {
    let world = World::start(firm(20));
    for code in [404, 410] {
        world
            .sandbox
            .fault(status("/api/v4/tasks.json", code, 0, 0));
        for sql in [
            "SELECT name FROM tasks",
            "SELECT COUNT(*) FROM tasks",
            "SELECT m.id FROM matters m WHERE NOT EXISTS \
             (SELECT 1 FROM tasks t WHERE t.matter_id = m.id)",
        ] {
            let error = world.ask(sql, &[]).unwrap_err();
            assert!(error.to_string().contains("tasks"), "{error}");
        }
        assert_eq!(world.ask(ALL_MATTERS, &[]).unwrap().rows.len(), 20);
        world.sandbox.clear_faults();
    }
}

#[test]
fn a_query_waits_for_the_rate_limit() {
    let world = World::start(Options {
        rate_limit: 2,
        rate_window: Duration::from_millis(1500),
        ..firm(700)
    });
    let answer = world.ask(ALL_MATTERS, &[]).unwrap();
    assert_eq!(answer.rows.len(), 700);
    assert!(answer.costs.waited > Duration::ZERO, "{:?}", answer.costs);
}

#[test]
fn a_reply_that_comes_late_is_asked_for_again() {
    let world = World::start(firm(450));
    world
        .sandbox
        .fault(status("/api/v4/matters.json", 503, 1, 2));
    let answer = world.ask(ALL_MATTERS, &[]).unwrap();
    assert_eq!(answer.rows.len(), 450);
}

#[test]
fn a_broken_connection_is_resumed_without_gap_and_twice() {
    let world = World::start(firm(450));
    let whole = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows);
    for (skip, bytes) in [
        (0, None),
        (1, None),
        (1, Some(0)),
        (1, Some(900)),
        (2, Some(50)),
    ] {
        world.sandbox.fault(Fault {
            bytes,
            ..fault("/api/v4/matters.json", FaultKind::Drop, skip, 1)
        });
        let found = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows);
        assert_eq!(found, whole, "after {skip} pages and {bytes:?} bytes");
        assert!(world.sandbox.counters().faults["drop"] > 0);
        world.sandbox.reset();
    }
}

#[test]
fn a_connection_that_stays_broken_is_an_error_and_no_short_result() {
    let world = World::start(firm(450));
    for bytes in [None, Some(100)] {
        world.sandbox.fault(Fault {
            bytes,
            ..fault("/api/v4/matters.json", FaultKind::Drop, 2, 0)
        });
        for sql in [
            ALL_MATTERS,
            "SELECT SUM(number), COUNT(description) FROM matters",
        ] {
            let error = world.ask(sql, &[]).unwrap_err();
            assert_eq!(error.sqlstate, SqlState::LINK_FAILURE, "{error}");
        }
        world.sandbox.clear_faults();
    }
}

#[test]
fn a_page_token_that_is_refused_is_an_error() {
    let world = World::start(firm(450));
    let body = r#"{"error":{"type":"ArgumentError","message":"page_token is invalid"}}"#;
    world.sandbox.fault(Fault {
        body: Some(body.into()),
        ..status("/api/v4/matters.json", 422, 1, 0)
    });
    let error = world.ask(ALL_MATTERS, &[]).unwrap_err();
    assert!(
        error.to_string().contains("page_token is invalid"),
        "{error}"
    );
}

#[test]
fn a_token_that_ends_is_an_error() {
    let world = World::start(firm(450));
    let cancel = CancellationToken::new();
    let mut statement = world.database.prepare(ALL_MATTERS, &cancel).unwrap();
    world.sandbox.revoke_tokens();
    let mut rows = statement.query(&[], &cancel).unwrap();
    let error = rows.next_row().unwrap_err();
    assert_eq!(error.sqlstate, SqlState::AUTHORIZATION, "{error}");
    assert!(rows.next_row().unwrap().is_none());
}

#[test]
fn a_value_of_the_wrong_type_names_table_row_and_column() {
    let world = World::start(firm(10));
    for (column, value) in [
        ("open_date", r#""soon""#),
        ("open_date", r#""2026-02-30""#),
        ("created_at", r#""yesterday""#),
        ("billable", r#""perhaps""#),
        ("number", "99999999999"),
        ("number", r#""7 or so""#),
        ("client_id", "1e30"),
        ("display_number", r#"{"a":1}"#),
    ] {
        let record = match column {
            "client_id" => {
                format!(r#"{{"id":4711,"client":{{"id":{value}}},"client_id":{value}}}"#)
            }
            _ => format!(r#"{{"id":4711,"{column}":{value}}}"#),
        };
        matters_become(&world, &record);
        let sql = format!("SELECT id, {column} FROM matters");
        let error = world.ask(&sql, &[]).expect_err(&record);
        let text = error.to_string();
        assert_eq!(error.sqlstate, SqlState::INVALID_CAST, "{text}");
        for part in ["matters", "4711", column] {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        world.sandbox.clear_faults();
    }
}

#[test]
fn numbers_and_times_are_taken_as_they_are_meant() {
    let world = World::start(firm(10));
    matters_become(
        &world,
        r#"{"id":4711,"number":"12","created_at":"2025-08-17T00:15:35-04:00","billable":true,
            "colour":"unknown fields are ignored","last_activity_date":null}"#,
    );
    let sql = "SELECT id, number, created_at, billable, last_activity_date FROM matters";
    let answer = world.ask(sql, &[]).unwrap();
    assert_eq!(
        answer.rows,
        [[
            Value::Integer(4711),
            Value::Integer(12),
            Value::Text("2025-08-17 04:15:35".into()),
            Value::Integer(1),
            Value::Null
        ]]
    );
}

#[test]
fn what_is_no_json_is_an_error() {
    let world = World::start(firm(450));
    for skip in [0, 1] {
        world
            .sandbox
            .fault(fault("/api/v4/matters.json", FaultKind::Garbage, skip, 0));
        let error = world.ask(ALL_MATTERS, &[]).unwrap_err();
        assert!(error.to_string().contains("matters"), "{error}");
        world.sandbox.clear_faults();
    }
}

/// Lets replies to a path hold this, after the first `skip`.
fn replies_become(world: &World, path: &str, body: &str, skip: u32, times: u32) {
    world.sandbox.fault(Fault {
        body: Some(body.into()),
        ..fault(path, FaultKind::Garbage, skip, times)
    });
}

/// The message of the error that a query has to end with.
fn message_of(world: &World, sql: &str) -> String {
    world.ask(sql, &[]).expect_err(sql).to_string()
}

#[test]
fn a_reply_without_records_is_an_error_that_says_what_came() {
    let world = World::start(firm(450));
    for (body, came) in [
        ("{}", "an empty object"),
        (r#"{"data":null}"#, "null"),
        (r#"{"data":{"id":1}}"#, "an object"),
        (r#"{"data":"records"}"#, "a text"),
        (r#"{"data":[{"id":1},null]}"#, "null"),
        (r#"{"data":[7]}"#, "a number"),
        (r#"{"meta":{"paging":{}},"status":"busy"}"#, "meta, status"),
        (
            r#"{"error":{"type":"Overloaded","message":"Come back."}}"#,
            "Overloaded: Come back.",
        ),
    ] {
        for skip in [0, 1, 2] {
            replies_become(&world, "/api/v4/matters.json", body, skip, 0);
            for sql in [ALL_MATTERS, "SELECT SUM(number) FROM matters"] {
                let text = message_of(&world, sql);
                assert!(text.contains("Table matters: "), "{body}: {text}");
                assert!(text.contains(came), "{body}: {text}");
            }
            world.sandbox.clear_faults();
        }
    }
}

#[test]
fn a_lookup_without_a_record_is_an_error() {
    let world = World::start(firm(20));
    let all = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows);
    for body in ["{}", r#"{"data":null}"#, r#"{"data":[]}"#, r#"{"data":7}"#] {
        replies_become(&world, "/api/v4/matters/*", body, 0, 0);
        replies_become(
            &world,
            "/api/v4/matters.json",
            body.replace("[]", "{}").as_str(),
            0,
            0,
        );
        for (table, sql) in [
            (
                "matters",
                format!("SELECT status FROM matters WHERE id = {}", all[0]),
            ),
            (
                "matters",
                "SELECT a.id, m.client_name FROM activities a JOIN matters m ON m.id = a.matter_id"
                    .to_owned(),
            ),
        ] {
            let text = message_of(&world, &sql);
            assert!(text.contains(&format!("Table {table}: ")), "{body}: {text}");
        }
        world.sandbox.clear_faults();
    }
}

#[test]
fn an_error_inside_of_a_success_is_the_error_that_it_names() {
    let world = World::start(firm(450));
    let whole = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows);
    let limited = r#"{"error":{"type":"RateLimited","message":"Rate limit of 50 exceeded."}}"#;
    for skip in [0, 1] {
        replies_become(&world, "/api/v4/matters.json", limited, skip, 2);
        let answer = world.ask(ALL_MATTERS, &[]).unwrap();
        assert_eq!(ids(&answer.rows), whole);
        assert!(answer.costs.waited > Duration::ZERO, "{:?}", answer.costs);
        world.sandbox.clear_faults();
    }
    let forbidden = r#"{"error":{"type":"ForbiddenError","message":"Not you."}}"#;
    replies_become(&world, "/api/v4/matters.json", forbidden, 1, 0);
    let error = world.ask(ALL_MATTERS, &[]).unwrap_err();
    assert_eq!(error.native, 403, "{error}");
    assert!(error.to_string().contains("permission"), "{error}");
}

#[test]
fn a_count_that_was_not_reached_is_an_error() {
    let world = World::start(firm(450));
    let first = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows)[0];
    let page = |records: &str| format!(r#"{{"data":[{{"id":{first}}}],"meta":{records}}}"#);
    let short = page(r#"{"records":450,"paging":{}}"#);
    for skip in [0, 1] {
        replies_become(&world, "/api/v4/matters.json", &short, skip, 0);
        for sql in [
            "SELECT id FROM matters",
            "SELECT matter_id FROM matters_custom_field_values",
        ] {
            let text = message_of(&world, sql);
            assert!(text.contains("450") && text.contains("matters"), "{text}");
        }
        // What was wanted is there.
        let rows = world
            .ask("SELECT id FROM matters LIMIT 1", &[])
            .unwrap()
            .rows;
        assert_eq!(rows.len(), 1);
        world.sandbox.clear_faults();
    }
    // A list of one page contradicts itself with a single record less.
    let two = page(r#"{"records":2}"#);
    replies_become(&world, "/api/v4/matters.json", &two, 0, 0);
    assert!(message_of(&world, "SELECT id FROM matters").contains("matters"));
    world.sandbox.clear_faults();
    // A service need not say how many there are.
    for unsaid in ["{}", r#"{"records":null,"paging":{"next":null}}"#] {
        replies_become(&world, "/api/v4/matters.json", &page(unsaid), 0, 0);
        assert_eq!(
            world.ask("SELECT id FROM matters", &[]).unwrap().rows.len(),
            1
        );
        world.sandbox.clear_faults();
    }
    // Records may have changed while a long list was read, which is told.
    let some = page(r#"{"records":230,"paging":{}}"#);
    replies_become(&world, "/api/v4/matters.json", &some, 1, 1);
    let answer = world.ask("SELECT id FROM matters", &[]).unwrap();
    assert_eq!(answer.rows.len(), 201);
    assert!(
        answer.warnings[0].to_string().contains("230"),
        "{:?}",
        answer.warnings
    );
}

#[test]
fn a_next_page_that_cannot_be_one_is_an_error() {
    let world = World::start(firm(450));
    let list = format!("{}/api/v4/matters.json", world.sandbox.base_url());
    for (next, part) in [
        (format!(r#""{list}?limit=3""#), "again and again"),
        (
            r#""https://elsewhere.example/api/v4/matters.json?page_token=x""#.to_owned(),
            "elsewhere.example",
        ),
        ("5".to_owned(), "a number"),
        (r#"{"url":"x"}"#.to_owned(), "an object"),
    ] {
        let body = format!(r#"{{"data":[{{"id":1}}],"meta":{{"paging":{{"next":{next}}}}}}}"#);
        world.sandbox.reset();
        replies_become(&world, "/api/v4/matters.json", &body, 0, 0);
        let error = world.ask("SELECT id FROM matters", &[]).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.sqlstate, SqlState::GENERAL_ERROR, "{text}");
        assert!(
            text.contains("Table matters: ") && text.contains(part),
            "{text}"
        );
        assert!(world.request_count() <= 2, "{:?}", world.requests());
        world.sandbox.clear_faults();
    }
}

#[test]
fn definitions_of_custom_fields_that_do_not_come_are_an_error() {
    let page = |record: &str| format!(r#"{{"data":[{record}],"meta":{{}}}}"#);
    for body in [
        "{}".to_owned(),
        r#"{"data":null}"#.to_owned(),
        r#"{"data":{"id":1}}"#.to_owned(),
        r#"{"data":[],"meta":{"paging":{"next":5}}}"#.to_owned(),
        r#"{"data":[],"meta":{"records":10}}"#.to_owned(),
        page("7"),
        page(r#"{"id":1}"#),
        page(r#"{"id":"a","name":"A","field_type":"date","parent_type":"Matter"}"#),
        page(
            r#"{"id":1,"name":"A","field_type":"picklist","parent_type":"Matter","picklist_options":[{}]}"#,
        ),
    ] {
        let world = World::start(firm(10));
        replies_become(&world, "/api/v4/custom_fields.json", &body, 0, 0);
        let error = world.ask("SELECT * FROM matters", &[]).expect_err(&body);
        assert!(
            error.to_string().contains("custom_fields"),
            "{body}: {error}"
        );
    }
}

#[test]
fn a_list_of_definitions_without_end_is_an_error() {
    let world = World::start(firm(10));
    let next = format!("{}/api/v4/custom_fields.json?a=1", world.sandbox.base_url());
    let body = format!(r#"{{"data":[],"meta":{{"paging":{{"next":"{next}"}}}}}}"#);
    replies_become(&world, "/api/v4/custom_fields.json", &body, 0, 0);
    let error = world.ask("SELECT * FROM matters", &[]).unwrap_err();
    assert!(error.to_string().contains("custom_fields"), "{error}");
    assert!(world.request_count() <= 3, "{:?}", world.requests());
}

#[test]
fn an_element_or_an_array_of_the_wrong_kind_is_an_error() {
    let world = World::start(firm(10));
    for (sql, record) in [
        (
            "SELECT matter_id FROM matters_custom_field_values",
            r#"{"id":1,"custom_field_values":5}"#,
        ),
        (
            "SELECT matter_id FROM matters_custom_field_values",
            r#"{"id":1,"custom_field_values":[5]}"#,
        ),
        (
            "SELECT matter_id, field_name FROM matters_custom_field_values",
            r#"{"custom_field_values":[{"id":"text_line-1","field_name":"A"}]}"#,
        ),
        (
            "SELECT m.id, v.field_name FROM matters m JOIN matters_custom_field_values v ON v.matter_id = m.id",
            r#"{"id":1,"custom_field_values":[5]}"#,
        ),
        (
            "SELECT \"Witnesses\" FROM matters",
            r#"{"id":1,"custom_field_values":5}"#,
        ),
        (
            "SELECT \"Witnesses\" FROM matters",
            r#"{"id":1,"custom_field_values":[{"id":"numeric-1"}]}"#,
        ),
    ] {
        matters_become(&world, record);
        let text = message_of(&world, sql);
        assert!(text.contains("matters"), "{sql} {record}: {text}");
        world.sandbox.clear_faults();
    }
}

#[test]
fn a_text_that_is_no_unicode_is_a_value_that_does_not_fit() {
    let world = World::start(firm(10));
    let record =
        br#"{"id":4711,"description":"a \ud83d b","display_number":"\ud83d\ude00 \\ud83d"}"#;
    let record = std::str::from_utf8(record).unwrap();
    let sql = "SELECT id, description, display_number FROM matters";
    matters_become(&world, record);
    let error = world.ask(sql, &[]).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::INVALID_CAST, "{error}");
    for part in ["matters", "4711", "description"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    // What is not asked for is not looked at.
    matters_become(&world, record);
    let answer = world.ask("SELECT id FROM matters", &[]).unwrap();
    assert_eq!(answer.rows, [[Value::Integer(4711)]]);
    let lenient = world.connect("InvalidValues=NULL");
    matters_become(&world, record);
    let answer = world::ask(&lenient, sql, &[]).unwrap();
    let number = Value::Text("\u{1f600} \\ud83d".into());
    assert_eq!(answer.rows, [[Value::Integer(4711), Value::Null, number]]);
    assert!(
        answer.warnings[0].to_string().contains("description"),
        "{:?}",
        answer.warnings
    );
}

#[test]
fn what_stands_in_place_of_an_object_does_not_fit() {
    let world = World::start(firm(10));
    for value in ["5", r#""Ada""#, "true", "[1]", "1.5"] {
        let record = format!(r#"{{"id":4711,"client":{value}}}"#);
        matters_become(&world, &record);
        let error = world
            .ask("SELECT client_name FROM matters", &[])
            .unwrap_err();
        assert_eq!(error.sqlstate, SqlState::INVALID_CAST, "{error}");
        assert!(error.to_string().contains("client_name"), "{error}");
        world.sandbox.clear_faults();
    }
    matters_become(&world, r#"{"id":4711,"client":null}"#);
    let answer = world.ask("SELECT client_name FROM matters", &[]).unwrap();
    assert_eq!(answer.rows, [[Value::Null]]);
}

#[test]
fn a_refusal_says_everything_once() {
    let world = World::start(Options {
        without_permissions: vec!["bills".into()],
        ..firm(20)
    });
    let text = message_of(&world, "SELECT number FROM bills");
    assert_eq!(text.matches("permission").count(), 1, "{text}");
    world.sandbox.fault(status("/api/v4/tasks.json", 410, 0, 0));
    let text = message_of(&world, "SELECT name FROM tasks");
    assert!(
        text.contains("tasks") && !text.contains("retired"),
        "{text}"
    );
}

#[test]
fn a_record_without_its_key_is_an_error() {
    let world = World::start(firm(10));
    matters_become(&world, r#"{"display_number":"00001"}"#);
    let error = world.ask(ALL_MATTERS, &[]).unwrap_err();
    assert!(error.to_string().contains("matters"), "{error}");
}

#[test]
fn what_changes_during_a_scan_is_neither_doubled_nor_hides_the_rest() {
    let world = World::start(firm(450));
    let before = ids(&world.ask(ALL_MATTERS, &[]).unwrap().rows);
    let cancel = CancellationToken::new();
    // An order that has to be made from all rows would read them all at once.
    let mut statement = world.database.prepare(ALL_MATTERS, &cancel).unwrap();
    let mut rows = statement.query(&[], &cancel).unwrap();
    let first = rows.next_row().unwrap().unwrap();
    let gone = [before[3], before[4], before[449]];
    for id in gone {
        world::delete(&world.sandbox, &format!("matters/{id}"));
    }
    let mut found = ids(&[first]);
    while let Some(row) = rows.next_row().unwrap() {
        found.extend(ids(&[row]));
    }
    let mut unique = found.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), found.len(), "no row twice");
    let missing: Vec<&i64> = before.iter().filter(|id| !found.contains(id)).collect();
    assert!(missing.iter().all(|id| gone.contains(id)), "{missing:?}");
}

#[test]
fn redacted_values_are_null() {
    let world = World::start(Options {
        redact_every: 3,
        ..firm(60)
    });
    let sql = "SELECT id, matter_id, matter_display_number, total FROM activities ORDER BY id";
    let oracle = Oracle::of(&world.sandbox, [sql]);
    let expected = oracle.query(sql, &[]).unwrap();
    let answer = world.ask(sql, &[]).unwrap();
    assert!(answer.rows == expected, "{:?}", answer.rows.first());
    let nulls = expected.iter().filter(|row| row[2] == Value::Null).count();
    assert!(nulls > 0 && nulls < expected.len(), "{nulls}");
    let sums = "SELECT COUNT(*), COUNT(total), SUM(total) FROM activities";
    let sums = world.ask(sums, &[]).unwrap();
    let null_total = expected.iter().filter(|row| row[3] == Value::Null).count();
    let count = |at: usize| match sums.rows[0][at] {
        Value::Integer(count) => usize::try_from(count).unwrap(),
        ref other => panic!("{other:?}"),
    };
    assert_eq!(count(0) - count(1), null_total);
}

#[test]
fn a_redacted_object_does_not_answer_for_its_record() {
    let world = World::start(Options {
        redact_every: 3,
        ..firm(60)
    });
    let sql = "SELECT a.id, m.display_number FROM activities a \
               JOIN matters m ON m.id = a.matter_id ORDER BY a.id";
    let oracle = Oracle::of(&world.sandbox, [sql]);
    let answer = world.ask(sql, &[]).unwrap();
    assert!(answer.rows == oracle.query(sql, &[]).unwrap());
}

#[test]
fn wrong_sql_says_where_and_what_is_near() {
    let world = World::start(firm(10));
    // What is no column may be a field of the account's own.
    let cancel = CancellationToken::new();
    world.database.full_catalog(&cancel).unwrap();
    world.sandbox.reset();
    for (sql, state, parts) in [
        (
            "SELECT display_numbr FROM matters",
            SqlState::NO_SUCH_COLUMN,
            ["display_numbr", "display_number"],
        ),
        (
            "SELECT m.statos FROM matters m",
            SqlState::NO_SUCH_COLUMN,
            ["statos", "status"],
        ),
        (
            "SELECT * FROM mattrs",
            SqlState::NO_SUCH_TABLE,
            ["mattrs", "matters"],
        ),
        (
            "SELECT * FROM matters JOIN contcts ON 1",
            SqlState::NO_SUCH_TABLE,
            ["contcts", "contacts"],
        ),
        ("SELECT 1 FROM", SqlState::SYNTAX, ["", ""]),
        (
            "SELECT id FROM matters WHERE (status = 'Open'",
            SqlState::SYNTAX,
            ["", ""],
        ),
        (
            "SELECT no_such_function(id) FROM matters",
            SqlState::SYNTAX,
            ["no_such_function", ""],
        ),
        ("", SqlState::SYNTAX, ["", ""]),
    ] {
        let error = world.ask(sql, &[]).expect_err(sql);
        let text = error.to_string();
        assert_eq!(error.sqlstate, state, "{sql}: {text}");
        for part in parts {
            assert!(text.contains(part), "{sql}: {part} is not in: {text}");
        }
    }
    assert_eq!(world.request_count(), 0, "{:?}", world.requests());
}

#[test]
fn a_misspelt_first_word_is_a_mistake_and_not_something_for_later() {
    let world = World::start(firm(10));
    let error = world.ask("SELEC 1", &[]).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::SYNTAX, "{error}");
    assert!(error.to_string().contains("SELECT"), "{error}");
}

#[test]
fn what_comes_later_is_refused_in_words() {
    let world = World::start(firm(10));
    for sql in [
        "INSERT INTO contacts (name) VALUES ('A')",
        "UPDATE matters SET status = 'Closed' WHERE id = 1",
        "DELETE FROM matters",
        "DELETE FROM matters WHERE id = 1",
        "EXEC GetOAuthAccessToken",
    ] {
        let error = world.ask(sql, &[]).expect_err(sql);
        assert_eq!(error.sqlstate, SqlState::NOT_IMPLEMENTED, "{sql}: {error}");
    }
    for sql in [
        "PRAGMA journal_mode",
        "ATTACH 'x.db' AS x",
        "CREATE TABLE t (a)",
        "DROP TABLE matters",
        "VACUUM",
        "SELECT 1; SELECT 2",
    ] {
        assert!(world.ask(sql, &[]).is_err(), "{sql}");
    }
    assert_eq!(world.request_count(), 0, "{:?}", world.requests());
}

#[test]
fn parameters_have_to_be_given() {
    let world = World::start(firm(10));
    let sql = "SELECT id FROM matters WHERE id = ?";
    for values in [vec![], vec![Value::Integer(1), Value::Integer(2)]] {
        let error = world.ask(sql, &values).unwrap_err();
        assert_eq!(error.sqlstate, SqlState::WRONG_PARAMETERS, "{error}");
    }
}

#[test]
fn a_query_can_be_cancelled_within_a_page_and_between_pages() {
    let world = World::start(firm(450));
    for skip in [0, 1] {
        world
            .sandbox
            .fault(fault("/api/v4/matters.json", FaultKind::Stall, skip, 0));
        let cancel = CancellationToken::new();
        let mut statement = world.database.prepare(ALL_MATTERS, &cancel).unwrap();
        let other = cancel.clone();
        let begun = Instant::now();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            other.cancel();
        });
        let mut rows = statement.query(&[], &cancel).unwrap();
        let error = loop {
            match rows.next_row() {
                Ok(row) => assert!(row.is_some(), "a short result"),
                Err(error) => break error,
            }
        };
        canceller.join().unwrap();
        assert_eq!(error.sqlstate, SqlState::CANCELLED, "{error}");
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert!(rows.next_row().unwrap().is_none());
        world.sandbox.clear_faults();
    }
    assert_eq!(world.ask(ALL_MATTERS, &[]).unwrap().rows.len(), 450);
}
