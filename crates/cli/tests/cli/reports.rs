//! The reports of `docs/sql.md`, run as they are written there.

use super::*;

/// The statements of the chapter on reports.
fn statements() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/sql.md");
    let (_, chapter) = page.split_once("## Reports\n").unwrap();
    let (chapter, _) = chapter.split_once("\n## ").unwrap();
    let blocks = chapter.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split_once("```").unwrap().0)
        .collect()
}

/// The rows of a statement, and the number of calls that it took.
fn ask(world: &World, string: &str, sql: &str) -> (Vec<Value>, String) {
    let run = world.run(&["query", string, sql, "-o", "jsonl", "--stats"]);
    assert_eq!(run.code, 0, "{sql}: {}", run.err);
    let rows = run.out.lines();
    let rows = rows.map(|line| serde_json::from_str(line).unwrap());
    (rows.collect(), run.err)
}

#[test]
fn every_report_has_rows_and_takes_the_calls_that_are_told() {
    let world = World::with(Options {
        matters: 100,
        ..Options::default()
    });
    let string = world.with_token();
    let statements = statements();
    assert!(statements.len() >= 6, "{statements:?}");
    for sql in statements {
        let (rows, stats) = ask(&world, &string, sql);
        assert!(!rows.is_empty(), "{sql}");
        // The clients' names are none of the activities'.
        let calls = if sql.contains("JOIN matters m") {
            ": 2 calls, "
        } else {
            ": 1 call, "
        };
        assert!(stats.contains(calls), "{sql}: {stats}");
    }
}

#[test]
fn the_reports_count_what_they_say() {
    let world = World::with(Options {
        matters: 100,
        ..Options::default()
    });
    let string = world.with_token();
    let sum = |rows: &[Value], column: &str| -> f64 {
        rows.iter().filter_map(|row| row[column].as_f64()).sum()
    };
    let one = |sql: &str| ask(&world, &string, sql).0[0]["n"].as_f64().unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 0.01;
    for sql in statements() {
        let (rows, _) = ask(&world, &string, sql);
        if sql.contains("AS owed") {
            let owed = sum(&rows, "owed");
            let ages = ["not_due", "days_1_to_30", "days_31_to_90", "older"];
            let by_age: f64 = ages.iter().map(|age| sum(&rows, age)).sum();
            assert!(near(owed, by_age) && owed > 0.0, "{owed} {by_age}");
            let all = "SELECT SUM(balance) AS n FROM bills WHERE state || '' = 'awaiting_payment'";
            assert!(near(owed, one(all)), "{owed}");
        } else if sql.contains("AS unbilled") {
            let all = "SELECT SUM(total) AS n FROM activities WHERE status = 'unbilled'";
            assert!(near(sum(&rows, "unbilled"), one(all)), "{sql}");
        } else if sql.contains("FROM tasks") {
            let all = "SELECT COUNT(*) AS n FROM tasks WHERE status || '' <> 'complete' \
                       AND due_at < CURRENT_DATE";
            assert!(near(
                f64::from(u32::try_from(rows.len()).unwrap()),
                one(all)
            ));
        }
    }
}
