//! Statements of any content: the translation neither panics nor leads an error to a place outside
//! the text, its messages are one line, and a query that SQLite takes as it is, it takes translated.

#![no_main]

use apilink_sql::dialect::{Qualifiers, StatementKind, translate};
use apilink_sql::functions;
use apilink_sql::position::Position;
use libfuzzer_sys::fuzz_target;
use rusqlite::Connection;

thread_local! {
    static CONNECTION: Connection = connection().expect("SQLite works");
}

fn connection() -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    functions::register(&connection)?;
    connection.execute_batch("CREATE TABLE t (a, b, c); CREATE TABLE u (a, d)")?;
    Ok(connection)
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(sql) = std::str::from_utf8(bytes) else {
        return;
    };
    let translated = match translate(sql, &Qualifiers::default()) {
        Ok(translated) => translated,
        Err(problem) => {
            let message = problem.message;
            assert!(!message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    for offset in 0..=translated.sql.len() {
        let original = translated.positions.original(offset);
        assert!(original <= sql.len());
        let Position { line, column } = Position::of(sql, original);
        assert!(line > 0 && column > 0);
    }
    if translated.kind == StatementKind::Select && !translated.explain {
        CONNECTION.with(|connection| check_with_sqlite(connection, sql, &translated.sql));
    }
});

fn check_with_sqlite(connection: &Connection, sql: &str, translated: &str) {
    if connection.prepare(sql).is_ok()
        && let Err(problem) = connection.prepare(translated)
    {
        panic!("{sql:?} became {translated:?}: {problem}");
    }
}
