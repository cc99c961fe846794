//! `query` and `explain`.

use super::*;

/// A run with the local Clio, few tables and an environment without surprises.
fn run(world: &World, arguments: &[&str]) -> Run {
    finish(command(world, arguments), "")
}

fn command(world: &World, arguments: &[&str]) -> Command {
    let string = format!("{};Profile={}", world.with_token(), world.profile());
    let mut command = world.command(arguments);
    command.env("APILINK_CONNECTION", string);
    command
}

#[test]
fn rows_come_in_every_form() {
    let world = World::new();
    let sql = "SELECT id, billable, open_date FROM matters ORDER BY id LIMIT 2";
    assert_eq!(
        run(&world, &["query", sql]).good(),
        "id,billable,open_date\r\n\
         581000001,true,2020-10-20\r\n\
         581000002,true,2021-02-05\r\n"
    );
    assert_eq!(
        run(&world, &["query", sql, "-o", "json"]).good(),
        "[\n\
         {\"id\":581000001,\"billable\":true,\"open_date\":\"2020-10-20\"},\n\
         {\"id\":581000002,\"billable\":true,\"open_date\":\"2021-02-05\"}\n\
         ]\n"
    );
    assert_eq!(
        run(&world, &["query", sql, "-o", "table"]).good(),
        "       id  billable  open_date\n\
         ---------  --------  ----------\n\
         581000001  true      2020-10-20\n\
         581000002  true      2021-02-05\n"
    );
    let file = world.home().join("matters.db");
    let file = file.to_str().unwrap();
    assert_eq!(
        run(&world, &["query", sql, "-f", file, "--table", "m"]).good(),
        ""
    );
    let database = rusqlite::Connection::open(file).unwrap();
    let sum = "SELECT count(*) || ' ' || max(open_date) FROM m WHERE billable";
    let row: String = database.query_row(sum, [], |row| row.get(0)).unwrap();
    assert_eq!(row, "2 2021-02-05");
}

#[test]
fn all_rows_of_many_pages_are_written_once() {
    let world = World::with(Options {
        matters: 450,
        ..Options::default()
    });
    let run = run(
        &world,
        &["query", "SELECT id FROM matters", "--stats", "--no-header"],
    );
    assert_eq!(run.code, 0, "{}", run.err);
    let mut ids: Vec<&str> = run.out.lines().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), run.out.lines().count()), (450, 450));
    assert!(run.err.starts_with("450 rows in "), "{}", run.err);
    assert!(
        run.err.contains(": 3 calls, 450 records received"),
        "{}",
        run.err
    );
}

#[test]
fn the_text_comes_from_an_argument_a_file_or_standard_input() {
    let world = World::new();
    let file = world.home().join("one.sql");
    std::fs::write(&file, "SELECT 1 AS one\n").unwrap();
    let at_file = format!("@{}", file.display());
    assert_eq!(run(&world, &["query", &at_file]).good(), "one\r\n1\r\n");
    let from_stdin = command(&world, &["query", "-"]);
    assert_eq!(finish(from_stdin, "SELECT 2 AS two").good(), "two\r\n2\r\n");
    let string = format!("{};Profile={}", world.with_token(), world.profile());
    assert_eq!(
        world.run(&["query", &string, "SELECT 3 AS c"]).good(),
        "c\r\n3\r\n"
    );
}

#[test]
fn parameters_have_the_type_of_their_place() {
    let world = World::new();
    let sql = "SELECT id FROM matters WHERE id = ? AND open_date >= ?";
    let arguments = ["query", sql, "-p", "581000001", "-p", "2020-10-20"];
    assert_eq!(run(&world, &arguments).good(), "id\r\n581000001\r\n");
    let message = run(&world, &["query", sql, "-p", "x", "-p", "2020-10-20"]).failed(2);
    assert!(
        message.contains("'x' of parameter 1 is no BIGINT"),
        "{message}"
    );
    let message = run(&world, &["query", sql]).failed(2);
    assert!(
        message.contains("has 2 parameters, and 0 values are"),
        "{message}"
    );
}

#[test]
fn a_parameter_can_be_null() {
    let world = World::new();
    let sql = "SELECT ? IS NULL AS a, COALESCE(?, 'none') AS b, ? AS c";
    let arguments = ["query", sql, "-p", "x", "--param-null", "-p", "NULL"];
    assert_eq!(
        run(&world, &arguments).good(),
        "a,b,c\r\nfalse,none,NULL\r\n"
    );
    let message = run(&world, &["query", sql, "--param-null"]).failed(2);
    assert!(
        message.contains("has 3 parameters, and 1 value is"),
        "{message}"
    );
}

