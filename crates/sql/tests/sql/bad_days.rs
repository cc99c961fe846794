//! What goes wrong between a query and the service, and what becomes of the query.

use std::time::{Duration, Instant};

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::oracle::Oracle;
use crate::world::{self, World};

/// Three pages of matters.
pub const ALL_MATTERS: &str = "SELECT id, display_number FROM matters";

pub fn firm(matters: usize) -> Options {
    Options {
        matters,
        ..Options::default()
    }
}

/// The ids in the first column.
pub fn ids(rows: &[Vec<Value>]) -> Vec<i64> {
    rows.iter()
        .map(|row| match row[0] {
            Value::Integer(id) => id,
            ref other => panic!("not an id: {other:?}"),
        })
        .collect()
}

pub fn fault(path: &str, kind: FaultKind, skip: u32, times: u32) -> Fault {
    Fault {
        skip,
        times,
        ..Fault::new(path, kind)
    }
}

pub fn status(path: &str, status: u16, skip: u32, times: u32) -> Fault {
    Fault {
        status: Some(status),
        ..fault(path, FaultKind::Status, skip, times)
    }
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
