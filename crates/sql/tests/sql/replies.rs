//! Replies that are not what they have to be, and values that do not fit.

use std::time::Duration;

use apilink_core::SqlState;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::bad_days::{ALL_MATTERS, fault, firm, ids, status};
use crate::world::{self, World};

/// Lets the list of matters answer with these records.
fn matters_become(world: &World, records: &str) {
    let body = format!(r#"{{"data":[{records}],"meta":{{"paging":{{}},"records":1}}}}"#);
    world.sandbox.fault(Fault {
        body: Some(body),
        ..fault("/api/v4/matters.json", FaultKind::Garbage, 0, 1)
    });
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
    // A service need not say how many there are.
    for unsaid in ["{}", r#"{"records":null,"paging":{"next":null}}"#] {
        replies_become(&world, "/api/v4/matters.json", &page(unsaid), 0, 0);
        assert_eq!(
            world.ask("SELECT id FROM matters", &[]).unwrap().rows.len(),
            1
        );
        world.sandbox.clear_faults();
    }
    // Records may have changed while a list was read, or be hidden from the user, which is told.
    for (skip, records) in [(0, 30), (1, 230)] {
        let some = page(&format!(r#"{{"records":{records},"paging":{{}}}}"#));
        replies_become(&world, "/api/v4/matters.json", &some, skip, 1);
        let answer = world.ask("SELECT id FROM matters", &[]).unwrap();
        assert_eq!(answer.rows.len(), 200 * skip as usize + 1);
        let told = answer.warnings[0].to_string();
        assert!(told.contains(&records.to_string()), "{told}");
    }
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
        r#"{"data":[],"meta":{"records":1000}}"#.to_owned(),
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
fn another_record_than_the_one_asked_for_is_an_error() {
    let world = World::start(firm(10));
    let key = ids(&world.ask("SELECT MIN(id) FROM matters", &[]).unwrap().rows)[0];
    for sql in [
        format!("SELECT id, display_number FROM matters WHERE id = {key}"),
        format!("SELECT COUNT(*) FROM matters_custom_field_values WHERE matter_id = {key}"),
    ] {
        let body = r#"{"data":{"id":5,"custom_field_values":[{"id":"text_line-1"}]}}"#;
        replies_become(&world, "/api/v4/matters/*", body, 0, 1);
        let text = message_of(&world, &sql);
        assert!(
            text.contains("matters") && text.contains("another record"),
            "{text}"
        );
        world.sandbox.clear_faults();
        assert_eq!(world.ask(&sql, &[]).unwrap().rows.len(), 1);
    }
}

#[test]
fn a_count_that_is_no_json_names_its_table() {
    let world = World::start(firm(10));
    for body in ["<html>", "{\"data\":[", ""] {
        replies_become(&world, "/api/v4/matters.json", body, 0, 1);
        let text = message_of(&world, "SELECT COUNT(*) FROM matters");
        assert!(
            text.contains("Table matters") && text.contains("JSON"),
            "{text}"
        );
        world.sandbox.clear_faults();
    }
}
