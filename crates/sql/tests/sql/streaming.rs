//! Rows come as pages do, and queries share what the service allows.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use apilink_core::cancel::CancellationToken;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::world::World;

/// Eleven pages or more.
const ALL_ACTIVITIES: &str = "SELECT id, total FROM activities";

fn world(rate_limit: u32) -> World {
    World::start(Options {
        matters: 200,
        rate_limit,
        rate_window: Duration::from_secs(1),
        ..Options::default()
    })
}

#[test]
fn the_first_row_does_not_wait_for_the_last_page() {
    let world = world(0);
    let cancel = CancellationToken::new();
    let mut statement = world.database.prepare(ALL_ACTIVITIES, &cancel).unwrap();
    let mut rows = statement.query(&[], &cancel).unwrap();
    assert!(rows.next_row().unwrap().is_some());
    std::thread::sleep(Duration::from_millis(500));
    let ahead = world.request_count();
    assert!(
        (1..=5).contains(&ahead),
        "{ahead} requests for the first row"
    );
    let mut count = 1;
    while rows.next_row().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(world.request_count(), u64::div_ceil(count, 200));
    assert!(count > 2000, "{count}");
}

#[test]
fn what_is_not_read_is_not_fetched() {
    let world = world(0);
    let cancel = CancellationToken::new();
    let mut statement = world.database.prepare(ALL_ACTIVITIES, &cancel).unwrap();
    let mut rows = statement.query(&[], &cancel).unwrap();
    assert!(rows.next_row().unwrap().is_some());
    drop(rows);
    std::thread::sleep(Duration::from_millis(200));
    let made = world.request_count();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(world.request_count(), made);
    assert!(made <= 5, "{made} requests");
    // The statement can be queried again, and begins anew.
    let mut rows = statement.query(&[], &cancel).unwrap();
    assert!(rows.next_row().unwrap().is_some());
}

#[test]
fn pages_go_on_behind_an_offset() {
    let world = world(0);
    let id = |row: &Vec<Value>| match row[0] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    };
    let all = world
        .ask("SELECT id FROM activities ORDER BY id", &[])
        .unwrap();
    let all: Vec<i64> = all.rows.iter().map(id).collect();
    let sql = "SELECT id FROM activities ORDER BY id LIMIT 500 OFFSET 100";
    let found = world.ask(sql, &[]).unwrap();
    let found: Vec<i64> = found.rows.iter().map(id).collect();
    assert_eq!(found, all[100..600]);
}

#[test]
fn the_order_of_pages_is_kept_when_one_is_late() {
    let world = world(0);
    world.sandbox.fault(Fault {
        skip: 1,
        milliseconds: Some(400),
        ..Fault::new("/api/v4/activities.json", FaultKind::Latency)
    });
    let answer = world.ask(ALL_ACTIVITIES, &[]).unwrap();
    let id = |row: &Vec<Value>| match row[0] {
        Value::Integer(id) => id,
        ref other => panic!("{other:?}"),
    };
    assert!(
        answer
            .rows
            .windows(2)
            .all(|pair| id(&pair[0]) < id(&pair[1]))
    );
}

#[test]
fn a_long_scan_does_not_starve_a_lookup() {
    let world = world(2);
    let begun = Instant::now();
    let scan = || {
        let rows = world.ask(ALL_ACTIVITIES, &[]).unwrap().rows.len();
        (rows, begun.elapsed())
    };
    std::thread::scope(|scope| {
        let scan = scope.spawn(scan);
        std::thread::sleep(Duration::from_millis(700));
        let asked = Instant::now();
        let sql = "SELECT name FROM users LIMIT 1";
        assert_eq!(world.ask(sql, &[]).unwrap().rows.len(), 1);
        let (waited, finished) = (asked.elapsed(), begun.elapsed());
        let (rows, scanned) = scan.join().unwrap();
        assert!(rows > 2000, "{rows}");
        assert!(
            finished < scanned,
            "the lookup ended {finished:?}, the scan {scanned:?}"
        );
        assert!(
            waited < Duration::from_secs(3),
            "the lookup took {waited:?}"
        );
    });
}

#[test]
fn a_statement_is_queried_again_with_other_values() {
    let world = world(0);
    let cancel = CancellationToken::new();
    let sql = "SELECT COUNT(*) FROM matters WHERE status = ?";
    let mut statement = world.database.prepare(sql, &cancel).unwrap();
    let mut counts = Vec::new();
    for status in ["Open", "Closed", "Pending", "Open"] {
        let values = [Value::Text(status.to_owned())];
        let mut rows = statement.query(&values, &cancel).unwrap();
        counts.push(rows.next_row().unwrap().unwrap());
    }
    assert_eq!(counts[0], counts[3]);
    let total: i64 = counts[..3]
        .iter()
        .map(|row| match row[0] {
            Value::Integer(count) => count,
            ref other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(total, 200);
    assert_eq!(world.request_count(), 4);
}

/// The catalogue is made when a table is first asked for, by whichever thread comes first.
#[test]
fn first_statements_side_by_side_find_their_tables() {
    let world = World::start(Options::default());
    // A statement that is looked at for a while before it comes to its table.
    let others: Vec<String> = (0..100)
        .map(|nth| format!("c{nth} AS (SELECT {nth} AS n)"))
        .collect();
    let sql = format!("WITH {} SELECT id FROM tasks", others.join(", "));
    for _ in 0..5 {
        let database = world.connect("");
        let begin = Barrier::new(8);
        std::thread::scope(|scope| {
            for nth in 0..8 {
                let (database, begin, sql) = (&database, &begin, &sql);
                scope.spawn(move || {
                    begin.wait();
                    std::thread::sleep(Duration::from_millis(nth * 3));
                    let cancel = CancellationToken::new();
                    let prepared = database.prepare(sql, &cancel);
                    assert!(prepared.is_ok(), "{:?}", prepared.err());
                });
            }
        });
    }
}