#[test]
fn wrong_sql_is_shown_with_its_place() {
    let world = World::new();
    let message = run(&world, &["query", "SELECT id\nFROM maters"]).failed(1);
    assert!(message.contains("matters"), "{message}");
    assert!(message.contains("  FROM maters\n       ^"), "{message}");
    assert!(message.contains("[42S02]"), "{message}");
    let message = run(&world, &["query", "SELECT ("]).failed(1);
    assert!(message.contains("[42000]"), "{message}");
}

#[test]
fn a_plan_is_shown_without_a_request() {
    let world = World::new();
    let set = format!("Profile={}", world.profile());
    let sql = "SELECT id FROM matters WHERE status = 'open'";
    let out = world
        .run(&["explain", "--set", &set, sql, "-o", "table"])
        .good();
    assert!(out.contains("GET matters?status=open&fields=id"), "{out}");
    let sql = "SELECT id FROM matters WHERE status = ?";
    let out = world
        .run(&["explain", "--set", &set, sql, "-p", "open"])
        .good();
    assert!(out.contains("status=open"), "{out}");
    // The built-in profile has fields of the account's own.
    let out = world.run(&["explain", "SELECT * FROM matters"]).good();
    assert!(out.contains("GET custom_fields?"), "{out}");
    let message = world
        .run(&["explain", "SELECT \"Court\" FROM matters"])
        .failed(1);
    assert!(message.contains("--custom-fields"), "{message}");
    // These have none.
    let message = world
        .run(&["explain", "SELECT \"Court\" FROM users"])
        .failed(1);
    assert!(!message.contains("--custom-fields"), "{message}");
    assert_eq!(world.sandbox.counters().connections, 0);
}

#[test]
fn a_plan_that_cannot_be_made_is_shown_with_its_place() {
    let world = World::new();
    for (sql, said, marked) in [
        (
            "SELECT nonsense FROM users",
            "Line 1, column 8: ",
            "  SELECT nonsense FROM users\n         ^\n",
        ),
        (
            "EXPLAIN SELECT nonsense FROM users",
            "Line 1, column 16: ",
            "  EXPLAIN SELECT nonsense FROM users\n                 ^\n",
        ),
        (
            "SELECT id FORM users",
            "Line 1, column 16: ",
            "  SELECT id FORM users\n                 ^\n",
        ),
        (
            "SELECT id\nFROM usres",
            "Line 2, column 6: ",
            "  FROM usres\n       ^\n",
        ),
    ] {
        let message = world.run(&["explain", sql]).failed(1);
        assert!(message.starts_with(&format!("error: {said}")), "{message}");
        assert!(message.ends_with(marked), "{message}");
    }
    let message = run(&world, &["explain", ""]).failed(1);
    assert!(!message.contains("EXPLAIN "), "{message}");
}

#[test]
fn who_gives_up_at_the_rate_limit_says_how_long_it_waited() {
    let world = World::new();
    let profile = world.profile();
    let text = std::fs::read_to_string(&profile).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json["rate_limit"]["window_seconds"] = 1.into();
    std::fs::write(&profile, json.to_string()).unwrap();
    world.sandbox.fault(clio_sandbox::Fault {
        status: Some(429),
        retry_after: Some("1".into()),
        times: 0,
        ..clio_sandbox::Fault::new("/api/v4/matters*", clio_sandbox::FaultKind::Status)
    });
    let string = format!("{};Profile={profile}", world.with_token());
    let message = world
        .run(&["query", &string, "SELECT id FROM matters"])
        .failed(4);
    assert!(message.contains("after a wait of 2 s"), "{message}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_and_a_reader_may_leave() {
    let world = World::new();
    // No reply ever comes.
    world.sandbox.fault(clio_sandbox::Fault::new(
        "/api/v4/matters*",
        clio_sandbox::FaultKind::Stall,
    ));
    let child = command(&world, &["query", "SELECT id FROM matters"])
        .spawn()
        .unwrap();
    while world.sandbox.counters().connections == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let signalled = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    let begun = std::time::Instant::now();
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.out.as_str()), (130, ""), "{}", run.err);
    assert!(begun.elapsed() < Duration::from_secs(5));

    world.sandbox.clear_faults();
    let mut child = command(&world, &["query", "SELECT id FROM matters"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}
